"""How transforms are called: in order, each on the result of the one before."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from .._utils.params import distinct_components, hint_to_call
from .batch import Batch

__all__ = ["BatchTransform", "Transforms", "augment", "name_transforms"]


class BatchTransform(Protocol):
    """A transform that sees more of a minibatch than its images."""

    def transform_batch(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Return a batch of as many samples."""


_Transform: TypeAlias = (
    Callable[[NDArray[Any], np.random.Generator], NDArray[Any]] | BatchTransform
)
_Entry: TypeAlias = _Transform | Literal["passthrough"]
Transforms: TypeAlias = _Transform | Sequence[_Entry | tuple[str, _Entry]]
"""What `augment` takes: a transform, or a list of them or of (name, transform)."""

_MISTAKES = (AttributeError, IndexError, TypeError, ValueError)


@overload
def augment(
    x: NDArray[Any], transforms: Transforms, rng: np.random.Generator
) -> NDArray[Any]: ...
@overload
def augment(x: Batch, transforms: Transforms, rng: np.random.Generator) -> Batch: ...
def augment(
    x: NDArray[Any] | Batch, transforms: Transforms, rng: np.random.Generator
) -> NDArray[Any] | Batch:
    """Transform a minibatch.

    Parameters
    ----------
    x : ndarray of shape (n, ...), or Batch
        It is not changed.
    transforms : transform, or a list of them or of (str, transform)
        Called in order. A transform is a callable ``(x, rng) -> x`` or an object with
        ``transform_batch(batch, rng) -> batch``, which sees targets, too (see `Batch`);
        if it has both, the method is used. ``"passthrough"`` in a list does nothing.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    x : ndarray of the same shape and dtype, or Batch
        Like `x`.

    Raises
    ------
    TypeError
        If an entry is not a transform.
    ValueError
        If an argument of a transform is out of its range, or if a transform returns an
        array of another shape or dtype; the message names the transform.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.augmentation import RandomFlip, RandomShift, augment
    >>> x = np.arange(1.0, 13.0).reshape(1, 3, 4, 1)
    >>> y = augment(x, [RandomFlip(), RandomShift(1)], np.random.default_rng(0))
    >>> y[0, :, :, 0]
    array([[ 0.,  1.,  2.,  3.],
           [ 0.,  5.,  6.,  7.],
           [ 0.,  9., 10., 11.]])
    """
    batch = x if isinstance(x, Batch) else Batch(x)
    for name, transform in name_transforms(transforms):
        try:
            batch = _apply(transform, batch, rng)
        except _MISTAKES as error:
            # Subclasses, such as NumPy's, may not be made of a message alone.
            kind = next(kind for kind in _MISTAKES if isinstance(error, kind))
            words = f"{error}{_hint_to_copy(error, batch.x)}"
            raise kind(
                f"augment: transform {name!r} ({transform!r}): {words}"
            ) from error
    return batch if isinstance(x, Batch) else batch.x


def _apply(transform: Any, batch: Batch, rng: np.random.Generator) -> Batch:
    """Return a batch as a transform returns it, checked."""
    if not hasattr(transform, "transform_batch"):
        y = transform(batch.x, rng)
        _check_result(y, batch.x)
        return replace(batch, x=y)
    changed = transform.transform_batch(batch, rng)
    if not isinstance(changed, Batch):
        raise ValueError(
            f"transform_batch must return a Batch, got {type(changed).__name__}: "
            f"{changed!r}"
        )
    _check_result(changed.x, batch.x)
    for name, check in (("targets", _check_targets), ("sample_weight", _check_weight)):
        before, after = getattr(batch, name), getattr(changed, name)
        if before is after:
            continue
        if not isinstance(after, np.ndarray) or after.shape[:1] != (len(batch),):
            raise ValueError(
                f"must return {name} for each of {len(batch)} samples, like its input, "
                f"got {after!r}"
            )
        check(after, batch)
    # A new Batch of x and targets alone still is of these samples.
    return replace(
        changed,
        indices=batch.indices,
        epoch=batch.epoch,
        n_outputs=batch.n_outputs,
        column_sizes=batch.column_sizes,
        by_pixel=batch.by_pixel,
    )


