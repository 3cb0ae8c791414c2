"""A fitted estimator but for its arrays, as a JSON document and back, checked."""

import math
import platform
from numbers import Real

import numpy as np
import sklearn

from .._data.class_encoder import ClassEncoder
from .._data.regression_encoder import REGRESSION_LOSSES, RegressionEncoder
from .._training.loop import History
from .._utils.lookup import look_up
from .._version import __version__
from ..estimators import ConvNetClassifier, ConvNetRegressor
from ..layers.initializers import Blank
from ..layers.naming import name_layers
from ..models.network import Network
from .values import decode, encode, encode_object, make

__all__ = ["CURVES", "check_estimator", "describe", "restore"]

CURVES = ("loss_curve", "validation_losses", "validation_scores", "learning_rates")
"""What is as long as training was; these fields of a `History` are saved as arrays."""

_ESTIMATORS = {cls.__name__: cls for cls in (ConvNetClassifier, ConvNetRegressor)}

# An axis that is longer than all weights and this has no place in a network.
_LONGEST_AXIS = 2**20


def check_estimator(model):
    """Raise TypeError unless `model` is one of the estimators, and no subclass."""
    if _ESTIMATORS.get(type(model).__name__) is not type(model):
        raise TypeError(
            f"save_model takes a {' or a '.join(_ESTIMATORS)}, got a "
            f"{type(model).__name__}. Save pipelines and classes of your own with "
            "skops.io.dump or joblib.dump"
        )


# To a document -----------------------------------------------------------------------


def describe(model, fitted):
    """Return the document of an estimator in a fitted state, as plain JSON values."""
    network, history = fitted["network_"], fitted["_history"]
    params = model.get_params(deep=False)
    names = fitted.get("feature_names_in_")
    return {
        "estimator": {
            "class": type(model).__name__,
            "params": {
                name: encode(value, f"parameter {name}")
                for name, value in params.items()
            },
        },
        "layers": [
            [name, encode_object(layer, f"layer {name!r}")]
            for name, layer in network.layers
        ],
        "input_shape": list(network.input_shape),
        "coding": _describe_coding(fitted["_encoder"]),
        "feature_names": None if names is None else names.tolist(),
        "history": {
            name: encode(value, name)
            for name, value in vars(history).items()
            if name not in CURVES
        },
        "validated": fitted["validation_scores_"] is not None,
        "split_seed": fitted["_split_seed"],
        "versions": {
            "skconv": __version__,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "python": platform.python_version(),
        },
    }


def _describe_coding(coding):
    if isinstance(coding, RegressionEncoder):
        return {
            "loss": coding.loss_name,
            "n_outputs": coding.n_outputs,
            "flat": coding.flat,
        }
    classes = coding.classes
    dtype, plain = classes.dtype, classes.tolist()
    kinds = {"i": int, "u": int, "f": float, "b": bool, "U": str}
    if dtype.kind == "O" and {*map(type, plain)} == {str}:
        name = "object"
    elif dtype.kind in kinds and dtype != np.longdouble:
        name = "str" if dtype.kind == "U" else dtype.name
    else:
        raise ValueError(
            f"classes_ must be numbers, bools or str to be saved, got {classes!r} of "
            f"dtype {dtype}. Save with joblib, or fit with labels of another type"
        )
    return {"classes": plain, "dtype": name, "multilabel": coding.multilabel}


# And back ----------------------------------------------------------------------------


def restore(document, parts):
    """Return an estimator, and what becomes of it when its arrays are read.

    Parameters
    ----------
    document : dict
        Of `describe`; nothing of it is trusted.
    parts : dict of str to Part
        The arrays that there are.

    Returns
    -------
    model : estimator
        Not fitted yet.
    fitted : dict
        Its fitted attributes; weights and curves are to be filled in.
    validated : bool
        Whether the curves of validation mean something.

    Raises
    ------
    ValueError, TypeError, AttributeError
        If anything is not as `describe` has it: what arguments of layers are worth,
        the layers find out.
    """
    missing = {"estimator", "layers", "input_shape", "coding", "history"} - {*document}
    if missing:
        raise ValueError(f"its model lacks {sorted(missing)}")
    model = _make_estimator(document["estimator"])
    network = _make_network(document, parts)
    coding = _make_coding(document["coding"], network)
    history = _make_history(document["history"], parts)
    seed = _whole(document.get("split_seed"), "split_seed")
    fitted = {
        "network_": network,
        "input_shape_": network.input_shape,
        "n_features_in_": math.prod(network.input_shape),
        "_encoder": coding,
        "_history": history,
        "_solver_state": (None, None),
        "_split_seed": seed,
        # Another stream than the one that is used up, and the same at each loading.
        "_rng": np.random.default_rng([seed, history.steps]),
    }
    if isinstance(coding, ClassEncoder):
        fitted["classes_"] = coding.classes
    if (names := document.get("feature_names")) is not None:
        fitted["feature_names_in_"] = _check_names(names, fitted["n_features_in_"])
    return model, fitted, _yes_or_no(document.get("validated"), "validated")


def _make_estimator(described):
    if not isinstance(described, dict) or described.keys() != {"class", "params"}:
        raise ValueError("its estimator must have a class and params")
    model = make(
        look_up(_ESTIMATORS, described["class"], "its estimator's class"),
        described["params"],
    )
    model._validate_params()
    model._check_options()
    return model


