"""Fitted estimators as safetensors files."""

import contextlib
import hashlib
import json
import os
import sys

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._utils import safetensors
from .document import CURVES, check_estimator, describe, restore

__all__ = ["load_model", "save_model"]

FORMAT = "skconv"
FORMAT_VERSION = 1
"""What a file says it is. The version grows when an older skconv could not read it."""


def save_model(model, path):
    """Save a fitted estimator as one safetensors file, which holds no code.

    Kept are parameters, layers, weights, classes, names of features and the curves of
    training; left out are the solver's moments, so that `partial_fit` on a loaded model
    starts with fresh ones, callbacks, and what scikit-learn's ``set_output`` and
    ``set_fit_request`` were told. The file appears whole or not at all.

    Parameters
    ----------
    model : ConvNetClassifier or ConvNetRegressor
        Fitted. A pipeline is for skops or joblib.
    path : str or path-like
        The file; one that exists is replaced.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is no estimator of skconv.
    ValueError
        If a parameter is no plain value, such as a function that gives the learning
        rate, or a layer's class is not registered (see `register_layer`).
    OSError
        If the file cannot be written.

    See Also
    --------
    load_model : The way back.

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
    check_estimator(model)
    check_is_fitted(model)
    fitted = dict(vars(model))  # whole, even if another thread refits it now
    arrays = _arrays(fitted["network_"], fitted["_history"])
    text = json.dumps(describe(model, fitted), allow_nan=False)
    digest = _digest(text, arrays)
    for array in arrays.values():
        digest.update(safetensors.as_bytes(array))
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "sha256": digest.hexdigest(),
        "model": text,
    }
    safetensors.write(path, arrays, metadata)


def load_model(path):
    """Load an estimator that `save_model` saved. Runs no code that the file brings.

    The file names classes that are registered, and holds plain values for their
    arguments: nothing of it is executed, and all of it is checked before it is used.
    Loading takes no more memory than the file is large and, for what stands beside
    the arrays, 32 MB at most.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    model : ConvNetClassifier or ConvNetRegressor
        It predicts what the saved one did, to the bit with the same ops.

    Raises
    ------
    ValueError
        If the file is another program's, damaged, written by a later version whose
        files this one cannot read, or names a layer that is not registered.
    OSError
        If it cannot be read.

    Notes
    -----
    A checksum finds accidents. It is no signature: who can write the file can write
    another model with a checksum of its own.
    """
    with _naming(path), open(path, "rb", opener=_open_at_once) as file:
        header = safetensors.read_header(file)
        text = _check_format(header.metadata)
        model, fitted, validated = restore(safetensors.parse_json(text), header.parts)
        _read_arrays(
            file, header, _arrays(fitted["network_"], fitted["_history"]), text
        )
    history = fitted["_history"]
    for name in CURVES:
        setattr(history, name, getattr(history, name).tolist())
    vars(model).update(fitted)
    model._publish_history(validated)
    return model


def _open_at_once(path, flags):
    """Open a file, even one that would have us wait for a writer, such as a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextlib.contextmanager
def _naming(path):
    """Put the file's name in front of what is wrong with it.

    Layers are made of whatever the file says their arguments are: what a class that
    expects a number does with a text is not for this place to foresee.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError,
            ValueError) as error:  # fmt: skip
        raise ValueError(f"{os.fspath(path)!r} cannot be loaded: {error}") from error


def _check_format(metadata):
    """Return the text of the model, if the file is one of ours."""
    if metadata.get("format") != FORMAT:
        raise ValueError(
            "it is a safetensors file, but none that skconv.save_model wrote"
        )
    version = metadata.get("format_version", "")
    if not (version.isascii() and version.isdecimal()) or int(version) < 1:
        raise ValueError(f"its format_version is {version!r}, no number")
    if int(version) > FORMAT_VERSION:
        raise ValueError(
            f"it was written by a later skconv, in version {version} of the format, "
            f"and this one reads version {FORMAT_VERSION}: upgrade skconv"
        )
    if not {"model", "sha256"} <= metadata.keys():
        raise ValueError("it lacks the model or its checksum")
    return metadata["model"]


def _arrays(network, history):
    """Return all arrays by name, as the file has them."""
    curves = {
        f"history/{name}": np.asarray(getattr(history, name), np.float64)
        for name in CURVES
    }
    return {**network.arrays, **curves}


def _digest(text, arrays):
    """Return the checksum of all but the arrays' values, which are to follow."""
    table = json.dumps(safetensors.describe(arrays), sort_keys=True)
    return hashlib.sha256(f"{text}\n{table}\n".encode())


def _read_arrays(file, header, arrays, text):
    """Fill arrays with what stands in the file, and check that it is what was saved."""
    here = {name: (array.shape, array.dtype.name) for name, array in arrays.items()}
    there = {name: (part.shape, part.dtype.name) for name, part in header.parts.items()}
    for name in [*here, *there]:
        if here.get(name) != there.get(name):
            raise ValueError(
                f"array {name!r} is {_say(there.get(name))} in the file, where its "
                f"layers ask for {_say(here.get(name))}"
            )
    digest = _digest(text, arrays)
    for name, array in arrays.items():
        file.seek(header.data_start + header.parts[name].start)
        raw = array.reshape(-1).view(np.uint8)
        if file.readinto(raw) < raw.size:
            raise ValueError("it was cut short while it was read")
        digest.update(raw)
        if sys.byteorder == "big":
            array.byteswap(inplace=True)
    if digest.hexdigest() != header.metadata["sha256"]:
        raise ValueError(
            "its checksum is wrong: it was changed since skconv.save_model wrote it"
        )


def _say(array):
    return "of shape {} in {}".format(*array) if array else "not there"
