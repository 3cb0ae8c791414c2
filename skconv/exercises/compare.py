"""Say which number is off, what it should be, and what may be the reason."""

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["difference", "matches", "place_text"]

_TOLERANCE = 1e-6  # of the largest number: other orders of sums differ by less
_TIMES = {Fraction(2): "twice", Fraction(1, 2): "half", Fraction(1, 3): "a third"}
_AXES = ("first", "second", "third", "fourth", "fifth")

_Array = NDArray[Any]
# Status and words.
_Finding = tuple[str, str]


def difference(label: str, got: Any, want: Any, sizes: dict[str, int]) -> Any:
    """Compare a value that a function returned with what it should be.

    Parameters
    ----------
    label : str
        Its name in messages.
    got : dict
        A tree (see `worker.call`).
    want : ndarray, float or dict
    sizes : dict of str to int
        See `Case`.

    Returns
    -------
    finding : (str, str) or None
        Status and words; None if they agree.
    """
    if isinstance(want, dict):
        return _difference_of_dicts(label, got, want, sizes)
    expected = np.asarray(want)
    if "array" not in got:
        return "type", f"{label} is {_kind(got)}, should be {_describe(expected)}"
    array = got["array"]
    if array.shape != expected.shape:
        words = f"{label} has the shape {array.shape}, should be {expected.shape}"
        return "shape", words + _shape_hint(array, expected)
    if array.dtype != np.float64:
        return "dtype", (
            f"{label} has the dtype {array.dtype}, should be float64: float numbers "
            "that are written into an array of another dtype lose digits. np.zeros("
            "shape) makes float64"
        )
    if not np.isfinite(array).all():
        place = _first(~np.isfinite(array))
        words = f"{place_text(label, place)} is {array[place]}"
        reason = "a division by 0, a logarithm of 0 or an exp that overflows"
        should = f"should be {expected[place]:.6g}"
        return "not finite", f"{words}, {should}. NaN and inf come from {reason}"
    return _difference_of_numbers(label, array, expected, sizes)


def matches(got: Any, want: Any) -> bool:
    """Return whether a tree is what a function returned: the same up to rounding."""
    if isinstance(want, dict):
        inner = got.get("dict", {})
        return inner.keys() == want.keys() and all(
            matches(inner[key], want[key]) for key in want
        )
    expected, array = np.asarray(want), got.get("array")
    if array is None or array.shape != expected.shape:
        return False
    return not _wrong(array, expected).any()


def place_text(label: str, place: tuple[int, ...]) -> str:
    """Return the name of a number: ``dkernel[1, 0, 0, 2]``."""
    return f"{label}[{', '.join(map(str, place))}]" if place else label


def _difference_of_dicts(label: str, got: Any, want: Any, sizes: Any) -> Any:
    if "dict" not in got:
        names = f"a dict with the names {', '.join(want)}"
        return "type", f"{label} is {_kind(got)}, should be {names}"
    inner = got["dict"]
    if missing := [key for key in want if key not in inner]:
        return "type", f"{label} must have {missing[0]!r}, has {sorted(inner)}"
    if more := sorted(inner.keys() - want.keys()):
        return "type", f"{label} has {more[0]!r}, which does not belong to it"
    # The last layers first: in the backward pass errors move to the earlier ones.
    found = (
        difference(f"{label}[{key!r}]", inner[key], want[key], sizes)
        for key in reversed(list(want))
    )
    return next(filter(None, found), None)


def _difference_of_numbers(
    label: str, got: _Array, want: _Array, sizes: dict[str, int]
) -> _Finding | None:
    wrong = _wrong(got, want)
    if not wrong.any():
        return None
    place = _first(wrong)
    is_, should = _numbers(float(got[place]), float(want[place]))
    words = f"{place_text(label, place)} is {is_}, should be {should}"
    if relation := _relation(got, want, wrong, sizes):
        words += f" ({relation})"
    if wrong.size > 1:
        words += f"; {wrong.sum()} of {wrong.size} numbers are off"
    return "wrong", words


def _wrong(got: _Array, want: _Array) -> NDArray[np.bool_]:
    finite = np.abs(want[np.isfinite(want)])
    tolerance = _TOLERANCE * finite.max(initial=0) + 1e-9
    with np.errstate(invalid="ignore"):
        near = np.abs(got - want) <= tolerance
    return ~(near | (np.isnan(got) & np.isnan(want)) | (got == want))


