"""How transforms are called: in order, each on the result of the one before."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._utils.params import distinct_components, hint_to_call

__all__ = ["Transforms", "augment", "name_transforms"]

_Transform: TypeAlias = Callable[[NDArray[Any], np.random.Generator], NDArray[Any]]
_Entry: TypeAlias = _Transform | Literal["passthrough"]
Transforms: TypeAlias = _Transform | Sequence[_Entry | tuple[str, _Entry]]
"""What `augment` takes: a callable, or a list of them or of (name, callable)."""

_MISTAKES = (AttributeError, IndexError, TypeError, ValueError)


def augment(
    x: NDArray[Any], transforms: Transforms, rng: np.random.Generator
) -> NDArray[Any]:
    """Transform a minibatch.

    Parameters
    ----------
    x : ndarray of shape (n, ...)
        It is not changed.
    transforms : callable ``(x, rng) -> x``, or a list of them or of (str, callable)
        Called in order. ``"passthrough"`` in a list does nothing.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    x : ndarray of the same shape and dtype

    Raises
    ------
    TypeError
        If an entry cannot be called.
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
    for name, transform in name_transforms(transforms):
        try:
            y = transform(x, rng)
            _check_result(y, x)
        except _MISTAKES as error:
            # Subclasses, such as NumPy's, may not be made of a message alone.
            kind = next(kind for kind in _MISTAKES if isinstance(error, kind))
            words = f"{error}{_hint_to_copy(error, x)}"
            raise kind(
                f"augment: transform {name!r} ({transform!r}): {words}"
            ) from error
        x = y
    return x


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
        if isinstance(transform, type) or not callable(transform):
            raise TypeError(
                "augment must be a callable (x, rng) -> x, such as the transforms of "
                "skconv.augmentation, or a list of them or of (name, callable), got "
                f"{transform!r}{hint_to_call(transform)}"
            )
    return named
