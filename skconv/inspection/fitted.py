"""Find what a display shows: the fitted network in an estimator, and samples for it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._data.inputs import check_images, check_input_shape
from ..models.network import Network

__all__ = [
    "Inputs",
    "find_network",
    "label_text",
    "label_texts",
    "list_classes",
    "prepare_inputs",
    "without_row_axis",
]

# Attributes of scikit-learn's meta-estimators that are the fitted estimator.
_INNER = ("best_estimator_", "regressor_")


class Inputs(NamedTuple):
    """A fitted estimator and samples for it.

    Attributes
    ----------
    net : ConvNetClassifier or ConvNetRegressor
    x : ndarray of shape (n, *net.input_shape_), of the network's dtype
        The network's input.
    shown : ndarray of shape (n, h, w, c) or (n, length, channels)
        What to draw: images, or signals. As they were before a pipeline's other steps,
        if those do not change the number of values.
    """

    net: Any
    x: NDArray[Any]
    shown: NDArray[Any]


def prepare_inputs(estimator: Any, X: ArrayLike, display: str) -> Inputs:
    """Find the network in an estimator, and prepare X for it.

    Parameters
    ----------
    estimator, X
        As passed to `from_estimator`.
    display : str
        The display's name, for errors.

    Returns
    -------
    inputs : Inputs

    Raises
    ------
    TypeError
        If there is no network in the estimator.
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If X does not match the network.
    """
    net, before = find_network(estimator, display)
    original = X
    for steps in before:
        X = steps.transform(X)
    shown = np.asarray(check_images(net, X, reset=False))
    check_input_shape(shown, net.input_shape_, type(net).__name__)
    x = shown.astype(net.network_.dtype).reshape(-1, *net.input_shape_)
    if before:
        original = np.asarray(original)
        if original.dtype.kind in "biuf" and original.size == x.size:
            shown = original
    return Inputs(net, x, without_row_axis(shown.reshape(x.shape)))


def find_network(estimator: Any, display: str) -> tuple[Any, list[Pipeline]]:
    """Find the fitted network in an estimator.

    Parameters
    ----------
    estimator : estimator
        A network's, or a pipeline or a search with one.
    display : str
        The display's name, for errors.

    Returns
    -------
    net : ConvNetClassifier or ConvNetRegressor
        Or any estimator with a `Network` in `network_`.
    before : list of Pipeline
        What transforms X for the network.

    Raises
    ------
    TypeError
        If there is no network in the estimator.
    NotFittedError
        If the estimator is not fitted.
    """
    before, net = [], estimator
    while not isinstance(getattr(net, "network_", None), Network):
        inner = [name for name in _INNER if hasattr(net, name)]
        if isinstance(net, Pipeline):
            if len(net.steps) > 1:
                before.append(net[:-1])
            net = net.steps[-1][1]
        elif inner:
            net = getattr(net, inner[0])
        else:
            if hasattr(net, "fit") and not isinstance(net, type):
                check_is_fitted(net)
            raise TypeError(
                f"{display} takes a fitted ConvNetClassifier, ConvNetRegressor, "
                "ConvNetSegmenter or ConvNetAutoencoder, alone, as the last step of a "
                f"Pipeline, or in a search, got {estimator!r}"
            )
    return net, before


def without_row_axis(samples: NDArray[Any]) -> NDArray[Any]:
    """Return images of one row as signals, and other samples unchanged."""
    one_row = samples.ndim == 4 and samples.shape[1] == 1
    return samples[:, 0] if one_row else samples


def list_classes(net: Any) -> Any:
    """Return the class of each probability; of several columns, with its column."""
    classes = getattr(net, "classes_", None)
    if not isinstance(classes, list):
        return classes
    return [
        f"column {j}: {label_text(label)}"
        for j, column in enumerate(classes)
        for label in column
    ]


def label_texts(
    classes: ArrayLike | None, display_labels: Iterable[object] | None
) -> dict[Any, str]:
    """Return the text to draw for each class, by class.

    Raises
    ------
    ValueError
        If the number of `display_labels` is not the number of classes.
    """
    array = np.asarray([] if classes is None else classes)
    labels = array.tolist()
    if display_labels is None:
        return dict(zip(labels, map(label_text, array), strict=True))
    texts = [str(text) for text in display_labels]
    if len(texts) != len(labels):
        raise ValueError(
            f"display_labels must have a text for each of the {len(labels)} classes, "
            f"got {len(texts)}"
        )
    return dict(zip(labels, texts, strict=True))


def label_text(label: Any) -> str:
    """Return the text to draw for a label; of a date no more than it says."""
    if isinstance(label, np.datetime64):
        return str(np.datetime_as_string(label, unit="auto"))
    return str(label)
