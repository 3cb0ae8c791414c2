"""Transforms that mix images of a minibatch, and their targets."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._utils.params import ParamsMixin
from .batch import Batch
from .checks import as_images, finite_number

__all__ = ["CutMix", "MixUp"]

_SMALLEST_ALPHA = 1e-3


class MixUp(ParamsMixin):
    """Average each image with another of its minibatch, and their targets.

    Parameters
    ----------
    alpha : float, default=0.2
        An image's own share is drawn from the beta distribution (alpha, alpha): small
        values leave most images nearly alone, 1 makes all shares equally likely.
    probability : float, default=1.0
        Probability that an image is mixed.

    See Also
    --------
    CutMix : Puts a part of another image into each.
    Batch.mix : Which targets and weights mixed images have.

    Notes
    -----
    Zhang et al., "mixup: beyond empirical risk minimization", 2018. They draw a share
    for each minibatch, here each image has its own. Classes become probabilities; a
    regressor's targets are averaged as well.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import Batch, MixUp, augment
    >>> batch = Batch(np.array([0.0, 1.0]).reshape(2, 1, 1), np.array([[0.0], [1.0]]))
    >>> mixed = augment(batch, MixUp(1), np.random.default_rng(4))
    >>> mixed.x[:, 0, 0].round(2), mixed.targets[:, 0].round(2)
    (array([0.88, 0.53]), array([0.88, 0.53]))
    """

    def __init__(self, alpha: float = 0.2, probability: float = 1.0) -> None:
        self.alpha = alpha
        self.probability = probability

    def transform_batch(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Return a batch of mixed images."""
        x, partners = batch.x, rng.permutation(len(batch))
        shares = _draw_shares(self, len(batch), rng)
        rest = (1 - shares).astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
        mixed = x[partners]
        mixed -= x
        mixed *= rest
        mixed += x
        return batch.mix(mixed, partners, shares)


class CutMix(ParamsMixin):
    """Replace a rectangle of each image by that of another, and mix their targets.

    Of signals it is a stretch of time.

    Parameters
    ----------
    alpha : float, default=1.0
        An image's own share of pixels is drawn from the beta distribution (alpha,
        alpha), before the rectangle is cut off at the image's edges.
    probability : float, default=1.0
        Probability that an image gets a rectangle.

    See Also
    --------
    MixUp : Averages images.
    Batch.mix : Which targets and weights mixed images have.

    Notes
    -----
    Yun et al., "CutMix: regularization strategy to train strong classifiers with
    localizable features", 2019. They draw a rectangle for each minibatch, here each
    image has its own. Targets are mixed by the numbers of pixels; masks, and other
    targets of pixels, get the rectangle that images get.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import Batch, CutMix, augment
    >>> x = np.zeros((2, 1, 8, 1))
    >>> x[1] = 1
    >>> batch = Batch(x, targets=np.array([0, 1]), n_outputs=2)
    >>> mixed = augment(batch, CutMix(), np.random.default_rng(4))
    >>> mixed.x[1, 0, :, 0], mixed.targets[1]
    (array([1., 1., 1., 1., 1., 0., 0., 0.]), array([0.375, 0.625]))
    """

    def __init__(self, alpha: float = 1.0, probability: float = 1.0) -> None:
        self.alpha = alpha
        self.probability = probability

    def transform_batch(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Return a batch of mixed images."""
        images, partners = as_images(batch.x), rng.permutation(len(batch))
        n, h, w, _ = images.shape
        area = 1 - _draw_shares(self, n, rng)
        # Of one row, the rectangle's length is its area.
        part_h, part_w = (np.sign(area), area) if h == 1 else (np.sqrt(area),) * 2
        rows, columns = _draw_runs(part_h, h, rng), _draw_runs(part_w, w, rng)

        def paste(values: NDArray[Any]) -> NDArray[Any]:
            mixed = values.copy()
            for i, j in enumerate(partners):
                inside = slice(*rows[i]), slice(*columns[i])
                mixed[i][inside] = values[j][inside]
            return mixed

        mixed = paste(images).reshape(batch.x.shape)
        if batch.has_pixel_targets:
            return _paste_targets(replace(batch, x=mixed), paste)
        taken = np.diff(rows)[:, 0] * np.diff(columns)[:, 0]
        return batch.mix(mixed, partners, 1 - taken / (h * w))


def _paste_targets(
    batch: Batch, paste: Callable[[NDArray[Any]], NDArray[Any]]
) -> Batch:
    """Return a batch whose targets, and weights of pixels, are pasted as images are."""
    size, targets = batch.target_size, batch.targets
    assert targets is not None
    if size != batch.x.shape[1:-1]:
        raise ValueError(
            f"CutMix needs targets of the size of the images, {batch.x.shape[1:-1]}, "
            f"got targets of {size}"
        )

    def pasted(values: NDArray[Any]) -> NDArray[Any]:
        row = (1,) * (batch.x.ndim == 3)  # signals are images of one row
        return paste(values.reshape(len(values), *row, *values.shape[1:])).reshape(
            values.shape
        )

    weight = batch.sample_weight
    if weight is not None:
        weight = pasted(batch.pixel_weight())
    return replace(batch, targets=pasted(targets), sample_weight=weight)


def _draw_shares(
    transform: MixUp | CutMix, n: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return how much of each image is its own."""
    alpha = finite_number(transform.alpha, "alpha", _SMALLEST_ALPHA)
    probability = finite_number(transform.probability, "probability", 0, 1)
    shares = rng.beta(alpha, alpha, n)
    shares[rng.random(n) >= probability] = 1
    return shares


def _draw_runs(
    part: NDArray[Any], size: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Return the start and the stop, (n, 2), of parts around places drawn from all."""
    length = np.rint(part * size)
    start = rng.integers(0, size, len(part)) - length // 2
    ends = np.stack([start, start + length], axis=1)
    return np.clip(ends, 0, size).astype(np.intp)
