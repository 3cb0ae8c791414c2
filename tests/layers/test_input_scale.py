"""What Normalization learns of the training data: any size, any dtype, piece by piece."""

import warnings

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone

from skconv import ConvNetClassifier, ConvNetRegressor, Network
from skconv.layers import (
    BatchNorm,
    Branches,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    Normalization,
    Residual,
    Sequential,
)


def built(layer, shape, dtype=np.float64):
    return layer.build(shape, np.random.default_rng(SEED), np.dtype(dtype))[0]


def adapted(x, dtype=np.float32, layer=None, sample_weight=None):
    """Return the layer's output for x, in float64 as the first layer of a network."""
    layer = layer or Normalization()
    weights = built(layer, x.shape[1:], dtype)
    layer.adapt(weights, lambda: [(x.astype(np.float64), sample_weight)])
    return layer.predict(weights, x.astype(dtype)), weights


def test_normalization_learns_mean_and_deviation_piece_by_piece(rng):
    layer = Normalization()
    x = rng.standard_normal((50, 4, 3, 2)) * (3, 0.1) + (100, -5)
    weight = rng.integers(1, 4, 50).astype(float)
    pieces = [slice(0, 7), slice(7, 40), slice(40, 50)]
    for batches, repeated in [
        ([(x[piece], None) for piece in pieces], x),
        (
            [(x[piece], weight[piece]) for piece in pieces],
            np.repeat(x, weight.astype(int), axis=0),
        ),
    ]:
        weights = built(layer, x.shape[1:])
        layer.adapt(weights, batches.__iter__)
        np.testing.assert_allclose(weights["mean"], repeated.mean(axis=(0, 1, 2)))
        np.testing.assert_allclose(weights["scale"], repeated.std(axis=(0, 1, 2)))
    y = layer.predict(weights, repeated)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), 1)


@pytest.mark.parametrize("value", [0, 0.1, 255])
def test_normalization_makes_a_channel_that_never_varies_zero(value):
    layer = Normalization()
    x = np.full((30, 5), value, np.float32)
    weights = built(layer, (5,), np.float32)
    layer.adapt(weights, lambda: [(x[:7], None), (x[7:], None)])
    np.testing.assert_array_equal(layer.predict(weights, x), 0)
    other = layer.predict(weights, x + 1)
    np.testing.assert_allclose(other, 1 / (value or 1), rtol=1e-5)


def raw(digits):
    X, X_test, y, y_test = digits
    pixels = [
        (255 * images.reshape(-1, 8, 8)).astype(np.uint8) for images in (X, X_test)
    ]
    return *pixels, y, y_test


def normal(**params):
    layers = [
        ("raw", Normalization()),
        ("conv", Conv2D(8, activation="relu")),
        Flatten(),
    ]
    return ConvNetClassifier(
        layers, batch_size=32, max_iter=5, learning_rate_init=0.003, random_state=SEED
    ).set_params(**params)


def test_normalization_of_raw_pixels_trains_as_scaled_pixels_do(digits):
    X, X_test, y, _ = raw(digits)
    clf = normal().fit(X, y)
    arrays = clf.network_.arrays
    np.testing.assert_allclose(arrays["raw.mean"], X.mean(), rtol=1e-6)
    np.testing.assert_allclose(arrays["raw.scale"], X.std(), rtol=1e-6)
    by_hand, by_hand_test = ((each - X.mean()) / X.std() for each in (X, X_test))
    scaled = normal(layers=normal().layers[1:]).fit(by_hand, y)
    np.testing.assert_allclose(
        clf.predict_proba(X_test), scaled.predict_proba(by_hand_test), atol=0.02
    )
    shifted = normal().fit(X / 1000 - 7, y)
    np.testing.assert_allclose(
        shifted.predict_proba(X_test / 1000 - 7), clf.predict_proba(X_test), atol=0.02
    )


def test_normalization_learns_from_the_training_samples_only(digits):
    X, X_test, y, _ = raw(digits)
    weight = np.where(np.arange(len(X)) % 2, 0.0, 2.0)
    mean = normal().fit(X, y, weight).network_.arrays["raw.mean"]
    np.testing.assert_allclose(mean, X[::2].mean(), rtol=1e-6)
    clf = normal(early_stopping=True, validation_fraction=0.3, max_iter=1).fit(X, y)
    mean = clf.network_.arrays["raw.mean"]
    assert not np.isclose(mean, X.mean(), rtol=1e-6)
    np.testing.assert_allclose(mean, X.mean(), rtol=0.1)
    with_val = normal(max_iter=1).fit(X, y, X_val=X_test + 9, y_val=y[:200])
    np.testing.assert_allclose(
        with_val.network_.arrays["raw.mean"], X.mean(), rtol=1e-6
    )


