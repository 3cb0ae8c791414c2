"""Parameters of components: names, suggestions, order and errors."""

import re
from typing import ClassVar

import pytest
from sklearn.base import BaseEstimator

from skconv._utils.params import (
    NestedParamsMixin,
    ParamsMixin,
    distinct_components,
    drop_passthrough,
    hint_to_call,
    name_components,
)


class Part(ParamsMixin):
    """A component with parameters."""

    def __init__(self, size=1, depth=2):
        self.size, self.depth = size, depth


class Whole(NestedParamsMixin):
    """An object with two lists of components."""

    _components: ClassVar = {"layers": "layer", "augment": "transform"}

    def __init__(self, layers=(), augment=None, size=0):
        self.layers, self.augment, self.size = layers, augment, size


class Bare(ParamsMixin):
    """It has no arguments."""


class Any(ParamsMixin):
    """It takes any."""

    def __init__(self, **params):
        self.params = params


def test_unknown_arguments_get_a_suggestion():
    words = r"^Part has no parameter 'sise'; did you mean 'size'\?\nParameters are: \['size', 'depth'\]$"
    with pytest.raises(TypeError, match=words):
        Part(sise=3)
    with pytest.raises(
        TypeError, match=r"^Bare has no parameter 'size'\nParameters are: \[\]$"
    ):
        Bare(size=3)
    with pytest.raises(TypeError, match=r"^Bare takes no arguments, got 1, 'a'$"):
        Bare(1, "a")
    assert Any(sise=3).params == {"sise": 3}
    assert Part(3, depth=4).depth == 4 and type(Bare()) is Bare


def test_unknown_parameters_get_a_suggestion():
    words = r"^Invalid parameter 'dept' for Part; did you mean 'depth'\?\nValid parameters are: \['depth', 'size'\]$"
    with pytest.raises(ValueError, match=words):
        Part().set_params(dept=3)
    part = Part()
    assert part.set_params(depth=3) is part and part.depth == 3
    holder = Part(size=Part())
    assert holder.set_params(size__depth=5).size.depth == 5


NAMED = {
    "objects": ([Part(), Part()], ["part_1", "part_2"]),
    "given": ([("a", Part()), Part()], ["a", "part_2"]),
    "lists": ([[Part()], ("b", [Part()]), (Part(), Part())], ["sequential_1", "b", "sequential_3"]),
    "text": (["passthrough", None], ["str_1", "nonetype_1"]),
    "pairs of something else": ([(1, Part())], ["sequential_1"]),
    "triples": ([("a", Part(), 1)], ["sequential_1"]),
    "tuple": ((Part(),), ["part_1"]),
    "no list": (Part(), []),
    "text alone": ("abc", []),
}  # fmt: skip


@pytest.mark.parametrize(("components", "names"), NAMED.values(), ids=NAMED)
def test_components_have_names(components, names):
    assert [name for name, _ in name_components(components)] == names


def test_components_that_are_left_out_or_share_a_name():
    one = Part()
    listed = [("a", one), ("b", "passthrough"), "passthrough", ("c", "other")]
    assert drop_passthrough(listed) == [("a", one), ("c", "other")]
    assert distinct_components(listed, "layers") == [("a", one), ("c", "other")]
    with pytest.raises(
        ValueError, match=r"^layers must have distinct names, got 2 of 'a'$"
    ):
        distinct_components([*listed, ("a", 3)], "layers")
    distinct_components([("a", one), ("a", "passthrough")], "layers")
    assert hint_to_call(Part) == "; call it: Part(...)" and hint_to_call(one) == ""


def test_parameters_of_components_have_paths():
    inner, other = Part(3), Part(4)
    whole = Whole(
        [("a", inner), ("b", [("c", other), "passthrough"])], [("d", Part(5))]
    )
    found = whole.get_params()
    assert {
        "a": inner, "a__size": 3, "a__depth": 2, "b__c": other, "b__c__size": 4,
        "b__str_1": "passthrough", "augment__d__size": 5, "size": 0,
    }.items() <= found.items()  # fmt: skip
    assert list(whole.get_params(deep=False)) == ["augment", "layers", "size"]
    # The object's own parameters come before components of their names.
    own = Whole([("size", inner), ("augment", other)], [("size", Part(6))])
    assert own.get_params()["size"] == 0 and "size__depth" not in own.get_params()
    assert own.get_params()["augment__size__size"] == 6


