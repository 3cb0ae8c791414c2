"""Options of training: each does what it says, and costs nothing when off."""

import math

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from small_fits import small
from tolerances import same_bits

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv._training.step import auto_batch_size
from skconv.augmentation import GaussianNoise, RandomFlip, RandomRotation, RandomShift
from skconv.layers import Dense, Dropout


def test_options_that_are_off_change_no_bit(digits):
    X, _, y, _ = digits
    plain = small().fit(X, y)
    off = small(
        class_weight=None, label_smoothing=0, clip_norm=1e9, warmup_steps=0,
        learning_rate=lambda step: 0.003,
    )  # fmt: skip
    assert same_bits(plain, off.fit(X, y))


def test_clipping_bounds_each_step(digits):
    X, _, y, _ = digits
    params = {
        "solver": "sgd", "momentum": 0, "learning_rate_init": 1.0, "alpha": 0,
        "max_iter": 1, "batch_size": 400, "dtype": "float64",
    }  # fmt: skip

    start = small(**params, clip_norm=1e-300).fit(X, y).network_.parameters
    clipped = small(**params, clip_norm=0.01).fit(X, y).network_.parameters
    free = small(**params).fit(X, y).network_.parameters
    assert np.linalg.norm(clipped - start) == pytest.approx(0.01)
    assert np.linalg.norm(free - start) > 0.1
    cosine = (clipped - start) @ (free - start)
    assert cosine == pytest.approx(0.01 * np.linalg.norm(free - start))


@pytest.mark.parametrize("nesterov", [True, False])
def test_sgd_learns(nesterov, digits):
    X, X_test, y, y_test = digits
    clf = small(
        solver="sgd", learning_rate_init=0.05, nesterovs_momentum=nesterov, max_iter=20
    ).fit(X, y)
    assert clf.score(X_test, y_test) > 0.8
    other = clone(clf).set_params(nesterovs_momentum=not nesterov).fit(X, y)
    assert not same_bits(clf, other)


def test_a_changed_solver_starts_with_new_moments(digits):
    X, _, y, _ = digits
    clf = small(warm_start=True).fit(X, y)
    loss = clf.loss_
    clf.set_params(solver="sgd", learning_rate_init=0.01).fit(X, y)
    assert clf.loss_ < loss
    assert clf.n_iter_ == 8


# Schedules ----------------------------------------------------------------------------


def rates_of(clf, X, y, fits=1):
    """The learning rate of each step, noted by the solver."""
    rates = []

    def noting(self, parameters, gradient, learning_rate):
        rates.append(learning_rate)
        return step(self, parameters, gradient, learning_rate)

    from skconv._training.optimizers import Adam

    step = Adam.step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Adam, "step", noting)
        for _ in range(fits):
            clf.fit(X, y)
    return np.array(rates) / clf.learning_rate_init


def test_learning_rates_follow_their_schedule(digits):
    X, _, y, _ = digits  # 400 images: 13 steps an epoch
    params = {"batch_size": 40, "max_iter": 5}  # 50 steps
    assert (rates_of(small(**params), X, y) == 1).all()
    np.testing.assert_allclose(
        rates_of(small(learning_rate="invscaling", power_t=0.25, **params), X, y),
        np.arange(1, 51) ** -0.25,
    )
    np.testing.assert_allclose(
        rates_of(small(learning_rate="cosine", **params), X, y),
        (1 + np.cos(np.pi * np.arange(50) / 50)) / 2,
    )
    cycle = rates_of(small(learning_rate="one_cycle", **params), X, y)
    assert cycle.argmax() == 15
    assert cycle[0] < 0.05 > cycle[-1]
    for warmup in (10, 0.2):
        warm = rates_of(small(warmup_steps=warmup, **params), X, y)
        np.testing.assert_allclose(warm[:11], [*np.arange(1, 11) / 10, 1])
    own = small(learning_rate=lambda step: 0.003 / step, **params)
    np.testing.assert_allclose(rates_of(own, X, y), 1 / np.arange(1, 51))


