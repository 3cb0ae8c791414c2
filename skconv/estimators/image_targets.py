"""What estimators share whose targets are images or masks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._data.arrays import check_lengths
from .._data.batches import chunk_size
from .._data.samples import check_sample_weight
from ..layers import chain
from ..models.network import Network

__all__ = ["decode", "score_images"]


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
        with np.errstate(over="ignore", invalid="ignore"):
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
    return float(encoder.score_of(total))