def test_parameters_are_set_from_the_outside_to_the_inside():
    whole, new = Whole([("a", Part())]), Part()
    assert whole.set_params(b__size=7, layers=[("b", new)], size=3) is whole
    assert whole.layers[0][1] is new and new.size == 7 and whole.size == 3
    replacement = Part()
    whole.set_params(b__depth=9, b=replacement)
    assert whole.layers == [("b", replacement)] and replacement.depth == 9
    assert new.depth == 2
    nested = Whole([("x", [("y", Part()), Part()])], [Part()])
    before = nested.layers
    nested.set_params(x__y__size=5, x__part_2__size=6, augment__part_1__size=8)
    assert nested.layers is before
    assert [part.size for part in (before[0][1][0][1], before[0][1][1])] == [5, 6]
    assert nested.augment[0].size == 8
    nested.set_params(x__y="passthrough")
    assert nested.layers[0][1][0] == ("y", "passthrough")
    assert nested.layers[0][1][1][0] == "part_2"


def test_a_component_in_several_places_becomes_several():
    one = Part()
    whole = Whole([one, one], [one])
    whole.set_params(part_1__size=5)
    assert [part.size for part in whole.layers] == [5, 1] and one.size == 1
    assert whole.augment[0] is not one
    alone = Whole([("a", one)])
    alone.set_params(a__size=6)
    assert alone.layers[0][1] is one and one.size == 6
    shared = Whole([one, one])
    shared.set_params(part_2=Part(9))
    assert shared.layers[0][1] is one  # a component is replaced, and none is changed


UNKNOWN = {
    "component": ({"c__size": 1}, r"^Invalid parameter 'c__size' for Whole"),
    "component of a list": ({"augment__dd__size": 1}, r"^Invalid parameter 'augment__dd__size' for Whole; did you mean 'd'\?\nNames in augment are: \['d'\]$"),
    "of a list inside": ({"b__x__size": 1}, r"^Invalid parameter 'b__x__size' for Whole.*\nNames in layers are: \['c'\]$"),
    "parameter": ({"a__sise": 1}, r"^Invalid parameter 'sise' for Part; did you mean 'size'"),
    "of text": ({"t__size": 1}, r"^layer 't' is 'passthrough' and has no parameter to set as 't__size'; in a search, put it into a separate grid$"),
    "of text inside": ({"b__c__size": 1}, r"^layer 'c' is None and has no parameter to set as 'b__c__size'"),
    "of a class": ({"k__size": 1}, r"^layer 'k' is <class .* has no parameter"),
    "own": ({"sise": 1}, r"^Invalid parameter 'sise' for Whole; did you mean 'size'"),
}  # fmt: skip


@pytest.mark.parametrize(("params", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_paths_are_refused_and_nothing_is_changed(params, words):
    inner = Part()
    listed = [("a", inner), ("b", [("c", None)]), ("t", "passthrough"), ("k", Part)]
    whole = Whole(listed, [("d", Part())])
    before = vars(whole).copy()
    with pytest.raises(ValueError) as caught:
        whole.set_params(size=3, a=Part(), **params)
    assert re.search(words, str(caught.value), re.DOTALL), caught.value
    assert vars(whole) == before
    assert whole.layers is listed and whole.augment is before["augment"]


class Foreign(BaseEstimator):
    """Another library's object with parameters."""

    def __init__(self, gain=1):
        self.gain = gain


def test_objects_of_other_libraries_are_components():
    whole = Whole([("f", Foreign())])
    assert whole.get_params()["f__gain"] == 1
    assert whole.set_params(f__gain=4).layers[0][1].gain == 4
    assert whole.set_params(layers="none").layers == "none"


def test_parameters_of_objects_within_objects():
    holder = Part(size=Part())
    words = r"\nValid parameters are: \['depth', 'size', 'size__depth', 'size__size'\]$"
    with pytest.raises(ValueError, match=words):
        holder.set_params(dept=3)
    with pytest.raises(ValueError, match="^Invalid parameter 'sise' for Part; did you"):
        holder.set_params(size__sise=3)
    assert Whole([("a", holder)]).get_params()["a__size__depth"] == 2
    one = Part()
    mixed = Whole([one, one, "passthrough"]).set_params(part_1__size=5)
    assert [part.size for part in mixed.layers[:2]] == [5, 1]
