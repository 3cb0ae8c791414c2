"""Transforms that see targets, weights, indices and epochs."""

from dataclasses import replace

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from tolerances import assert_same

from skconv import ConvNetClassifier, ConvNetRegressor, ops
from skconv.augmentation import Batch, CutMix, MixUp, RandomFlip, RandomShift, augment

MIXING = {"mixup": MixUp(1.0), "cutmix": CutMix()}
RNG = np.random.default_rng(SEED)
X, Y = RNG.random((90, 6, 6, 1)).astype(np.float32), np.arange(90) % 3
X[Y == 1, :3] += 1


def batch_of(n=40, **parts):
    """A batch whose images have their sample's one-hot code as their channels."""
    x = np.zeros((n, 6, 7, n), np.float32)
    x[np.arange(n), :, :, np.arange(n)] = 1
    return Batch(x, **{"targets": np.arange(n), "n_outputs": n, **parts})


def net(kind=ConvNetClassifier, **params):
    defaults = {"filters": (4,), "hidden_layer_sizes": (8,), "batch_size": 16}
    return kind(**{**defaults, "max_iter": 3, "random_state": SEED, **params})


# Mixing --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MIXING)
def test_targets_are_mixed_as_images_are(name, rng):
    batch = batch_of()
    mixed = augment(batch, MIXING[name], rng)
    assert_same(mixed.x.mean(axis=(1, 2)), mixed.targets, np.float32)
    assert_same(mixed.targets.sum(axis=1), np.ones(40), np.float32)
    assert mixed.targets.dtype == np.float32
    assert (np.count_nonzero(mixed.targets, axis=1) <= 2).all()
    assert ((mixed.targets > 0) & (mixed.targets < 1)).any(axis=1).mean() > 0.7
    assert mixed.sample_weight is None
    assert batch.targets.dtype.kind == "i"


@pytest.mark.parametrize("name", MIXING)
@pytest.mark.parametrize("shape", [(8, 20, 1), (8, 1, 20, 1), (8, 5, 5, 3)])
def test_mixing_takes_signals_and_images(name, shape, rng):
    numbers = np.arange(8.0)
    x = np.broadcast_to(numbers.reshape(8, *[1] * (len(shape) - 1)), shape).copy()
    mixed = augment(Batch(x, numbers), MIXING[name], rng)
    assert_same(mixed.x.mean(axis=tuple(range(1, len(shape)))), mixed.targets)


def test_cut_stretch_of_a_signal_has_the_share_drawn():
    rng = np.random.default_rng(SEED + 3)
    x = np.eye(200)[:, None].repeat(50, axis=1)
    targets = augment(Batch(x, np.eye(200)), CutMix(), rng).targets
    others = 1 - np.diag(targets)
    # Uniform shares, of which a part is cut off at the ends: 0.41, give or take 0.02.
    assert 0.32 < others.mean() < 0.5


@pytest.mark.parametrize("name", MIXING)
@pytest.mark.parametrize("loss", ["softmax", "sigmoid", "squared_error", "poisson"])
def test_weighted_loss_of_a_mixed_sample_is_that_of_both(name, loss, rng):
    """The gradient, as the loss of regression differs by a constant."""
    n, k = 12, 3
    weight = rng.uniform(0, 3, n)
    outputs, partners = rng.standard_normal((n, k)), rng.permutation(n)
    op = getattr(ops, f"{loss}_cross_entropy" if loss[-2] in "ai" else loss)
    targets = rng.integers(0, k, n) if loss == "softmax" else rng.random((n, k))
    if loss == "sigmoid":
        targets = (targets > 0.5).astype(np.uint8)
    shares = rng.random(n)
    batch = Batch(np.zeros((n, 1, 1, 1)), targets, weight, n_outputs=k)
    mixed = batch.mix(batch.x, partners, shares)
    _, gradient = op(outputs, mixed.targets, mixed.sample_weight)
    _, own = op(outputs, targets, shares * weight)
    _, other = op(outputs, targets[partners], (1 - shares) * weight[partners])
    assert_same(gradient, own + other, scale=10)
    assert_same(mixed.sample_weight, shares * weight + (1 - shares) * weight[partners])