def test_adaptive_rates_fall_when_training_would_have_stopped(digits):
    X, _, y, _ = digits
    params = {"tol": 10.0, "n_iter_no_change": 2, "batch_size": 400, "max_iter": 60}
    assert small(**params).fit(X, y).n_iter_ == 4
    clf = small(learning_rate="adaptive", learning_rate_init=1e-4, **params)
    rates = rates_of(clf, X, y)
    steps = np.unique(rates)[::-1]
    np.testing.assert_allclose(steps, 5.0 ** -np.arange(len(steps)))
    assert rates[3] == 1 > rates[4] == rates[6] > rates[7]
    assert clf.n_iter_ < 60, "below 1e-6 it stops"
    assert 1e-4 * rates[-1] <= 1e-6 < 5.1e-4 * rates[-1]


def test_bad_schedules_are_refused(digits):
    X, _, y, _ = digits
    with pytest.raises(
        ValueError,
        match="learning_rate must be one of .* got 'cosin'; did you mean 'cosine'",
    ):
        small(learning_rate="cosin").fit(X, y)
    with pytest.raises(ValueError, match="learning_rate_init=0.1"):
        small(learning_rate=0.1).fit(X, y)
    with pytest.raises(ValueError, match="'warmup_steps' parameter"):
        small(warmup_steps=1.5).fit(X, y)
    with pytest.raises(
        ValueError, match="must return a finite number >= 0, got None for step 1"
    ):
        small(learning_rate=lambda step: None).fit(X, y)


OPTIONS = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.01},
    "invscaling": {"learning_rate": "invscaling"},
    "warm-up": {"warmup_steps": 20},
    "adaptive": {"learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    "clipping": {"clip_norm": 0.5},
    "smoothing": {"label_smoothing": 0.1},
    "classes": {"class_weight": {1: 2.0}},
    "augmentation": {"augment": [RandomShift(1), GaussianNoise(0.1)]},
}


@pytest.mark.parametrize("case", OPTIONS)
def test_warm_start_is_a_long_fit_in_parts(case, digits):
    """Moments, schedule and the random stream continue."""
    X, _, y, _ = digits
    params = {"layers": [Dense(16, "relu"), Dropout(0.2)], **OPTIONS[case]}
    whole = ConvNetClassifier(max_iter=4, random_state=SEED, **params).fit(X, y)
    parts = ConvNetClassifier(max_iter=2, random_state=SEED, warm_start=True, **params)
    if case != "adaptive":  # which counts idle epochs again in each fit
        assert same_bits(whole, parts.fit(X, y).fit(X, y))
    if case == "classes":  # whose weights fit scales
        return
    stream = ConvNetClassifier(random_state=SEED, **params)
    if case != "adaptive":
        for _ in range(4):
            stream.partial_fit(X, y, np.arange(10))
        assert same_bits(whole, stream)


def test_partial_fit_follows_the_schedule_of_max_iter_calls(digits):
    X, _, y, _ = digits
    params = {"learning_rate": "cosine", "warmup_steps": 0.1, "max_iter": 4}
    whole, stream = small(**params).fit(X, y), small(**params)
    for _ in range(4):
        stream.partial_fit(X, y, np.arange(10))
    assert same_bits(whole, stream)


# Augmentation -------------------------------------------------------------------------


def test_augmentation_is_reproducible_and_in_training_only(digits):
    X, X_test, y, _ = digits
    seen = []

    def spying(x, rng):
        seen.append(x.shape)
        return x + rng.normal(0, 0.1, x.shape).astype(x.dtype)

    augment = [RandomShift(1), spying]
    first = small(augment=augment).fit(X, y, X_val=X_test, y_val=np.zeros(len(X_test)))
    assert len(seen) == 4 * math.ceil(400 / 32)
    assert seen[0] == (32, 8, 8, 1)
    again = small(augment=augment).fit(X, y)
    assert same_bits(first, again)
    assert not same_bits(first, small().fit(X, y))
    n = len(seen)
    first.predict(X_test)
    assert len(seen) == n
    np.testing.assert_array_equal(X, digits[0])


def test_nested_names_set_parameters_of_transforms(digits):
    X, _, y, _ = digits
    one = small(augment=RandomRotation(10))
    grid = GridSearchCV(one, {"augment__degrees": [0, 5]}, cv=2).fit(X, y)
    assert grid.best_params_["augment__degrees"] in (0, 5)
    assert one.augment.degrees == 10

    several = small(augment=[RandomFlip(), ("turn", RandomRotation(10))])
    names = several.get_params()
    assert names["augment__randomflip_1__horizontal"] is True
    assert names["augment__turn__degrees"] == 10
    several.set_params(augment__turn__degrees=3, augment__randomflip_1="passthrough")
    assert dict(several.augment)["turn"].degrees == 3
    assert dict(several.augment)["randomflip_1"] == "passthrough"
    copy = clone(several)
    copy.set_params(augment__turn__degrees=4).fit(X, y)
    assert dict(several.augment)["turn"].degrees == 3
    copy.set_params(augment=[RandomFlip()], augment__randomflip_1__vertical=True)
    assert copy.augment[0].vertical is True
    with pytest.raises(
        ValueError,
        match="Invalid parameter 'augment__tur__degrees' .*; did you mean 'turn'",
    ):
        several.set_params(augment__tur__degrees=3)


