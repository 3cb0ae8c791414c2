"""A minibatch as transforms see it, if they see more than its images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Batch"]

_Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Batch:
    """A minibatch: what ``transform_batch(batch, rng)`` takes and returns.

    Use ``dataclasses.replace(batch, x=...)`` to change a part of it.

    Parameters
    ----------
    x : ndarray of shape (n, h, w, c) or (n, length, channels)
    targets : ndarray of shape (n, ...), default=None
        As the loss takes them: classes, (n,); 0 and 1 of two classes or of labels,
        (n, k); or numbers, (n, k), on the scale of the loss. With a target for each
        pixel: classes, (n, h, w), or numbers, (n, h, w, k); of signals, (n, length) and
        (n, l, k).
    sample_weight : ndarray of shape (n,) or (n, h, w), default=None
        In the loss, with the factors of `class_weight` (but for those of pixels).
    indices : ndarray of int of shape (n,), default=None
        Which rows of X these are. None counts from 0 on.
    epoch : int, default=0
        Epochs that were trained before.
    n_outputs : int, default=0
        Of the network: of many classes, their number.
    column_sizes : tuple of int, default=()
        Of several columns of classes, how many classes each has. Targets are then
        classes, (n, n_columns), or the probabilities of all columns' classes side by
        side, (n, n_outputs).
    by_pixel : bool, default=None
        Whether targets belong to the pixels of x, and move with them. None: they do if
        they have three axes or more.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import Batch
    >>> x, rng = np.zeros((2, 1, 1, 1)), np.random.default_rng(0)
    >>> batch = Batch(x, targets=np.array([0, 2]), n_outputs=3)
    >>> batch.mix(x, partners=np.array([1, 0]), shares=np.array([0.75, 0.75])).targets
    array([[0.75, 0.  , 0.25],
           [0.25, 0.  , 0.75]])
    """

    x: _Array
    targets: _Array | None = None
    sample_weight: _Array | None = None
    indices: NDArray[np.intp] | None = None
    epoch: int = 0
    n_outputs: int = 0
    column_sizes: Sequence[int] = ()
    by_pixel: bool | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def has_pixel_targets(self) -> bool:
        """Whether there are targets that belong to the pixels of x."""
        if self.targets is None:
            return False
        return self.targets.ndim > 2 if self.by_pixel is None else self.by_pixel

    @property
    def target_size(self) -> tuple[int, ...]:
        """Height and width of targets that belong to pixels; of signals, the length."""
        assert self.targets is not None
        return self.targets.shape[1 : self.x.ndim - 1]

    def pixel_weight(self) -> _Array:
        """Return the sample weight of each pixel of such targets, (n, h, w)."""
        shape, weight = (len(self), *self.target_size), self.sample_weight
        if weight is None:
            return np.ones(shape, self.x.dtype)
        axes = (1,) * (len(shape) - weight.ndim)
        return np.broadcast_to(weight.reshape(*weight.shape, *axes), shape)

    def mix(self, x: _Array, partners: NDArray[np.intp], shares: _Array) -> "Batch":
        """Return a batch of images that were mixed, with the targets that they have.

        Parameters
        ----------
        x : ndarray like `self.x`
            The mixed images.
        partners : ndarray of int of shape (n,)
            Which image of the batch is mixed into each.
        shares : ndarray of shape (n,)
            How much of each is its own, from 0 to 1.

        Returns
        -------
        batch : Batch
            Its targets and weights make the loss of a mixed image the one of both
            images, each with its share and its weight w:
            ``share * w * loss + (1 - share) * w' * loss'``. The weight is
            ``share * w + (1 - share) * w'``, and each target has its part of that. (Of
            losses that are not linear in the targets, such as "huber", the gradient is
            that of the mixed target.)

        Raises
        ------
        ValueError
            If there are no targets, or none that can be mixed.
        """
        targets, weight = self._soft_targets(), self.sample_weight
        shares = shares.astype(self.x.dtype)
        if weight is not None:
            shares = np.broadcast_to(
                shares.reshape(-1, *[1] * (weight.ndim - 1)), weight.shape
            ).copy()
            own, other = shares * weight, (1 - shares) * weight[partners]
            weight = own + other
            np.divide(own, weight, out=shares, where=weight > 0)
        rest = 1 - shares
        rest = rest.reshape(*rest.shape, *[1] * (targets.ndim - rest.ndim))
        # Equal targets stay equal to the bit.
        targets = targets + rest * (targets[partners] - targets)
        return replace(self, x=x, targets=targets, sample_weight=weight)

    def _soft_targets(self) -> _Array:
        """Return targets that can be averaged: of classes, their probabilities."""
        targets = self.targets
        if targets is None:
            raise ValueError(
                "it changes targets, and got images alone: use it in augment of an "
                "estimator, or pass Batch(x, targets) to skconv.augmentation.augment"
            )
        are_classes = self.has_pixel_targets or targets.ndim == 1
        are_classes = are_classes and targets.dtype.kind in "iu"
        if are_classes and self.n_outputs > targets.max(initial=0):
            return self._one_hot(targets[..., None], [self.n_outputs])
        if self.column_sizes and targets.dtype.kind in "iu":
            return self._one_hot(targets, self.column_sizes)
        if are_classes or targets.dtype.kind not in "biuf":
            raise ValueError(
                "targets to be mixed must be classes below n_outputs, (n,) or of "
                "pixels (n, h, w), or numbers, (n, k) or (n, h, w, k), got "
                f"{targets.dtype} of shape {targets.shape} with "
                f"n_outputs={self.n_outputs}"
            )
        return targets.astype(self.x.dtype)

    def _one_hot(self, codes: _Array, sizes: Sequence[int]) -> _Array:
        """Return the probabilities of classes, of all columns side by side."""
        one_hot = np.zeros((*codes.shape[:-1], sum(sizes)), self.x.dtype)
        starts = np.cumsum([0, *sizes])[:-1]
        np.put_along_axis(one_hot, codes.astype(np.intp) + starts, 1, axis=-1)
        return one_hot
