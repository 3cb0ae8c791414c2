"""What is said of numbers, shapes and types that are not as they should be."""

import numpy as np
import pytest

from skconv.exercises.compare import difference, matches

a = np.array
B = a([[1.0, 5, 2], [7, 3, 11]])
C = np.arange(24.0).reshape(2, 3, 4) ** 2
D = a([[3.0, 2], [7, 5]])

# What is returned, what should be, what is said of all numbers, how many are off.
RELATIONS = [
    (2 * B, B, "all numbers are twice as large as they should be", 6),
    (B / 2, B, "all numbers are half as large as they should be", 6),
    (B / 3, B, "all numbers are a third as large as they should be", 6),
    (1.5 * B, B, "all numbers are 3/2 times as large as they should be", 6),
    (0.001234112345 * B, B, "all numbers are 0.00123411 times as large as they should be", 6),
    (-B / 2, B, "all numbers are -1/2 times as large as they should be", 6),
    (a([4.0, 6, 0]), a([2.0, 3, 0]), "all numbers are twice as large as they should be", 2),
    (-B, B, "the negative: is a sign the wrong way round?", 6),
    (B * 6, B, "6 times: is it multiplied by the pixels, 6?", 6),
    (B / 6, B, "1/6 times: is it divided by the pixels, 6?", 6),
    (a([6.0, 0]), a([1.0, 0]), "6 times: is it multiplied by the pixels, 6?", 1),
    (0 * B, B, "all numbers are 0: is the result written, and returned?", 6),
    (B[::-1], B, "the right numbers, turned around along the first axis", 6),
    (B[:, ::-1], B, "the right numbers, turned around along the second axis", 4),
    (B[::-1, ::-1], B, "the right numbers, turned around along the first and second axes", 6),
    (a([2.0, 1, 4]), a([4.0, 1, 2]), "the right numbers, turned around along the first axis", 2),
    (C[::-1, :, ::-1], C, "the right numbers, turned around along the first and third axes", 24),
    (np.roll(C, 1, 2), C, "the right numbers, moved by 1 along the third axis", 24),
    (np.roll(C, -1, 1), C, "the right numbers, moved by -1 along the second axis", 24),
    (D.T, D, "the right numbers, with axes exchanged", 2),
    (B + 0.5, B, "all numbers are off by 0.5", 6),
    (a([1.5, 2.5, 4.5]), a([1.0, 2, 4]), "all numbers are off by 0.5", 3),
    (a([1.5, 3.5, 2.5]) / 1e4, a([1.0, 3, 2]) / 1e4, "all numbers are off by 5e-05", 3),
    (a([1001000, 2001000.5, 3001000]), a([1e6, 2e6, 3e6]), "all numbers are off by 1000", 3),
    (B + a([1, 0, 2]), B, "off by the same along the last axis: is a bias missing, or twice?", 4),
    (B * [1, 1, 0], B, "only the last of the second axis is wrong: does a loop end too early?", 2),
    (B * [[1], [0]], B, "only the last of the first axis is wrong: does a loop end too early?", 3),
    (B * [1, 0, 0.1], B, "only the first of the second axis is right", 4),
    (B * [[1, 1, 0], [1, 0.3, 0]], B, "only the first of the second axis is right", 3),
    (a([1.0, np.inf, 2]), a([1.0, np.inf, 3]), "only the last of the first axis is wrong: does a loop end too early?", 1),
    # Nothing that they have in common.
    (a([2.0, 4, 0.5]), a([1.0, 2, 0]), "", 3),
    (a([0.001, 0.0020001]), a([1.0, 2]), "", 2),
    (a([2.0, 0]), a([1.0, 0]), "", 1),
    (a([2.0, 3]), a([1.0, 0]), "", 2),
    (a([3.0, 0]), a([0.0, 0]), "", 1),
    (a([2.0, 1]), a([1.0, 2]), "", 2),
    (a([1.5, 2.5]), a([1.0, 2]), "", 2),
    (a([1.5, 3, 7]), a([1.0, 2, 9]), "", 3),
    (B * [[1.1, 1, 1], [1, 1, 0.9]], B, "", 2),
    (np.arange(1.0, 7).reshape(3, 2).T, np.arange(1.0, 7).reshape(2, 3), "", 4),
]  # fmt: skip


@pytest.mark.parametrize(("got", "want", "relation", "n_off"), RELATIONS)
def test_numbers_are_compared_with_what_they_may_be(got, want, relation, n_off):
    sizes = {"the samples": 1, "the rows": 5, "the pixels": 6}
    if np.isfinite(got).all():
        status, words = difference("z", {"array": got}, want, sizes)
        first = tuple(map(int, np.argwhere(np.abs(got - want) > 1e-6)[0]))
        place = f"z[{', '.join(map(str, first))}]"
        middle = f" ({relation})" if relation else ""
        assert status == "wrong"
        assert words == (
            f"{place} is {got[first]:.6g}, should be {want[first]:.6g}{middle}; "
            f"{n_off} of {got.size} numbers are off"
        )
    assert not matches({"array": got}, want)
    assert matches({"array": want}, want)


