"""skops: fitted pipelines as files that are looked through before they are loaded."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.augmentation import RandomErasing, RandomFlip
from skconv.layers import (
    Branches,
    Conv1D,
    Conv2D,
    Dense,
    Layer,
    LayerNorm,
    MaxPool2D,
    Residual,
)

sio = pytest.importorskip("skops.io", reason="skops is not installed: extra `skops`")

ESTIMATORS = [
    ConvNetClassifier(max_iter=2, early_stopping=True),
    ConvNetClassifier(
        [
            ("block", Residual([Conv2D(4), Conv2D(1)], activation="relu")),
            Branches([("a", [Conv2D(2), MaxPool2D()]), ("b", MaxPool2D())]),
            LayerNorm(),
        ],
        max_iter=1,
        warm_start=True,
        augment=[RandomFlip(), ("hole", RandomErasing())],
        class_weight={0: 2.0},
        scoring="accuracy",
    ),
    ConvNetClassifier([Conv1D(3), Dense(4, "tanh")], max_iter=1, solver="sgd"),
    ConvNetRegressor(max_iter=1, dtype="float64", loss="huber", random_state=SEED + 1),
]


@pytest.fixture
def data(rng):
    return rng.random((40, 36)), np.arange(40) % 3


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=range(len(ESTIMATORS)))
@pytest.mark.filterwarnings("ignore:X has 36 features")
def test_skops_loads_what_it_saved(estimator, data, tmp_path):
    pipeline = make_pipeline(StandardScaler(), estimator).fit(*data)
    sio.dump(pipeline, tmp_path / "model.skops")
    found = sio.get_untrusted_types(file=tmp_path / "model.skops")
    assert found, "skops trusts no types of others by itself"
    assert set(found) <= set(skconv.trusted_types())
    loaded = sio.load(tmp_path / "model.skops", trusted=skconv.trusted_types())
    np.testing.assert_array_equal(loaded.predict(data[0]), pipeline.predict(data[0]))
    assert repr(loaded) == repr(pipeline)
    pipeline.fit(*data)
    loaded.fit(*data)
    if estimator.warm_start or isinstance(estimator.random_state, int):
        # moments and the random stream were kept, too
        np.testing.assert_array_equal(
            loaded[-1].network_.values, pipeline[-1].network_.values
        )


def test_skops_refuses_untrusted_types(data):
    file = sio.dumps(ConvNetClassifier(filters=2, max_iter=1).fit(*data))
    with pytest.raises(sio.exceptions.UntrustedTypesFoundException, match="skconv"):
        sio.loads(file)


class Double(Layer):
    def predict(self, weights, x):
        return 2 * x

    def backward(self, weights, cache, dy, need_dx=True):
        return 2 * dy, {}


def test_custom_layers_are_trusted_once_registered(data, monkeypatch):
    monkeypatch.setattr("skconv.io.registry._ADDED", {})
    clf = ConvNetClassifier([Conv2D(2), Double()], max_iter=1).fit(*data)
    file, name = sio.dumps(clf), f"{__name__}.Double"
    assert name not in skconv.trusted_types()
    skconv.register_layer(Double)
    assert name in skconv.trusted_types()
    loaded = sio.loads(file, trusted=skconv.trusted_types())
    np.testing.assert_array_equal(loaded.predict(data[0]), clf.predict(data[0]))
