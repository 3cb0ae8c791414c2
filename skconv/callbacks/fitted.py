"""Fitted attributes as JSON and arrays and back, checked: all but a network's."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.class_encoder import ClassEncoder
from .._data.image_encoder import ImageEncoder
from .._data.mask_encoder import MaskEncoder
from .._data.multioutput_encoder import MultiOutputEncoder
from .._data.regression_encoder import RegressionEncoder
from .._data.regression_losses import (
    IMAGE_LOSSES,
    REGRESSION_LOSSES,
    check_quantile,
    outputs_per_target,
)
from .._training.loop import History
from .._utils.lookup import look_up, shorten
from .._utils.values import check_bool, check_fields, check_integer, decode, encode

__all__ = [
    "CURVES",
    "check_encoder",
    "curves",
    "describe_encoder",
    "describe_fitted",
    "parse_fitted",
    "set_curves",
]

_NUMBERS = {
    field.name: field.default
    for field in fields(History)
    if field.default is not MISSING
}
CURVES = {
    f"history/{field.name}": field.name
    for field in fields(History)
    if field.name not in _NUMBERS
}
"""Array of a file -> field of `History`: those as long as training was."""

_UNITS = "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"
_DATES = [f"{kind}64[{unit}]" for kind in ("datetime", "timedelta") for unit in _UNITS]
_CLASS_DTYPES = (
    *("bool", "str", "object", "float16", "float32", "float64"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *_DATES,
)


# To JSON and arrays ------------------------------------------------------------------


def describe_fitted(fitted: Mapping[str, Any], validated: bool) -> dict[str, Any]:
    """Return fitted attributes as plain JSON: all but the network and the curves.

    Parameters
    ----------
    fitted : dict
        Attributes of an estimator.
    validated : bool
        Whether it was validated after each epoch.

    Raises
    ------
    ValueError
        If its classes are of a type that JSON lacks.
    """
    names, history = fitted.get("feature_names_in_"), fitted["_history"]
    taken = fitted.get("pretrained_layers_")
    return {
        **({"pretrained_layers": taken} if taken else {}),
        "input_shape": list(fitted["input_shape_"]),
        "feature_names": None if names is None else names.tolist(),
        "encoder": describe_encoder(fitted["_encoder"]),
        "history": {
            name: encode(getattr(history, name), name, _refuse) for name in _NUMBERS
        },
        "validated": validated,
        "split_seed": fitted["_split_seed"],
    }


def curves(history: History) -> dict[str, NDArray[np.float64]]:
    """Return the curves of training as arrays of a file."""
    return {
        array: np.asarray(getattr(history, name), np.float64)
        for array, name in CURVES.items()
    }


def describe_encoder(encoder: Any) -> dict[str, Any]:
    """Return an encoder of targets as plain JSON."""
    if isinstance(encoder, ImageEncoder):
        return {
            "loss": encoder.loss_name,
            "shape": list(encoder.shape),
            "output_shape": list(encoder.output_shape),
            "center": list(encoder.center),
            "scale": list(encoder.scale),
        }
    if isinstance(encoder, RegressionEncoder):
        q = encoder.quantile
        return {
            "loss": encoder.loss_name,
            "n_outputs": encoder.n_outputs,
            "flat": encoder.flat,
            "center": list(encoder.center),
            "scale": list(encoder.scale),
            # Left out of others, whose digests are then those of older versions.
            **({"quantile": q if isinstance(q, float) else list(q)} if q else {}),
        }
    if isinstance(encoder, MultiOutputEncoder):
        return {"columns": [describe_encoder(each) for each in encoder.columns]}
    classes = encoder.classes
    dtype, plain = classes.dtype, classes.tolist()
    name = {"U": "str", "O": "object"}.get(dtype.kind, dtype.name)
    if name in _DATES:
        plain = classes.astype(np.int64).tolist()
    if name not in _CLASS_DTYPES or (name == "object" and {*map(type, plain)} != {str}):
        raise ValueError(
            "classes_ must be numbers, bools, dates or str to be saved, got "
            f"{classes!r} of dtype {dtype}. Save with joblib, or fit with labels of "
            "another type"
        )
    if isinstance(encoder, MaskEncoder):
        return {"classes": plain, "dtype": name, "shape": list(encoder.shape)}
    return {"classes": plain, "dtype": name, "multilabel": encoder.multilabel}


def _refuse(value: Any, what: str) -> Any:
    raise ValueError(f"{what} must be a number to be saved, got {shorten(value)}")


# And back ----------------------------------------------------------------------------


def parse_fitted(described: Any, network_dtype: str) -> tuple[dict[str, Any], bool]:
    """Return fitted attributes, and whether the fit was validated.

    Parameters
    ----------
    described : JSON
        Of `describe_fitted`; nothing of it is trusted.
    network_dtype : str

    Returns
    -------
    fitted : dict
        The history has no curves yet, see `set_curves`.
    validated : bool

    Raises
    ------
    ValueError
        If `describe_fitted` returns nothing like it.
    """
    required = "input_shape", "encoder", "history", "validated", "split_seed"
    optional: dict[str, Any] = {"feature_names": None, "pretrained_layers": []}
    described = check_fields(described, "its fit", required, optional)
    shape = described["input_shape"]
    if not isinstance(shape, list) or len(shape) not in (2, 3):
        raise ValueError("its input_shape must be (h, w, c) or (length, channels)")
    encoder = _parse_encoder(described["encoder"], network_dtype)
    taken = described["pretrained_layers"]
    if not isinstance(taken, list) or not all(isinstance(name, str) for name in taken):
        raise ValueError("its pretrained_layers must be a list of texts")
    fitted = {
        "pretrained_layers_": list(taken),
        "input_shape_": tuple(check_integer(n, "input_shape", 1) for n in shape),
        "n_features_in_": math.prod(shape),
        "_encoder": encoder,
        "_history": _parse_history(described["history"]),
        "_split_seed": check_integer(described["split_seed"], "split_seed"),
    }
    if not isinstance(encoder, RegressionEncoder | ImageEncoder):
        fitted["classes_"] = encoder.classes
    if (names := described["feature_names"]) is not None:
        fitted["feature_names_in_"] = _parse_names(names, fitted["n_features_in_"])
    return fitted, check_bool(described["validated"], "validated")


def check_encoder(estimator: Any, encoder: Any) -> None:
    """Check that an encoder is one of an estimator's kind.

    Raises
    ------
    ValueError
        If it is not, as one of labels for a regressor.
    """
    if not isinstance(encoder, estimator._encoders):
        kind = _KINDS[type(encoder)]
        raise ValueError(
            f"its encoder is one of {kind}, which a {type(estimator).__name__} does "
            "not predict"
        )


_KINDS = {
    ClassEncoder: "labels",
    ImageEncoder: "images",
    MaskEncoder: "masks",
    MultiOutputEncoder: "columns of labels",
    RegressionEncoder: "numbers",
}


def _parse_names(names: Any, n_features: int) -> NDArray[Any]:
    if (
        not isinstance(names, list)
        or len(names) != n_features
        or not all(isinstance(name, str) for name in names)
    ):
        raise ValueError(f"its feature_names must be {n_features} texts")
    return np.array(names, object)


def _parse_history(described: Any) -> History:
    numbers = check_fields(described, "its history", (), _NUMBERS)
    history = History()
    for name, default in _NUMBERS.items():
        value = decode(numbers[name])
        if isinstance(default, int):
            value = check_integer(value, name)
        elif not isinstance(value, Real) or isinstance(value, bool):
            raise ValueError(f"its {name} must be a number, got {shorten(value)}")
        setattr(history, name, value)
    if not 0 < history.slowdown <= 1:
        raise ValueError(f"its slowdown must be in (0, 1], got {history.slowdown}")
    return history


def set_curves(history: History, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give a history its curves; one that an older file lacks is NaN.

    Raises
    ------
    ValueError
        If they are not of one length, or the loss is missing.
    """
    found = {name: arrays[array] for array, name in CURVES.items() if array in arrays}
    shapes = {(curve.shape, curve.dtype.name) for curve in found.values()}
    if len(shapes) != 1 or "loss_curve" not in found or found["loss_curve"].ndim != 1:
        raise ValueError(
            f"it must have the curves of training, {', '.join(CURVES)}, in float64 and "
            "of one length"
        )
    missing = np.full(len(found["loss_curve"]), np.nan)
    for name in CURVES.values():
        setattr(history, name, found.get(name, missing).tolist())


