"""A warning where X is far from the scale on which a network learns."""

import warnings
from collections.abc import Collection, Iterable

import numpy as np

from ..layers import BatchNorm, LayerNorm, Normalization, Rescaling
from ..layers.chain import leaves, named_weights
from ..layers.layer import Layer
from ..layers.typing import Array, Chain, Weights
from .network import Network

__all__ = ["warn_of_scale"]

# Root mean square of a sample between which networks learn about equally well.
_LOW, _HIGH = 0.05, 4.0
# Deviation of most values, in units of that of all, below which a few decide the scale.
_FEW_DECIDE = 0.02


def warn_of_scale(
    network: Network,
    samples: Iterable[Array],
    *,
    resumed: bool = False,
    taken: Collection[str] = (),
) -> None:
    """Warn if what reaches the first layer with weights is too large or too small.

    Nothing is said where layers scale it themselves: normalising layers that come first
    or right after the first weights.

    Parameters
    ----------
    network : Network
        Adapted to the training data.
    samples : iterable of ndarray of shape (1, *input_shape)
        Some of the training data.
    resumed : bool, default=False
        Whether it was adapted to those of an earlier call. Then only another scale
        than theirs is a reason to warn.
    taken : collection of str, default=()
        Names of layers that came, adapted, from another network.
    """
    layers = network.layers
    at = next(
        (i for i, (name, _) in enumerate(layers) if _is_trained(network, name)), 0
    )
    fixed, large = _scales_itself(layers[at:], network.weights)
    scaler = _last_normalization(layers[:at])
    resumed = resumed or (scaler is not None and layers[scaler][0] in taken)
    if fixed or not _is_trained(network, layers[at][0]) or (resumed and scaler is None):
        return
    if scaler is None:
        size = float(np.median([_size(_reach(network, x, at)) for x in samples]))
        if size and not _LOW <= size <= (np.inf if large else _HIGH):
            warnings.warn(_words(size, *layers[at]), stacklevel=2)
        return
    name, layer = layers[scaler]
    parts, sizes, gains = [], [], []
    for x in samples:
        parts.append(_moments(_reach(network, x, scaler)))
        sizes.append(_size(_reach(network, x, scaler + 1)))
        gains.append(_size(_reach(network, x, at)) / (sizes[-1] or 1.0))
    deviation = float(getattr(layer, "deviation", 1.0))
    channel, ratio = _find_lost_channel(parts, network.weights[name]["scale"])
    ratio /= deviation
    lost, expected = ratio < _FEW_DECIDE, deviation * float(np.median(gains))
    size = float(np.median(sizes))
    if resumed:
        if lost or size > 2 * _HIGH * deviation:
            warnings.warn(_words_for_resumed(name, size), stacklevel=2)
    elif lost:
        warnings.warn(_words_for_outliers(channel, ratio), stacklevel=2)
    elif size and expected and not _LOW <= expected <= (np.inf if large else _HIGH):
        warnings.warn(_words(expected, *layers[at], layer), stacklevel=2)


def _last_normalization(layers: Chain) -> int | None:
    found = [
        i for i, (_, layer) in enumerate(layers) if isinstance(layer, Normalization)
    ]
    return found[-1] if found else None


def _reach(network: Network, x: Array, at: int) -> Array:
    """Return what reaches a layer, by its number, of a sample."""
    return network.predict(x, network.layers[at - 1][0]) if at else x


def _moments(x: Array) -> Array:
    """Return mean, deviation and largest absolute value of each channel, (3, c)."""
    values = x.reshape(-1, x.shape[-1]).astype(np.float64)
    return np.stack([values.mean(0), values.std(0), np.abs(values).max(0)])


def _find_lost_channel(parts: list[Array], scale: Array) -> tuple[int, float]:
    """Return the channel that varies least in most samples, and by how much of `scale`.

    Channels that never vary, and those that are 0 once they are shifted, do not count.
    """
    mean, std, peak = np.stack(parts, axis=1)
    varies = np.median(np.hypot(std, mean - np.median(mean, axis=0)), axis=0)
    peak = np.median(peak, axis=0)
    constant = (scale == 1) | ((scale >= peak / 2) & (scale <= 2 * peak))
    ratio = np.where((varies == 0) | constant, np.inf, varies / scale)
    channel = int(ratio.argmin())
    return channel, float(ratio[channel])


def _is_trained(network: Network, name: str) -> bool:
    layer = dict(network.layers)[name]
    return any(trained for *_, trained in named_weights(layer, network.weights[name]))


def _size(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def _scales_itself(layers: Chain, weights: Weights) -> tuple[bool, bool]:
    """Return whether the first layers scale values of any size, and large ones only.

    BatchNorm and LayerNorm add an epsilon to the variance, so that small ones stay.
    """
    found = [(layer, own) for _, layer, own in leaves(layers, weights)]
    for i, (layer, own) in enumerate(found):
        if isinstance(layer, Normalization | Rescaling):
            return True, True
        if isinstance(layer, BatchNorm | LayerNorm):
            return False, True
        if any(trained for *_, trained in named_weights(layer, own)):
            linear = getattr(layer, "activation", None) is None
            after = found[i + 1][0] if i + 1 < len(found) else None
            return False, linear and isinstance(after, BatchNorm | LayerNorm)
    return False, False


def _words(size: float, name: str, layer: Layer, scaler: Layer | None = None) -> str:
    way_out = (
        "Put skconv.layers.Normalization(0.5) first in layers, which learns the scale "
        "of X, or scale X"
    )
    if scaler is not None:
        way_out = (
            f"Use Normalization(0.5) in place of {scaler!r}, and no scale after it"
        )
    return (
        f"what reaches {name!r} ({layer!r}), the first layer with weights, has a root "
        f"mean square of about {size:.2g}, and a network learns best if that is about "
        f"0.5. {way_out}"
    )


def _words_for_outliers(channel: int, ratio: float) -> str:
    return (
        "a few values of X are so far from the others that these are all about the "
        f"same once X is normalised: in channel {channel} most vary by {ratio:.2g} of "
        "the deviation of all. Find them and clip them (np.clip), or take np.log1p of X"
    )


def _words_for_resumed(name: str, size: float) -> str:
    return (
        f"X is on another scale than in the first call, whose scale layer {name!r} "
        f"keeps: what it makes of X has a root mean square of about {size:.2g}, or "
        "hardly varies. Scale X as in the first call, or start again with "
        "warm_start=False and fit"
    )