def test_normalization_learns_in_the_first_of_several_fits(digits):
    X, _, y, _ = raw(digits)
    clf = normal().partial_fit(X[:50], y[:50], classes=np.arange(10))
    seen = clf.network_.arrays["raw.mean"].copy()
    np.testing.assert_allclose(seen, X[:50].mean(), rtol=1e-6)
    clf.partial_fit(X[50:], y[50:])
    np.testing.assert_array_equal(clf.network_.arrays["raw.mean"], seen)
    clf.set_params(warm_start=True).fit(X, y)
    np.testing.assert_array_equal(clf.network_.arrays["raw.mean"], seen)
    clf.set_params(warm_start=False).fit(X, y)
    np.testing.assert_allclose(clf.network_.arrays["raw.mean"], X.mean(), rtol=1e-6)


def test_normalization_after_other_layers_learns_from_their_outputs(rng):
    inner = Sequential([("conv", Conv2D(3)), ("normal", Normalization())])
    layers = [
        ("first", MaxPool2D(2)),
        (
            "branches",
            Branches([("a", inner), ("b", [Residual([clone(inner)], inner)])]),
        ),
        ("last", Normalization()),
    ]
    network = Network.build(layers, (8, 8, 3), rng, "float64")
    x = rng.standard_normal((40, 8, 8, 3)) * 9 + 50
    passes = []

    def batches():
        passes.append(1)
        yield from ((x[i : i + 9], None) for i in range(0, 40, 9))

    network.adapt(batches)
    y = network.predict(x)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-9)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), 1)
    a = network.predict(x, "branches")[..., :3]
    np.testing.assert_allclose(a.mean(axis=(0, 1, 2)), 0, atol=1e-9)
    assert len(passes) == 4, "each Normalization goes over the data once"
    passes.clear()
    Network.build([Conv2D(2), BatchNorm()], (8, 8, 3), rng).adapt(batches)
    assert not passes, "nobody asks for the data"


# Values of any size -------------------------------------------------------------------

PIXELS = np.arange(60 * 6 * 6).reshape(60, 6, 6, 1) * 37 % 17
SIZES = {
    "1e38": PIXELS * (1e38 / 16),
    "1e30": PIXELS * 1e30,
    "1e-25": PIXELS * 1e-25,
    "1e-30": PIXELS * 1e-30,
    "far from 0": PIXELS * 4000.0 - 1e6,
    "int64": 10**15 + 10**12 * PIXELS,
    "uint8": (15 * PIXELS).astype(np.uint8),
    "int16": (2000 * PIXELS - 16_000).astype(np.int16),
    "float16": PIXELS.astype(np.float16),
    "bool": PIXELS > 7,
}


@pytest.mark.parametrize("x", SIZES.values(), ids=SIZES)
def test_values_of_any_size_and_dtype_become_alike(x):
    expected = x.astype(np.float64)
    expected = (expected - expected.mean()) / expected.std()
    y, _ = adapted(x)
    np.testing.assert_allclose(y, expected, atol=2e-4)
    y, _ = adapted(x, layer=Normalization(0.5))
    np.testing.assert_allclose(y, expected / 2, atol=2e-4)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e-40, 1e200, 1e300])
def test_float64_holds_all_sizes(size):
    y, _ = adapted(PIXELS * size, np.float64)
    expected = (PIXELS - PIXELS.mean()) / PIXELS.std()
    np.testing.assert_allclose(y, expected, atol=1e-9)


LOST = {
    "next to a mean": (
        1e6 + 1e-3 * PIXELS,
        "about 1e.06, .*float32 .*subtract its mean",
    ),
    "too small": (
        1e-40 * PIXELS,
        "varies by 4.*e-40 .*float32 .*: scale X, or use dtype",
    ),
    "too large": (
        2e37 * PIXELS,
        "varies by .*e.37 .*float32 .*: scale X, or use dtype",
    ),
    "of some channels": (
        np.concatenate([PIXELS, 1e6 + 1e-3 * PIXELS, 1e-40 * PIXELS], axis=-1),
        r"channel 1 \(and of 1 others\) of the input varies",
    ),
}


@pytest.mark.parametrize(("x", "words"), LOST.values(), ids=LOST)
def test_differences_that_float32_loses_give_one_warning(x, words):
    with pytest.warns(UserWarning, match=words) as caught:
        y, _ = adapted(x)
    assert len(caught) == 1
    assert np.isfinite(y).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adapted(x, np.float64)


def test_float64_is_not_advised_to_float64():
    with pytest.warns(UserWarning, match=r"float64 does not hold .*: scale X$"):
        adapted(1e-320 * PIXELS, np.float64)


def test_values_at_the_end_of_float32_give_no_warning_of_numpy():
    for x in (6e38 * (PIXELS / 16 - 0.5), 3.3e38 * (PIXELS / 16)):
        clf = ConvNetClassifier(filters=(2,), max_iter=1)
        with pytest.warns(UserWarning, match="float32 does not hold") as caught:
            clf.fit(x, np.arange(len(x)) % 2)
        assert len(caught) == 1
        assert np.isfinite(clf.network_.values).all()


