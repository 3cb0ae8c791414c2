"""Exponential averages of the weights: which network validates, predicts, continues."""

import pickle

import numpy as np
import pytest
from hooks import Hooks
from seeds import SEED
from sklearn.base import clone
from sklearn.datasets import load_digits

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor, Network
from skconv._training.averaging import Average
from skconv.callbacks import Checkpoint
from skconv.layers import BatchNorm, Conv2D, Dense, Flatten, Normalization

X, Y = load_digits(return_X_y=True)
X, Y = X[:200].reshape(-1, 8, 8, 1), Y[:200]
LAYERS = [Normalization(0.5), Conv2D(4), BatchNorm(activation="relu"), Flatten()]


def small(kind=ConvNetClassifier, **params):
    defaults = {
        "layers": LAYERS, "batch_size": 32, "max_iter": 4, "ema_momentum": 0.8,
        "learning_rate_init": 0.01, "random_state": SEED,
    }  # fmt: skip
    return kind(**{**defaults, **params})


def values(model):
    return model.network_.values.copy()


class Collect(Hooks):
    """A callback that collects the network of each epoch."""

    def __init__(self):
        self.seen = []

    def on_fit_task_end(self, estimator, context, fitted_estimator=None, **given):
        if context.task_name == "epoch":
            self.seen.append(fitted_estimator)


def test_average_is_the_weighted_mean_of_all_steps(rng):
    network = Network.build([("out", Dense(3))], (5,), 0)
    average, momentum, steps = Average(network, 0.9), 0.9, []
    for _ in range(7):
        average.trained.values[...] = rng.standard_normal(18)
        steps.append(average.trained.values.astype(float))
        average.update(network.values)
    shares = momentum ** np.arange(7)[::-1]
    expected = shares @ np.array(steps) / shares.sum()
    np.testing.assert_allclose(network.values, expected, atol=1e-6)


def test_average_leaves_constants_to_the_bit():
    """What layers learned from X before the first step must not drift."""
    clf = small().fit(X, Y)
    plain = small(ema_momentum=None).fit(X, Y)
    for name in ("mean", "scale"):
        ours, theirs = (
            c.network_.arrays[f"normalization_1.{name}"] for c in (clf, plain)
        )
        np.testing.assert_array_equal(ours, theirs)


def test_training_takes_no_notice_of_the_average():
    clf, plain = small().fit(X, Y), small(ema_momentum=None).fit(X, Y)
    assert clf.loss_curve_ == plain.loss_curve_
    assert (values(clf) != values(plain)).any()
    np.testing.assert_array_equal(
        values(small(ema_momentum=0.0).fit(X, Y)), values(plain)
    )


def test_average_includes_the_state_of_batch_normalization():
    steps = []
    update = Average.update

    def noting(average, into):
        update(average, into)
        steps.append(average.trained.values.astype(float))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Average, "update", noting)
        clf = small().fit(X, Y)
    shares = 0.8 ** np.arange(len(steps))[::-1]
    expected = shares @ np.array(steps) / shares.sum()
    np.testing.assert_allclose(values(clf), expected, rtol=1e-4, atol=1e-6)


def test_validation_and_callbacks_see_the_average():
    pytest.importorskip("sklearn.callback")
    given = {"X_val": X[:50], "y_val": Y[:50]}
    clf = small(early_stopping=True, n_iter_no_change=np.inf, scoring="accuracy")
    clf.fit(X[50:], Y[50:], **given)
    best = clf.validation_scores_[int(np.argmin(clf.validation_loss_curve_))]
    assert max(clf.validation_scores_) == clf.best_validation_score_ >= best
    assert clf.score(X[:50], Y[:50]) == clf.best_validation_score_
    last = small().fit(X[50:], Y[50:], **given)
    assert last.score(X[:50], Y[:50]) == last.validation_scores_[-1]