def _check_targets(targets: NDArray[Any], batch: Batch) -> None:
    """Raise ValueError unless the loss takes these targets, changed by a transform."""
    before, n_outputs = batch.targets, batch.n_outputs
    if before is None:
        return
    are_classes = batch.has_pixel_targets or before.ndim == 1
    are_classes = are_classes and before.dtype.kind in "iu"
    if sizes := list(batch.column_sizes):
        fits = targets.shape == (len(batch), n_outputs) and targets.dtype.kind == "f"
        if targets.shape == (len(batch), len(sizes)):
            fits = targets.dtype.kind in "iu" and bool((targets < sizes).all())
        fits = fits and targets.min(initial=0) >= 0
        words = f"classes of columns with {sizes} classes, or their probabilities"
    elif not are_classes:
        fits = targets.shape == before.shape and targets.dtype.kind in "biuf"
        words = f"numbers of shape {before.shape}"
    elif targets.ndim == before.ndim:
        fits = targets.shape == before.shape
        fits = fits and targets.dtype.kind in "iu" and targets.min(initial=0) >= 0
        fits = fits and not 0 < n_outputs <= targets.max(initial=0)
        words = f"classes from 0 to {n_outputs - 1}" if n_outputs else "classes >= 0"
    else:
        fits = targets.dtype.kind == "f" and targets.shape[:-1] == before.shape
        fits = fits and (not n_outputs or targets.shape[-1] == n_outputs)
        fits = fits and targets.min(initial=0) >= 0
        shape = ", ".join(map(str, (*before.shape, n_outputs or "k")))
        words = f"probabilities, floats of shape ({shape})"
    if not fits or not np.isfinite(targets).all():
        raise ValueError(
            f"must return targets that are finite {words}, got {targets.dtype} of "
            f"shape {targets.shape}: {targets!r}"
        )


def _check_weight(weight: NDArray[Any], batch: Batch) -> None:
    """Raise ValueError unless weights are finite numbers >= 0, one for each sample."""
    shapes: list[tuple[int, ...]] = [(len(batch),)]
    if batch.has_pixel_targets:
        shapes.append((len(batch), *batch.target_size))
    fits = weight.shape in shapes and weight.dtype.kind in "biuf"
    if not fits or not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError(
            "must return a sample_weight of finite numbers >= 0 of shape "
            f"{' or '.join(map(str, shapes))}, got {weight!r}"
        )


def _check_result(y: Any, x: NDArray[Any]) -> None:
    if not isinstance(y, np.ndarray):
        raise ValueError(f"must return an array, got {type(y).__name__}: {y!r}")
    if (y.shape, y.dtype) != (x.shape, x.dtype):
        raise ValueError(
            f"must return an array of shape {x.shape} in {x.dtype}, like its input, "
            f"got {y.shape} in {y.dtype}"
        )


def _hint_to_copy(error: Exception, x: NDArray[Any]) -> str:
    """Say how to avoid NumPy's error about a write into the input."""
    if x.flags.writeable or "read-only" not in str(error):
        return ""
    return "; the input must not be changed: return a new array"


def name_transforms(transforms: Transforms) -> list[tuple[str, _Transform]]:
    """Name each transform: by the name given, or by its class and its number.

    Parameters
    ----------
    transforms
        As in `augment`.

    Returns
    -------
    named : list of (str, callable)
        Without ``"passthrough"``.

    Raises
    ------
    TypeError
        If an entry cannot be called, or is a class.
    ValueError
        If two have the same name.
    """
    entries = transforms if isinstance(transforms, list | tuple) else [transforms]
    named = distinct_components(entries, "transforms of augment")
    for _, transform in named:
        is_transform = callable(transform) or hasattr(transform, "transform_batch")
        if isinstance(transform, type) or not is_transform:
            raise TypeError(
                "augment must be a callable (x, rng) -> x, such as the transforms of "
                "skconv.augmentation, or a list of them or of (name, callable), got "
                f"{transform!r}{hint_to_call(transform)}"
            )
    return named
