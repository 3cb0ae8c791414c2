"""Saliency: what in an image an output depends on, by gradients, Grad-CAM, occlusion.

Each function computes how a score of each image, ``(outputs * direction).sum()``,
depends on the image's pixels. To explain one output, pass a direction that is 1 for
that output and 0 for the others.

For signals (length, channels) gradients have shape (n, length, channels) and maps
(n, length).
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._data.batches import predict_in_batches
from .._utils.lookup import did_you_mean
from ..layers import chain
from ..models.network import Network
from ..ops import pair, positive_int

__all__ = [
    "grad_cam",
    "input_gradient",
    "occlusion",
    "output_gradient",
    "smooth_gradient",
]

_CHUNK = 64  # images whose layer outputs are in memory at a time


def output_gradient(
    network: Network, x: NDArray[Any], direction: ArrayLike, layer: str | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Compute the gradient of the score with respect to a layer's output.

    Layers act as in prediction: dropout does nothing.

    Parameters
    ----------
    network : Network
    x : ndarray of shape (n, ...), of the network's dtype
    direction : ndarray of shape (n, ...)
        Weight of each output in the score.
    layer : str, default=None
        Name of a layer; None is the input.

    Returns
    -------
    values : ndarray of shape (n, ...)
        The layer's output; ``x`` for the input.
    gradient : ndarray of shape (n, ...)

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    names = [name for name, _ in network.layers]
    if layer is not None and layer not in names:
        raise ValueError(
            f"layer must name a layer of the network, one of {names}, got {layer!r}"
            f"{did_you_mean(layer, names)}"
        )
    first = 0 if layer is None else names.index(layer) + 1
    if layer is not None:
        x = network.predict(x, upto=layer)
    direction = np.asarray(direction, network.dtype)
    layers = network.layers[first:]
    _, caches = chain.forward(layers, network.weights, x, None)
    dx, _ = chain.backward(layers, network.weights, caches, direction)
    assert dx is not None  # asked for: need_dx is True by default
    return x, dx


def input_gradient(
    network: Network, x: NDArray[Any], direction: ArrayLike
) -> NDArray[Any]:
    """Compute the gradient of the score with respect to the image.

    Parameters
    ----------
    network, x, direction
        As in `output_gradient`.

    Returns
    -------
    gradient : ndarray of shape (n, h, w, c)

    Notes
    -----
    Simonyan, Vedaldi & Zisserman, "Deep inside convolutional networks", 2014. They draw
    the largest absolute value of each pixel's channels.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import Network
    >>> from skconv.layers import Dense
    >>> from skconv.inspection import input_gradient
    >>> network = Network.build([("out", Dense(2))], (2, 2, 1), 0)
    >>> gradient = input_gradient(network, np.ones((1, 2, 2, 1), "f4"), [[0, 1]])
    >>> bool((gradient.ravel() == network.weights["out"]["kernel"][:, 1]).all())
    True
    """
    direction = np.asarray(direction)
    return np.concatenate(
        [
            output_gradient(network, x[i : i + _CHUNK], direction[i : i + _CHUNK])[1]
            for i in range(0, len(x), _CHUNK)
        ]
    )


def smooth_gradient(
    network: Network,
    x: NDArray[Any],
    direction: ArrayLike,
    *,
    noise: float = 0.15,
    n_draws: int = 32,
    rng: np.random.Generator | int = 0,
) -> NDArray[Any]:
    """Average `input_gradient` over noisy copies of each image: SmoothGrad.

    Parameters
    ----------
    network, x, direction
        As in `output_gradient`.
    noise : float, default=0.15
        Standard deviation of the noise, as a fraction of the range of each image's
        values.
    n_draws : int, default=32
        Number of noisy copies of each image.
    rng : numpy.random.Generator or int, default=0
        Draws the noise.

    Returns
    -------
    gradient : ndarray of shape (n, h, w, c)

    Notes
    -----
    Smilkov, Thorat, Kim, Viégas & Wattenberg, "SmoothGrad: removing noise by adding
    noise", 2017. They recommend 10 to 20 % of noise.
    """
    rng = np.random.default_rng(rng)
    sigma = noise * np.ptp(x, axis=tuple(range(1, x.ndim)), keepdims=True)
    total = np.zeros(x.shape)
    for _ in range(n_draws):
        draw = sigma * rng.standard_normal(x.shape, dtype=x.dtype)
        total += input_gradient(network, x + draw.astype(x.dtype), direction)
    return (total / n_draws).astype(x.dtype)


def grad_cam(
    network: Network, x: NDArray[Any], direction: ArrayLike, *, layer: str | None = None
) -> NDArray[Any]:
    """Compute Grad-CAM: the sum of a layer's maps, weighted by their mean gradient.

    Parameters
    ----------
    network, x, direction
        As in `output_gradient`.
    layer : str, default=None
        A layer whose output is an image; None is the last such layer with weights.

    Returns
    -------
    maps : ndarray of shape (n, h, w)
        Values >= 0, interpolated to the size of the image.

    Raises
    ------
    ValueError
        If there is no such layer, or its output is no image.

    Notes
    -----
    ``relu((a * maps).sum(channels))``, where ``a`` is the mean over the pixels of each
    map's gradient: Selvaraju et al., "Grad-CAM", 2017, equations 1 and 2.
    """
    # Imported here, to keep `import skconv` fast.
    from scipy import ndimage

    layer = _last_layer_of_maps(network) if layer is None else layer
    maps, gradient = output_gradient(network, x, direction, layer)
    if maps.ndim != x.ndim:
        raise ValueError(
            "layer must be one whose output is an image (h, w, c) or a signal "
            f"(length, channels), got {layer!r} with output shape {maps.shape[1:]}; "
            "use a convolution or a pooling layer"
        )
    weights = gradient.mean(axis=_pixel_axes(x), keepdims=True)
    coarse = np.maximum((weights * maps).sum(axis=-1), 0)
    zoom = np.divide(x.shape[:-1], coarse.shape)
    return ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True)


def occlusion(
    network: Network,
    x: NDArray[Any],
    direction: ArrayLike,
    *,
    window: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] = 1,
    fill: float | None = None,
) -> NDArray[Any]:
    """Compute how much the score falls where a patch hides the image.

    Parameters
    ----------
    network, x, direction
        As in `output_gradient`.
    window : int or (h, w), default=None
        Size of the patch; None is a quarter of the image, rounded.
    stride : int or (h, w), default=1
        Step between the patch's positions.
    fill : float, default=None
        Value of the patch; None is the mean of each image's channels.

    Returns
    -------
    maps : ndarray of shape (n, h, w)
        Mean fall of the score over the patches that hide a pixel: > 0 if the pixel
        raises the score, < 0 if it lowers the score, NaN if no patch hides it.

    Notes
    -----
    Zeiler & Fergus, "Visualizing and understanding convolutional networks", 2014.
    """
    size = x.shape[1:-1]
    if window is None:
        patch_size = [max(1, round(n / 4)) for n in size]
    else:
        patch_size = list(map(min, _axis_sizes(window, "window", size), size))
    corners = [
        range(0, n - k + 1, step)
        for n, k, step in zip(
            size, patch_size, _axis_sizes(stride, "stride", size), strict=True
        )
    ]
    direction = np.asarray(direction)
    patch = x.mean(axis=_pixel_axes(x), keepdims=True) if fill is None else fill
    before = _scores(network, x, direction)
    fall, n_patches = np.zeros(x.shape[:-1]), np.zeros(size)
    for corner in product(*corners):
        here = tuple(slice(i, i + k) for i, k in zip(corner, patch_size, strict=True))
        hidden = x.copy()
        hidden[:, *here] = patch
        change = before - _scores(network, hidden, direction)
        fall[:, *here] += change.reshape(-1, *[1] * len(size))
        n_patches[here] += 1
    with np.errstate(invalid="ignore"):
        return (fall / n_patches).astype(x.dtype)


def _pixel_axes(x: NDArray[Any]) -> tuple[int, ...]:
    return tuple(range(1, x.ndim - 1))


def _axis_sizes(value: Any, name: str, axes: tuple[int, ...]) -> Sequence[int]:
    """Return a size for each axis of an image, or one for a signal."""
    if len(axes) == 1:
        value = value[0] if isinstance(value, list) else value
        return [positive_int(value, name)]
    return pair(tuple(value) if isinstance(value, list) else value, name)


def _scores(network: Network, x: NDArray[Any], direction: NDArray[Any]) -> NDArray[Any]:
    outputs = predict_in_batches(network, x)
    return (outputs * direction).reshape(len(x), -1).sum(axis=1)


def _last_layer_of_maps(network: Network) -> str:
    """Return the last layer whose output is an image, if possible one with weights."""
    images = [
        (name, bool(network.weights[name]))
        for (name, _), shape in zip(network.layers, network.shapes, strict=True)
        if len(shape) == len(network.input_shape)
    ]
    for name, learns in reversed(images):
        if learns:
            return name
    if images:
        return images[-1][0]
    raise ValueError(
        "Grad-CAM needs a layer whose output is an image (h, w, c) or a signal "
        "(length, channels), and the network has none; use the gradient or occlusion"
    )