def _make_network(document, parts):
    """Build the network in which the file's arrays have their places."""
    shape, layers = document["input_shape"], document["layers"]
    if not isinstance(shape, list) or len(shape) not in (2, 3):
        raise ValueError("its input_shape must be (h, w, c) or (l, c)")
    shape = tuple(_whole(size, "input_shape", minimum=1) for size in shape)
    if not isinstance(layers, list) or not all(
        isinstance(entry, list) and len(entry) == 2 for entry in layers
    ):
        raise ValueError("its layers must be pairs of a name and a layer")
    layers = name_layers([(name, decode(layer)) for name, layer in layers])
    weights = {name: part for name, part in parts.items() if "/" not in name}
    dtypes = {part.dtype for part in weights.values()}
    if len(dtypes) != 1:
        raise ValueError("its weights must be of one dtype")
    dtype = dtypes.pop().newbyteorder("=")
    _check_sizes(
        layers, shape, dtype, sum(math.prod(p.shape) for p in weights.values())
    )
    return Network.build(layers, shape, Blank(), dtype)


def _check_sizes(layers, shape, dtype, n_weights):
    """Check that layers are no larger than their weights, before they are built."""
    rng, longest = Blank(n_weights), max(n_weights, _LONGEST_AXIS)
    for name, layer in layers:
        if shape[-1] > longest:
            raise ValueError(
                f"layer {name!r} would have an input of shape {shape}, too large for "
                f"the {n_weights} weights of the file"
            )
        try:
            _, shape = layer.build(shape, rng, dtype)
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"layer {name!r} ({layer!r}): {error}") from error


def _make_coding(described, network):
    if not isinstance(described, dict):
        raise ValueError("its coding must be an object")
    if described.keys() == {"loss", "n_outputs", "flat"}:
        look_up(REGRESSION_LOSSES, described["loss"], "its coding's loss")
        n_outputs = _whole(described["n_outputs"], "n_outputs", minimum=1)
        flat = _yes_or_no(described["flat"], "flat")
        if flat and n_outputs > 1:
            raise ValueError(f"{n_outputs} outputs cannot be flat")
        coding = RegressionEncoder(
            described["loss"], n_outputs, flat, network.dtype.name
        )
    elif described.keys() == {"classes", "dtype", "multilabel"}:
        coding = _make_labels(**described)
    else:
        raise ValueError("its coding must be of classes, or of a loss")
    if network.output_shape != (coding.n_outputs,):
        raise ValueError(
            f"its last layer puts out {network.output_shape}, but its classes or "
            f"targets take {coding.n_outputs}"
        )
    return coding


def _make_labels(classes, dtype, multilabel):
    kinds = {"str": str, "bool": bool, "object": str}
    if dtype not in _CLASS_DTYPES:
        raise ValueError(f"its classes must be one of {_CLASS_DTYPES}, got {dtype!r}")
    kind = kinds.get(dtype, float if dtype.startswith("float") else int)
    if (
        not isinstance(classes, list)
        or not all(isinstance(label, kind) for label in classes)
        or len({*map(type, classes)}) != 1
    ):
        raise ValueError(f"its classes must be a list of {dtype}")
    if dtype == "str" and len(classes) * max(map(len, classes)) > 2**20:
        # Each takes as much as the longest in an array.
        raise ValueError("its classes are too many and too long")
    labels = np.array(classes, dtype)
    if labels.tolist() != classes or not (labels[:-1] < labels[1:]).all():
        raise ValueError(f"its classes must be sorted and distinct {dtype}")
    if _yes_or_no(multilabel, "multilabel"):
        if not np.array_equal(labels, np.arange(len(labels))):
            raise ValueError("the classes of a multilabel problem must be 0, 1, 2, ...")
    elif len(labels) < 2:
        raise ValueError("it must have two classes at least")
    return ClassEncoder(labels, multilabel)


_CLASS_DTYPES = (
    *("bool", "str", "object", "float16", "float32", "float64"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)


def _make_history(described, parts):
    curves = {name: parts.get(f"history/{name}") for name in CURVES}
    shapes = {part and (part.shape, part.dtype.itemsize) for part in curves.values()}
    if len(shapes) != 1 or None in shapes or len(curves[CURVES[0]].shape) != 1:
        raise ValueError(
            "it must have the curves of training, in float64 and of one length: "
            + ", ".join(f"history/{name}" for name in CURVES)
        )
    history = History(**{name: np.empty(p.shape) for name, p in curves.items()})
    others = {
        name: value for name, value in vars(history).items() if name not in CURVES
    }
    if not isinstance(described, dict) or described.keys() != others.keys():
        raise ValueError(f"its history must have the keys {sorted(others)}")
    for name, default in others.items():
        value = decode(described[name])
        if type(default) is int:
            value = _whole(value, name)
        elif not isinstance(value, Real) or isinstance(value, bool):
            raise ValueError(f"{name} must be a number, got {value!r}")
        setattr(history, name, value)
    return history


def _check_names(names, n_features):
    if (
        not isinstance(names, list)
        or len(names) != n_features
        or not all(isinstance(name, str) for name in names)
    ):
        raise ValueError(f"its feature_names must be {n_features} texts")
    return np.array(names, object)


def _whole(value, name, minimum=0):
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise ValueError(f"its {name} must be an integer >= {minimum}, got {value!r}")
    return value


def _yes_or_no(value, name):
    if not isinstance(value, bool):
        raise ValueError(f"its {name} must be true or false, got {value!r}")
    return value