def _parse_encoder(described: Any, network_dtype: str) -> Any:
    keys = described.keys() if isinstance(described, dict) else set()
    if {"loss", "output_shape"} <= keys:
        return _parse_images(described, network_dtype)
    if "loss" in keys:
        return _parse_regression(described, network_dtype)
    if keys == {"classes", "dtype", "shape"}:
        classes = _parse_classes(described["classes"], described["dtype"], False)
        return MaskEncoder(classes.classes, _parse_shape(described["shape"], 1, 2))
    if keys == {"classes", "dtype", "multilabel"}:
        return _parse_classes(**described)
    if keys == {"columns"}:
        return _parse_columns(described["columns"])
    raise ValueError(
        "its encoder must be an object with the keys loss, n_outputs and flat, or "
        "classes, dtype and multilabel"
    )


def _parse_columns(described: Any) -> MultiOutputEncoder:
    keys = {"classes", "dtype", "multilabel"}
    if (
        not isinstance(described, list)
        or len(described) < 2
        or not all(isinstance(each, dict) and each.keys() == keys for each in described)
    ):
        raise ValueError("the columns of its encoder must be two or more of classes")
    columns = tuple(_parse_classes(**each) for each in described)
    if any(column.multilabel for column in columns):
        raise ValueError("a column of its encoder must have classes, not labels")
    return MultiOutputEncoder(columns)


