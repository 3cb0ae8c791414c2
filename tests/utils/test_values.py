"""Values as JSON and back, and what is refused on either way."""

import json
import math

import numpy as np
import pytest

from skconv._utils.values import (
    check_bool,
    check_fields,
    check_integer,
    decode,
    encode,
    encode_object,
    make_object,
)
from skconv.layers import Conv2D, Sequential


def refuse(value, what):
    raise TypeError(f"{what}: {value!r}")


VALUES = {
    "none": (None, None),
    "bool": (True, True),
    "int": (-3, -3),
    "float": (0.5, 0.5),
    "text": ("a", "a"),
    "infinity": (-math.inf, {"float": "-inf"}),
    "smallest int64": (-(2**63), -(2**63)),
    "below it": (-(2**63) - 1, {"int": str(-(2**63) - 1)}),
    "largest uint64": (2**64 - 1, 2**64 - 1),
    "above it": (2**64, {"int": str(2**64)}),
    "39 digits": (10**39 - 1, {"int": "9" * 39}),
    "negative with 39 digits": (1 - 10**39, {"int": "-" + "9" * 39}),
    "list": ([1, [2.5]], [1, [2.5]]),
    "tuple": ((1, ("a",)), {"tuple": [1, {"tuple": ["a"]}]}),
    "dict": ({"a": 1, 2: (3,)}, {"dict": [["a", 1], [2, {"tuple": [3]}]]}),
    "long text": ("a" * 2**14, "a" * 2**14),
}


@pytest.mark.parametrize(("value", "coded"), VALUES.values(), ids=VALUES)
def test_values_become_json_and_back(value, coded):
    found = encode(value, "it", refuse)
    assert found == coded and type(found) is type(coded)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    back = decode(found)
    assert back == value and type(back) is type(value)


def test_not_a_number_stays_one():
    assert math.isnan(decode(encode(math.nan, "it", refuse)))


NUMPY = {
    "bool": (np.bool_(True), True),
    "int": (np.int8(3), 3),
    "unsigned": (np.uint64(2**63), 2**63),
    "float": (np.float32(0.5), 0.5),
    "text": (np.str_("a"), "a"),
    "array": (np.arange(3), [0, 1, 2]),
    "array of text": (np.array([["a"]]), [["a"]]),
    "range": (range(3), [0, 1, 2]),
}


@pytest.mark.parametrize(("value", "coded"), NUMPY.values(), ids=NUMPY)
def test_values_of_numpy_become_those_of_python(value, coded):
    found = encode(value, "it", refuse)
    assert found == coded and type(found) is type(coded)


OTHERS = {
    "set": ({1}, "it: .1."),
    "complex": (np.complex128(1j), "it: "),
    "dates": (np.array(["2020"], "M8[Y]"), "it: array"),
    "objects": (np.array([1], object), "it: array"),
    "40 digits": (10**39, "it: 1000"),
    "in a list": ([1, {2}], r"it\[1\]: .2."),
    "in a dict": ({"a": {2}}, r"it\['a'\]: .2."),
    "key": ({frozenset(): 1}, "a key of it: frozenset"),
}


@pytest.mark.parametrize(("value", "words"), OTHERS.values(), ids=OTHERS)
def test_other_values_are_passed_on_by_name(value, words):
    with pytest.raises(TypeError, match=f"^{words}"):
        encode(value, "it", refuse)


def test_texts_that_are_too_long_are_refused():
    words = "^it must have at most 16384 characters to be saved, got 16385"
    with pytest.raises(ValueError, match=words):
        encode("a" * (2**14 + 1), "it", refuse)
    with pytest.raises(
        ValueError, match="hold a text of 16385 characters, more than 16384: 'aa"
    ):
        decode("a" * (2**14 + 1))


def test_objects_are_their_class_and_parameters():
    layer = Conv2D(3, (1, 2), activation="relu")
    found = encode_object(layer, "layer", refuse)
    assert found["class"] == "Conv2D" and found["params"]["filters"] == 3
    assert found["params"]["kernel_size"] == {"tuple": [1, 2]}
    back = decode(found, {"Conv2D": Conv2D}.get)
    assert repr(back) == repr(layer)
    with pytest.raises(TypeError, match=r"^layer.filters: \{1\}"):
        encode_object(Conv2D({1}), "layer", refuse)
    with pytest.raises(ValueError, match="^the params of Conv2D must be an object"):
        make_object(Conv2D, [3], {}.get)
    with pytest.raises(
        ValueError, match="an object of class 'Conv2D' where none may be"
    ):
        decode(found)


def nested(depth, inside=0):
    for _ in range(depth):
        inside = [inside]
    return inside


