"""How an ONNX model is compared: inputs that are drawn, tolerances, labels of a tie."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from seeds import SEED
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from skconv import ConvNetClassifier, ConvNetRegressor, Network
from skconv.io import onnx_check
from skconv.layers import Dense, Normalization, Rescaling

X = np.random.default_rng(SEED).normal(50, 10, size=(40, 4))
Y = (X[:, 0] > 50).astype(int)
WANT = np.array([[0.0, 100.0], [1.0, 300.0], [2.0, 200.0]])  # ranges 2 and 200


def near(by):
    return WANT + np.array(by)


def compare(got, change=WANT, name="variable", want=WANT, n=3):
    return onnx_check._compare(name, want, got, change, n)


SMALL = np.array([2e-5, 2e-3])  # 1e-5 of the ranges
NUMBERS = {
    "the same": (WANT, None),
    "within the tolerance": (WANT + 0.9 * SMALL, None),
    "beyond it": (near([3e-5, 0]), "variable: off by up to 3e-05"),
    "of one target": (near([0, 3e-3]), "variable: off by up to 0.003"),
    "of one row": (near([[0, 0], [0, 0], [1, 0]]), "variable: off by up to 1"),
    "flat": (WANT.ravel(), None),
    "missing": (WANT * np.nan, "variable: off by up to inf"),
    "too many": (np.c_[WANT, WANT], "variable: 4 numbers a row instead of 2"),
}


@pytest.mark.parametrize(("got", "words"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_may_differ_by_a_part_of_their_range(got, words):
    assert compare(got) == words


def test_numbers_of_the_first_rows_are_compared_alone():
    assert compare(WANT[:1], n=1) is None
    assert compare(WANT[0], n=1) is None
    assert compare(WANT[:1] + 1, n=1) == "variable: off by up to 1"
    assert compare(WANT, n=1) == "variable: 6 numbers a row instead of 2"


def test_numbers_may_differ_by_as_much_as_rounded_inputs_change_them():
    change = near([[1e-4, 0], [0, 0], [0, 0]])
    assert compare(near([4e-4, 0]), change) is None
    assert compare(near([5e-4, 0]), change).startswith("variable: off by up to 0.0005")
    # Up to a thousandth of the range, then it is said.
    change = near([[1.9e-3, 0], [0, 0], [0, 0]])
    assert compare(near([1.9e-3, 0]), change) is None
    words = compare(near([3e-3, 0]), change)
    assert words == (
        "variable: off by up to 0.003; its predictions change by up to 0.0019 if inputs "
        "are rounded to float32"
    )


def test_rounded_inputs_excuse_their_own_target_and_row_alone():
    change = near([[1e-4, 0], [0, 0], [0, 0]])
    assert compare(near([0, 3e-3]), change) == "variable: off by up to 0.003"
    want = np.c_[np.arange(8.0), 100 * np.arange(8.0)]
    change = want.copy()
    change[0] += 5  # at a jump
    got = want + np.array([5e-4, 0])
    words = compare(got, change, want=want, n=8)
    assert words.startswith("variable: off by up to 0.0005")
    change = want.copy()
    change[0, 1] += (
        0.1  # of a range of 700: not a jump, and no excuse for more than 0.4
    )
    got = want.copy()
    got[0, 1] += 0.3
    assert compare(got, change, want=want, n=8) is None
    got[0, 1] += 0.3
    assert compare(got, change, want=want, n=8).startswith("variable: off by up to 0.6")


def test_few_rows_at_a_jump_are_left_out():
    want = np.arange(8.0)[:, None]
    for jumps, is_left_out in [(1, True), (2, True), (3, False)]:
        change = want.copy()
        change[:jumps] += 5
        got = want.copy()
        got[:jumps] += 5
        found = onnx_check._compare("variable", want, got, change, 8)
        assert (found is None) == is_left_out
    assert onnx_check._compare("variable", want, want + 1, want, 8) is not None


def test_outputs_may_be_several():
    pair = [WANT, WANT + 1]
    assert compare(pair, pair, want=pair) is None
    words = "variable: off by up to 9"
    assert compare([WANT, WANT + 10], pair, want=pair) == words
    assert compare([WANT + 9, WANT + 1], pair, want=pair) == words


@pytest.mark.parametrize(
    ("name", "scales"),
    [("probabilities", (1, 1)), ("variable", ([2, 200], [2, 300])), ("features", (300, 300))],
)  # fmt: skip
def test_ranges_are_of_targets_or_of_all_features(name, scales):
    values = np.vstack([WANT, [[np.inf, np.nan]]]) if name == "features" else WANT
    for found, expected in zip(onnx_check._scales(name, values), scales, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_ranges_are_of_values_that_are_finite():
    values = np.array([[np.inf], [5.0], [7.0]])
    assert [each.tolist() for each in onnx_check._scales("variable", values)] == [
        [7],
        [7],
    ]


def test_labels_of_a_tie_agree_in_whole_models(monkeypatch):
    model = quick().fit(X, Y)
    model.network_.values[:] = 0  # both classes are as likely
    scores = model.predict_proba(X).astype(np.float32)
    labels = 1 - model.predict(X)

    def run(rows):
        return [labels[: len(rows)], scores[: len(rows)]]

    monkeypatch.setattr(onnx_check, "_start", lambda _: run)
    assert onnx_check.find_difference(model, None, X) is None
    scores[:, 0] = 1
    assert "probabilities: off" in onnx_check.find_difference(model, None, X)
    model.network_.arrays["output.bias"][:] = -1
    assert "label: 40 of 40" in onnx_check.find_difference(model, None, X)


def test_values_that_are_not_finite_are_at_no_distance_from_themselves():
    a = np.array([1.0, np.inf, np.nan, np.inf, np.nan, -np.inf])
    b = np.array([3.0, np.inf, np.nan, 1.0, 1.0, np.inf])
    found = onnx_check._distance(a, b)
    np.testing.assert_array_equal(found, [2, 0, 0, np.inf, np.inf, np.inf])


P = np.array(
    [[0.5, 0.5, 0], [0.4, 0.6, 0], [0.5, 0.5 + 1.9e-5, 0], [0.5, 0.5 + 3e-5, 0]]
)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([0, 1, 0, 0], [True, False, True, False]), ([1, 0, 1, 1], [True, False, True, False]), ([2] * 4, [False] * 4)],
)  # fmt: skip
def test_labels_of_a_tie_are_alike(labels, expected):
    found = onnx_check._is_likeliest(P, np.arange(3), np.array(labels))
    assert found.tolist() == expected


def labels_differ(model, want, got, change=None, scores=None):
    want = np.array(want)
    change = want if change is None else np.array(change)
    return onnx_check._compare_labels(
        model, want, np.array(got), change, scores, len(want)
    )


def test_labels_differ_unless_of_a_tie_or_a_jump():
    model = SimpleNamespace(classes_=np.arange(3))
    assert labels_differ(model, [0, 1, 0, 1], [0, 1, 0, 1]) is None
    assert labels_differ(model, [0, 1, 0, 1], [[0], [1], [0], [1]]) is None
    assert (
        labels_differ(model, [0, 1, 0, 1], [1, 1, 0, 0]) == "label: 2 of 4 are others"
    )
    assert labels_differ(model, [0, 1, 0, 1], [1, 1, 0, 1], [1, 1, 0, 1]) is None
    assert labels_differ(model, [0, 1, 0, 1], [1, 1, 1, 1], scores=P) is None
    assert (
        labels_differ(model, [0, 1, 0, 1], [1, 0, 1, 1], scores=P)
        == "label: 1 of 4 are others"
    )
    assert (
        labels_differ(SimpleNamespace(), [0], [1], scores=P[:1])
        == "label: 1 of 1 are others"
    )
    several = SimpleNamespace(classes_=np.arange(2))
    p = np.array([[0.5 + 0.9e-5, 0.4], [0.5 - 0.9e-5, 0.5 + 2e-5]])
    assert labels_differ(several, [[1, 0], [0, 1]], [[0, 0], [1, 1]], scores=p) is None
    assert (
        labels_differ(several, [[1, 0], [0, 1]], [[1, 0], [0, 0]], scores=p)
        == "label: 1 of 4 are others"
    )
    columns = SimpleNamespace(classes_=[np.arange(3), np.array(["a", "b"])])
    q = [P[:2], np.array([[0.9, 0.1], [0.5, 0.5]])]
    want = np.array([[0, "a"], [1, "a"]], object)
    got = np.array([[1, "a"], [1, "b"]], object)
    assert onnx_check._compare_labels(columns, want, got, want, q, 2) is None
    wrong = np.array([[1, "b"], [0, "b"]], object)
    assert (
        onnx_check._compare_labels(columns, want, wrong, want, q, 2)
        == "label: 2 of 4 are others"
    )


def quick(**params):
    return ConvNetClassifier([Dense(2)], max_iter=1, random_state=SEED, **params)


@pytest.fixture(autouse=True)
def unconverged(recwarn):
    """Fits of one epoch have not converged, and say so."""


def test_drawn_inputs_are_normal_after_the_first_step():
    scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    found = onnx_check.draw_inputs(scaled)
    assert found.shape == (32, 4)
    z = scaled[0].transform(found)
    assert abs(z.mean()) < 0.3 and 0.8 < z.std() < 1.2
    assert abs(onnx_check.draw_inputs(LogisticRegression().fit(X, Y)).mean()) < 0.3
    frame = pd.DataFrame(X, columns=list("abcd"))
    named = onnx_check.draw_inputs(StandardScaler().fit(frame))
    assert list(named.columns) == list("abcd") and named.shape == (32, 4)
    codes = OneHotEncoder().fit(np.array([[0, 1], [1, 0]]))
    assert onnx_check.draw_inputs(codes).shape == (32, 2)
    np.testing.assert_array_equal(onnx_check.draw_inputs(scaled), found)


@pytest.mark.parametrize(
    ("k", "n"), [(4, 32), (2**12, 32), (2**13, 16), (2**16, 2), (2**17, 2), (2**18, 2)]
)
def test_wide_rows_are_few(k, n):
    assert onnx_check.draw_inputs(SimpleNamespace(n_features_in_=k)).shape == (n, k)


def test_models_must_know_their_number_of_features():
    words = "^model, a SimpleNamespace, does not know its number of features"
    for model in (SimpleNamespace(), SimpleNamespace(n_features_in_=None)):
        with pytest.raises(ValueError, match=words):
            onnx_check.count_features(model)
    assert (
        type(onnx_check.count_features(SimpleNamespace(n_features_in_=np.int64(3))))
        is int
    )


UNSCALED = {
    "normalised": ([("a", Normalization()), Dense(1)], {"a.mean": 5, "a.scale": 2}, (4,), lambda z: 2 * z + 5),
    "rescaled": ([("a", Rescaling(0.5, 3)), Dense(1)], {}, (4,), lambda z: 2 * (z - 3)),
    "made the same": ([("a", Rescaling(0.0, 3)), Dense(1)], {}, (4,), lambda z: z - 3),
    "images": ([("a", Rescaling(0.5)), Dense(1)], {}, (2, 2, 1), lambda z: 2 * z),
    "not": ([("a", Dense(2)), Rescaling(0.5)], {}, (4,), lambda z: z),
    "other rows": ([("a", Rescaling(0.5)), Dense(1)], {}, (5,), lambda z: z),
}  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "arrays", "shape", "expected"), UNSCALED.values(), ids=UNSCALED
)
def test_inputs_are_those_for_which_the_first_layer_returns_z(layers, arrays, shape, expected, rng):  # fmt: skip
    network = Network.build(layers, shape, 0)
    for name, value in arrays.items():
        network.arrays[name][...] = value
    z = rng.standard_normal((3, 4))
    np.testing.assert_allclose(onnx_check._unscale(network, z), expected(z), rtol=1e-6)


def test_first_step_is_found_inside_of_others():
    net, scaler = quick(), StandardScaler()
    assert onnx_check._first(net) is net
    pipeline = make_pipeline(scaler, net)
    assert onnx_check._first(pipeline) is scaler
    search = GridSearchCV(LogisticRegression(), {}, cv=2).fit(X, Y)
    assert onnx_check._first(search) is search.best_estimator_
    bagged = BaggingClassifier(LogisticRegression(), n_estimators=2).fit(X, Y)
    assert onnx_check._first(bagged) is bagged.estimators_[0]
    inner = SimpleNamespace(steps=None)
    assert onnx_check._first(SimpleNamespace(estimator_=inner)) is inner
    calibrated = SimpleNamespace(
        calibrated_classifiers_=[SimpleNamespace(estimator=inner)]
    )
    assert onnx_check._first(calibrated) is inner
    assert (
        onnx_check._first(SimpleNamespace(estimators_="none", estimator_=inner))
        is inner
    )


def test_rows_close_to_a_change_of_labels_are_added():
    model = LogisticRegression().fit(X, Y)
    predictions = onnx_check.predict(model, X)
    found = onnx_check.add_boundary(model, X, predictions)
    np.testing.assert_array_equal(found[:40], X)
    n = (len(found) - 40) // 2
    changes = int((np.diff(predictions["label"]) != 0).sum())
    assert n == min(changes, 10) and len(found) == 40 + 2 * n
    here, there = found[40 : 40 + n], found[40 + n :]
    starts = np.flatnonzero(np.diff(predictions["label"]) != 0)[:n]
    distance = np.linalg.norm(X[starts + 1] - X[starts], axis=1)
    np.testing.assert_allclose(np.linalg.norm(there - here, axis=1), distance / 32)
    assert (model.predict(here) == predictions["label"][starts]).all()
    assert (model.predict(there) != predictions["label"][starts]).all()
    one = {"label": np.zeros(40)}
    for same in (
        onnx_check.add_boundary(model, X, one),
        onnx_check.add_boundary(model, X, {}),
        onnx_check.add_boundary(model, X, {"label": predictions["label"][:, None]}),
        onnx_check.add_boundary(KMeans(2, n_init=1).fit(X), X, predictions),
    ):
        assert same is X
    frame = pd.DataFrame(X, columns=list("abcd"))
    named = onnx_check.add_boundary(
        LogisticRegression().fit(frame, Y), frame, predictions
    )
    assert list(named.columns) == list("abcd") and len(named) == len(found)
    assert len(onnx_check.add_boundary(model, X[starts[0] : starts[0] + 2], {"label": predictions["label"][starts[0] : starts[0] + 2]})) == 4  # fmt: skip


OUTPUTS = {
    "labels alone": (LinearSVC(), ["label"]),
    "classifier": (LogisticRegression(), ["label", "probabilities"]),
    "clusters": (KMeans(2, n_init=1), ["label", "scores"]),
    "outliers": (IsolationForest(n_estimators=2), ["label", "scores"]),
    "mixture": (GaussianMixture(), ["label", "probabilities"]),
    "transformer": (StandardScaler(), ["features"]),
    "deviations": (ConvNetRegressor([Dense(2)], loss="gaussian", max_iter=1), ["variable", "std"]),
    "numbers": (ConvNetRegressor([Dense(2)], max_iter=1), ["variable"]),
}  # fmt: skip


@pytest.mark.parametrize(("model", "names"), OUTPUTS.values(), ids=OUTPUTS)
def test_predictions_are_called_as_the_outputs_of_converters(model, names):
    model.fit(X, Y)
    assert list(onnx_check.predict(model, X)) == names
    moved = onnx_check._moved(model, X, False)
    assert list(moved) == names


def test_features_are_those_of_transform():
    model = quick().fit(X, Y)
    for features in (True, "dense_1"):
        found = onnx_check.predict(model, X, features)
        np.testing.assert_array_equal(found["features"], model.transform(X))
    codes = OneHotEncoder().fit(np.array([[0], [1]]))
    assert type(onnx_check.predict(codes, np.array([[0]]))["features"]) is np.ndarray
    assert onnx_check._dense(sparse.eye_array(2)).tolist() == [[1, 0], [0, 1]]


def test_moved_inputs_differ_in_their_last_bits():
    class Same:
        def transform(self, X):
            return X

    found = onnx_check._moved(Same(), X, True)["features"]
    change = np.abs(found / X - 1) / np.finfo(np.float32).eps
    assert 2.9 < change.min() <= change.max() < 5.1
    assert (found > X).any() and (found < X).any()
    frame = onnx_check._moved(StandardScaler().fit(X), pd.DataFrame(X), True)
    assert frame["features"].shape == X.shape
    columns = pd.DataFrame(X, columns=list("abcd"))
    chosen = ColumnTransformer([("scale", StandardScaler(), ["b"])]).fit(columns)
    assert onnx_check._moved(chosen, columns, True)["features"].shape == (40, 1)
    codes = OneHotEncoder().fit(np.array([["a"], ["b"]]))
    assert onnx_check._moved(codes, np.array([["a"]]), False)["features"].tolist() == [
        [1, 0]
    ]


def test_inputs_are_rows_or_images_in_float32():
    model = SimpleNamespace(network_=SimpleNamespace(input_shape=(2, 2, 1)))
    rows = onnx_check._onnx_inputs(model, X.reshape(40, 2, 2), False)
    assert rows.shape == (40, 4) and rows.dtype == np.float32
    assert onnx_check._onnx_inputs(model, X, True).shape == (40, 2, 2, 1)