@pytest.mark.parametrize("kind", [ConvNetClassifier, ConvNetRegressor])
def test_parts_of_a_fit_with_averages_are_the_whole(kind):
    whole = small(kind).fit(X, Y)
    parts = small(kind, max_iter=2, warm_start=True).fit(X, Y)
    parts = pickle.loads(pickle.dumps(parts)).fit(X, Y)
    np.testing.assert_array_equal(values(whole), values(parts))
    stream = small(kind)
    for _ in range(4):
        given = {"classes": np.unique(Y)} if kind is ConvNetClassifier else {}
        stream.partial_fit(X, Y, **given)
    np.testing.assert_array_equal(values(whole), values(stream))


def test_checkpoint_of_partial_fit_keeps_both_kinds_of_weights(tmp_path):
    stream, path = small(), tmp_path / "stream.ckpt"
    stream.set_callbacks(Checkpoint(path))
    for _ in range(2):
        stream.partial_fit(X, Y, np.unique(Y))
    resumed = small().set_callbacks(checkpoint := Checkpoint(path))
    assert checkpoint.restore(resumed) == 2
    np.testing.assert_array_equal(values(resumed), values(stream))
    for _ in range(2):
        resumed.partial_fit(X, Y)
    np.testing.assert_array_equal(values(resumed), values(small().fit(X, Y)))


def test_early_stopping_continues_from_the_weights_it_restored():
    clf = small(early_stopping=True, warm_start=True, learning_rate_init=0.3)
    clf.fit(X, Y)
    restored = values(clf)
    clf.set_params(max_iter=1, learning_rate_init=1e-12).fit(X, Y)
    n = clf.network_.parameters.size
    np.testing.assert_allclose(values(clf)[:n], restored[:n], atol=1e-6)


def test_new_weights_begin_a_new_average():
    clf = small(warm_start=True).fit(X, Y)
    clf.set_weights([0.5 * array for array in clf.get_weights()])
    given = values(clf)
    clf.set_params(max_iter=1, learning_rate_init=1e-12, alpha=0).fit(X, Y)
    n = clf.network_.parameters.size
    np.testing.assert_allclose(values(clf)[:n], given[:n], atol=1e-6)


def test_average_is_switched_on_and_off_between_warm_starts():
    clf = small(warm_start=True, ema_momentum=None).fit(X, Y)
    clf.set_params(ema_momentum=0.5).fit(X, Y)
    assert clf._average_state[0] == 4 * 7
    clf.set_params(ema_momentum=None).fit(X, Y)
    assert clf._average_state is None
    assert clf.n_iter_ == 12


def test_fit_without_warm_start_keeps_one_set_of_weights():
    clf = small().fit(X, Y)
    assert clf._average_state is None
    plain = small(ema_momentum=None).fit(X, Y)
    assert len(pickle.dumps(clf)) < len(pickle.dumps(plain)) + 500


def test_model_file_has_the_average(tmp_path):
    clf = small(warm_start=True).fit(X, Y)
    skconv.save_model(clf, tmp_path / "model.safetensors")
    loaded = skconv.load_model(tmp_path / "model.safetensors")
    assert loaded.ema_momentum == 0.8
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert loaded.fit(X, Y).n_iter_ == 8


def test_summary_counts_the_average():
    with_one, without = (
        small(ema_momentum=m, input_shape=(8, 8, 1)).summary(n_outputs=10)
        for m in (0.9, None)
    )
    n = 4 * clone(small()).fit(X, Y).network_.parameters.size
    assert with_one.memory - without.memory >= n


@pytest.mark.parametrize("momentum", [1, 1.0, -0.1, "0.9", np.nan])
def test_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(ValueError, match="'ema_momentum' parameter"):
        small(ema_momentum=momentum).fit(X, Y)


def test_divergence_is_explained_with_averages():
    with pytest.raises(ValueError, match="became infinite or NaN in epoch 1; out of"):
        small(learning_rate_init=1e38).fit(X, Y)
