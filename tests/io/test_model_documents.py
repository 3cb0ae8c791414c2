"""Documents of models, registered classes and wrong arguments, by themselves."""

import os
import platform
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn
from seeds import SEED
from sklearn.base import BaseEstimator

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor
from skconv._utils.safetensors import Part
from skconv.io import document as documents
from skconv.io import registry
from skconv.io.checks import check_estimator
from skconv.layers import Dense, Layer

X, Y = np.arange(24.0).reshape(8, 3), np.arange(8) % 3
F4 = np.dtype("<f4")


def small(y=Y, **params):
    layers = [("dense", Dense(2))]
    kind = ConvNetRegressor if y.dtype.kind == "f" else ConvNetClassifier
    return kind(layers, max_iter=1, random_state=SEED, **params).fit(X, y)


@pytest.fixture(autouse=True)
def unconverged(recwarn):
    """Fits of one epoch have not converged, and say so."""


def described(model):
    found = documents.describe_model(model, vars(model))
    parts = {
        name: Part(F4, array.shape, 0, 0)
        for name, array in model.network_.arrays.items()
    }
    return found, parts


def test_documents_have_versions_and_no_pretrained():
    other = small()
    found, parts = described(small(pretrained=other, frozen="dense"))
    assert found["versions"] == {
        "skconv": skconv.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "python": platform.python_version(),
    }
    assert "pretrained" not in found["estimator"]["params"]
    assert [name for name, _ in found["layers"]] == ["dense", "output"]
    model, fitted, validated = documents.parse_model(found, 3, parts)
    assert validated is False and model.frozen == "dense"
    assert fitted["network_"].frozen == ("dense",)
    assert fitted["network_"].dtype == np.float32
    again = documents.parse_model(found, 3, parts)[1]
    assert again["_rng"].integers(2**60) == fitted["_rng"].integers(2**60)
    continued = {**found, "fitted": {**found["fitted"], "split_seed": 1}}
    assert documents.parse_model(continued, 3, parts)[1]["_rng"].integers(2**60) != again["_rng"].integers(2**60)  # fmt: skip


def test_validated_models_say_so():
    model = small(early_stopping=True)
    found, parts = described(model)
    assert documents.parse_model(found, 3, parts)[2] is True


def without(document, *path):
    """Return a copy of a document without one of its keys."""
    first, *rest = path
    copy = {**document}
    if rest:
        copy[first] = without(document[first], *rest)
    else:
        del copy[first]
    return copy


def changed(document, value, *path):
    first, *rest = path
    inner = changed(document[first], value, *rest) if rest else value
    return {**document, first: inner}


WRONG = {
    "no layers": (lambda d: without(d, "layers"), r"^its model must have the keys .*missing \['layers'\]"),
    "a key more": (lambda d: {**d, "more": 1}, r"unknown \['more'\]"),
    "no params": (lambda d: without(d, "estimator", "params"), r"^its estimator must have the keys"),
    "class": (lambda d: changed(d, "ConvNet", "estimator", "class"), "^its estimator's class must be one of 'ConvNetC"),
    "params": (lambda d: changed(d, [1], "estimator", "params"), "^the params of ConvNetClassifier must be an object"),
    "pretrained": (lambda d: changed(d, "file", "estimator", "params", "pretrained"), r"must not have the parameters \('pretrained',\)"),
    "parameter": (lambda d: changed(d, -1, "estimator", "params", "max_iter"), "max_iter"),
    "option": (lambda d: changed(d, 3, "estimator", "params", "frozen"), "^frozen must be"),
    "layers": (lambda d: {**d, "layers": 3}, "^its layers must be pairs of a name and a layer"),
    "layer alone": (lambda d: {**d, "layers": [d["layers"][0][1]]}, "^its layers must be pairs"),
    "triple": (lambda d: {**d, "layers": [[*d["layers"][0], 1]]}, "^its layers must be pairs"),
    "pair of text": (lambda d: {**d, "layers": ["ab"]}, "^its layers must be pairs"),
    "long name": (lambda d: {**d, "layers": [["a" * 1025, d["layers"][0][1]]]}, r"^the name of a layer must be a text of at most 1024 characters, got 'aaa"),
    "name that is none": (lambda d: {**d, "layers": [[3, d["layers"][0][1]]]}, "^the name of a layer must be a text .*got 3"),
    "other outputs": (lambda d: {**d, "layers": d["layers"][:1]}, r"^its last layer has outputs \(2,\), but its classes or targets need 3$"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), WRONG.values(), ids=WRONG)