def test_partner_of_weight_0_changes_no_target(rng):
    batch = batch_of(3, sample_weight=np.array([1.0, 0, 0]))
    mixed = batch.mix(batch.x, np.array([1, 0, 1]), np.array([0.25, 0.5, 0.5]))
    np.testing.assert_array_equal(mixed.targets[0], [1, 0, 0])
    np.testing.assert_array_equal(mixed.targets[1], [1, 0, 0])
    np.testing.assert_array_equal(mixed.sample_weight, [0.25, 0.5, 0])
    assert np.isfinite(mixed.targets).all()


@pytest.mark.parametrize("name", MIXING)
def test_mixing_of_probability_0_changes_nothing(name, rng):
    batch = batch_of(sample_weight=rng.random(40))
    same = augment(batch, clone(MIXING[name]).set_params(probability=0), rng)
    np.testing.assert_array_equal(same.x, batch.x)
    np.testing.assert_array_equal(same.targets, np.eye(40))
    np.testing.assert_array_equal(same.sample_weight, batch.sample_weight)


def test_equal_targets_stay_equal_to_the_bit(rng):
    targets = np.full((40, 2), 0.1, np.float32)
    mixed = augment(batch_of(targets=targets), MixUp(1), rng)
    np.testing.assert_array_equal(mixed.targets, targets)


UNMIXABLE = {
    "got images alone: use it in augment of an estimator": None,
    "got <U1 of shape .40,.": np.array(["a"] * 40),
    "got int64 of shape .40,. with n_outputs=40": np.full(40, 40),
}


@pytest.mark.parametrize("words", UNMIXABLE)
@pytest.mark.parametrize("name", MIXING)
def test_targets_that_cannot_be_mixed_are_refused(name, words, rng):
    with pytest.raises(ValueError, match=f"augment: transform 'm' .*{words}"):
        augment(batch_of(targets=UNMIXABLE[words]), [("m", MIXING[name])], rng)


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (MixUp(0), "alpha must be a number >= 0.001, got 0"),
        (CutMix("1"), "alpha must be a number >= 0.001, got '1'"),
        (MixUp(1, 2), "probability must be a number from 0 to 1, got 2"),
    ],
)
def test_argument_of_mixing_is_checked(transform, words, rng):
    with pytest.raises(ValueError, match=words):
        augment(batch_of(), transform, rng)


# What transforms return ----------------------------------------------------------------


class Returning:
    def __init__(self, change):
        self.change = change

    def transform_batch(self, batch, rng):
        return self.change(batch)


WRONG = {
    "must return a Batch, got ndarray": lambda batch: batch.x,
    "must return an array of shape .*, got .20,": lambda b: replace(b, x=b.x[:20]),
    "must return targets for each of 40 samples": lambda b: replace(b, targets=None),
    "must return sample_weight for each": lambda b: replace(
        b, sample_weight=np.ones(39)
    ),
    "sample_weight of finite numbers >= 0 .*-1": lambda b: replace(
        b, sample_weight=-np.ones(40)
    ),
    "sample_weight of finite numbers >= 0 .*nan": lambda b: replace(
        b, sample_weight=np.full(40, np.nan)
    ),
    r"sample_weight of .* of shape .40,.": lambda b: replace(
        b, sample_weight=np.ones((40, 1))
    ),
    "finite classes from 0 to 39, got int64": lambda b: replace(
        b, targets=b.targets + 1
    ),
    "finite classes from 0 to 39, got float64": lambda b: replace(
        b, targets=b.targets * 1.0
    ),
    r"probabilities, floats of shape \(40, 40\), got bool": lambda b: replace(
        b, targets=np.eye(40, dtype=bool)
    ),
    r"probabilities, floats of shape \(40, 40\), got float64 of shape \(40, 2\)": (
        lambda b: replace(b, targets=np.ones((40, 2)))
    ),
    r"probabilities, floats of shape \(40, 40\).*nan": lambda b: replace(
        b, targets=np.full((40, 40), np.nan)
    ),
}


@pytest.mark.parametrize("words", WRONG)
def test_result_of_transform_batch_is_checked(words, rng):
    with pytest.raises(ValueError, match=f"augment: transform 'returning_1' .*{words}"):
        augment(batch_of(), Returning(WRONG[words]), rng)


