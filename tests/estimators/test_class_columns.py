"""Several columns of classes: lists of classes and probabilities, a softmax for each."""

import pickle

import numpy as np
import pandas as pd
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from skconv import ConvNetClassifier
from skconv._data.class_encoder import ClassEncoder
from skconv._data.multioutput_encoder import MultiOutputEncoder
from skconv.augmentation import CutMix, MixUp
from skconv.layers import Conv2D, Dense, Flatten, Normalization

SHAPES, SIZES = np.array(["bar", "dot", "ring"]), np.array([10, 20])


def small(**params):
    network = [Normalization(), Conv2D(6, 3, activation="relu"), Flatten()]
    defaults = {"max_iter": 12, "random_state": SEED, "learning_rate_init": 0.01}
    return ConvNetClassifier([*network, Dense(16, "relu")], **{**defaults, **params})


@pytest.fixture
def drawn(rng):
    """Return images whose quadrant and light are two columns of classes."""
    codes, light = rng.integers(0, 3, 150), rng.integers(0, 2, 150)
    X = 0.1 * rng.standard_normal((150, 6, 6))
    for i, (code, bright) in enumerate(zip(codes, light, strict=True)):
        X[i, 3 * (code // 2) :, 3 * (code % 2) :][:3, :3] += 1 + bright
    return X, np.stack([SHAPES[codes], SIZES[light].astype(str)], axis=1)


def as_objects(y):
    return pd.DataFrame({"shape": y[:, 0], "size": y[:, 1].astype(int)})


def test_columns_have_lists_as_forests_have_them(drawn):
    X, y = drawn
    clf = small().fit(X, as_objects(y))
    assert [each.tolist() for each in clf.classes_] == [
        ["bar", "dot", "ring"],
        [10, 20],
    ]
    assert clf.n_outputs_ == 5
    probabilities = clf.predict_proba(X)
    assert [p.shape for p in probabilities] == [(150, 3), (150, 2)]
    predicted = clf.predict(X)
    assert predicted.dtype == object
    assert clf.score(X, as_objects(y)) > 0.9
    for j, (p, logarithms, scores, classes) in enumerate(
        zip(
            *(probabilities, clf.predict_log_proba(X), clf.decision_function(X)),
            clf.classes_,
            strict=True,
        )
    ):
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(logarithms, np.log(p), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(classes[p.argmax(axis=1)], predicted[:, j])
        np.testing.assert_array_equal(scores.argmax(axis=1), p.argmax(axis=1))


@pytest.mark.parametrize("dtype", ["U4", np.int64, np.uint8, np.float64, bool, object])
def test_predictions_have_the_type_of_y(dtype, drawn):
    X, y = drawn
    codes = np.unique(y, return_inverse=True)[1].reshape(y.shape) + 1
    text = np.dtype(dtype).kind in "UO"
    labels = y.astype(dtype) if text else codes.astype(dtype)
    if dtype is bool:
        labels = np.c_[y[:, 0] == "bar", y[:, 1] == "20"]  # an indicator
    clf = small(max_iter=1).fit(X, labels)
    predicted = clf.predict(X)
    assert predicted.shape == y.shape
    if dtype is not bool:
        assert predicted.dtype == labels.dtype
        assert set(predicted.ravel()) <= set(labels.ravel())


def test_indicators_remain_multilabel_and_classes_make_columns_of_them(drawn):
    X, y = drawn
    indicator = (y == np.array(["bar", "20"])).astype(int)
    clf = small(max_iter=1).fit(X, indicator)
    assert clf.predict_proba(X).shape == (150, 2)
    clf = small().partial_fit(X, indicator, classes=[[0, 1], [0, 1]])
    assert [p.shape for p in clf.predict_proba(X)] == [(150, 2), (150, 2)]
    clf.partial_fit(X, indicator)
    assert isinstance(clf.classes_, list)


def test_score_is_that_of_multi_output_classifier(drawn, rng):
    X, y = drawn
    clf = small(max_iter=3).fit(X, y)
    other = MultiOutputClassifier(small())
    other.estimators_ = [None, None]
    other.predict = clf.predict
    assert clf.score(X, y) == other.score(X, y)
    weight = rng.uniform(0, 2, 150)
    hits = (clf.predict(X) == y).all(axis=1)
    if hits.all() or not hits.any():  # any weights would give that
        y = y[rng.permutation(150)]
        hits = (clf.predict(X) == y).all(axis=1)
    assert clf.score(X, y, weight) == pytest.approx(np.average(hits, weights=weight))
    with pytest.raises(ValueError, match=r"y must be of shape \(150, 2\)"):
        clf.score(X, y[:, 0])


@pytest.mark.parametrize(
    "class_weight",
    ["balanced", [{"bar": 3, "dot": 1, "ring": 1}, {"low": 1, "high": 0.5}]],
)
def test_class_weights_are_multiplied_as_in_forests(class_weight, drawn):
    X, y = drawn
    y = np.stack([y[:, 0], np.where(y[:, 1] == "10", "low", "high")], axis=1)
    weighted = small(class_weight=class_weight, max_iter=2).fit(X, y)
    given = compute_sample_weight(class_weight, y)
    other = small(max_iter=2).fit(X, y, sample_weight=given)
    for a, b in zip(weighted.predict_proba(X), other.predict_proba(X), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(
    ("params", "y", "words"),
    [
        (
            {"class_weight": {"bar": 2}},
            None,
            "class_weight must be 'balanced' or a list",
        ),
        ({"class_weight": [{"bar": 2}]}, None, "one for each of the 2 columns of y"),
        ({"class_weight": [{"bar": 2}, 3]}, None, "class_weight must be 'balanced'"),
        ({"class_weight": [{"bar": "2"}, {}]}, None, "got '2' for class 'bar'"),
        ({"class_weight": [{"bar": 2}, {"no": 1}]}, None, "class_weight has classes"),
        ({"class_weight": [{0: 2}]}, [0, 1, 2] * 50, "as y has one column, got a list"),
        ({"scoring": "accuracy", "early_stopping": True}, None, "cannot be computed"),
    ],
)
def test_bad_parameters_of_columns_have_clear_errors(params, y, words, drawn):
    X, columns = drawn
    with pytest.raises(ValueError, match=words):
        small(**params).fit(X, columns if y is None else y)


def test_bad_targets_of_columns_change_nothing(drawn):
    X, y = drawn
    clf = small(max_iter=1).fit(X, y)
    before = pickle.dumps(clf)
    for bad, words in [
        (np.c_[y, y[:, 0]], "3 columns|must have the same classes"),
        (y[:, 0], "must have the same classes"),
        (np.c_[y[:, 0], y[:, 0]], "must have the same classes"),
    ]:
        with pytest.raises(ValueError, match=words):
            clf.set_params(warm_start=True).fit(X, bad)
    clf.set_params(warm_start=False)
    with pytest.raises(ValueError, match=r"y\[:, 1\] has classes that are not in"):
        clf.partial_fit(X, np.c_[y[:, 0], y[:, 0]])
    with pytest.raises(ValueError, match=r"does not match the 2 columns of classes"):
        clf.partial_fit(X, y[:, 0])
    with pytest.raises(ValueError, match="classes must be one array for each column"):
        small().partial_fit(X, y, classes=[["bar", "dot", "ring"]])
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        small().partial_fit(X, y)
    with pytest.raises(ValueError, match=r"y_val\[:, 0\] has classes that are not"):
        clf.fit(X, y, X_val=X, y_val=y[:, ::-1])
    assert pickle.dumps(clf) == before


@pytest.mark.parametrize(
    "params",
    [
        {"label_smoothing": 0.1, "focal_gamma": 1.0},
        {"augment": [MixUp(), CutMix()]},
        {"early_stopping": True, "ema_momentum": 0.9},
        {"tta": ["shift"]},
        {"dtype": "float64", "solver": "muon"},
    ],
    ids=str,
)
def test_columns_work_with_other_parameters(params, drawn):
    X, y = drawn
    clf = small(**params).fit(X, y)
    assert clf.score(X, y) > 0.33  # chance is 1 in 6
    assert np.isfinite(clf.loss_curve_).all()


def test_two_columns_are_trained_as_two_networks_of_one_layer_would_be(drawn):
    """The loss is the sum of the columns', each with its own softmax."""
    X, y = drawn
    params = {"layers": [Flatten()], "batch_size": 150, "max_iter": 1, "alpha": 0}
    both = ConvNetClassifier(**params, random_state=SEED, solver="sgd").fit(X, y)
    encoder = both._encoder
    from skconv import ops
    from skconv._training.losses import loss_of

    z = both.network_.predict(X[..., None].astype(np.float32))
    codes = encoder.transform(y)
    value, gradient = loss_of(encoder)(z, codes, None)
    parts = [
        ops.softmax_cross_entropy(np.ascontiguousarray(z[:, a:b]), codes[:, j])
        for j, (a, b) in enumerate([(0, 3), (3, 5)])
    ]
    assert value == pytest.approx(parts[0][0] + parts[1][0])
    np.testing.assert_array_equal(gradient, np.hstack([d for _, d in parts]))
    one_hot = np.hstack([np.eye(3)[codes[:, 0]], np.eye(2)[codes[:, 1]]])
    soft, _ = loss_of(encoder)(z, one_hot.astype(np.float32), None)
    assert soft == pytest.approx(value, rel=1e-5)


def test_validation_part_has_combinations_in_proportion():
    column = ClassEncoder(np.arange(2), multilabel=False)
    encoder = MultiOutputEncoder((column, column))
    targets = np.array([[0, 0]] * 4 + [[1, 1]] * 2 + [[0, 1], [1, 0]])
    strata = encoder.stratify(targets)
    assert len(set(strata[:4])) == len(set(strata[4:6])) == len(set(strata[6:])) == 1
    assert len(set(strata)) == 3


def test_columns_in_a_pipeline_and_a_grid(drawn):
    X, y = drawn
    pipe = make_pipeline(StandardScaler(), small(input_shape=(6, 6), max_iter=3))
    grid = {"convnetclassifier__learning_rate_init": [0.001, 0.01]}
    search = GridSearchCV(pipe, grid, cv=2).fit(X.reshape(150, -1), y)
    assert 0 <= search.best_score_ <= 1
    again = clone(pipe).fit(X.reshape(150, -1), y)
    loaded = pickle.loads(pickle.dumps(again))
    np.testing.assert_array_equal(
        loaded.predict(X.reshape(150, -1)), again.predict(X.reshape(150, -1))
    )


def test_lists_of_mixed_rows_keep_their_types(drawn):
    X, y = drawn
    rows = [[name, int(size)] for name, size in y]
    clf = small(max_iter=1).fit(X, rows)
    assert clf.classes_[1].tolist() == [10, 20]
