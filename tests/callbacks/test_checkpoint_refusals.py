"""Checkpoints that are damaged, foreign or of a different fit are refused."""

import re

import checkpoint_fits
import numpy as np
import pytest
from checkpoint_fits import (
    NAMES,
    WEIGHT,
    X,
    Y,
    falling,
    fit,
    outcome,
    read,
    small,
)
from hooks import Hooks
from seeds import SEED
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from skconv import ConvNetRegressor
from skconv._utils import documents
from skconv.augmentation import RandomShift
from skconv.callbacks import Checkpoint
from skconv.callbacks.fingerprint import diff_fingerprints, encode_parameters
from skconv.layers import Flatten

uninterrupted = checkpoint_fits.uninterrupted


def middle_of(clf, path):
    """Return the bytes of an estimator's checkpoint in the middle of a fit."""

    class Keep(Hooks):
        def on_fit_task_end(self, estimator, context):
            kept.append(path.read_bytes())

    kept = []
    clf.set_callbacks(Checkpoint(path), Keep()).fit(X, Y)
    return kept[2]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "fit.ckpt"
    return middle_of(small(layers=[Flatten()]), path)


def test_truncated_file_is_refused(whole, tmp_path):
    path = tmp_path / "fit.ckpt"
    words = rf"{path}' cannot be loaded: .*cut short"
    lengths = {*range(100), *range(100, len(whole), 997), len(whole) - 1}
    for length in lengths:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=words):
            read(path)
    with pytest.raises(ValueError, match=f"checkpoint '{words}.* left unchanged"):
        small(layers=[Flatten()]).set_callbacks(Checkpoint(path)).fit(X, Y)
    assert path.stat().st_size in lengths
    path.write_bytes(whole + b"more")
    with pytest.raises(ValueError, match="something was appended"):
        read(path)


def test_words_about_a_different_fit_are_brief():
    here = dict.fromkeys(("encoder", "data", "validation", "start", "input_shape"))
    here |= {"epochs_before": 0, "estimator": "ConvNetClassifier", "parameters": {}}
    many = {f"{i} {'name' * 200}": ["x" * 5000] * 99 for i in range(50)}
    there = {**here, "estimator": "x" * 5000, "parameters": many}
    words = "; ".join(diff_fingerprints(small(), here, there))
    assert len(words) < 3000
    assert re.search(r"not named here: \d\d; estimator: this fit ConvNetCl", words)


def test_words_about_a_different_fit_show_where_values_differ_and_no_control_characters():
    here = dict.fromkeys(("encoder", "data", "validation", "start", "input_shape"))
    here |= {"epochs_before": 0, "estimator": "ConvNetClassifier"}
    ours, theirs = {"filters": [2] * 9}, {"filters": [2] * 8 + [3], "a\n\x1b[31m": 1}
    words = diff_fingerprints(
        small(),
        {**here, "parameters": {**encode_parameters(small()), **ours}},
        {**here, "parameters": {**encode_parameters(small()), **theirs}},
    )
    assert words == [
        r"'a\n\x1b[31m': this fit None, checkpoint 1",
        "filters: this fit ..., 2, 2, 2, 2, 2, 2, 2], "
        "checkpoint ..., 2, 2, 2, 2, 2, 2, 3]",
    ]


def test_truncated_file_is_replaced_if_asked_to(whole, tmp_path):
    path = tmp_path / "fit.ckpt"
    path.write_bytes(whole[:-1])
    clf = small(layers=[Flatten()]).set_callbacks(Checkpoint(path, resume=False))
    clf.fit(X, Y)
    assert read(path)[0]["stopping"]["ended"]


@pytest.mark.slow
def test_flipped_bit_is_found(whole, tmp_path, rng):
    path = tmp_path / "fit.ckpt"
    first = 8 + int.from_bytes(whole[:8], "little")
    for place in [*range(first), *rng.integers(first, len(whole), 100)]:
        data = bytearray(whole)
        data[place] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        with pytest.raises(ValueError, match=rf"{path}' cannot be loaded: "):
            read(path)


