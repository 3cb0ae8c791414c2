"""Fitted estimators and pipelines as ONNX models that were checked."""

import math
import textwrap
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..estimators.base import BaseConvNet
from ..layers import Layer
from .onnx_check import add_boundary, draw_inputs, find_difference, has_runtime, predict
from .onnx_pipelines import convert, plain
from .onnx_targets import check_labels

__all__ = ["to_onnx"]


def to_onnx(model: Any, *, image: bool = False, X: ArrayLike | None = None) -> Any:
    """Return a fitted estimator, or a model with estimators in it, as an ONNX model.

    If onnxruntime is installed, the ONNX model is run and compared with `model` before
    it is returned, and a difference is an error.

    Parameters
    ----------
    model : ConvNetClassifier, ConvNetRegressor, or a scikit-learn estimator with one
        Fitted. skl2onnx converts those that are not of skconv. An estimator of skconv
        before the last step of a pipeline, in a FeatureUnion or a ColumnTransformer
        returns its features, as `transform` does. A search is its best estimator.
    image : bool, default=False
        Whether the model's input ``X`` is images (n, h, w, c), or signals
        (n, length, channels), instead of rows (n, n_features). It is in float32, with
        any n, in both cases.
    X : array-like, default=None
        Inputs for the comparison, as `model` takes them: some ten rows are enough. By
        default up to 32 are drawn: normal, with mean 0 and variance 1 after the first
        step if that has `inverse_transform`, as scalers do, or after the first layer if
        that is a `Normalization` or a `Rescaling`, else in X itself; for a classifier
        some are moved to where labels change. Pass X if `model` takes nothing of the
        kind.

    Returns
    -------
    onnx_model : onnx.ModelProto
        ``onnx_model.SerializeToString()`` returns the contents of a file. Its outputs
        have skl2onnx's names: of a classifier ``label`` (n,), int64 or str, and, if it
        has `predict_proba`, ``probabilities`` (n, n_classes); of a regressor
        ``variable`` (n, n_targets), of a transformer ``variable`` (n, n_features_out).
        For a multilabel problem ``label`` is (n, n_labels); for several columns of
        classes it is (n, n_columns), and ``probabilities`` a sequence of tensors. For
        several quantiles ``variable`` is of the shape that `predict` returns, and for
        the loss "gaussian" a further output ``std`` has the standard deviations
        (within a pipeline there is only ``variable``). It computes in float32.

    Raises
    ------
    ImportError
        If onnx, or for a pipeline skl2onnx, is not installed.
    ValueError
        If the ONNX model predicts otherwise than `model`, or skl2onnx cannot convert a
        step (both name the step); if a custom layer was not registered with a converter
        (see `register_layer`); if labels are neither text nor whole numbers below
        2**63; if `model` cannot predict the inputs drawn.

    Notes
    -----
    Outputs agree if numbers differ by at most 1e-5: of probabilities, or of the range
    of other outputs. More is accepted, up to 1e-3, if the model's own predictions
    change by as much when inputs change in the last bits of float32. Where two classes
    have the same probability within 1e-5, either label agrees. Both one input and
    several at a time are compared, which takes some tenths of a second.
    ``skl2onnx.to_onnx`` after `register_with_skl2onnx` compares nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import skconv
    >>> X, y = np.random.default_rng(0).random((20, 8, 8)), np.arange(20) % 3
    >>> clf = skconv.ConvNetClassifier(max_iter=1, random_state=0).fit(X, y)
    >>> onnx_model = skconv.to_onnx(clf)  # doctest: +SKIP
    >>> [output.name for output in onnx_model.graph.output]  # doctest: +SKIP
    ['label', 'probabilities']
    """
    check_is_fitted(model)
    parts = plain(model)
    if image and not isinstance(parts, BaseConvNet):
        raise ValueError(
            "image=True is for the estimators of skconv: other estimators take rows, "
            f"and so does {type(model).__name__}"
        )
    classes = getattr(model, "classes_", [])
    for each in classes if isinstance(classes, list) else [classes]:
        check_labels(np.asarray(each))
    X = _draw(parts) if X is None else X
    onnx_model, fault = _attempt(parts, X, image=image)
    if fault is not None:
        raise ValueError(_explain(parts, X, image, fault)) from fault.error
    return onnx_model


def _draw(model):
    """Return drawn inputs that a model takes, to check its ONNX model with."""
    X = draw_inputs(model)
    if not has_runtime():
        return X
    try:
        return add_boundary(model, X, predict(model, X))
    except Exception as error:
        raise ValueError(
            f"X must be some inputs to check the ONNX model with: this {_kind(model)} "
            f"cannot predict random ones ({_short(error)})"
        ) from error


class _Fault(NamedTuple):
    words: str
    error: Exception | None = None


def _attempt(model, X, *, image=False, features=False):
    """Return an ONNX model that agrees, or None, and what is wrong, or None."""
    n_features = math.prod(np.shape(X)[1:])
    try:
        onnx_model = convert(model, n_features, image=image, features=features)
    except ImportError:
        raise
    except Exception as error:
        if isinstance(model, BaseConvNet):
            raise
        return None, _Fault(f"skl2onnx cannot convert it: {_short(error)}", error)
    if has_runtime():
        words = find_difference(model, onnx_model, X, image=image, features=features)
        if words is not None:
            return None, _Fault(f"its ONNX model predicts otherwise: {words}")
    return onnx_model, None


def _explain(model, X, image, fault):
    """Return the words of an error: which part is wrong, and a way out."""
    path, part, fault = _find_part(model, X, fault, image=image)
    way = "Save the model with skops or joblib"
    what = _kind(part)
    if isinstance(part, Layer):
        what = f"layer {path.pop()!r} ({part!r})"
        way += "; if the layer is yours, check its converter (see register_layer)"
    elif path:
        way = "Leave the step out, or save the model with skops or joblib"
    if path:
        what = f"step {'.'.join(path)!r}, {what}"
    return f"model cannot be exported to ONNX because of {what}: {fault.words}. {way}"


def _find_part(model, X, fault, *, image=False, features=False):
    """Return the path of the first part that is wrong, the part, and its fault."""
    if isinstance(model, BaseConvNet):
        for name, layer in model.network_.layers:
            own = _attempt(model, X, image=image, features=name)[1]
            if own is not None:
                return [name], layer, own
    elif isinstance(model, Pipeline):
        for i, (name, step) in enumerate(model.steps):
            transforms = features if i == len(model.steps) - 1 else True
            own = _attempt(step, X, features=transforms)[1]
            if own is not None:
                path, part, own = _find_part(step, X, own, features=transforms)
                return [name, *path], part, own
            if i < len(model.steps) - 1:
                X = predict(step, X, features=True)["features"]
    return [], model, fault


def _kind(model):
    return type(model).__name__


def _short(error):
    return textwrap.shorten(str(error), 200).rstrip(".")