def test_other_documents_are_refused(change, words):
    found, parts = described(small())
    documents.parse_model(found, 3, parts)
    documents.parse_model(without(found, "versions"), 3, parts)
    with pytest.raises((ValueError, TypeError), match=words):
        documents.parse_model(change(found), 3, parts)


def test_weights_are_of_one_dtype_and_no_more_than_the_file_has():
    found, parts = described(small())
    curve = {"history/loss": Part(np.dtype("<f8"), (1,), 0, 0)}
    documents.parse_model(found, 3, {**parts, **curve})
    mixed = {**parts, "dense.bias": parts["dense.bias"]._replace(dtype=np.dtype("<f8"))}
    for other in (mixed, {}, curve):
        with pytest.raises(ValueError, match="^its weights must be of one dtype"):
            documents.parse_model(found, 3, other)
    with pytest.raises(ValueError, match="more than|weights"):
        documents.parse_model(found, 3, {"dense.bias": parts["dense.bias"]})


OLD = {"estimator": {"class": "A", "params": {"filters": 3, "alpha": 1}}, "layers": [["a", 1], ["b", 2]]}  # fmt: skip


def test_documents_of_older_versions_get_the_keys_of_today():
    first = {**OLD, "coding": 1, "history": 2, "input_shape": 3, "validated": 4}
    assert documents._upgrade_from_1(first) == {
        **OLD, "fitted": {"encoder": 1, "history": 2, "input_shape": 3, "validated": 4}
    }  # fmt: skip
    assert first["coding"] == 1
    assert documents._upgrade_from_1({})["fitted"] == {"encoder": None}
    params = {"alpha": 1, "layers": [{"tuple": ["a", 1]}]}
    expected = {**OLD, "estimator": {"class": "A", "params": params}}
    assert documents._upgrade_from_2(OLD) == expected
    listed = changed(OLD, {"layers": [7]}, "estimator", "params")
    assert documents._upgrade_from_2(listed) == listed
    for wrong in (
        {},
        without(OLD, "layers"),
        without(OLD, "estimator"),
        {**OLD, "estimator": [1]},
        {**OLD, "estimator": {"params": 3}},
        {**OLD, "layers": 3},
    ):
        assert documents._upgrade_from_2(wrong) == wrong


class Own(Layer):
    """A custom layer."""


def another_own():
    class Own(Layer):
        """Another of the same name."""

    return Own


@pytest.fixture
def registered(monkeypatch):
    """Leave the table of classes as it was."""
    monkeypatch.setattr(registry, "_ADDED", {})
    return registry._ADDED


def emit(graph, layer, weights, x, input_shape):
    return x


def test_classes_are_registered_by_name(registered):
    words = (
        r"^there is no registered class 'Own'.*; if it is a custom class, call "
        r"skconv.register_layer\(...\) with it first"
    )
    with pytest.raises(ValueError, match=words):
        registry.find_class("Own")
    assert registry.find_entry(Own) is None
    assert skconv.register_layer(Own) is Own
    assert registry.find_class("Own") is Own and registry.find_entry(Own).onnx is None
    skconv.register_layer(Own, onnx=emit)
    assert registry.find_entry(Own) == (Own, emit)
    other = another_own()
    assert registry.find_entry(other) is None
    words = rf"^another class 'Own' is registered, {__name__}.Own: rename this one"
    with pytest.raises(ValueError, match=words):
        skconv.register_layer(other)
    with pytest.raises(
        ValueError, match="^another class 'Dense' is registered, skconv"
    ):
        skconv.register_layer(type("Dense", (Layer,), {}))
    registered.clear()
    skconv.register_layer(another_own())
    skconv.register_layer(another_own())  # as a notebook's cell does


def test_other_objects_are_not_registered(registered):
    words = "^register_layer takes a class with get_params, .* got "
    for wrong in (Own(), int, "Own", SimpleNamespace(get_params=None)):
        with pytest.raises(TypeError, match=words):
            skconv.register_layer(wrong)
    assert registered == {}


