"""scikit-learn's callbacks, once an epoch; and the same without scikit-learn's."""

import pickle

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skconv import ConvNetClassifier
from skconv.callbacks import compat

try:
    from sklearn import callback
except ImportError:
    callback = None

new = pytest.mark.skipif(callback is None, reason="new in scikit-learn 1.9")


KINDS = [ConvNetClassifier]
if callback is not None:

    class Older(compat.CallbackSupportMixin, ConvNetClassifier):
        """ConvNetClassifier with a scikit-learn that has no callbacks."""

    KINDS.append(Older)

each_kind = pytest.mark.parametrize("kind", KINDS)


def small(kind=ConvNetClassifier, **params):
    defaults = {"filters": (4,), "hidden_layer_sizes": (8,), "max_iter": 4}
    return kind(random_state=SEED, **{**defaults, **params})


class Notes:
    """Records its calls, and requests to stop after some epochs."""

    def __init__(self, stop_after=None):
        self.stop_after, self.calls, self.estimators = stop_after, [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.calls.append(f"end {context.task_name}")
        self.estimators.append(fitted_estimator)
        epochs = self.calls.count("end epoch")
        return context.task_name == "epoch" and epochs == self.stop_after


@each_kind
def test_callbacks_get_a_fitted_estimator_after_each_epoch(kind, digits):
    X, _, y, _ = digits
    notes = Notes()
    clf = small(kind).set_callbacks(notes).fit(X, y)
    epoch = ["begin epoch", "end epoch"]
    assert notes.calls == ["setup", "begin fit", *4 * epoch, "end fit", "teardown"]
    for n, fitted in enumerate(notes.estimators[:4], 1):
        alone = small(max_iter=n).fit(X, y)
        np.testing.assert_array_equal(fitted.predict_proba(X), alone.predict_proba(X))
        assert fitted.n_iter_ == n
    plain = small().fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), plain.predict_proba(X))


class Given(Notes):
    """Records what it is given."""

    def on_fit_task_begin(self, estimator, context, *, metadata):
        self.calls.append((context.task_name, context.max_subtasks, metadata))


@each_kind
def test_callbacks_get_weights_and_the_number_of_epochs(kind, digits):
    X, _, y, _ = digits
    weight, given = np.ones(len(y)), Given()
    clf = small(kind).set_callbacks(given).fit(X, y).fit(X, y, sample_weight=weight)
    clf.partial_fit(X, y)
    name, epochs, metadata = zip(
        *(call for call in given.calls if call[0] == "fit"), strict=True
    )
    assert name == ("fit",) * 3
    assert epochs == (4, 4, 1)
    assert metadata[0] is metadata[2] is None
    assert metadata[1].keys() == {"sample_weight"}
    assert metadata[1]["sample_weight"] is weight


@each_kind
def test_callback_may_stop_training(kind, digits):
    X, _, y, _ = digits
    assert small(kind).set_callbacks(Notes(stop_after=2)).fit(X, y).n_iter_ == 2


@each_kind
def test_callbacks_are_torn_down_when_a_fit_fails(kind, digits):
    X, _, y, _ = digits
    notes = Notes()
    clf = small(kind, learning_rate_init=1e30).set_callbacks(notes)
    before = set(vars(clf))
    with pytest.raises(ValueError, match="became infinite"):
        clf.fit(1e6 * X, y)
    assert notes.calls[-1] == "teardown"
    assert set(vars(clf)) == before
    clf.set_params(learning_rate_init=0.001).fit(X, y)
    assert not [name for name in vars(clf) if "context" in name or "ctx" in name]
    assert pickle.loads(pickle.dumps(clf)).predict(X).shape == y.shape


@each_kind
def test_callbacks_that_were_set_up_are_torn_down(kind, digits):
    X, _, y, _ = digits

    class Fails(Notes):
        def setup(self, estimator, context):
            raise RuntimeError("no")

    first, last = Notes(), Notes()
    clf = small(kind).set_callbacks(first, Fails(), last)
    with pytest.raises(RuntimeError, match="no"):
        clf.fit(X, y)
    assert first.calls == ["setup", "teardown"]
    assert last.calls == []


@each_kind
def test_clones_share_callbacks_and_others_are_refused(kind):
    notes = Notes()
    clf = small(kind).set_callbacks(notes)
    assert clone(clf)._skl_callbacks == [notes]
    assert "_skl_callbacks" not in vars(clf.set_callbacks())
    assert "_skl_callbacks" not in vars(clone(clf))
    for wrong in (Notes, "notes", None):
        with pytest.raises(TypeError, match="callbacks must be instances"):
            clf.set_callbacks(wrong)


@new
def test_scoring_monitor_logs_each_epoch(digits):
    X, _, y, _ = digits
    monitor = callback.ScoringMonitor(scoring="accuracy")
    clf = small().set_callbacks(monitor).fit(X, y)
    log = monitor.get_logs().data
    scores = [row["accuracy"] for row in log if row["task_name"] == "epoch"]
    assert len(scores) == 4
    assert scores[-1] == clf.score(X, y)


@new
def test_progress_bars_nest_in_a_search(digits, capsys):
    pytest.importorskip("rich")
    X, _, y, _ = digits
    search = GridSearchCV(small(max_iter=2), {"kernel_size": [1, 3]}, cv=2)
    search.set_callbacks(callback.ProgressBar()).fit(X, y)
    out = capsys.readouterr().out
    assert "GridSearchCV" in out
    assert "ConvNetClassifier" in out
