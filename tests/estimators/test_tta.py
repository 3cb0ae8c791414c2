"""Predictions that are averaged over views: `tta`."""

import itertools
import pickle

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from tolerances import assert_same

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.callbacks import Checkpoint
from skconv.layers import Conv1D, Conv2D, Dense, Dropout, Flatten, GlobalAvgPool1D

RNG = np.random.default_rng(SEED)
X, Y = RNG.random((60, 5, 6, 2)).astype(np.float32), np.arange(60) % 3


def net(kind=ConvNetClassifier, **params):
    defaults = {"filters": (4,), "hidden_layer_sizes": (8,), "batch_size": 16}
    return kind(**{**defaults, "max_iter": 2, "random_state": SEED, **params})


@pytest.fixture(scope="module")
def fitted():
    return net().fit(X, Y)


def test_draws_of_numbers_are_averaged_one_by_one():
    layers = [Flatten(), Dropout(0.5), Dense(8)]
    reg = ConvNetRegressor(layers, max_iter=2, random_state=SEED).fit(X, X.sum((1, 2)))
    drawn = [reg.sample_y(x, n_samples=5) for x in (X, X[:, :, ::-1])]
    reg.set_params(tta="flip")
    assert_same(reg.sample_y(X, n_samples=5), np.mean(drawn, axis=0), np.float32)


def test_draws_of_images_are_averaged_one_by_one():
    layers = [Conv2D(4, 3), Dropout(0.5)]
    reg = ConvNetRegressor(layers, max_iter=2, random_state=SEED).fit(X, X)
    drawn = reg.sample_y(X, n_samples=5)
    mirrored = reg.sample_y(X[:, :, ::-1], n_samples=5)[:, :, ::-1]
    reg.set_params(tta="flip")
    assert_same(reg.sample_y(X, n_samples=5), (drawn + mirrored) / 2, np.float32)