def _first(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(map(int, np.argwhere(mask)[0]))


def _numbers(got: float, want: float) -> tuple[str, str]:
    """Write two numbers with as many digits as it takes to see the difference."""
    digits = 6 if f"{got:.6g}" != f"{want:.6g}" else 9  # see _TOLERANCE
    return f"{got:.{digits}g}", f"{want:.{digits}g}"


def _kind(got: Any) -> str:
    """Name what was returned instead of an array."""
    if (other := got.get("other")) is not None:
        return "None (is the return missing?)" if other == "None" else other
    name = next(iter(got))
    if name == "array":
        return _describe(got["array"])
    if name in ("list", "tuple"):
        return f"a {name} of {len(got[name])}"
    return f"a {name}"


def _describe(array: _Array) -> str:
    return f"an array of shape {array.shape}" if array.shape else "a number"


# Relations between what is and what should be -----------------------------------------


def _relation(
    got: _Array, want: _Array, wrong: NDArray[np.bool_], sizes: dict[str, int]
) -> str:
    """Return what all numbers have in common, the plainest there is, or ""."""
    if not got.any():
        return "all numbers are 0: is the result written, and returned?"
    return (
        _ratio(got, want, sizes)
        or _moved(got, want)
        or _offset(got, want)
        or _where(wrong)
    )


def _ratio(got: _Array, want: _Array, sizes: dict[str, int]) -> str:
    used = np.abs(want) > 1e-9
    if not used.any() or np.abs(got[~used]).max(initial=0) > 1e-9:
        return ""
    ratios = got[used] / want[used]
    ratio = float(np.median(ratios))
    if abs(ratio) < 1e-9 or np.abs(ratios - ratio).max() > 1e-6 * abs(ratio):
        return ""
    if abs(ratio + 1) < 1e-6:
        return "the negative: is a sign the wrong way round?"
    fraction = Fraction(ratio).limit_denominator(1000)
    if abs(fraction - ratio) > 1e-6 * abs(ratio):
        fraction = Fraction(0)
    times = _TIMES.get(fraction) or f"{fraction or format(ratio, '.6g')} times"
    for words, size in sizes.items():
        if size > 1 and fraction in (Fraction(1, size), Fraction(size)):
            verb = "divided" if fraction < 1 else "multiplied"
            return f"{times}: is it {verb} by {words}, {size}?"
    if used.sum() > 1:
        return f"all numbers are {times} as large as they should be"
    return ""


def _moved(got: _Array, want: _Array) -> str:
    """Recognise numbers that are right, but elsewhere."""
    if got.size <= 2:
        return ""
    axes = [axis for axis in range(got.ndim) if got.shape[axis] > 1]
    for n in range(1, len(axes) + 1):
        for some in itertools.combinations(axes, n):
            if not _wrong(np.flip(got, some), want).any():
                names = " and ".join(_AXES[axis] for axis in some)
                plural = "axes" if n > 1 else "axis"
                return f"the right numbers, turned around along the {names} {plural}"
    for order in itertools.permutations(range(got.ndim)):
        turned = got.transpose(order)
        if turned.shape == want.shape and not _wrong(turned, want).any():
            return "the right numbers, with axes exchanged"
    for axis in axes:
        for step in (1, -1):
            if not _wrong(np.roll(got, -step, axis), want).any():
                return (
                    f"the right numbers, moved by {step} along the {_AXES[axis]} axis"
                )
    return ""


def _offset(got: _Array, want: _Array) -> str:
    off = got - want
    if off.size < 3:
        return ""
    near = 1e-6 * np.abs(want).max() + 1e-9
    if np.ptp(off) < near:
        return f"all numbers are off by {off.flat[0]:.6g}"
    by_last = off.reshape(-1, off.shape[-1])
    if len(by_last) > 1 and np.ptp(by_last, axis=0).max() < near:
        return "off by the same along the last axis: is a bias missing, or twice?"
    return ""


def _where(wrong: NDArray[np.bool_]) -> str:
    """Describe the part that is wrong, if the rest is right."""
    for axis, size in enumerate(wrong.shape):
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        bad = np.flatnonzero(wrong.any(axis=others))
        if size > 1 and bad.tolist() == [size - 1]:
            return (
                f"only the last of the {_AXES[axis]} axis is wrong: does a loop end "
                "too early?"
            )
        if size > 1 and bad.tolist() == list(range(1, size)):
            return f"only the first of the {_AXES[axis]} axis is right"
    return ""


def _shape_hint(got: _Array, want: _Array) -> str:
    if sorted(got.shape) == sorted(want.shape):
        return ": the axes are in another order"
    if got.ndim == want.ndim:
        off = [a - b for a, b in zip(got.shape, want.shape, strict=True)]
        if set(off) <= {0, -1}:
            return ": one too small; is it h - kh + 1?"
        return ""
    fewer = "fewer" if got.ndim < want.ndim else "more"
    return f": it has {fewer} axes, {got.ndim} instead of {want.ndim}"