def _parse_regression(described: Any, network_dtype: str) -> RegressionEncoder:
    required, unscaled = (
        ("loss", "n_outputs", "flat"),
        {"center": [0.0], "scale": [1.0]},
    )
    optional = {**unscaled, "quantile": None}
    described = check_fields(described, "its encoder", required, optional)
    loss = described["loss"]
    look_up(REGRESSION_LOSSES, loss, "its encoder's loss")
    quantile = check_quantile(described["quantile"], loss)
    n_outputs = check_integer(described["n_outputs"], "n_outputs", minimum=1)
    n_targets, rest = divmod(n_outputs, outputs_per_target(loss, quantile))
    flat = check_bool(described["flat"], "flat")
    if rest or not n_targets:
        raise ValueError(f"{n_outputs} outputs cannot be those of the loss {loss!r}")
    if flat and n_targets > 1:
        raise ValueError(f"{n_outputs} outputs cannot be flat")
    center, scale = (
        _parse_numbers(described[name], name, n_targets) for name in unscaled
    )
    if min(scale) <= 0:
        raise ValueError(f"the scale of its encoder must be positive, got {min(scale)}")
    return RegressionEncoder(
        loss, n_outputs, flat, network_dtype, center, scale, quantile
    )


def _parse_images(described: Any, network_dtype: str) -> ImageEncoder:
    required = "loss", "shape", "output_shape", "center", "scale"
    described = check_fields(described, "its encoder", required, {})
    look_up(IMAGE_LOSSES, described["loss"], "its encoder's loss")
    shape = _parse_shape(described["shape"], 1, 3)
    output_shape = _parse_shape(described["output_shape"], 2, 3)
    if math.prod(shape) != math.prod(output_shape):
        raise ValueError(
            f"targets of shape {shape} cannot be images of shape {output_shape}"
        )
    center, scale = (
        _parse_numbers(described[name], name, output_shape[-1])
        for name in ("center", "scale")
    )
    if min(scale) <= 0:
        raise ValueError(f"the scale of its encoder must be positive, got {min(scale)}")
    return ImageEncoder(
        described["loss"], shape, output_shape, network_dtype, center, scale
    )


def _parse_shape(described: Any, least: int, most: int) -> tuple[int, ...]:
    """Return a shape of some number of axes."""
    if not isinstance(described, list) or not least <= len(described) <= most:
        raise ValueError(
            f"the shape of its targets must have {least} to {most} axes, got "
            f"{shorten(described)}"
        )
    return tuple(check_integer(n, "the shape of its targets", 1) for n in described)


def _parse_numbers(described: Any, name: str, n: int) -> tuple[float, ...]:
    """Return `n` finite numbers, or one for all."""
    if (
        not isinstance(described, list)
        or len(described) not in (1, n)
        or not all(type(number) is float for number in described)
        or not all(map(math.isfinite, described))
    ):
        raise ValueError(f"the {name} of its encoder must be a list of {n} numbers")
    return tuple(described)


def _parse_classes(classes: Any, dtype: Any, multilabel: Any) -> ClassEncoder:
    if dtype not in _CLASS_DTYPES:
        raise ValueError(
            f"its classes must be one of {_CLASS_DTYPES}, got {shorten(dtype)}"
        )
    kind = {"str": str, "bool": bool, "object": str}.get(dtype)
    kind = kind or (float if dtype.startswith("float") else int)
    if (
        not isinstance(classes, list)
        or not all(isinstance(label, kind) for label in classes)
        or len({*map(type, classes)}) != 1
    ):
        raise ValueError(f"its classes must be a list of {dtype}")
    if dtype == "str" and len(classes) * max(map(len, classes)) > 2**20:
        # Each takes as much as the longest in an array.
        raise ValueError("its classes are too many and too long")
    labels = np.array(classes, np.int64 if dtype in _DATES else dtype)
    if labels.tolist() != classes or not (labels[:-1] < labels[1:]).all():
        raise ValueError(f"its classes must be sorted and distinct {dtype}")
    if check_bool(multilabel, "multilabel"):
        if not np.array_equal(labels, np.arange(len(labels))):
            raise ValueError("the classes of a multilabel problem must be 0, 1, 2, ...")
    elif len(labels) < 2:
        raise ValueError("it must have at least two classes")
    labels = labels.astype(dtype)
    if dtype in _DATES and np.isnat(labels).any():
        raise ValueError("its classes must be dates, got NaT, which is none")
    return ClassEncoder(labels, multilabel)