def shifted(x, by):
    """Move images down and to the right; edges are repeated."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    return padded[:, 1 - by : 1 - by + x.shape[1], 1 - by : 1 - by + x.shape[2]]


VIEWS = {
    "flip": [X, X[:, :, ::-1]],
    "vertical_flip": [X, X[:, ::-1]],
    "shift": [shifted(X, by) for by in (0, -1, 1)],
}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_outputs_are_the_mean_over_each_view_with_each(fitted, count):
    for names in itertools.combinations(VIEWS, count):
        seen = [X]
        for name in VIEWS:  # mirrored before they are shifted
            if name in names:
                seen = [view(x) for x in seen for view in OPERATIONS[name]]
        expected = np.mean([fitted.decision_function(x) for x in seen], axis=0)
        clf = pickle.loads(pickle.dumps(fitted)).set_params(tta=list(names))
        outputs = clf.decision_function(X)
        assert_same(outputs, expected, np.float32)
        assert outputs.dtype == np.float32
        np.testing.assert_array_equal(clf.predict(X), outputs.argmax(axis=1))
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        proba = exponentials / exponentials.sum(axis=1, keepdims=True)
        assert_same(clf.predict_proba(X), proba, np.float32)
        assert clf.score(X, Y) == np.mean(clf.predict(X) == Y)


OPERATIONS = {
    "flip": [lambda x: x, lambda x: x[:, :, ::-1]],
    "vertical_flip": [lambda x: x, lambda x: x[:, ::-1]],
    "shift": [lambda x, by=by: shifted(x, by) for by in (0, -1, 1)],
}


def test_prediction_has_the_same_bits_in_any_batch_and_form(fitted):
    clf = pickle.loads(pickle.dumps(fitted)).set_params(tta=["flip", "shift"])
    whole = clf.predict_proba(X)
    parts = [clf.predict_proba(X[i : i + 7]) for i in range(0, 60, 7)]
    np.testing.assert_array_equal(np.vstack(parts), whole)
    np.testing.assert_array_equal(clf.predict_proba(X[::-1])[::-1], whole)
    np.testing.assert_array_equal(clf.predict_proba(X.reshape(60, -1)), whole)


def test_mirrored_images_have_the_same_prediction(fitted):
    clf = pickle.loads(pickle.dumps(fitted)).set_params(tta="flip")
    np.testing.assert_array_equal(
        clf.predict_proba(X[:, :, ::-1]), clf.predict_proba(X)
    )


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson"])
def test_regressor_predicts_the_mean_of_predictions(loss):
    reg = net(ConvNetRegressor, loss=loss).fit(X, np.c_[Y + 5.0, Y])
    expected = (reg.predict(X) + reg.predict(X[:, :, ::-1])) / 2
    np.testing.assert_allclose(
        reg.set_params(tta="flip").predict(X), expected, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_predicted_images_are_the_mean_of_predictions(loss):
    reg = ConvNetRegressor([Conv2D(4, 3)], loss=loss, max_iter=2, random_state=SEED)
    reg.fit(X, X + 1)
    expected = (reg.predict(X) + reg.predict(X[:, :, ::-1])[:, :, ::-1]) / 2
    reg.set_params(tta="flip")
    np.testing.assert_allclose(reg.predict(X), expected, rtol=1e-5)


@pytest.mark.parametrize("y", [Y % 2, np.c_[Y > 0, Y > 1]], ids=["two", "multilabel"])
def test_logistic_outputs_are_averaged_too(y):
    clf = net().fit(X, y)
    expected = (clf.decision_function(X) + clf.decision_function(X[:, :, ::-1])) / 2
    outputs = clf.set_params(tta="flip").decision_function(X)
    assert_same(outputs, expected, np.float32)


def test_signals_are_mirrored_and_shifted_in_time():
    x = X.reshape(60, 30, 2)
    clf = net(
        layers=[Conv1D(4), GlobalAvgPool1D()], filters="auto", hidden_layer_sizes=(128,)
    )
    clf.fit(x, Y)
    right = np.concatenate([x[:, :1], x[:, :-1]], axis=1)
    left = np.concatenate([x[:, 1:], x[:, -1:]], axis=1)
    seen = [each[:, ::step] for each in (x, right, left) for step in (1, -1)]
    expected = np.mean([clf.decision_function(each) for each in seen], axis=0)
    clf.set_params(tta=("flip", "shift"))
    assert_same(clf.decision_function(x), expected, np.float32)


def test_fit_has_the_same_bits_with_and_without_views():
    options = {"early_stopping": True, "scoring": "accuracy", "max_iter": 3}
    plain = net(**options).fit(X, Y)
    clf = net(**options, tta=["flip", "shift"]).fit(X, Y)
    np.testing.assert_array_equal(clf.network_.values, plain.network_.values)
    assert clf.validation_scores_ == plain.validation_scores_
    assert (clf.predict_proba(X) != plain.predict_proba(X)).any()
    np.testing.assert_array_equal(clf.transform(X), plain.transform(X))


def test_scorer_of_validation_sees_no_views():
    seen = []

    def scoring(estimator, x, y):
        seen.append(estimator.predict_proba(x[:5]) == estimator.predict_proba(x)[:5])
        return 0.0

    net(tta="flip", early_stopping=True, scoring=scoring).fit(X, Y)
    assert np.all(seen)


def test_fit_resumes_with_other_views(tmp_path):
    first = net().set_callbacks(Checkpoint(tmp_path)).fit(X, Y)
    other = net(tta="flip").set_callbacks(Checkpoint(tmp_path)).fit(X, Y)
    np.testing.assert_array_equal(first.network_.values, other.network_.values)
    assert len([*tmp_path.iterdir()]) == 1


def test_views_are_saved_and_searched(fitted, tmp_path):
    clf = pickle.loads(pickle.dumps(fitted)).set_params(tta=["flip", "shift"])
    expected = clf.predict_proba(X)
    skconv.save_model(clf, tmp_path / "model.safetensors")
    loaded = skconv.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    copy = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(copy.predict_proba(X), expected)
    search = GridSearchCV(
        net(max_iter=1), {"tta": [None, "flip", ("flip", "shift")]}, cv=2
    )
    search.fit(X, Y)
    assert (
        clone(search.best_estimator_).get_params()["tta"] == search.best_params_["tta"]
    )


UNKNOWN = {
    r"got 'flips'; did you mean 'flip'\?": "flips",
    r"got \['flip', 'mirror'\]": ["flip", "mirror"],
    r"got \['flip', 'flip'\], with one twice": ["flip", "flip"],
    "got 3": 3,
    r"got \[\['flip'\]\]": [["flip"]],
    "got True": True,
}


@pytest.mark.parametrize("words", UNKNOWN)
def test_unknown_view_is_refused(words, fitted):
    words = f"tta must be None, one of 'flip', 'vertical_flip', 'shift' or a .*{words}"
    with pytest.raises(ValueError, match=words):
        net(tta=UNKNOWN[words.partition("or a .*")[2]]).fit(X, Y)
    clf = pickle.loads(pickle.dumps(fitted))
    with pytest.raises(ValueError, match=words):
        clf.set_params(tta=UNKNOWN[words.partition("or a .*")[2]]).predict(X)


def test_view_that_signals_do_not_have_is_refused_by_fit():
    clf = ConvNetClassifier([Conv1D(4), GlobalAvgPool1D()], max_iter=1)
    with pytest.raises(ValueError, match=r"'vertical_flip' is for images .*\(30, 2\)"):
        clf.set_params(tta="vertical_flip").fit(X.reshape(60, 30, 2), Y)