@pytest.mark.parametrize("targets", [np.ones((40, 1)), np.full((40, 2), np.inf)])
def test_changed_numbers_keep_their_shape_and_are_finite(targets, rng):
    change = Returning(lambda batch: replace(batch, targets=targets))
    with pytest.raises(ValueError, match=r"finite numbers of shape \(40, 2\)"):
        augment(batch_of(targets=np.zeros((40, 2)), n_outputs=2), change, rng)


def test_new_batch_is_still_of_the_same_samples(rng):
    batch = batch_of(
        indices=np.arange(40)[::-1], epoch=3, column_sizes=(40,), by_pixel=False
    )
    new = augment(batch, Returning(lambda b: Batch(b.x, b.targets)), rng)
    for name in ("indices", "epoch", "n_outputs", "column_sizes", "by_pixel"):
        assert getattr(new, name) is getattr(batch, name)


def test_weights_may_be_added(rng):
    weight = np.linspace(0, 1, 40)
    add = Returning(lambda batch: replace(batch, sample_weight=weight))
    assert augment(batch_of(), [add, RandomShift(1)], rng).sample_weight is weight


def test_targets_may_be_added(rng):
    targets = np.arange(40)
    add = Returning(lambda batch: replace(batch, targets=targets))
    assert augment(batch_of(targets=None), add, rng).targets is targets


def test_classes_of_columns_may_be_changed(rng):
    codes = np.stack([np.arange(40) % 3, np.arange(40) % 2], axis=1)
    batch = batch_of(targets=codes, n_outputs=5, column_sizes=(3, 2))
    turn = Returning(lambda batch: replace(batch, targets=batch.targets[::-1]))
    np.testing.assert_array_equal(augment(batch, turn, rng).targets, codes[::-1])
    proba = np.full((40, 5), 0.2)
    soft = Returning(lambda batch: replace(batch, targets=proba))
    assert augment(batch, soft, rng).targets is proba
    for wrong in (
        *(codes + 1, codes - 1, codes * 1.0, codes[:, :1]),
        *(-proba, proba.astype(int), proba[:, :4], proba.astype(str)),
    ):
        change = Returning(lambda batch, wrong=wrong: replace(batch, targets=wrong))
        words = r"classes of columns with \[3, 2\] classes"
        with pytest.raises(ValueError, match=words):
            augment(batch, change, rng)


def test_classes_of_columns_are_mixed_side_by_side(rng):
    codes, rest = np.array([[2, 0], [1, 1]]), np.array([0.25, 0.5])
    batch = Batch(np.zeros((2, 1, 1), np.float32), codes, n_outputs=5)
    batch = replace(batch, column_sizes=(3, 2))
    mixed = batch.mix(batch.x, np.array([1, 0]), 1 - rest)
    want = [[0, 0.25, 0.75, 0.75, 0.25], [0, 0.5, 0.5, 0.5, 0.5]]
    np.testing.assert_array_equal(mixed.targets, want)
    again = mixed.mix(batch.x, np.array([1, 0]), 1 - rest)  # of probabilities
    np.testing.assert_allclose(again.targets.sum(axis=1), 2)


def test_classes_of_an_unknown_number_are_not_below_0(rng):
    batch = batch_of(n_outputs=0)
    turn = Returning(lambda batch: replace(batch, targets=batch.targets[::-1]))
    assert augment(batch, turn, rng).targets[0] == 39
    for wrong, words in (
        (batch.targets - 1, "finite classes >= 0, got int64"),
        (np.ones((40, 2), int), r"probabilities, floats of shape \(40, k\)"),
    ):
        change = Returning(lambda batch, wrong=wrong: replace(batch, targets=wrong))
        with pytest.raises(ValueError, match=words):
            augment(batch, change, rng)


def test_one_class_is_the_code_0(rng):
    batch = Batch(np.zeros((3, 1, 1)), np.zeros(3, int), n_outputs=1)
    assert (augment(batch, MixUp(), rng).targets == np.ones((3, 1))).all()
    same = Returning(lambda batch: replace(batch, targets=batch.targets.copy()))
    augment(batch, same, rng)
    other = Returning(lambda batch: replace(batch, targets=batch.targets + 1))
    with pytest.raises(ValueError, match="classes from 0 to 0, got"):
        augment(batch, other, rng)


def test_callable_and_batch_transforms_follow_each_other(rng):
    batch = batch_of()
    changed = augment(batch, [lambda x, rng: x + 1, MixUp(), "passthrough"], rng)
    assert changed.x.min() == 1
    assert changed.targets.shape == (40, 40)


