"""What layers check: numbers, flags, axes, sizes, and whether two are configured alike."""

import re

import numpy as np
import pytest

from skconv.layers import Conv2D, Dense, Residual
from skconv.layers.checks import (
    check_number,
    check_room,
    pixel_shape,
    same_configuration,
    sample_axes,
)

INF = float("inf")


@pytest.mark.parametrize(
    ("limits", "value", "rule"),
    [
        ({}, INF, "a finite number"),
        ({}, -INF, "a finite number"),
        ({}, float("nan"), "a finite number"),
        ({}, True, "a finite number"),
        ({"low": 0}, -1, "a number >= 0"),
        ({"low": 0}, INF, "a number >= 0"),
        ({"low": 0.5, "above": True}, 0.5, "a number > 0.5"),
        ({"low": 0, "high": 1}, 1, "a number in [0, 1)"),
        ({"low": 0, "high": 1, "above": True}, 0, "a number in (0, 1)"),
    ],
)
def test_number_out_of_its_range_is_refused(limits, value, rule):
    words = f"rate must be {rule}, got {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        check_number(value, "rate", **limits)


def test_number_at_its_limit_is_taken():
    check_number(-1e300, "rate")
    check_number(np.float32(0), "rate", 0, 1)
    check_number(5e-324, "rate", 0, 1, above=True)
    check_number(0, "rate", 0)


def test_room_for_a_sample_is_less_than_a_petabyte():
    check_room((2**24, 2**24 - 1), "use less")
    words = r"^samples of shape \(2, 140737488355328\) are too large; use less$"
    with pytest.raises(ValueError, match=words):
        check_room((2, 2**47), "use less")


@pytest.mark.parametrize(
    ("shape", "ndim", "words"),
    [
        ((5,), 1, "takes signals (length, channels), .*; place it before layers that"),
        ((5, 4), 2, "takes images (h, w, c), .*; use Conv1D and other 1D layers"),
        ((5, 4, 3), 1, "takes signals .*; use Conv2D and other 2D layers for images"),
        ((5, 4, 3, 2), 2, "takes images .* has shape (5, 4, 3, 2); reshape it$"),
    ],
)
def test_shape_with_other_axes_is_refused_with_a_way_out(shape, ndim, words):
    assert pixel_shape([*range(ndim + 1)], ndim) == (*range(ndim),)
    with pytest.raises(ValueError, match=words.replace("(", r"\(").replace(")", r"\)")):
        pixel_shape(shape, ndim)


@pytest.mark.parametrize(
    ("value", "axes"),
    [
        (None, ()),
        (2, (2,)),
        (-3, (1,)),
        ((3, -2), (2, 3)),
        ([-1, 1], (1, 3)),
        (np.array([2, -3]), (1, 2)),
        (np.int64(1), (1,)),
        (np.array(-1), None),
        (0, None),
        (4, None),
        (-4, None),
        (True, None),
        ((1, 1), None),
        ((1, -3), None),
        ((1, 2.0), None),
    ],
)
def test_axes_of_a_sample_are_positive_and_sorted(value, axes):
    if axes is None:
        with pytest.raises(ValueError, match=r"axis must be .* from 1 to 3, .* to -3,"):
            sample_axes(value, (5, 4, 3), "axis")
    else:
        assert sample_axes(value, (5, 4, 3), "axis") == axes


class Slots:
    """An object without attributes of its own."""

    __slots__ = ()

    def __repr__(self):
        return "Slots()"


class Sized:
    """An object that says by itself what is the same."""

    def __init__(self, size, name):
        self.size, self.name = size, name

    def __repr__(self):
        return f"Sized({self.size}, {self.name!r})"

    def __eq__(self, other):
        return self.size == other.size

    __hash__ = None


ONE = Slots()


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (Conv2D(4), Conv2D(4, 3), True),
        (Conv2D(4), Conv2D(5), False),
        (Residual([("a", Dense(3))]), Residual([("a", Dense(3))]), True),
        (Residual([("a", Dense(3))]), Residual([("a", Dense(4))]), False),
        (np.array([1, 2]), np.array([1, 2]), True),
        (np.array([1, 2]), np.array([1, 3]), False),
        ([1, 2], [1, 2], True),
        ([1, 2], [1, 2, 3], False),
        ([1, 2], (1, 2), False),
        ((), (), True),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        (1, True, False),
        (ONE, ONE, True),
        (Slots(), Slots(), False),
        (Sized(1, "a"), Sized(1, "b"), True),
        (Sized(1, "a"), Sized(2, "a"), False),
    ],
    ids=repr,
)
def test_same_configuration_compares_by_value(a, b, same):
    assert same_configuration(a, b) is same
