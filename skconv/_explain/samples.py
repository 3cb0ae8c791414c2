"""The samples of a page: predictions, targets, losses, and the traces of the layers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inspection.fitted import label_text, label_texts, list_classes, prepare_inputs
from .trace import Record, trace

__all__ = ["Explained"]

_Array = NDArray[Any]


@dataclass(frozen=True)
class Explained:
    """All that a page may show.

    Attributes
    ----------
    net : estimator
    x : ndarray of shape (n, ...)
        The network's input.
    shown : ndarray of shape (n, ...) or None
        The samples before a pipeline's other steps, if they differ.
    texts : list of dict
        Of each sample: "predicted" and, if it is known, "target".
    outputs, probabilities : ndarray of shape (n, k); the latter or None
    classes : list of str
        The text of each output, or of each of two classes.
    losses : list of float, or None
        Of each sample; None of one whose loss is infinite.
    traces : list of list of Record
        Of each sample.
    """

    net: Any
    x: _Array
    shown: _Array | None
    texts: list[dict[str, str]]
    outputs: _Array
    probabilities: _Array | None
    classes: list[str]
    losses: list[float | None] | None
    traces: list[list[Record]]

    @classmethod
    def find(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        display_labels: Iterable[object] | None,
        most: int,
    ) -> "Explained":
        """Check what `explain` was given, and compute everything."""
        net, x, shown = prepare_inputs(estimator, X, "explain")
        if len(x) > most:
            raise ValueError(
                f"X must have at most {most} samples, as all that is computed of each "
                f"is in the file, got {len(x)}; pass some of them, X[:{most // 4}]"
            )
        outputs = net.network_.predict(x)
        encoder, texts = net._encoder, _label_names(net, display_labels)
        restores = not hasattr(net, "predict")  # an autoencoder: its targets are X
        predicted = encoder.predict(outputs) if restores else net.predict(x)
        if restores and y is not None:
            raise ValueError(
                f"y must be None: the targets of a {type(net).__name__} are X itself"
            )
        targets = _find_targets(estimator, net, x, y, predicted)
        named = [{"predicted": _text(each, texts)} for each in predicted]
        if y is not None:
            for row, each in zip(
                named, encoder.inverse_transform(targets), strict=True
            ):
                row["target"] = _text(each, texts)
        losses, traces = _trace_each(net, x, targets)
        differs = not np.array_equal(shown.reshape(x.shape), x)
        probabilities, classes = None, list(texts.values())
        if hasattr(encoder, "predict_proba"):
            probabilities = encoder.predict_proba(outputs)
        if isinstance(probabilities, list):  # several columns of classes
            probabilities = np.concatenate(probabilities, axis=1)
            classes = list(label_texts(list_classes(net), display_labels).values())
        return cls(
            net,
            x,
            shown.reshape(x.shape) if differs else None,
            named,
            outputs,
            probabilities,
            classes,
            losses,
            traces,
        )


def _label_names(net: Any, display_labels: Any) -> dict[Any, str]:
    classes = getattr(net, "classes_", None)
    if isinstance(classes, list):  # several columns of classes
        return {}
    if classes is None and display_labels is not None:
        raise ValueError(
            f"display_labels are texts for classes, which a {type(net).__name__} does "
            "not have; leave them out"
        )
    return label_texts(classes, display_labels)


def _find_targets(
    estimator: Any, net: Any, x: _Array, y: Any, predicted: _Array
) -> Any:
    """Return targets as the loss takes them, None if there are none."""
    if not net._requires_y:  # an autoencoder's are its input
        return net._encode(net._targets(x, y), "y")
    if y is None:
        return net._encoder.transform(predicted) if hasattr(net, "classes_") else None
    _check_units(estimator, net)
    y = net._check_targets(y)
    if len(y) != len(predicted):
        raise ValueError(
            f"y must have a target for each of the {len(predicted)} samples of X, got "
            f"{len(y)}"
        )
    return net._encoder.transform(y)


def _check_units(estimator: Any, net: Any) -> None:
    """Check that no estimator around the network transforms its targets."""
    while estimator is not net:
        if hasattr(estimator, "transformer_"):
            raise ValueError(
                "y is in other units than the network's in a "
                f"{type(estimator).__name__}; pass its regressor_ and y as that "
                "learned it, or leave y out"
            )
        inner = getattr(estimator, "best_estimator_", None)
        last = getattr(estimator, "steps", [(None, None)])[-1][1]
        estimator = last if inner is None else inner


def _trace_each(
    net: Any, x: _Array, targets: _Array | None
) -> tuple[list[float | None] | None, list[list[Record]]]:
    """Return the loss of each sample, and what each layer made of it."""
    loss, traces = net._loss(), []
    losses: list[float | None] = []
    for i in range(len(x)):

        def find(outputs: _Array, i: int = i) -> _Array:
            if targets is None:
                return np.zeros_like(outputs)
            value, gradient = loss(outputs, targets[i : i + 1], None)
            losses.append(float(value) if np.isfinite(value) else None)
            return gradient

        traces.append(trace(net.network_, x[i : i + 1], find))
    return (None if targets is None else losses), traces


def _text(value: Any, texts: dict[Any, str]) -> str:
    """Return a prediction or a target as a user reads it."""
    array = np.asarray(value)
    if array.ndim > 1:
        return f"an array of {' by '.join(map(str, array.shape))}"
    if array.ndim and texts:  # labels: each is set or not
        rows = zip(texts.values(), array, strict=True)
        return ", ".join(text for text, is_set in rows if is_set) or "none"
    return ", ".join(_number_or_label(each, texts) for each in array.reshape(-1))


def _number_or_label(value: Any, texts: dict[Any, str]) -> str:
    plain = value.item() if isinstance(value, np.generic) else value
    if texts:
        return texts.get(plain, label_text(value))
    return f"{plain:.6g}" if isinstance(plain, float) else label_text(value)