@pytest.mark.parametrize(
    ("got", "want", "words"),
    [
        (a(2.5), a(1.0), "z is 2.5, should be 1"),
        (a([2.5]), a([1.0]), "z[0] is 2.5, should be 1"),
        (a([1, 1 + 3e-6, 1]), a([1.0, 1, 1]), "z[1] is 1.000003, should be 1; 1 of 3 numbers are off"),
        (a([1000.0, 0, 0.002]), a([1000.0, 0, 0]), "z[2] is 0.002, should be 0 (only the last of the first axis is wrong: does a loop end too early?); 1 of 3 numbers are off"),
        (a([1 + 2.3456789e-6]), a([1.0]), "z[0] is 1.00000235, should be 1"),
        (2 * B, B, "z[0, 0] is 2, should be 1 (twice: is it multiplied by n, 2?); 6 of 6 numbers are off"),
        (B / 2, B, "z[0, 0] is 0.5, should be 1 (half: is it divided by n, 2?); 6 of 6 numbers are off"),
        (a([2e-9]), a([0.0]), "z[0] is 2e-09, should be 0"),
    ],
)  # fmt: skip
def test_numbers_are_off_by_more_than_rounding(got, want, words):
    assert difference("z", {"array": got}, want, {"n": 2}) == ("wrong", words)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (a([1 + 5e-7]), a([1.0])),
        (a([1000.0, 0.0009]), a([1000.0, 0])),
        (a([0.9e-9]), a([0.0])),
        (a([-1.0, 0.9e-6]), a([-1.0, 0])),
    ],
)
def test_numbers_may_be_rounded(got, want):
    assert difference("z", {"array": got}, want, {}) is None
    assert matches({"array": got}, want)


def test_nan_is_nan():
    for got, want in ((np.nan, np.nan), (np.inf, np.inf)):
        assert matches({"array": a([1, got])}, a([1, want]))
    for got, want in ((np.nan, 1), (np.inf, 1), (np.nan, np.inf), (np.inf, -np.inf)):
        assert not matches({"array": a([1.0, got])}, a([1, want]))


NOT_FINITE = (
    "NaN and inf come from a division by 0, a logarithm of 0 or an exp that overflows"
)
INTO = "float numbers that are written into an array of another dtype lose digits. np.zeros(shape) makes float64"


@pytest.mark.parametrize(
    ("tree", "want", "status", "words"),
    [
        ({"array": a([1.0, np.inf])}, a([1.0, 2]), "not finite", f"z[1] is inf, should be 2. {NOT_FINITE}"),
        ({"array": a([[1, 2]])}, a([[1.0, 2]]), "dtype", f"z has the dtype int64, should be float64: {INTO}"),
        ({"array": B[0]}, B, "shape", "z has the shape (3,), should be (2, 3): it has fewer axes, 1 instead of 2"),
        ({"array": B[None]}, B, "shape", "z has the shape (1, 2, 3), should be (2, 3): it has more axes, 3 instead of 2"),
        ({"array": B.T}, B, "shape", "z has the shape (3, 2), should be (2, 3): the axes are in another order"),
        ({"array": B[:1, :2]}, B, "shape", "z has the shape (1, 2), should be (2, 3): one too small; is it h - kh + 1?"),
        ({"array": B[:1]}, B, "shape", "z has the shape (1, 3), should be (2, 3): one too small; is it h - kh + 1?"),
        ({"array": B[:1, :1]}, B, "shape", "z has the shape (1, 1), should be (2, 3)"),
        ({"array": np.vstack([B, B])}, B, "shape", "z has the shape (4, 3), should be (2, 3)"),
        ({"array": a([1.0])}, 2.0, "shape", "z has the shape (1,), should be (): it has more axes, 1 instead of 0"),
        ({"dict": {}}, B, "type", "z is a dict, should be an array of shape (2, 3)"),
        ({"list": [1]}, 1.0, "type", "z is a list of 1, should be a number"),
        ({"tuple": []}, B, "type", "z is a tuple of 0, should be an array of shape (2, 3)"),
        ({"other": "None"}, 1.0, "type", "z is None (is the return missing?), should be a number"),
        ({"other": "str"}, B, "type", "z is str, should be an array of shape (2, 3)"),
    ],
)  # fmt: skip
def test_type_and_shape_come_before_numbers(tree, want, status, words):
    assert difference("z", tree, want, {}) == (status, words)
    assert status == "dtype" or not matches(tree, want)


def test_dicts_are_compared_from_their_end():
    want = {"k": np.ones(2), "b": np.zeros(1)}

    def found(**arrays):
        tree = {"dict": {k: {"array": a(v, float)} for k, v in arrays.items()}}
        assert matches(tree, want) == (difference("g", tree, want, {}) is None)
        return difference("g", tree, want, {})

    assert found(k=[1, 1], b=[0]) is None
    assert found(k=[1, 3], b=[2]) == ("wrong", "g['b'][0] is 2, should be 0")
    words = found(k=[3, 1], b=[0])[1]
    assert words == "g['k'][0] is 3, should be 1; 1 of 2 numbers are off"
    assert found(k=[1, 1]) == ("type", "g must have 'b', has ['k']")
    words = "g has 'a', which does not belong to it"
    assert found(k=[1, 1], b=[0], x=[0], a=0) == ("type", words)
    for tree, kind in (
        ({"array": a(1)}, "a number"),
        ({"array": a([1])}, "an array of shape (1,)"),
        ({"tuple": [1, 2]}, "a tuple of 2"),
    ):
        words = f"g is {kind}, should be a dict with the names k, b"
        assert difference("g", tree, want, {}) == ("type", words)
        assert not matches(tree, want)