def test_channels_of_different_sizes_become_alike(rng):
    sizes = np.array([1, 1e6, 1e-9, 0])
    x = rng.standard_normal((80, 5, 4)) * sizes + (3, 1e6, 0, 255)
    y, weights = adapted(x)
    np.testing.assert_allclose(y.mean(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(0, 1)), (1, 1, 1, 0), rtol=1e-4)
    assert weights["scale"][3] == 255


@pytest.mark.parametrize("n", [1, 2])
def test_few_or_constant_samples_are_finite(n):
    for x in np.full((n, 3, 3, 2), 7.0), np.zeros((n, 3, 3, 2)), np.ones((n, 1)):
        y, _ = adapted(x)
        np.testing.assert_array_equal(y, 0)


def test_samples_of_weight_0_count_for_nothing():
    x = np.concatenate([PIXELS[:20] * 1.0, np.full((4, 6, 6, 1), 1e30)])
    weight = np.repeat([0.5, 0], [20, 4])
    _, expected = adapted(PIXELS[:20])
    _, weights = adapted(x, sample_weight=weight)
    for name in expected:
        np.testing.assert_array_equal(weights[name], expected[name])
    layer = Normalization()
    weights = built(layer, (6, 6, 1))
    layer.adapt(weights, lambda: [(x, weight * 0), (x[:0], weight[:0])])
    np.testing.assert_array_equal(layer.predict(weights, x), x)


def test_the_first_layer_learns_in_float64(rng):
    """Float32 would have rounded the differences away; 1e6 + X is still learnt."""
    X = 1e6 + rng.standard_normal((50, 5, 5))
    clf = ConvNetClassifier(filters=(2,), max_iter=1).fit(X, np.arange(50) % 2)
    weights = clf.network_.weights["normalization"]
    np.testing.assert_allclose(weights["mean"], X.mean(), rtol=1e-7)
    np.testing.assert_allclose(weights["scale"], X.std() / 0.5, rtol=1e-6)


@pytest.mark.parametrize("deviation", [0, -1, np.inf, "1", True])
def test_wrong_deviations_are_refused(deviation):
    with pytest.raises(ValueError, match="deviation must be a .*number > 0, got"):
        built(Normalization(deviation), (3,))


# In a fit -----------------------------------------------------------------------------


def test_fit_on_any_scale_gives_the_same_predictions(digits):
    X, X_test, y, _ = digits
    expected = None
    for scale in (lambda x: x, lambda x: 256 * x, lambda x: 65_536 * x - 1024):
        clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=SEED)
        found = clf.fit(scale(X), y).predict_proba(scale(X_test))
        expected = found if expected is None else expected
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_memory_map_is_read_once_for_the_scale_piece_by_piece(tmp_path, monkeypatch):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.uint8, (5000, 16, 16))
    X[:, 3:7] = np.arange(5000)[:, None, None] % 251
    seen = []
    real = Normalization.adapt

    def adapt(self, weights, batches):
        def noted():
            for x, weight in batches():
                seen.append(len(x))
                yield x, weight

        real(self, weights, noted)

    monkeypatch.setattr(Normalization, "adapt", adapt)
    y = np.arange(5000) % 2
    clf = ConvNetClassifier(filters=(2,), max_iter=1, random_state=SEED).fit(X, y)
    assert sum(seen) == 5000
    assert max(seen) < 1500
    assert clf.network_.weights["normalization"]["mean"] == np.float32(X.mean())
    seen.clear()
    clf.set_params(warm_start=True).fit(X, y)
    clf.partial_fit(X, y)
    assert not seen, "what follows the first fit learns nothing anew"


def test_regressor_and_incremental_fits_learn_the_scale():
    X = 1000.0 * PIXELS + 5
    y = X[:, 1:3].mean(axis=(1, 2, 3))
    reg = ConvNetRegressor(filters=(2,), random_state=SEED).partial_fit(X[:30], y[:30])
    first = reg.network_.weights["normalization"]["mean"].copy()
    np.testing.assert_allclose(first, X[:30].mean(), rtol=1e-6)
    reg.partial_fit(X[30:], y[30:])
    np.testing.assert_array_equal(reg.network_.weights["normalization"]["mean"], first)


def test_values_beyond_float32_are_the_datas_error():
    X = PIXELS * 1e39
    with pytest.raises(ValueError, match=r"^X has values too large for float32"):
        ConvNetClassifier(max_iter=1).fit(X, np.arange(60) % 2)
    nested = [Sequential([Conv2D(2), Normalization()]), Dense(3)]
    with pytest.raises(ValueError, match=r"^X has values too large for float32"):
        ConvNetClassifier(nested, max_iter=1).fit(X, np.arange(60) % 2)