# Fits ----------------------------------------------------------------------------------


class Spy:
    """Records the batches of a fit."""

    def __init__(self):
        self.seen = []

    def transform_batch(self, batch, rng):
        self.seen.append(batch)
        return batch


def test_fit_passes_indices_epochs_targets_and_weights():
    spy = Spy()
    weight = np.where(Y == 0, 0.0, Y / 2)  # no counts
    clf = net(augment=spy, max_iter=2, class_weight={0: 1, 1: 1, 2: 3})
    clf.fit(X, Y, sample_weight=weight)
    assert [batch.epoch for batch in spy.seen] == [0] * 4 + [1] * 4
    for batch in spy.seen:
        rows = batch.indices
        np.testing.assert_array_equal(batch.x, X[rows])
        np.testing.assert_array_equal(batch.targets, Y[rows])
        ratio = batch.sample_weight / np.where(Y[rows] == 1, 1, 6)
        assert_same(ratio, np.full(len(rows), ratio[0]), np.float32)
        assert batch.n_outputs == 3
    epoch = np.concatenate([batch.indices for batch in spy.seen[:4]])
    assert sorted(epoch) == list(np.flatnonzero(Y))


@pytest.mark.parametrize("name", MIXING)
@pytest.mark.parametrize(
    "y", [Y, np.array(["no", "yes"])[Y % 2], np.c_[Y > 0, Y > 1]], ids=str
)
def test_classifier_learns_from_mixed_images(name, y):
    clf = net(augment=[MIXING[name]], label_smoothing=0.1)
    proba = clf.fit(X, y).predict_proba(X)
    assert np.isfinite(proba).all()
    np.testing.assert_array_equal(clone(clf).fit(X, y).predict_proba(X), proba)
    assert (
        clone(clf).set_params(augment=None).fit(X, y).predict_proba(X) != proba
    ).any()


@pytest.mark.parametrize("loss", ["squared_error", "huber", "poisson"])
def test_regressor_learns_from_mixed_images(loss):
    reg = net(
        ConvNetRegressor,
        augment=MixUp(1),
        loss=loss,
        hidden_layer_sizes=(32,),
        learning_rate_init=0.02,
        max_iter=60,
    )
    y = np.c_[X.sum(axis=(1, 2, 3)), Y + 1.0]
    assert reg.fit(X, y, sample_weight=Y + 1.0).score(X, y) > 0.2


def test_constant_mixing_learns_the_targets_of_both():
    """Two images, always mixed half and half: the prediction is the mean target."""
    x = np.eye(2)[:, :, None, None].repeat(4, 2)

    class Half(MixUp):
        def transform_batch(self, batch, rng):
            shares = np.full(len(batch), 0.5)
            partners = np.arange(len(batch))[::-1]
            x = (batch.x + batch.x[partners]) / 2
            return batch.mix(x, partners, shares)

    reg = net(
        ConvNetRegressor, augment=Half(), max_iter=300, batch_size=2, shuffle=False
    )
    assert reg.fit(x, [1.0, 3.0]).predict(x.mean(axis=0)[None])[0] == pytest.approx(
        2, abs=0.05
    )


class FlipByTurns:
    """Mirror every image in every second epoch, half of them in the first."""

    def transform_batch(self, batch, rng):
        chosen = (batch.indices + batch.epoch) % 2 == 0
        x = batch.x.copy()
        x[chosen] = x[chosen, :, ::-1]
        return replace(batch, x=x)


def test_parts_of_partial_fit_are_one_fit_with_transforms_that_see_epochs():
    parts = net(augment=[FlipByTurns(), MixUp()])
    for _ in range(3):
        parts.partial_fit(X, Y, np.arange(3))
    whole = net(augment=[FlipByTurns(), MixUp()]).fit(X, Y)
    np.testing.assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))


def test_grid_reaches_into_mixing():
    clf = net(augment=[RandomFlip(), ("mix", MixUp())], max_iter=1)
    grid = {
        "augment__mix__alpha": [0.1, 1],
        "augment__randomflip_1__horizontal": [False],
    }
    search = GridSearchCV(clf, grid, cv=2).fit(X, Y)
    assert set(search.best_params_) == set(grid)