def test_errors_of_transforms_name_the_cause_and_change_nothing(digits):
    X, _, y, _ = digits
    clf = small(max_iter=1).fit(X, y)
    expected = clf.predict_proba(X)
    for augment, words in [
        (3, r"augment must be a callable .* got 3"),
        (RandomFlip, r"call it: RandomFlip\(...\)"),
        (lambda x, rng: x[:, :4], "must return an array of shape"),
        (RandomRotation(-1), "degrees"),
    ]:
        with pytest.raises((ValueError, TypeError), match=words):
            clf.set_params(augment=augment).fit(X, y)
        np.testing.assert_array_equal(clf.predict_proba(X), expected)


# What is printed ----------------------------------------------------------------------


def test_printed_lines_of_epochs_align(digits, capsys):
    X, X_test, y, y_test = digits
    small(verbose=1, max_iter=12, tol=0).fit(X, y, X_val=X_test, y_val=y_test)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert len({len(line) for line in lines}) == 1
    for words in (
        "  loss ",
        "  validation loss ",
        "  validation score ",
        " s  ",
        "images/s",
    ):
        assert len({line.index(words) for line in lines}) == 1
    assert "learning rate" not in lines[0]
    small(verbose=2, max_iter=1).fit(X, y)
    assert "  learning rate 0.003" in capsys.readouterr().out


def test_a_regressor_has_the_options_of_training(digits):
    X, _, y, _ = digits
    reg = ConvNetRegressor(
        filters=(8,), solver="sgd", learning_rate="one_cycle", clip_norm=1.0,
        augment=RandomShift(1), max_iter=10, learning_rate_init=0.05, random_state=SEED,
    ).fit(X, y / 9)  # fmt: skip
    assert reg.score(X, y / 9) > 0.2
    assert "class_weight" not in reg.get_params()


# Defaults that depend on the number of samples ------------------------------------------


@pytest.mark.parametrize(
    ("n", "batch_size"),
    [(1, 1), (5, 5), (8, 8), (50, 8), (841, 8), (1023, 8), (1024, 16), (1347, 16),
     (3750, 32), (4095, 32), (4096, 64), (8191, 64), (8192, 128), (60_000, 128)],
)  # fmt: skip
def test_auto_batch_makes_64_steps_an_epoch(n, batch_size):
    assert auto_batch_size(n) == batch_size
    assert batch_size in (8, n) or n / batch_size >= 64


@pytest.mark.slow
def test_classifier_stops_when_nothing_is_left_to_learn(digits):
    X, _, y, _ = digits

    def make(**params):
        defaults = {"filters": (8,), "max_iter": 99, "learning_rate_init": 0.005}
        defaults["random_state"] = 0
        return ConvNetClassifier(**{**defaults, **params})

    clf = make().fit(X, y)
    assert clf.loss_ < 1e-3 <= clf.loss_curve_[-2]
    assert clf.n_iter_ < 99
    finer = make(tol=1e-5).fit(X, y)
    assert finer.loss_curve_[: clf.n_iter_] == clf.loss_curve_
    assert finer.n_iter_ > clf.n_iter_
    for params in {"tol": 0.0}, {"n_iter_no_change": np.inf}:
        params["max_iter"] = clf.n_iter_ + 2
        assert make(**params).fit(X, y).n_iter_ == clf.n_iter_ + 2
    ended = clf.n_iter_
    assert clf.set_params(warm_start=True).fit(X, y).n_iter_ > ended


def test_regressor_has_no_loss_that_is_low_enough(rng):
    X = rng.random((40, 6, 6))
    params = {"filters": (4,), "max_iter": 60, "tol": 100.0, "n_iter_no_change": 50}
    reg = ConvNetRegressor(**params, random_state=SEED).fit(X, X[:, 2, 2])
    assert reg.n_iter_ == 52
