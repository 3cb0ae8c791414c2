"""What in an image an output depends on: gradients, Grad-CAM, occlusion.

All functions ask the same: how does a score of each image, ``(outputs *
direction).sum()``, depend on its pixels? A direction that is 1 for one output and 0 for
others asks for that output.

Of signals (l, c) read pixels as places: gradients are (n, l, c) and maps (n, l).
"""

from itertools import product

import numpy as np

from .._data.batches import predict_in_batches
from .._utils.lookup import did_you_mean
from ..layers import chain
from ..ops import pair, positive_int

__all__ = [
    "grad_cam",
    "input_gradient",
    "occlusion",
    "output_gradient",
    "smooth_gradient",
]

_CHUNK = 64  # images whose layers' outputs are held at a time


def output_gradient(network, x, direction, layer=None):
    """Compute the gradient of the score in what a layer puts out, at prediction.

    Parameters
    ----------
    network : Network
    x : ndarray of shape (n, ...), of the network's dtype
    direction : ndarray of shape (n, ...)
        What each output counts for in the score.
    layer : str, default=None
        Name of a layer; None is the input.

    Returns
    -------
    values : ndarray of shape (n, ...)
        What the layer puts out; ``x`` of the input.
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
    return x, dx


def input_gradient(network, x, direction):
    """Compute the gradient of the score in the image.

    Parameters
    ----------
    network, x, direction
        As in `output_gradient`.

    Returns
    -------
    gradient : ndarray of shape (n, h, w, c)

    Notes
    -----
    Simonyan, Vedaldi & Zisserman, "Deep inside convolutional networks", 2014. Its
    picture is the largest absolute value of each pixel's channels.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import Network
    >>> from skconv.layers import Dense
    >>> from skconv.inspection.saliency import input_gradient
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


def smooth_gradient(network, x, direction, *, noise=0.15, n_draws=32, rng=0):
    """Average `input_gradient` over noisy copies of each image: SmoothGrad.

    Parameters
    ----------
    network, x, direction
        As in `output_gradient`.
    noise : float, default=0.15
        Standard deviation of the noise, in parts of the span of each image's values.
    n_draws : int, default=32
        Noisy copies of each image.
    rng : numpy.random.Generator or int, default=0
        What draws the noise.

    Returns
    -------
    gradient : ndarray of shape (n, h, w, c)

    Notes
    -----
    Smilkov, Thorat, Kim, Viégas & Wattenberg, "SmoothGrad: removing noise by adding
    noise", 2017, which recommends 10 to 20 % noise.
    """
    rng = np.random.default_rng(rng)
    sigma = noise * np.ptp(x, axis=tuple(range(1, x.ndim)), keepdims=True)
    total = np.zeros(x.shape)
    for _ in range(n_draws):
        draw = sigma * rng.standard_normal(x.shape, dtype=x.dtype)
        total += input_gradient(network, x + draw.astype(x.dtype), direction)
    return (total / n_draws).astype(x.dtype)


def grad_cam(network, x, direction, *, layer=None):
    """Weigh a layer's feature maps by what they bring to the score: Grad-CAM.

    Parameters
    ----------
    network, x, direction
        As in `output_gradient`.
    layer : str, default=None
        A layer that puts out images; None is the last one of these with weights.

    Returns
    -------
    maps : ndarray of shape (n, h, w)
        At least 0, interpolated to the size of the image.

    Raises
    ------
    ValueError
        If there is no such layer, or it puts out no images.

    Notes
    -----
    ``relu((a * maps).sum(channels))``, where ``a`` is the mean over the pixels of each
    map's gradient: Selvaraju et al., "Grad-CAM", 2017, equations 1 and 2.
    """
    # Here, so that `import skconv` need not wait for it.
    from scipy import ndimage

    layer = _layer_of_maps(network) if layer is None else layer
    maps, gradient = output_gradient(network, x, direction, layer)
    if maps.ndim != x.ndim:
        raise ValueError(
            f"layer must put out images (h, w, c) for Grad-CAM, but {layer!r} puts out "
            f"samples of shape {maps.shape[1:]}; take a convolution or a pooling layer"
        )
    weights = gradient.mean(axis=_pixel_axes(x), keepdims=True)
    coarse = np.maximum((weights * maps).sum(axis=-1), 0)
    zoom = np.divide(x.shape[:-1], coarse.shape)
    return ndimage.zoom(coarse, zoom, order=1, mode="nearest", grid_mode=True)


def occlusion(network, x, direction, *, window=None, stride=1, fill=None):
    """Compute how much of the score is lost where a patch hides the image.

    Parameters
    ----------
    network, x, direction
        As in `output_gradient`.
    window : int or (h, w), default=None
        Size of the patch; None is a quarter of the image, up or down to whole pixels.
    stride : int or (h, w), default=1
        Step between its places.
    fill : float, default=None
        What the patch holds; None is the mean of each image's channels.

    Returns
    -------
    maps : ndarray of shape (n, h, w)
        Mean loss of the score over the patches that hide a pixel: above 0 where the
        pixel speaks for it, below where against. NaN where no patch comes.

    Notes
    -----
    Zeiler & Fergus, "Visualizing and understanding convolutional networks", 2014.
    """
    size = x.shape[1:-1]
    window = [max(1, round(n / 4)) for n in size] if window is None else window
    window = tuple(map(min, _sizes(window, "window", size), size))
    corners = [
        range(0, n - k + 1, step)
        for n, k, step in zip(size, window, _sizes(stride, "stride", size), strict=True)
    ]
    direction = np.asarray(direction)
    patch = x.mean(axis=_pixel_axes(x), keepdims=True) if fill is None else fill
    before = _scores(network, x, direction)
    lost, seen = np.zeros(x.shape[:-1]), np.zeros(size)
    for corner in product(*corners):
        here = tuple(slice(i, i + k) for i, k in zip(corner, window, strict=True))
        hidden = x.copy()
        hidden[:, *here] = patch
        loss = before - _scores(network, hidden, direction)
        lost[:, *here] += loss.reshape(-1, *[1] * len(size))
        seen[here] += 1
    with np.errstate(invalid="ignore"):
        return (lost / seen).astype(x.dtype)


def _pixel_axes(x):
    return tuple(range(1, x.ndim - 1))


def _sizes(value, name, axes):
    """Return a size for each axis of an image, or for the one of a signal."""
    if len(axes) == 1:
        value = value[0] if isinstance(value, list) else value
        return [positive_int(value, name)]
    return pair(tuple(value) if isinstance(value, list) else value, name)


def _scores(network, x, direction):
    outputs = predict_in_batches(network, x)
    return (outputs * direction).reshape(len(x), -1).sum(axis=1)


def _layer_of_maps(network):
    """Name the last layer with weights that puts out images, or else any that does."""
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
        "Grad-CAM needs a layer that puts out images (h, w, c), and the network has "
        "none; use the gradient or occlusion"
    )
