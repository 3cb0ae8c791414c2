"""Which layers take pretrained weights, and the words about the others, without a fit."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

import skconv
from skconv import ConvNetClassifier, Network
from skconv._data.class_encoder import ClassEncoder
from skconv.estimators import pretrained
from skconv.layers import BatchNorm, Dense, Sequential

BLOCK = [("one", Dense(2)), ("two", Dense(2))]
CODES = ClassEncoder.fit(np.array([1, 2, 3]))


def network_of(layers, shape=(4,), seed=0):
    return Network.build(layers, shape, seed)


def draft_of(network, source, encoder=CODES, **params):
    return SimpleNamespace(
        network_=network, pretrained=source, _encoder=encoder, verbose=False, **params
    )


HERE = [("a", Dense(3)), ("block", Sequential(BLOCK)), ("out", Dense(3))]


def test_layers_of_the_same_name_and_shapes_take_weights():
    here, there = network_of(HERE), network_of(HERE, seed=1)
    before = here.arrays["out.kernel"].copy()
    assert pretrained.take_pretrained(draft_of(here, there)) == ["a", "block"]
    for name in ("a.kernel", "a.bias", "block.one.kernel", "block.two.kernel"):
        np.testing.assert_array_equal(here.arrays[name], there.arrays[name])
        assert not np.shares_memory(here.arrays[name], there.arrays[name])
    np.testing.assert_array_equal(here.arrays["out.kernel"], before)
    assert pretrained.take_pretrained(draft_of(here, None)) == []


def test_parts_of_a_block_are_named_alone_and_others_give_a_warning():
    block = [("one", Dense(2)), ("two", Dense(5)), ("more", Dense(2))]
    there = network_of(
        [("a", Dense(3)), ("block", Sequential(block)), ("out", Dense(3))]
    )
    words = (
        r"^pretrained: these layers begin with new weights, as those of the same name "
        r"in <Network of .*> have other shapes: block.two {'bias': \(5,\), 'kernel': "
        r"\(2, 5\)} there, {'bias': \(2,\), 'kernel': \(2, 2\)} here\. If that is meant"
    )
    with pytest.warns(UserWarning, match=words):
        found = pretrained.take_pretrained(draft_of(network_of(HERE), there))
    assert found == ["a", "block__one"]


def test_layers_that_were_taken_are_printed_if_verbose(capsys):
    draft = draft_of(network_of(HERE), network_of(HERE))
    draft.verbose = 1
    pretrained.take_pretrained(draft)
    words = "Weights of <Network of 3 layers, (4,) to (3,), 38 parameters> for a, block; others are new\n"
    assert capsys.readouterr().out == words


def fitted(network, encoder=CODES):
    clf = ConvNetClassifier()
    clf.network_, clf._encoder = network, encoder
    return clf


OTHERS = {
    "the same": (CODES, True),
    "other classes": (ClassEncoder.fit(np.array([1, 2, 4])), False),
    "labels": (ClassEncoder(np.arange(3), multilabel=True), False),
}


@pytest.mark.parametrize(("encoder", "is_taken"), OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("wrap", [FrozenEstimator, lambda clf: clf])
def test_the_output_layer_takes_weights_of_the_same_classes(encoder, is_taken, wrap):
    here, there = network_of(HERE), network_of(HERE, seed=1)
    found = pretrained.take_pretrained(draft_of(here, wrap(fitted(there, encoder))))
    assert found == ["a", "block", *(["out"] if is_taken else [])]
    same = (here.arrays["out.kernel"] == there.arrays["out.kernel"]).all()
    assert same == is_taken


def test_output_layers_of_other_names_are_no_hidden_layers():
    here = network_of([("a", Dense(3)), ("last", Dense(3))])
    there = network_of([("a", Dense(3)), ("last", Dense(3)), ("out", Dense(3))])
    found = pretrained.take_pretrained(draft_of(here, fitted(there)))
    assert found == ["a"]


def test_nothing_that_fits_is_an_error_in_words():
    here, there = network_of([("x", Dense(3)), ("out", Dense(3))]), network_of(HERE)
    words = (
        r"^pretrained has no weights that fit: a fitted ConvNetClassifier has the layers "
        r"a {'bias': \(3,\), 'kernel': \(4, 3\)}, block\.one .*, and this network "
        r"x {'bias': \(3,\), .*}, out {.*}\. A layer gets"
    )
    other = ClassEncoder.fit(np.array([7, 8, 9]))
    with pytest.raises(ValueError, match=words):
        pretrained.take_pretrained(draft_of(here, fitted(there, other)))
    close = network_of([("a", Dense(5)), ("out", Dense(3))])
    with pytest.raises(
        ValueError,
        match=r"Of the same names: a {'bias': \(3,\), .*} there, {'bias': \(5,\), .*} here\. A layer",
    ):
        pretrained.take_pretrained(draft_of(close, there))


@pytest.mark.parametrize(
    ("n", "end"), [(20, "n19 19"), (21, "n19 19, and 1 more"), (25, "and 5 more")]
)
def test_many_layers_are_not_all_named(n, end):
    found = pretrained._list({f"n{i}": i for i in range(n)})
    assert found.startswith("n0 0, n1 1, ") and found.endswith(end)


def test_values_that_a_layer_cannot_have_are_refused():
    layers = [("norm", BatchNorm()), ("out", Dense(3))]
    here, there = network_of(layers), network_of(layers)
    there.arrays["norm.moving_variance"][...] = -1
    with pytest.raises(
        ValueError, match=r"^pretrained: of <Network of 2 layers.*variance"
    ):
        pretrained.take_pretrained(draft_of(here, there))


def test_model_files_have_weights_and_classes(tmp_path, recwarn):
    X, y = np.arange(24.0).reshape(6, 4), np.arange(6) % 3 + 1
    layers = [("a", Dense(3)), ("block", Sequential(BLOCK))]
    clf = ConvNetClassifier(layers, max_iter=1, early_stopping=True).fit(X, y)
    path = tmp_path / "model"
    skconv.save_model(clf, path)
    names = [*HERE[:2], ("output", Dense(3))]
    for source in (path, str(path)):
        here = network_of(names)
        found = pretrained.take_pretrained(draft_of(here, source))
        assert found == ["a", "block", "output"]
        np.testing.assert_array_equal(here.values, clf.network_.values)
    other = ClassEncoder.fit(np.array([1, 2, 4]))
    assert pretrained.take_pretrained(draft_of(network_of(names), path, other)) == [
        "a",
        "block",
    ]
    double = Network.build(names, (4,), 0, "float64")
    pretrained.take_pretrained(draft_of(double, path))
    np.testing.assert_array_equal(double.values, clf.network_.values)
    draft = draft_of(network_of(names), path)
    draft.verbose = True
    draft.network_ = network_of([("b", Dense(3))])
    with pytest.raises(
        ValueError, match=f"fit: the model file {str(path)!r} has the layers a "
    ):
        pretrained.take_pretrained(draft)


def test_files_that_are_no_models_are_refused(tmp_path):
    words = r"pretrained, the path of a model file: No such file or directory\. Remove the cause, or set pretrained to a file of save_model"
    with pytest.raises(FileNotFoundError, match=words):
        pretrained.take_pretrained(draft_of(network_of(HERE), tmp_path / "none"))
    path = tmp_path / "text"
    path.write_text("a text that is long enough")
    with pytest.raises(
        ValueError, match="^pretrained must be the path of a model file: '"
    ):
        pretrained.take_pretrained(draft_of(network_of(HERE), path))


KINDS = {
    "class": (ConvNetClassifier, "ConvNetClassifier$"),
    "number": (3, "int$"),
    "search": (SimpleNamespace(best_estimator_=1), "SimpleNamespace: use `best_estimator_` of it$"),
    "several": (SimpleNamespace(estimators_=[1], named_steps={}), "SimpleNamespace: use `estimators_` of it$"),
    "pipeline": (SimpleNamespace(named_steps={}), "SimpleNamespace: use `named_steps` of it$"),
    "within": (FrozenEstimator(SimpleNamespace(estimator_=1)), "SimpleNamespace: use `estimator_` of it$"),
}  # fmt: skip


@pytest.mark.parametrize(("value", "words"), KINDS.values(), ids=KINDS)
def test_other_values_are_refused_with_a_way_out(value, words):
    words = (
        f"^pretrained must be the path of a model file, .* FrozenEstimator, got {words}"
    )
    with pytest.raises(TypeError, match=words):
        pretrained.check_pretrained(value)


def test_estimators_must_be_fitted():
    words = "^pretrained is a ConvNetClassifier that is not fitted. Fit it first."
    for value in (ConvNetClassifier(), FrozenEstimator(ConvNetClassifier())):
        with pytest.raises(ValueError, match=words):
            pretrained.check_pretrained(value)
    for value in (
        None,
        "path",
        Path("path"),
        network_of(HERE),
        fitted(network_of(HERE)),
    ):
        pretrained.check_pretrained(value)