def put(*keys, value):
    def change(document, arrays):
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


def array(name, change):
    def changed(document, arrays):
        arrays[name] = change(arrays[name])

    return changed


RNG = {"dict": [["bit_generator", "PCG64"], ["state", {"dict": []}]]}
CHANGES = [
    (lambda document, arrays: document.clear(), "its state must have the keys"),
    (put("extra", value=1), "unknown .'extra'"),
    (put("fitted", value=None), "its fit must be an object, got None"),
    (put("fitted", "encoder", "classes", value=[2, 1]), "sorted and distinct int64"),
    (put("fitted", "encoder", "dtype", value="V8"), "its classes must be one of"),
    (put("fitted", "encoder", value={}), "its encoder must be an object with the keys"),
    (put("fitted", "input_shape", value=[8]), r"input_shape must be \(h, w, c\)"),
    (put("fitted", "input_shape", value=[8, 2**40, 1]), "more weights than the file"),
    (put("fitted", "input_shape", value=[4, 4, 1]), "its weights are of shape"),
    (put("fitted", "feature_names", value=["a"]), "feature_names must be 64 texts"),
    (put("fitted", "history", "steps", value=-1), "its steps must be an integer >= 0"),
    (put("fitted", "history", "extra", value=1), "unknown .'extra'"),
    (put("fitted", "split_seed", value="0"), "split_seed must be an integer"),
    (put("fitted", "validated", value=1), "validated must be true or false"),
    (put("fitted", "pretrained_layers", value=["a", 1]), "must be a list of texts"),
    (put("fingerprint", "extra", value=1), "unknown .'extra'"),
    (put("fingerprint", "parameters", value=[]), "parameters of its fingerprint must"),
    (put("incremental", value="no"), "incremental must be true or false"),
    (put("rng", value=None), "state must be a dict|NoneType"),
    (put("rng", value=RNG), "'state'|'inc'"),
    (put("rng", "dict", 0, 1, value="MT19937"), "state must be for a PCG64"),
    (put("rng", "dict", 1, 1, "dict", 0, 1, value={"int": "1" * 41}), "no int can be"),
    (put("stopping", "idle", value=1.5), "its idle must be an integer"),
    (put("stopping", "best", value=None), "best figure must be a number, got None"),
    (put("solver", value=None), "must have a solver and its moments, or neither"),
    (
        lambda document, arrays: (document.update(solver=None), arrays.pop("moments")),
        "must have a solver and its moments until it has ended",
    ),
    (
        put("stopping", "best", value={"class": "Dense", "params": {}}),
        "an object of class 'Dense' where none may be",
    ),
    (put("steps", value=True), "its steps must be an integer >= 0, got True"),
    (array("values", lambda values: values[:-1]), "more weights than the file holds"),
    (array("values", lambda values: values[None]), "must be vectors of one length"),
    (array("values", np.float64), "its moments are of shape|its weights are of shape"),
    (array("moments", lambda moments: moments[:, :-1]), "its moments are of shape"),
    (put("stopping", "epochs", value=-(10**18)), "its epochs must be an integer >= 0"),
    (put("stopping", "epochs", value=10**18), "its idle epochs, .*, must be at most"),
    (put("stopping", "epochs", value=2), "its curves are of .* epochs, but it has 2"),
    (put("stopping", "idle", value=10**9), "its idle epochs, .*, must be at most"),
    (put("fingerprint", "epochs_before", value=1), "its curves are of .* epochs, but"),
    (put("fingerprint", "epochs_before", value=-1), "its epochs_before must be an int"),
    (put("fingerprint", "estimator", value=3), "the estimator of its fingerprint must"),
    (
        put("fingerprint", "data", value=[]),
        "the data of its fingerprint must be a text",
    ),
    (put("fingerprint", "encoder", value="0"), "encoder is not the one of its finger"),
    (
        put("fitted", "encoder", "classes", value=[*range(9), 11]),
        "encoder is not the on",
    ),
    (put("fitted", "history", "slowdown", value=0.0), r"slowdown must be in \(0, 1\]"),
    (put("versions", "skconv", value="1" * 10**4), "its versions must be short texts"),
    (put("versions", "ops", value=[]), "its versions must be short texts"),
    (put("solver", value="adamant"), "its solver must be one of 'adam', 'sgd'|one of"),
    (put("solver", value="sgd"), "its solver is 'sgd', but its parameters say 'adam'"),
    (array("moments", lambda moments: moments[:1]), "but 'adam' has 2 of each"),
    (array("moments", lambda moments: moments * np.nan), "moments must not be NaN"),
    (array("moments", lambda moments: moments - 1e9), "nor the second ones negative"),
    (array("values", lambda values: values * np.nan), "must hold finite numbers"),
    (array("moments", np.float64), "its moments are of shape .* in float64"),
    (array("history/loss_curve", lambda curve: curve[:-1]), "and of one length"),
    (array("history/loss_curve", np.float32), "in float64"),
    (put("averaged_steps", value=3), "averaged_steps and trained_values if its param"),
    (lambda document, arrays: arrays.pop("values"), "it must have the arrays"),
    (
        lambda document, arrays: arrays.update(trained_values=np.zeros(1, np.float32)),
        "trained_values must be vectors of one length",
    ),
    (lambda document, arrays: arrays.pop("history/loss_curve"), "the curves of train"),
    (lambda document, arrays: arrays.update(more=np.zeros(1)), "it must have the arr"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=range(len(CHANGES)))
def test_tampered_file_is_refused(change, words, whole, tmp_path):
    path = tmp_path / "fit.ckpt"
    path.write_bytes(whole)
    document, arrays = read(path)
    change(document, arrays)
    documents.write(path, "checkpoint", document, arrays)
    clf = small(layers=[Flatten()])
    before = dict(vars(clf))
    with pytest.raises(ValueError, match=rf"{path}' cannot be loaded: .*({words})"):
        Checkpoint(path).restore(clf)
    assert vars(clf) == before


@pytest.mark.parametrize(
    ("params", "change", "words"),
    [
        (
            {"ema_momentum": 0.8},
            lambda document, arrays: (
                document.pop("averaged_steps"),
                arrays.pop("trained_values"),
            ),
            "it must have its trained_values until it has ended",
        ),
        (
            {"kind": ConvNetRegressor, "loss": "huber"},
            put("fingerprint", "parameters", "loss", value="poisson"),
            "its encoder's loss is 'huber', not that of its parameters",
        ),
    ],
)
def test_tampered_file_of_certain_parameters_is_refused(
    params, change, words, tmp_path
):
    path = tmp_path / "fit.ckpt"
    path.write_bytes(middle_of(small(**params), path))
    document, arrays = read(path)
    change(document, arrays)
    documents.write(path, "checkpoint", document, arrays)
    with pytest.raises(ValueError, match=f"cannot be loaded: {words}"):
        Checkpoint(path).restore(small(**params))


def test_later_format_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    with monkeypatch.context() as patch:
        patch.setattr(documents, "FORMAT_VERSION", 12)
        fit("adam", path)
    with pytest.raises(
        ValueError, match=r"by a later skconv, in version 12 .* versions up to 4"
    ):
        fit("adam", path)


@pytest.mark.parametrize("resume", [True, False])
def test_foreign_file_is_left_unchanged(resume, tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("my only copy")
    words = rf"{path}' cannot be loaded: it is not a safetensors file.* left unchanged"
    with pytest.raises(ValueError, match=words):
        fit("adam", path, resume=resume)
    assert path.read_text() == "my only copy"


@pytest.mark.parametrize(
    ("params", "given", "words"),
    [
        ({"max_iter": 7}, {}, "max_iter: this fit 7, checkpoint 6"),
        ({"filters": (3,)}, {}, r"filters: this fit \[3\], checkpoint \[2\]"),
        ({"random_state": SEED + 1, "solver": "sgd"}, {},
         f"random_state: this fit {SEED + 1}, checkpoint {SEED}; solver: this fit 'sgd', checkpoint 'adam'"),
        ({"augment": RandomShift(2)}, {}, "augment: this fit .*'RandomShift', .* checkpoint None"),
        ({"learning_rate": falling}, {}, "learning_rate: this fit 'checkpoint_fits.falling'"),
        ({"dtype": "float64"}, {}, "dtype: this fit 'float64'"),
        ({"kind": ConvNetRegressor}, {}, "estimator: this fit ConvNetRegressor, checkpoint ConvNetCl"),
        ({}, {"X": X[::-1]}, "other X, y or sample_weight"),
        ({}, {"X": X + 1e-9}, "other X, y or sample_weight"),
        ({}, {"y": NAMES[Y % 3]}, "other X, y or sample_weight"),
        ({}, {"sample_weight": WEIGHT}, "other X, y or sample_weight"),
        ({}, {"X_val": X, "y_val": Y}, "other X_val, y_val or sample_weight_val"),
        ({"random_state": np.random.RandomState(SEED + 1)}, {}, "random_state: this fit 'RandomState'"),
    ],
)  # fmt: skip
def test_checkpoint_of_a_different_fit_is_refused(params, given, words, tmp_path):
    path = tmp_path / "fit.ckpt"
    fit("adam", path)
    before = path.read_bytes()
    clf = small(**params).set_callbacks(Checkpoint(path))
    with pytest.raises(
        ValueError, match=rf"{path} belongs to a different fit .*{words}"
    ):
        clf.fit(**{"X": X, "y": Y, **given})
    assert path.read_bytes() == before
    assert not hasattr(clf, "network_")


def test_random_state_objects_are_distinguished(tmp_path):
    path = tmp_path / "fit.ckpt"
    for _ in range(2):
        clf = small(random_state=np.random.RandomState(SEED))
        clf.set_callbacks(Checkpoint(path)).fit(X, Y)
    other = small(random_state=np.random.RandomState(SEED + 1)).set_callbacks(
        Checkpoint(path)
    )
    with pytest.raises(
        ValueError, match="other initial weights or another random_state"
    ):
        other.fit(X, Y)


def test_parameters_that_change_no_bit_may_differ(tmp_path, uninterrupted):
    path = tmp_path / "fit.ckpt"
    fit("adam", path)
    clf = small(verbose=1, transform_layer="dense1").set_callbacks(Checkpoint(path))
    assert outcome(clf.fit(X.reshape(-1, 8, 8), Y)) == uninterrupted("adam")


def test_checkpoint_of_another_version_warns(tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    monkeypatch.setattr("skconv.callbacks.state.__version__", "0.0.1")
    fit("adam", path)
    with pytest.warns(
        UserWarning, match=r"written by skconv 0.0.1 with .* last digits"
    ):
        fit("adam", path)


def test_checkpoint_refuses_other_estimators():
    checkpoint = Checkpoint("nowhere")
    with pytest.raises(
        TypeError, match="saves fits of skconv's estimators, got StandardScaler"
    ):
        checkpoint.restore(StandardScaler())
    with pytest.raises(
        TypeError, match="got GridSearchCV: set it on the estimator ins"
    ):
        checkpoint.setup(GridSearchCV(small(), {}), None)


def test_checkpoint_checks_its_arguments():
    for arguments, words in [
        ({"path": 3}, "'path' parameter of Checkpoint"),
        ({"path": "a", "every": 0}, "'every' parameter of Checkpoint"),
        ({"path": "a", "resume": "yes"}, "'resume' parameter of Checkpoint"),
    ]:
        with pytest.raises(ValueError, match=words):
            Checkpoint(**arguments)
