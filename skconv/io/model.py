"""Fitted estimators as safetensors files."""

import os
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._utils import documents
from .._utils.files import as_path, reading, remove_leftovers, writing
from ..callbacks.fitted import CURVES, curves, set_curves
from ..layers.ranges import check_values
from ..layers.upgrade import names_in_version, upgrade_state
from .checks import check_estimator
from .document import build_blank_network, describe_model, parse_model

__all__ = ["load_model", "save_model"]


def save_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator as one safetensors file, which holds no code.

    The file has parameters, layers, weights, classes, names of features and the curves
    of training. It does not have the solver's moments, so that `partial_fit` on a
    loaded model starts with fresh ones, nor callbacks, nor the settings of
    scikit-learn's ``set_output`` and ``set_fit_request``. Nor has it `pretrained`: a
    path is one of this machine, and what came of it is among the weights. Set it again
    before you fit a loaded model from scratch. The file is written in one step.

    Parameters
    ----------
    model : ConvNetClassifier or ConvNetRegressor
        Fitted. A pipeline is for skops or joblib.
    path : str or path-like
        An existing file is replaced; the new one has its mode.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is not an estimator of skconv, or `path` is no path.
    ValueError
        If a parameter is not a plain value, such as a function that returns the
        learning rate, a layer's class is not registered (see `register_layer`),
        weights are not finite, or the network is larger than a file may have.
    OSError
        If the file cannot be written, or `path` is no regular file, such as a pipe.

    See Also
    --------
    load_model : Load such a file.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import skconv
    >>> X, y = np.random.default_rng(0).random((20, 8, 8)), np.arange(20) % 2
    >>> clf = skconv.ConvNetClassifier(max_iter=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     skconv.save_model(clf, path)
    ...     loaded = skconv.load_model(path)
    >>> np.array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    True
    """
    path = as_path(path)
    check_estimator(model, "save_model", subclasses=False)
    check_is_fitted(model)
    fitted = dict(vars(model))  # whole, even if another thread refits it now
    network = fitted["network_"]
    check_values(network)
    build_blank_network(
        network.layers, network.input_shape, network.dtype, network.values.size
    )
    arrays = {**network.arrays, **curves(fitted["_history"])}
    document = describe_model(model, fitted)
    with writing(path, "model"):
        remove_leftovers(path)
        documents.write(path, "model", document, arrays)


def load_model(path: str | os.PathLike[str]) -> Any:
    """Load an estimator that `save_model` saved. No code of the file is run.

    The file names classes that are registered, and has plain values for their
    arguments: nothing of it is executed, and all of it is checked before it is used.
    Loading takes as much memory as the file is large, four times that of the curves of
    training, which become lists, and at most 32 MB for all but the arrays. What a
    sample takes in prediction is bounded, too.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    model : ConvNetClassifier or ConvNetRegressor
        It predicts the same as the saved one, to the bit with the same ops.

    Raises
    ------
    ValueError
        If the file is another program's, damaged, a checkpoint, of a later version of
        the format, names a layer that is not registered, contradicts itself, or has
        weights that are not finite or layers that are too large for its weights.
    OSError
        If it cannot be read, or there is not enough memory.
    TypeError
        If `path` is no path.

    Notes
    -----
    A checksum finds accidents. It is not a signature: anyone who can write the file
    can write another model with its checksum.
    """
    path = as_path(path)
    with reading(path, "model"), documents.reading(path, "model") as reader:
        model, fitted, validated = parse_model(
            reader.document, reader.version, reader.parts
        )
        network = fitted["network_"]
        network.adopt(np.empty(network.values.shape, network.dtype))
        found = reader.empty(CURVES)
        reader.read_into({**names_in_version(network, reader.version), **found})
        upgrade_state(network, reader.version)
        check_values(network)
        set_curves(fitted["_history"], found)
    vars(model).update(fitted)
    model._publish_history(validated)
    return model
