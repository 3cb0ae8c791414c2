"""What estimators share whose targets are images or masks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._data.arrays import check_lengths
from .._data.batches import chunk_size
from .._data.mask_encoder import MaskEncoder
from .._data.samples import check_sample_weight
from .._utils.floats import quiet
from ..layers import chain
from ..layers.typing import Chain
from ..models.network import Network
from ..models.unet import unet_layers
from .parameters import DEFAULT_NETWORK, DEFAULT_UNET

__all__ = [
    "check_targets_unchanged",
    "decode",
    "image_shape",
    "layers_for_images",
    "score_images",
]


def image_shape(y: NDArray[Any], signals: bool) -> tuple[int, ...] | None:
    """Return the shape of the images or signals in `y`, None if it has numbers."""
    if y.ndim < 3:
        return None
    return y.shape[1:] if y.ndim == 4 or signals else (*y.shape[1:], 1)


def layers_for_images(input_shape: tuple[int, ...], numbers: dict[str, Any]) -> Chain:
    """Return the default network's hidden layers for images as a regressor's targets.

    Parameters
    ----------
    input_shape : (h, w, c) or (length, channels)
    numbers : dict
        Of the estimator's parameters that describe a default network.

    Raises
    ------
    ValueError
        If one describes the default network of targets that are numbers.
    """
    for name in numbers.keys() - DEFAULT_UNET.keys():
        if not np.array_equal(numbers[name], DEFAULT_NETWORK[name]):
            raise ValueError(
                f"{name}={numbers[name]!r} describes the default network of targets "
                "that are numbers. That of images is described by "
                f"{', '.join(DEFAULT_UNET)}: leave {name} out, or pass layers"
            )
    return unet_layers(input_shape, **{name: numbers[name] for name in DEFAULT_UNET})


def check_targets_unchanged(first: Any, encoder: Any) -> None:
    """Raise ValueError if encoders of numbers or images differ in more than scale."""
    if encoder.unscaled() == first.unscaled():
        return
    names = "loss_name", "quantile", "dtype", "n_outputs", "flat", "shape"
    before, now = (
        ", ".join(
            f"{name}={getattr(each, name)!r}" for name in names if hasattr(each, name)
        )
        for each in (first, encoder)
    )
    raise ValueError(
        "loss, quantile, dtype and the shape of y must be the same as in the first fit "
        f"to continue it, {before}, got {now}; use warm_start=False and fit to start "
        "again"
    )


def decode(
    network: Network, layer: str, codes: NDArray[Any], encoder: Any
) -> NDArray[Any]:
    """Return the predictions that a network makes of the output of a layer.

    Parameters
    ----------
    network : Network
    layer : str
    codes : ndarray of shape (n, ...)
        In the shape of the layer's output.
    encoder : ImageEncoder
    """
    names = [name for name, _ in network.layers]
    layers = network.layers[names.index(layer) + 1 :]
    parts, size = [], chunk_size(network)
    for start in range(0, len(codes), size):
        with quiet():
            some = codes[start : start + size].astype(network.dtype)
            outputs = chain.predict(layers, network.weights, some)
        if not np.isfinite(outputs).all():
            raise ValueError(
                "the network makes infinite or NaN of some codes in X, which are "
                f"between {codes.min():.3g} and {codes.max():.3g}: pass codes such as "
                "transform returns"
            )
        parts.append(encoder.predict(outputs))
    return np.concatenate(parts)


def score_images(
    estimator: Any, X: Any, y: Any, sample_weight: Any, encoder: Any = None
) -> float:
    """Return the score of a fitted estimator, of some samples at a time.

    Parameters
    ----------
    estimator : estimator with `FeaturesMixin`
    X : array-like
    y : ndarray
        Checked.
    sample_weight : array-like of shape (n,) or (n, h, w), or None
    encoder : MaskEncoder or ImageEncoder, default=None
        Of these targets; None is the estimator's.
    """
    check_is_fitted(estimator)
    fitted = vars(estimator)  # whole, even if another thread refits now
    encoder = encoder or fitted["_encoder"]
    check_lengths(X, y)
    targets, total = encoder.transform(y), 0.0
    pixels = encoder.output_shape[:-1]
    weight = check_sample_weight(sample_weight, y, pixels=pixels)
    for part, outputs in estimator._predict_in_parts(fitted, X):
        some = None if weight is None else weight[part]
        total = total + encoder.tally(outputs, targets[part], some)
    # A channel that is the same everywhere must not hide the others in a search.
    forced = {} if isinstance(encoder, MaskEncoder) else {"force_finite": True}
    return float(encoder.score_of(total, **forced))
