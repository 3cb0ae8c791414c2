"""Comparison of ONNX models, run by onnxruntime, with the models they were made of."""

import contextlib
import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector
from sklearn.pipeline import Pipeline

from ..estimators import ConvNetRegressor, ConvNetSegmenter
from ..estimators.base import BaseConvNet
from ..layers import Normalization, Rescaling

__all__ = ["add_boundary", "draw_inputs", "find_difference", "has_runtime", "predict"]

# Part of the range of an output by which float32 may differ.
TOLERANCE = 1e-5
# The most that is accepted, of outputs that rounded inputs change by as much.
LARGEST = 1e-3
_EPS = float(np.finfo(np.float32).eps)
# Of inputs at a jump, where rounding decides, such as a threshold of a tree.
_AT_JUMPS = 0.25
_ROWS, _VALUES, _BISECTIONS = 32, 2**17, 5


def has_runtime() -> bool:
    """Return whether onnxruntime is installed."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        return False
    return True


# Inputs ------------------------------------------------------------------------------


def count_features(model: Any) -> int:
    """Return the number of features of a row.

    Raises
    ------
    ValueError
        If the model does not know it.
    """
    k = getattr(model, "n_features_in_", None)
    if k is None:
        raise ValueError(
            f"model, a {type(model).__name__}, does not know its number of features "
            "(n_features_in_): pass X, a few rows"
        )
    return int(k)


def draw_inputs(model: Any) -> Any:
    """Return inputs of about the size that a fitted model was trained with.

    They are normal: with mean 0 and variance 1 after the first step, if that is a
    scaler or another step with `inverse_transform`, or after the first layer, if that
    is a `Normalization` or a `Rescaling`; else before it.

    Returns
    -------
    X : ndarray of shape (n, n_features), or DataFrame
        A frame if the model was fitted with one.
    """
    k = count_features(model)
    n = int(np.clip(_VALUES // k, 2, _ROWS))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, k))
    first = _first(model)
    if isinstance(first, BaseConvNet):
        X = _unscale(first.network_, X)
    elif hasattr(first, "inverse_transform"):
        with contextlib.suppress(Exception), _quiet():  # of steps that do not scale
            z = rng.standard_normal((n, _dense(first.transform(X[:1])).shape[1]))
            X = np.asarray(first.inverse_transform(z), np.float64).reshape(X.shape)
    return _like_training(model, X)


def _like_training(model, X):
    """Return a frame if the model was fitted with one."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return X
    import pandas

    return pandas.DataFrame(X, columns=names)


