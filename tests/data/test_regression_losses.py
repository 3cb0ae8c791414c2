"""Scales and quantiles of targets, against numbers that are worked out by hand."""

import numpy as np
import pytest

from skconv._data.regression_losses import (
    central_quantiles,
    check_quantile,
    find_scale,
    weighted_quantiles,
)

NORMAL = 1.3489795003921634
Y = np.array([[1.0, 4], [3, 4], [5, 8], [7, 16]])

SCALES = {
    "squared_error": (None, [4, 8], [np.sqrt(5), np.sqrt(24)]),
    "gaussian": (None, [4, 8], [np.sqrt(5), np.sqrt(24)]),
    "poisson": (None, [0, 0], [4, 8]),
    "huber": (None, [3, 4], [4 / NORMAL, 4 / NORMAL]),
    "absolute_error": ([1, 1, 0, 2], [3, 4], [6 / NORMAL, 12 / NORMAL]),
    "squared_error of some": ([1, 0, 1, 2], [5, 11], [np.sqrt(6), np.sqrt(27)]),
    "poisson of some": ([1, 0, 1, 2], [0, 0], [5, 11]),
    "huge weights": ([5e307, 0, 5e307, 1e308], [5, 11], [np.sqrt(6), np.sqrt(27)]),
}


@pytest.mark.parametrize("case", SCALES)
def test_scales_are_of_each_column(case):
    weight, center, scale = SCALES[case]
    loss = "squared_error" if case == "huge weights" else case.split(" ")[0]
    weight = None if weight is None else np.array(weight, float)
    found = find_scale(Y, loss, weight)
    np.testing.assert_allclose(found[0], center, atol=1e-12)
    np.testing.assert_allclose(found[1], scale)


CONSTANT = {
    "0": ([0.0, 0, 0], 0, 1),
    "less than 1": ([0.25] * 3, 0.25, 0.25),
    "more than 1": ([9.0] * 3, 9, 1),
    "negative": ([-9.0] * 3, -9, 1),
    "tiny": ([1e-310] * 3, 1e-310, 1e-310),
    "rounded": ([1.0, 1 + 2**-51, 1.0], 1, 1),
}


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize(("y", "center", "scale"), CONSTANT.values(), ids=CONSTANT)
def test_constant_columns_have_a_scale_of_1_or_their_size(y, center, scale, loss):
    found = find_scale(np.array(y)[:, None], loss)
    assert (found[0][0], found[1][0]) == (center, scale)


def test_scale_is_the_deviation_where_the_range_is_0():
    y = np.array([0.0, 0, 0, 0, 0, 0, 0, 8])[:, None]
    center, scale = find_scale(y, "huber")
    assert (center[0], scale[0]) == (0, pytest.approx(np.sqrt(7)))
    assert find_scale(np.zeros((3, 1)), "poisson")[1] == 1


def test_huge_targets_have_a_scale():
    center, scale = find_scale(np.array([[-1e308], [1e308]]), "squared_error")
    assert (center[0], scale[0]) == (0, 1e308)


def test_weighted_quantiles_are_values():
    y = np.array([[3.0], [1], [2], [4]])
    assert [each[0] for each in weighted_quantiles(y, None, (0.25, 0.5, 0.75))] == [
        1,
        2,
        3,
    ]
    weight = np.array([0.0, 1, 1, 2])
    assert [each[0] for each in weighted_quantiles(y, weight, (0.25, 0.5, 0.6))] == [
        1,
        2,
        4,
    ]


def test_central_quantiles_are_between_samples():
    errors = np.array([3.0, 1, 2])[:, None, None] * [[1, 10]]
    levels = np.array([0.5, 0.375])
    assert central_quantiles(errors, None, levels).tolist() == [[2, 15]]
    ends = central_quantiles(errors, None, np.array([0.1, 0.9]))
    assert ends.tolist() == [[1, 30]]
    weight = np.array([1.0, 2, 1])  # 1, 2, 3 have the shares 3/8, 9/16 and 3/4
    found = central_quantiles(errors, weight, np.array([3 / 8, 9 / 16]))
    np.testing.assert_allclose(found, [[1, 20]])


QUANTILES = {
    "none": (None, "huber", None),
    "one": (0.5, "quantile", 0.5),
    "several": ([0.1, 0.9], "quantile", (0.1, 0.9)),
    "tuple": ((0.9,), "quantile", (0.9,)),
    "NumPy's": (np.float32(0.5), "quantile", 0.5),
    "array": (np.array([0.25, 0.5]), "quantile", (0.25, 0.5)),
}


@pytest.mark.parametrize(
    ("given", "loss", "expected"), QUANTILES.values(), ids=QUANTILES
)
def test_quantiles_are_one_or_several_numbers(given, loss, expected):
    found = check_quantile(given, loss)
    assert found == expected
    for each in found if isinstance(found, tuple) else [found]:
        assert each is None or type(each) is float


WRONG_QUANTILES = {
    "missing": (None, "quantile", r"^quantile must be set with loss='quantile', .*loss='quantile' and quantile=None"),
    "of another loss": (0.5, "huber", r"and be None with others, got loss='huber' and quantile=0\.5"),
    "0": (0, "quantile", r"above 0 and below 1, or a list, got 0$"),
    "1": (1.0, "quantile", r"got 1\.0$"),
    "bool": (True, "quantile", "got True$"),
    "text": ("0.5", "quantile", "got '0.5'$"),
    "empty": ([], "quantile", r"got \[\]$"),
    "one of them 1": ([0.5, 1.0], "quantile", r"got \[0\.5, 1\.0\]$"),
    "one of them text": ([0.5, "a"], "quantile", r"got \[0\.5, 'a'\]$"),
    "twice": ([0.5, 0.1, 0.5], "quantile", r"^quantile must hold each number once, got \[0\.5, 0"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "loss", "words"), WRONG_QUANTILES.values(), ids=WRONG_QUANTILES
)
def test_other_quantiles_are_refused(given, loss, words):
    with pytest.raises(ValueError, match=words):
        check_quantile(given, loss)