@pytest.mark.parametrize("name", ["Convd2D", 3, None, ["Dense"]])
def test_unknown_classes_are_not_found(name):
    with pytest.raises(ValueError, match="^there is no registered class") as caught:
        registry.find_class(name)
    assert ("did you mean 'Conv2D'" in str(caught.value)) == (name == "Convd2D")


def test_trusted_types_are_those_of_estimators_and_registered_ones(registered):
    before = skconv.trusted_types()
    assert before == sorted(before)
    for name in (
        *("estimators.autoencoder.ConvNetAutoencoder", "layers.dense.Dense"),
        *("estimators.classifier.ConvNetClassifier", "models.network.Network"),
        *("estimators.regressor.ConvNetRegressor", "_data.class_encoder.ClassEncoder"),
        *("estimators.segmenter.ConvNetSegmenter", "_data.image_encoder.ImageEncoder"),
        *(
            "_data.mask_encoder.MaskEncoder",
            "_data.multioutput_encoder.MultiOutputEncoder",
        ),
        *("_data.regression_encoder.RegressionEncoder", "_training.loop.History"),
    ):
        assert f"skconv.{name}" in before
    assert "skconv.layers.layer.Layer" not in before
    skconv.register_layer(Own)
    assert set(skconv.trusted_types()) - set(before) == {f"{__name__}.Own"}


class Lambda:
    """It cannot be pickled."""

    def __reduce__(self):
        raise TypeError


def test_only_objects_of_registered_classes_are_saved(registered):
    assert registry.encode_registered(Dense(2), "it")["class"] == "Dense"
    hint = ", or save with joblib, which keeps it$"
    plain = r"^it must be made of None, bool, .* got {}. Set it to something else first .*training\){}"
    for value, words in [
        (np.ones(1) > 2, plain.format(r"array\(\[False\]\)", hint)),
        (Dense, plain.format("<class 'skconv.layers.dense.Dense'>", hint)),
        (Lambda(), plain.format(".*Lambda object.*", "$")),
        (Own(), r"^it is Own\(\), whose class is not registered: call skconv.register_layer\(Own\) before"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            registry.encode_registered(value, "it")


class Sub(ConvNetClassifier):
    """A class of a user."""


class Meta(BaseEstimator):
    """An estimator that holds others."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


NET = ConvNetClassifier()
KINDS = "a ConvNetClassifier, ConvNetRegressor, ConvNetSegmenter or ConvNetAutoencoder"
CALLS = {
    "none": (None, True, "got a NoneType"),
    "class": (Sub, True, "got the class Sub: pass a fitted instance"),
    "subclass": (Sub(), False, "got a Sub: save custom classes with skops.io.dump or joblib.dump"),
    "other": (Meta(), False, "got a Meta: save a Meta with skops.io.dump or joblib.dump"),
    "one inside": (Meta(estimator_=NET), True, "got a Meta: pass model.estimator_"),
    "regressor": (Meta(regressor_=NET), True, "got a Meta: pass model.regressor_"),
    "search": (Meta(best_estimator_=Meta(estimator_=NET)), True, "got a Meta: pass model.best_estimator_.estimator_"),
    "two": (Meta(estimator_=NET, regressor_=Sub()), True, "got a Meta: pass model.estimator_ or model.regressor_"),
    "several": (Meta(estimators_=[NET, NET]), False, "got a Meta: pass model.estimators_[0], or save a Meta with skops.io.dump or joblib.dump"),
    "no list": (Meta(estimators_="ab", estimator_=NET), True, "got a Meta: pass model.estimator_"),
}  # fmt: skip


@pytest.mark.parametrize(("model", "subclasses", "words"), CALLS.values(), ids=CALLS)
def test_other_models_are_refused_in_words(model, subclasses, words):
    with pytest.raises(TypeError) as caught:
        check_estimator(model, "save", subclasses=subclasses)
    assert str(caught.value) == f"save takes {KINDS}, {words}"


def test_estimators_and_their_subclasses_are_taken():
    check_estimator(Sub(), "save")
    check_estimator(NET, "save", subclasses=False)


def test_errors_of_the_system_say_that_it_is_a_model(tmp_path):
    with pytest.raises(OSError, match="^.*model could not be written: "):
        skconv.save_model(small(), tmp_path / "none" / "file")
    with pytest.raises(OSError, match="^.*model could not be read: "):
        skconv.load_model(os.fspath(tmp_path))
