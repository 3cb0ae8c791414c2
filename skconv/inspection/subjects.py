"""What a display looks at: the fitted network in an estimator, and images for it."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._data.inputs import check_images, check_input_shape
from .._utils.lookup import did_you_mean
from ..estimators.base import BaseConvNet

__all__ = [
    "Subject",
    "as_images",
    "drawable",
    "find_layer",
    "find_network",
    "label_texts",
    "size_text",
]

# Where estimators of scikit-learn's keep the fitted one that they stand for.
_INSIDE = ("best_estimator_", "regressor_")


class Subject(NamedTuple):
    """An estimator and images for it.

    Attributes
    ----------
    net : ConvNetClassifier or ConvNetRegressor
        Fitted.
    x : ndarray of shape (n, *net.input_shape_), of the network's dtype
        What the network sees.
    images : ndarray of shape (n, h, w, c)
        What to show: before a pipeline's other steps, where that is an image of the
        same size.
    """

    net: Any
    x: np.ndarray
    images: np.ndarray

    @classmethod
    def find(cls, estimator, X, display):
        """Find both in what a user passes to a display.

        Raises
        ------
        TypeError
            If there is no network in the estimator.
        NotFittedError
            If it is not fitted.
        ValueError
            If X does not go with it.
        """
        net, before = find_network(estimator, display)
        shown = X
        for steps in before:
            X = steps.transform(X)
        X = check_images(net, X, reset=False)
        check_input_shape(X, net.input_shape_, type(net).__name__)
        x = X.astype(net.network_.dtype).reshape(-1, *net.input_shape_)
        if before:
            shown = np.asarray(shown)
            same = shown.dtype.kind in "biuf" and shown.size == x.size
            X = shown if same else X
        return cls(net, x, as_images(np.asarray(X).reshape(x.shape)))


def find_network(estimator, display):
    """Find the network in an estimator, alone or the last of a pipeline.

    Returns
    -------
    net : ConvNetClassifier or ConvNetRegressor
    before : list of Pipeline
        What X goes through first.
    """
    before, inside = [], estimator
    while not isinstance(inside, BaseConvNet):
        held = [name for name in _INSIDE if hasattr(inside, name)]
        if isinstance(inside, Pipeline):
            if len(inside.steps) > 1:
                before.append(inside[:-1])
            inside = inside.steps[-1][1]
        elif held:
            inside = getattr(inside, held[0])
        else:
            if hasattr(inside, "fit") and not isinstance(inside, type):
                check_is_fitted(inside)
            raise TypeError(
                f"{display} looks into a ConvNetClassifier or a ConvNetRegressor, "
                "fitted, by itself, as the last step of a Pipeline, or in a search, "
                f"got {estimator!r}"
            )
    check_is_fitted(inside)
    return inside, before


def find_layer(network, path):
    """Find a layer by name; inside of composite layers with dots.

    Returns
    -------
    layer : Layer
    weights : dict of str to ndarray

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    layers, weights = dict(_walk(network.layers)), network.weights
    if path not in layers:
        raise ValueError(
            f"layer must name a layer of the network, one of {list(layers)}, got "
            f"{path!r}{did_you_mean(path, layers)}"
        )
    for name in path.split("."):
        weights = weights.get(name, {})
    return layers[path], weights


def _walk(layers, prefix=""):
    for name, layer in layers:
        yield prefix + name, layer
        yield from _walk(layer.inner_layers(), f"{prefix}{name}.")


def as_images(samples):
    """Return images as they are, and signals (n, l, c) as images of one row."""
    return samples[:, None] if samples.ndim == 3 else samples


def drawable(images):
    """Return images as matplotlib draws them: gray (n, h, w), or RGB (n, h, w, 3).

    Of other numbers of channels their mean is shown. Colours that do not lie in [0, 1],
    or are no bytes, are scaled to it.
    """
    if images.shape[-1] != 3:
        return images.mean(axis=-1)
    if images.dtype == np.uint8:
        return images
    low, high = images.min(), images.max()
    if low >= 0 and high <= 1:
        return images.astype(float)
    return (images - low) / max(high - low, np.finfo(float).tiny)


def size_text(shape):
    """Write a shape for a reader: 8×8×32."""
    return "×".join(map(str, shape))  # noqa: RUF001


def label_texts(classes, display_labels):
    """Tell what to write for each class, by label.

    Raises
    ------
    ValueError
        If `display_labels` has not one text for each of the classes.
    """
    labels = [] if classes is None else np.asarray(classes).tolist()
    if display_labels is None:
        return {label: str(label) for label in labels}
    texts = [str(text) for text in display_labels]
    if len(texts) != len(labels):
        raise ValueError(
            f"display_labels must have a text for each of the {len(labels)} classes, "
            f"got {len(texts)}"
        )
    return dict(zip(labels, texts, strict=True))
