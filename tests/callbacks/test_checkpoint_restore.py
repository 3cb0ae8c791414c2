"""`restore`: partial_fit resumes, and a fit is looked at."""

import checkpoint_fits
import numpy as np
import pytest
from checkpoint_fits import FITS, NAMES, X, Y, outcome, small, stream
from hooks import Hooks

from skconv.callbacks import Checkpoint

run = checkpoint_fits.run

LABELS = {
    "numbers": Y,
    "objects": NAMES[Y % 3],
    "text": NAMES[Y % 3].astype(str),
    "booleans": Y > 4,
    "dates": np.array(["2020-01-01", "2021-02-03"], "datetime64[D]")[Y % 2],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_partial_fit_resumes_after_restore(labels, tmp_path):
    path = tmp_path / "stream.ckpt"
    whole = stream(tmp_path / "whole.ckpt", labels=labels)
    stream(path, 3, labels)
    clf = stream(path, labels=labels)
    assert outcome(clf) == outcome(whole)
    ended = stream(path, labels=labels)
    assert outcome(ended) == outcome(whole)
    np.testing.assert_array_equal(ended.predict(X), whole.predict(X))
    assert ended.classes_.dtype == whole.classes_.dtype
    assert np.array_equal(ended.classes_, whole.classes_)
    assert vars(ended).keys() == vars(whole).keys()


@pytest.mark.parametrize(
    ("moment", "seen"),
    [
        (("while writing", 3), 2),
        (("after replacing", 3), 3),
        (("after an epoch", 5), 4),
    ],
)
def test_killed_stream_resumes(moment, seen, run, tmp_path):
    path = tmp_path / "stream.ckpt"
    assert run("stream", path, moment) == "killed"
    result, epochs = run("stream", path)
    assert result == outcome(stream(tmp_path / "whole.ckpt"))
    assert epochs == 6 - seen


def test_file_is_written_every_few_calls_of_partial_fit(tmp_path):
    path = tmp_path / "stream.ckpt"
    stream(path, 5, every=2)
    assert Checkpoint(path).restore(small(solver="sgd", batch_size=20)) == 4
    assert outcome(stream(path)) == outcome(stream(tmp_path / "whole.ckpt"))


def test_partial_fit_refuses_to_replace_a_file_of_more_calls(tmp_path):
    path = tmp_path / "stream.ckpt"
    stream(path, 3)
    before = path.read_bytes()
    clf = small(solver="sgd").set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match=r"Resume with n = checkpoint.restore\("):
        clf.partial_fit(X, Y, range(10))
    assert path.read_bytes() == before
    with pytest.raises(
        ValueError, match=rf"{path} belongs to calls of partial_fit. To resume"
    ):
        clf.fit(X, Y)
    clf.set_callbacks(Checkpoint(path, resume=False)).partial_fit(X, Y, range(10))
    assert Checkpoint(path).restore(clf) == 1


def test_restore_returns_the_best_weights_so_far(tmp_path):
    name, seen = "early stopping", []
    path = tmp_path / "fit.ckpt"

    class Look(Hooks):
        def on_fit_task_end(self, estimator, context):
            other = small(**FITS[name][0])
            assert Checkpoint(path).restore(other) == context.task_id + 1 or (
                context.task_name == "fit"
            )
            seen.append((other.validation_scores_, other.network_.parameters.copy()))

    clf = small(**FITS[name][0]).set_callbacks(Checkpoint(path), Look()).fit(X, Y)
    scores, parameters = seen[-1]
    assert scores == clf.validation_scores_
    for scores, parameters in seen:
        short = small(**{**FITS[name][0], "max_iter": len(scores)}).fit(X, Y)
        np.testing.assert_array_equal(parameters, short.network_.parameters)


def test_restore_needs_the_same_parameters(tmp_path):
    pd = pytest.importorskip("pandas")
    path = tmp_path / "fit.ckpt"
    clf = small().set_callbacks(Checkpoint(path))
    frame = pd.DataFrame(X, columns=[f"p{i}" for i in range(64)])
    clf.fit(frame, Y)
    again = small()
    assert Checkpoint(path).restore(again) == 6
    assert vars(again).keys() == vars(clf).keys() - {"_skl_callbacks"}
    np.testing.assert_array_equal(again.predict(frame), clf.predict(frame))
    other = small(max_iter=3)
    with pytest.raises(
        ValueError, match="a different estimator .max_iter: this fit 3, checkpoint 6"
    ):
        Checkpoint(path).restore(other)
    assert not hasattr(other, "network_")
    assert Checkpoint(tmp_path / "none").restore(other) == 0
