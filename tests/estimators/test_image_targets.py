"""ConvNetRegressor with targets that are images: shapes, scale, scores, errors."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score
from small_images import CONVOLUTIONS, SIGNALS, images_and_masks, regressor

from skconv import ConvNetRegressor
from skconv.augmentation import CutMix, MixUp, RandomAffine, RandomShift
from skconv.layers import Conv2D, Conv2DTranspose, Dense, Dropout, UpSampling2D

NOISY, CLEAN = images_and_masks()
CLEAN = CLEAN.astype(np.float32)
COLOURS = np.stack([CLEAN * 100, 1000 - CLEAN, CLEAN * 1e-3], axis=-1)


def pixels(images, k=1):
    return images.reshape(-1, k)


@pytest.mark.parametrize(
    "y", [CLEAN, CLEAN[..., None], COLOURS], ids=["hw", "hw1", "hwc"]
)
def test_predictions_have_the_shape_and_the_units_of_y(y):
    reg = regressor().fit(NOISY, y)
    predicted = reg.predict(NOISY)
    assert predicted.shape == y.shape
    assert predicted.dtype == np.float32
    k = y.shape[-1] if y.ndim == 4 else 1
    assert reg.n_outputs_ == k
    np.testing.assert_allclose(reg.target_center_, pixels(y, k).mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(reg.target_scale_, pixels(y, k).std(axis=0), rtol=1e-4)
    expected = r2_score(pixels(y, k), pixels(predicted, k))
    assert reg.score(NOISY, y) == pytest.approx(expected, abs=1e-5)
    assert expected > 0.9


@pytest.mark.parametrize("weighted", ["samples", "pixels"])
def test_score_has_weights(weighted):
    rng = np.random.default_rng(SEED)
    weight = rng.random((40, 1, 1) if weighted == "samples" else (40, 8, 8))
    by_pixel = np.broadcast_to(weight, (40, 8, 8)).ravel()
    reg = regressor(max_iter=1).fit(NOISY, COLOURS, weight.squeeze())
    predicted = reg.predict(NOISY)
    expected = r2_score(
        pixels(COLOURS, 3), pixels(predicted, 3), sample_weight=by_pixel
    )
    assert reg.score(NOISY, COLOURS, weight.squeeze()) == pytest.approx(
        expected, abs=1e-5
    )
    mean = np.average(pixels(COLOURS, 3), axis=0, weights=by_pixel)
    np.testing.assert_allclose(reg.target_center_, mean, rtol=1e-5)


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson"])
def test_every_loss_takes_images(loss):
    reg = regressor(loss=loss, max_iter=40).fit(NOISY, CLEAN)
    assert reg.score(NOISY, CLEAN) > 0.85


def test_loss_is_the_mean_over_pixels():
    reg = regressor(max_iter=1).fit(NOISY, COLOURS, X_val=NOISY, y_val=COLOURS)
    errors = (reg.predict(NOISY).astype(float) - COLOURS) / reg.target_scale_
    expected = (errors**2).sum(axis=-1).mean() / 2
    assert reg.validation_loss_curve_[0] == pytest.approx(expected, rel=1e-3)
    assert reg.validation_scores_[0] == pytest.approx(
        reg.score(NOISY, COLOURS), abs=1e-5
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float16, np.float64, bool])
def test_targets_of_any_dtype(dtype):
    expected = regressor(max_iter=1).fit(NOISY, CLEAN.astype(dtype).astype(np.float64))
    found = regressor(max_iter=1).fit(NOISY, CLEAN.astype(dtype))
    np.testing.assert_array_equal(found.network_.values, expected.network_.values)


def test_targets_in_a_memory_map_are_read_in_parts(tmp_path):
    np.save(tmp_path / "y.npy", COLOURS)
    y = np.load(tmp_path / "y.npy", mmap_mode="r")
    expected = regressor(early_stopping=True).fit(NOISY, COLOURS)
    found = regressor(early_stopping=True).fit(NOISY, y)
    np.testing.assert_array_equal(found.network_.values, expected.network_.values)


def test_layers_may_change_the_size():
    layers = [Conv2D(8, 3, activation="relu"), Conv2DTranspose(8, 2, stride=2)]
    large = CLEAN.repeat(2, axis=1).repeat(2, axis=2)
    reg = regressor([*layers, Conv2D(8, 3, activation="relu")], tta=["flip", "shift"])
    reg.fit(NOISY, large)
    assert reg.predict(NOISY).shape == large.shape
    assert reg.score(NOISY, large) > 0.8


def test_signals_are_predicted():
    signals, clean = NOISY.reshape(40, 64, 1), CLEAN.reshape(40, 64, 1)
    reg = regressor(SIGNALS, tta="flip").fit(signals, clean)
    assert reg.predict(signals).shape == clean.shape
    assert reg.score(signals, clean) > 0.85


def test_default_network_follows_from_the_targets():
    unet = regressor(None, filters=(4, 8), max_iter=1).fit(NOISY, CLEAN)
    assert "skip" in dict(unet.network_.layers)
    arrays = unet.network_.arrays.values()
    assert {a.shape[-1] for a in arrays if a.ndim == 4} <= {1, 4, 8}
    plain = regressor(None, filters=(4, 8), max_iter=1).fit(NOISY, CLEAN.mean((1, 2)))
    assert "dense1" in dict(plain.network_.layers)


def test_error_of_other_targets_describes_both():
    reg = regressor(max_iter=1).fit(NOISY, CLEAN[:, 0, 0])
    words = (
        "loss_name='squared_error', quantile=None, dtype='float32', n_outputs=1, "
        "flat=True, got loss_name='squared_error', quantile=None, dtype='float32', "
        "n_outputs=8, flat=False; use"
    )
    with pytest.raises(ValueError, match=words):
        reg.partial_fit(NOISY, CLEAN[:, 0])


def test_partial_fit_continues_a_fit():
    fitted = regressor(max_iter=3, shuffle=False).fit(NOISY, CLEAN)
    reg = regressor(shuffle=False)
    for _ in range(3):
        reg.partial_fit(NOISY, CLEAN)
    np.testing.assert_array_equal(reg.network_.values, fitted.network_.values)
    with pytest.warns(UserWarning, match="times its scale away from its center"):
        reg.partial_fit(NOISY, CLEAN + 1e4)


@pytest.mark.parametrize(
    "augment", [MixUp(1), CutMix(), RandomShift(2), RandomAffine(30, max_shift=1)]
)
def test_targets_move_with_images(augment):
    reg = regressor(augment=augment).fit(NOISY, CLEAN)
    assert reg.score(NOISY, CLEAN) > 0.7


def test_cross_validation_and_early_stopping():
    reg = regressor(early_stopping=True, validation_fraction=0.5)
    scores = cross_val_score(reg, NOISY, CLEAN, cv=2)
    assert scores.min() > 0.6


def test_target_that_is_constant_is_predicted():
    y = np.stack([CLEAN, np.full_like(CLEAN, 7)], axis=-1)
    with pytest.warns(UserWarning, match="is NaN, as a channel is the same everywhere"):
        reg = regressor(max_iter=10).fit(NOISY, y, X_val=NOISY, y_val=y)
    assert np.abs(reg.predict(NOISY)[..., 1] - 7).max() < 1
    assert np.isnan(reg.validation_scores_).all()


def test_score_of_a_constant_channel_is_that_of_scikit_learn():
    """Images have opaque corners and alpha channels: a search needs a number."""
    y = np.stack([CLEAN, np.full_like(CLEAN, 7)], axis=-1)
    reg = regressor(max_iter=3).fit(NOISY, y)
    for targets in (y, y + np.arange(2)):
        expected = r2_score(pixels(targets, 2), pixels(reg.predict(NOISY), 2))
        assert reg.score(NOISY, targets) == pytest.approx(expected, abs=1e-5)
    encoder = reg._encoder
    exact = encoder.tally(np.zeros((2, 8, 8, 2)), np.zeros((2, 8, 8, 2)))
    assert encoder.score_of(exact, force_finite=True) == 1


@pytest.mark.parametrize("y", [CLEAN, COLOURS], ids=["hw", "hwc"])
def test_draws_are_images_on_a_last_axis(y):
    reg = regressor([*CONVOLUTIONS, Dropout(0.5)], max_iter=2).fit(NOISY, y)
    drawn = reg.sample_y(NOISY[:3], n_samples=4)
    assert drawn.shape == (*y[:3].shape, 4)
    assert (drawn[..., 0] != drawn[..., 1]).any()
    np.testing.assert_array_equal(drawn, reg.sample_y(NOISY, n_samples=4)[:3])


@pytest.mark.filterwarnings("ignore:R.2 of the .* is NaN")
def test_scores_of_constants_give_a_warning():
    y = np.full_like(CLEAN, 7)
    with pytest.warns(UserWarning, match="a channel is the same everywhere"):
        regressor(max_iter=1).fit(NOISY, CLEAN, X_val=NOISY, y_val=y)


@pytest.mark.parametrize(
    ("words", "act"),
    [
        (
            "end in images .* of the size of y, 8 x 6, but layer",
            lambda r: r.fit(NOISY, CLEAN[..., :6]),
        ),
        (
            r"signals, \(n, length, channels\), got",
            lambda r: r.fit(NOISY, COLOURS[..., None]),
        ),
        ("y contains NaN: y has missing", lambda r: r.fit(NOISY, CLEAN * np.nan)),
        (
            "y must hold numbers, got text",
            lambda r: r.fit(NOISY, np.full(CLEAN.shape, "a")),
        ),
        (
            r"y of shape \(40, 8, 8, 3\) does not match .* fit, \(n, 8, 8\)",
            lambda r: r.score(NOISY, COLOURS),
        ),
        (
            "^loss, quantile, dtype and the shape of y must be the same as in the first "
            "fit to continue it, loss_name='squared_error', dtype='float32', n_outputs=1, "
            "shape=.8, 8., got loss_name='squared_error', dtype='float32', n_outputs=3, "
            "shape=.8, 8, 3.; use warm_start=False and fit to start again$",
            lambda r: r.partial_fit(NOISY, COLOURS),
        ),
        (
            r"y_val of shape \(40, 8, 4\) does not match",
            lambda r: r.fit(NOISY, CLEAN, X_val=NOISY, y_val=CLEAN[..., :4]),
        ),
        (
            "y must be >= 0 with loss='poisson', got -1",
            lambda r: r.set_params(loss="poisson").fit(NOISY, CLEAN - 1),
        ),
        (
            r"or for each pixel, \(40, 8, 8\), got an array of shape \(40, 8, 8, 3\)",
            lambda r: r.fit(NOISY, COLOURS, COLOURS),
        ),
        (
            "must end in images",
            lambda r: r.set_params(layers=[*CONVOLUTIONS, Dense(64)]).fit(NOISY, CLEAN),
        ),
        (
            r"but layer .* returns \(16, 16, 8\)",
            lambda r: r.set_params(layers=[*CONVOLUTIONS, UpSampling2D()]).fit(
                NOISY, CLEAN
            ),
        ),
        (
            r"hidden_layer_sizes=\(3,\) describes the default network of targets that",
            lambda r: ConvNetRegressor(hidden_layer_sizes=(3,)).fit(NOISY, CLEAN),
        ),
    ],
)
def test_errors_say_the_rule(words, act):
    reg = regressor(max_iter=1).fit(NOISY, CLEAN)
    values = reg.network_.values.copy()
    with pytest.raises(ValueError, match=words):
        act(reg)
    np.testing.assert_array_equal(reg.network_.values, values)