def add_boundary(model: Any, X: Any, predictions: dict[str, Any]) -> Any:
    """Return inputs and, for a classifier, more of them close to a change of labels.

    Parameters
    ----------
    model : estimator
    X : ndarray or DataFrame of shape (n, n_features)
        Of `draw_inputs`.
    predictions : dict of str to ndarray
        Of `predict`.
    """
    labels = predictions.get("label")
    if labels is None or np.ndim(labels) != 1 or not is_classifier(model):
        return X
    labels, rows = np.asarray(labels), np.asarray(X)
    (first,) = np.nonzero(labels[:-1] != labels[1:])
    first = first[: max(1, len(rows) // 4)]
    if not len(first):
        return X
    here, there, labels = rows[first], rows[first + 1], labels[first]
    for _ in range(_BISECTIONS):
        middle = (here + there) / 2
        same = predict(model, _like_training(model, middle))["label"] == labels
        here = np.where(same[:, None], middle, here)
        there = np.where(same[:, None], there, middle)
    return _like_training(model, np.concatenate([rows, here, there]))


def _first(model):
    """Return what sees the inputs first."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif isinstance(model, Pipeline):
            model = model.steps[0][1]
        elif getattr(model, "calibrated_classifiers_", None):
            model = model.calibrated_classifiers_[0].estimator
        elif isinstance(getattr(model, "estimators_", None), list):
            model = model.estimators_[0]
        elif hasattr(model, "estimator_"):
            model = model.estimator_
        else:
            return model


def _unscale(network, z):
    """Return inputs for which a first layer that scales returns z."""
    name, layer = network.layers[0]
    scales = isinstance(layer, (Normalization, Rescaling))
    if not scales or z.shape[1] != math.prod(network.input_shape):
        return z
    weights = {
        key: np.asarray(value, np.float64)
        for key, value in network.weights[name].items()
    }
    offset = layer.predict(weights, np.zeros((1, *network.input_shape)))
    slope = layer.predict(weights, np.ones((1, *network.input_shape))) - offset
    x = (z.reshape(-1, *network.input_shape) - offset) / np.where(slope, slope, 1)
    return x.reshape(len(z), -1)


# Comparison --------------------------------------------------------------------------


def find_difference(
    model: Any,
    onnx_model: Any,
    X: ArrayLike,
    *,
    image: bool = False,
    features: str | bool = False,
) -> str | None:
    """Run an ONNX model and compare its outputs with a model's predictions.

    Parameters
    ----------
    model : estimator
        Fitted.
    onnx_model : onnx.ModelProto
        Of `model`.
    X : array-like
        Inputs for `model`.
    image : bool, default=False
        Whether the ONNX model takes images.
    features : str or bool, default=False
        Whether to compare with `transform`; a str is the name of a layer.

    Returns
    -------
    difference : str or None
        What differs, in words.

    Notes
    -----
    Numbers may differ by 1e-5 of their range and by as much as the model's own
    predictions change if inputs change in the last bits of float32, up to 1e-3. A label
    may be another of the same probability. Inputs at a jump, where such a change makes
    another prediction, are left out, if they are few.
    """
    expected = predict(model, X, features)
    moved = _moved(model, X, features)
    rows = _onnx_inputs(model, X, image)
    try:
        run = _start(onnx_model)
        batches = {n: run(rows[:n]) for n in (len(rows), 1)}
    except Exception as error:
        return f"onnxruntime cannot run it: {str(error).strip()}"
    for n, found in batches.items():
        if len(found) != len(expected):
            return f"{len(found)} outputs instead of {', '.join(expected)}"
        for (name, want), change, got in zip(
            expected.items(), moved.values(), found, strict=True
        ):
            if name == "label":
                scores = expected.get("probabilities")
                difference = _compare_labels(model, want, got, change, scores, n)
            else:
                difference = _compare(name, want, got, change, n)
            if difference is not None:
                return difference
    return None


def predict(model: Any, X: ArrayLike, features: str | bool = False) -> dict[str, Any]:
    """Return the predictions that skl2onnx converts, by the names of its outputs.

    Parameters
    ----------
    model : estimator
    X : array-like
    features : str or bool, default=False
        Whether to return `transform` only; a str is the name of a layer.
    """
    with _quiet():
        if isinstance(features, str):
            return {"features": model.transform(X, layer=features)}
        if features or not hasattr(model, "predict"):
            return {"features": _dense(model.transform(X))}
        if is_classifier(model) or isinstance(model, ConvNetSegmenter):
            return {"label": model.predict(X), **_probabilities(model, X)}
        if is_clusterer(model):
            return {"label": model.predict(X), "scores": _dense(model.transform(X))}
        if is_outlier_detector(model):
            return {"label": model.predict(X), "scores": model.decision_function(X)}
        if hasattr(model, "predict_proba"):  # of a mixture
            return {"label": model.predict(X), **_probabilities(model, X)}
        if isinstance(model, ConvNetRegressor) and model._encoder.has_std:
            mean, std = model.predict(X, return_std=True)
            return {"variable": mean, "std": std}
        return {"variable": model.predict(X)}


@contextlib.contextmanager
def _quiet():
    """Ignore warnings about drawn inputs, and of other packages."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _dense(X):
    return X.toarray() if hasattr(X, "toarray") else np.asarray(X)


def _probabilities(model, X):
    if hasattr(model, "predict_proba"):
        return {"probabilities": model.predict_proba(X)}
    return {}


def _moved(model, X, features):
    """Return the predictions for inputs that differ in the last bits of float32."""
    X = X if hasattr(X, "columns") else np.asarray(X)
    signs = np.random.default_rng(1).integers(0, 2, X.shape) * 2 - 1
    try:
        return predict(model, X * (1 + 4 * _EPS * signs).astype(np.float32), features)
    except Exception:  # X has codes of categories, or more of the kind
        return predict(model, X, features)


def _onnx_inputs(model, X, image):
    X = np.asarray(X).astype(np.float32)
    shape = model.network_.input_shape if image else (math.prod(X.shape[1:]),)
    return np.ascontiguousarray(X.reshape(len(X), *shape))


def _start(onnx_model):
    """Return a function that runs an ONNX model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda X: session.run(None, {"X": X})


def _compare(name, want, got, change, n):
    """Compare numbers: an array, or a list of one for each output."""
    if isinstance(want, list):
        found = (
            _compare(name, *each, n) for each in zip(want, got, change, strict=True)
        )
        return next(filter(None, found), None)
    want, change = (np.asarray(each, np.float64) for each in (want, change))
    got = np.asarray(got, np.float64)
    if got.size != want[:n].size:
        return f"{name}: {got.size // n} numbers a row instead of {want[0].size}"
    want, change = (each.reshape(len(each), -1) for each in (want, change))
    got = got.reshape(n, -1)
    scale, largest = _scales(name, want)
    noise = _distance(change, want)
    stable = (noise <= LARGEST * scale).all(axis=1)
    if stable.mean() < 1 - _AT_JUMPS:
        stable[:] = True
    rounding = np.where(stable[:, None], noise, 0).max(axis=0, initial=0)
    tolerance = TOLERANCE * scale + 16 * _EPS * largest
    tolerance = tolerance + np.minimum(4 * rounding, LARGEST * scale)
    difference = np.where(stable[:n, None], _distance(got, want[:n]), 0)
    if (difference <= tolerance).all():
        return None
    words = f"{name}: off by up to {difference.max():.2g}"
    if (4 * rounding > LARGEST * scale).any():
        words += (
            "; its predictions change by up to "
            f"{noise.max():.2g} if inputs are rounded to float32"
        )
    return words


def _scales(name, values):
    """Return the ranges and the largest numbers: of each target, or of all features."""
    if name == "probabilities":
        return 1.0, 1.0
    axis = 0 if name == "variable" else None
    values = np.where(np.isfinite(values), values, 0)
    return np.ptp(values, axis=axis), np.abs(values).max(axis=axis)


def _distance(a, b):
    """Return the distances of numbers; that of a NaN from a NaN is 0."""
    with np.errstate(invalid="ignore"):
        distance = np.abs(a - b)
    distance[(a == b) | (np.isnan(a) & np.isnan(b))] = 0
    return np.where(np.isnan(distance), np.inf, distance)


def _is_likeliest(p, classes, labels):
    """Return whether labels are one of several that share the largest probability."""
    likeliest = p >= p.max(axis=-1, keepdims=True) - 2 * TOLERANCE
    likeliest &= likeliest.sum(axis=-1, keepdims=True) > 1
    return (likeliest & (labels[..., None] == classes)).any(axis=-1)


def _compare_labels(model, want, got, change, scores, n):
    want, change = np.asarray(want)[:n], np.asarray(change)[:n]
    got = np.asarray(got).reshape(want.shape)
    same = (got == want) | (want != change)
    classes = getattr(model, "classes_", None)
    if isinstance(scores, list) and isinstance(classes, list):  # of several columns
        for j, (p, known) in enumerate(zip(scores, classes, strict=True)):
            same[:, j] |= _is_likeliest(p[:n], known, got[:, j])
    if isinstance(scores, np.ndarray) and hasattr(model, "classes_"):
        p = scores[:n]
        if want.ndim == 2 == p.ndim:  # several labels
            same |= np.abs(p - 0.5) <= TOLERANCE
        else:
            same |= _is_likeliest(p, model.classes_, got)
    if same.all():
        return None
    return f"label: {(~same).sum()} of {same.size} are others"