def test_lists_are_nested_to_a_depth():
    decode(nested(32))
    words = "^its parameters are nested more than 32 deep"
    for value in (
        nested(33),
        {"tuple": nested(33)},
        {"dict": [[1, nested(32)]]},
        nested(31, {"dict": [[1, [2]]]}),
        {"class": "Conv2D", "params": {"filters": nested(32)}},
    ):
        with pytest.raises(ValueError, match=words):
            decode(value, {"Conv2D": Conv2D}.get)
    decode(nested(31, {"dict": [[1, 2]]}))
    make_object(Conv2D, {"filters": nested(31)}, {}.get)
    with pytest.raises(ValueError, match=words):
        make_object(Conv2D, {"filters": nested(32)}, {}.get)


HOSTILE = {
    "unknown tag": ({"set": [1]}, r"an object with the keys \['set'\]"),
    "two tags": ({"tuple": [], "dict": []}, r"with the keys \['tuple', 'dict'\]"),
    "none": ({}, r"with the keys \[\]"),
    "many": ({str(i): 1 for i in range(9)}, r"keys \['0', '1', '2', '3', '4'\]$"),
    "class alone": ({"class": "Conv2D"}, "with the keys"),
    "class and more": ({"class": "Conv2D", "params": {}, "a": 1}, "with the keys"),
    "tuple": ({"tuple": 3}, "^a tuple must be given as a list, got 3"),
    "dict": ({"dict": 3}, "^a dict must be given as pairs, got 3"),
    "pair": ({"dict": [[1, 2, 3]]}, "^a dict must be given as pairs"),
    "pair of text": ({"dict": ["ab"]}, "^a dict must be given as pairs"),
    "one of them": ({"dict": [[1, 2], 3]}, "^a dict must be given as pairs"),
    "key": ({"dict": [[[1], 2]]}, "^the keys of a dict must be text or numbers"),
    "key that is none": ({"dict": [[1, 2], [None, 2]]}, "^the keys of a dict"),
    "float": ({"float": "1e5"}, "^no float can be made of '1e5'"),
    "int": ({"int": "1.5"}, "^no int can be made of '1.5'"),
    "int that is one": ({"int": 5}, "^no int can be made of 5"),
    "two signs": ({"int": "--5"}, "^no int can be made of '--5'"),
    "41 characters": ({"int": "1" * 41}, "^no int can be made of '111"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "words"), HOSTILE.values(), ids=HOSTILE)
def test_values_that_are_never_written_are_refused(value, words):
    with pytest.raises(ValueError, match=words):
        decode(value, {"Conv2D": Conv2D}.get)


def test_an_int_of_40_characters_is_read():
    assert decode({"int": "-" + "1" * 39}) == -int("1" * 39)
    assert decode({"dict": [["a", 1], [2, 3], [0.5, 4], [True, 5]]}) == {"a": 1, 2: 3, 0.5: 4, True: 5}  # fmt: skip


def test_fields_that_are_missing_have_defaults():
    found = check_fields({"a": 1}, "it", ["a"], {"b": 2})
    assert found == {"a": 1, "b": 2}
    assert check_fields({"a": 1, "b": 3}, "it", ["a"], {"b": 2}) == {"a": 1, "b": 3}
    for value, words in [
        ([1], r"^it must be an object, got \[1\]"),
        (
            {},
            r"^it must have the keys \['a'\] and may have \['b'\], got \[\]: missing \['a'\], unknown \[\]",
        ),
        ({"a": 1, "c": 2}, r"got \['a', 'c'\]: missing \[\], unknown \['c'\]"),
    ]:
        with pytest.raises(ValueError, match=words):
            check_fields(value, "it", ["a"], {"b": 2})


def test_integers_and_booleans_are_checked():
    assert check_integer(0, "n") == 0 and check_integer(3, "n", 3) == 3
    for value, minimum in [(-1, 0), (2, 3), (True, 0), (1.0, 0), ("1", 0)]:
        words = f"^its n must be an integer >= {minimum}, got {value!r}"
        with pytest.raises(ValueError, match=words):
            check_integer(value, "n", minimum)
    with pytest.raises(ValueError, match="integer >= 0, got -1"):
        check_integer(-1, "n")
    assert check_bool(False, "b") is False
    with pytest.raises(ValueError, match="^its b must be true or false, got 1"):
        check_bool(1, "b")


def test_objects_within_objects_are_read_to_a_depth():
    def other(value, what):
        return encode_object(value, what, refuse)

    classes = {"Conv2D": Conv2D, "Sequential": Sequential}.get
    block = Sequential([("conv", Conv2D(2))])
    found = encode_object(block, "block", other)
    assert "conv" not in found["params"]
    assert repr(decode(found, classes)) == repr(block)
    for inner in (
        {"tuple": nested(20)},
        {"class": "Conv2D", "params": {"filters": nested(20)}},
    ):
        with pytest.raises(ValueError, match="nested more than 32 deep"):
            decode(nested(20, inner), classes)
