"""A layer's output as features for other estimators."""

import numpy as np
import pandas as pd
import pytest
from seeds import SEED
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.layers import Conv2D, Dense, MaxPool2D


def net(**params):
    layers = [
        ("conv1", Conv2D(4, activation="relu")),
        ("pool1", MaxPool2D(2)),
        ("dense1", Dense(16, "relu")),
    ]
    defaults = {"max_iter": 8, "batch_size": 32, "learning_rate_init": 0.005}
    return ConvNetClassifier(layers, random_state=SEED, **{**defaults, **params})


@pytest.fixture(scope="module")
def fitted(digits):
    return net().fit(digits[0], digits[2])


def test_features_of_a_layer_are_the_next_ones_input(fitted, digits):
    X = digits[1]
    network, x = fitted.network_, X.reshape(-1, 8, 8, 1).astype(np.float32)
    for name, layer in network.layers:
        x = layer.predict(network.weights[name], x)
        features = fitted.transform(X, layer=name)
        assert features.dtype == np.float32
        np.testing.assert_array_equal(features, x.reshape(len(X), -1))
    np.testing.assert_array_equal(features, fitted.decision_function(X))
    np.testing.assert_array_equal(
        fitted.transform(X), fitted.transform(X.reshape(-1, 8, 8), "dense1")
    )


def test_features_have_names_in_data_frames(digits):
    X, _, y, _ = digits
    clf = net(max_iter=1, transform_layer="pool1").set_output(transform="pandas")
    frame = pd.DataFrame(X).add_prefix("pixel")
    features = clf.fit_transform(frame, y)
    assert list(features.columns[:2]) == ["pool1_0", "pool1_1"]
    assert features.shape == (400, 64)
    assert list(clf.get_feature_names_out()) == list(features.columns)
    assert isinstance(clf.predict(frame), np.ndarray)


def test_transform_works_in_a_pipeline_and_a_grid(digits):
    X, X_test, y, y_test = digits
    pipeline = Pipeline(
        [("net", net()), ("pca", PCA(12)), ("clf", LogisticRegression(max_iter=1000))]
    )
    grid = {"net__transform_layer": ["conv1", "dense1"], "net__conv1__kernel_size": [3]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.score(X_test, y_test) > 0.8
    reg = ConvNetRegressor(filters=(4,), max_iter=5, random_state=SEED)
    assert make_pipeline(reg, PCA(3)).fit_transform(X, y).shape == (400, 3)


def test_names_of_features_are_checked_and_made(fitted):
    names = fitted.get_feature_names_out()
    assert names.dtype == object
    assert names.tolist() == [f"dense1_{i}" for i in range(16)]
    inputs = [f"x{i}" for i in range(64)]
    assert fitted.get_feature_names_out(inputs).tolist() == names.tolist()
    with pytest.raises(ValueError, match="input_features should have length equal"):
        fitted.get_feature_names_out(inputs[1:])


def test_tags_say_what_is_kept(fitted):
    assert fitted.__sklearn_tags__().transformer_tags.preserves_dtype == []
    for estimator in (fitted, ConvNetRegressor()):
        assert estimator.__sklearn_tags__().target_tags.multi_output is True
    assert fitted.__sklearn_tags__().classifier_tags.multi_label is True


def test_unknown_layers_are_refused(fitted, digits):
    X, _, y, _ = digits
    words = r"one of \['conv1', 'pool1', 'dense1', 'output'\], got 'conv'; did you mean 'conv1'"
    with pytest.raises(ValueError, match=words):
        fitted.transform(X, layer="conv")
    for layer in (["conv1"], 1, ("conv1",)):
        with pytest.raises(ValueError, match="layer, or transform_layer, must name"):
            fitted.transform(X, layer=layer)
    with pytest.raises(ValueError, match=words):
        net(max_iter=1, transform_layer="conv").fit(X, y).get_feature_names_out()
    flat = ConvNetClassifier(filters=(), hidden_layer_sizes=(), max_iter=1).fit(X, y)
    np.testing.assert_allclose(flat.transform(X).std(), 0.5, rtol=1e-5)
    assert flat.transform(X, "output").shape == (400, 10)


@pytest.mark.parametrize("kind", ["classes", "two", "labels"])
def test_labels_and_probabilities_agree_where_these_round_to_ties(kind):
    rng = np.random.default_rng(SEED)
    X, y = rng.random((60, 8, 8)), np.arange(60) % 3
    if kind == "two":
        y = y > 0
    elif kind == "labels":
        y = np.c_[y > 0, y == 1].astype(int)
    clf = ConvNetClassifier(filters=(4,), max_iter=1, random_state=SEED).fit(X, y)
    for scale in (1e-2, 1e-3, 1e-4):
        parameters = clf.network_.parameters
        signs = np.where(np.arange(len(parameters)) % 2, -1, 1)
        parameters *= (scale * signs).astype(parameters.dtype)
        probabilities, predicted = clf.predict_proba(X), clf.predict(X)
        outputs = clf.decision_function(X)
        exact = clf._encoder.activation == "softmax"
        if kind == "labels":
            np.testing.assert_array_equal(predicted, probabilities > 0.5)
            continue
        by_probability = clf.classes_[probabilities.argmax(axis=1)]
        np.testing.assert_array_equal(predicted, by_probability)
        if exact:
            by_output = clf.classes_[outputs.argmax(axis=1)]
            np.testing.assert_array_equal(predicted, by_output)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
