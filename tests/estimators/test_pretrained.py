"""Fits that begin with the weights of another network."""

import errno
import pickle

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skconv import ConvNetClassifier, ConvNetRegressor, load_model, save_model
from skconv.callbacks import Checkpoint
from skconv.layers import (
    BatchNorm,
    Branches,
    Conv2D,
    Dense,
    MaxPool2D,
    Normalization,
    Residual,
)

X, Y = load_digits(return_X_y=True)
X, Y = X[:400].reshape(-1, 8, 8), Y[:400]
MANY, FEW = Y < 8, Y >= 8


def small(kind=ConvNetClassifier, **params):
    defaults = {"max_iter": 2, "random_state": SEED, "tol": 0.0}
    if "layers" not in params:
        defaults |= {"filters": (4, 8), "hidden_layer_sizes": (16,)}
    return kind(**{**defaults, **params})


@pytest.fixture(scope="module")
def old():
    return small().fit(X[MANY], Y[MANY])


@pytest.fixture(scope="module")
def path(old, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "old.safetensors"
    save_model(old, path)
    return path


def nested():
    inside = [("squeeze", Conv2D(2, 1)), ("block", Residual([Conv2D(2)]))]
    mixed = Branches([("narrow", Conv2D(2, 1)), ("wide", inside)])
    return [Normalization(0.5), ("block1", Residual([Conv2D(4)], Conv2D(4, 1))), MaxPool2D(2),
            ("mixed", mixed), ("top", Dense(16, "relu"))]  # fmt: skip


def few(pretrained, **params):
    return small(pretrained=pretrained, **params).fit(X[FEW], Y[FEW])


HIDDEN = ["normalization", "conv1", "conv2", "dense1"]


def test_all_kinds_of_pretrained_give_the_same_bits(old, path):
    first = few(old)
    assert first.pretrained_layers_ == HIDDEN
    for kind in (old.network_, FrozenEstimator(old), path, str(path)):
        other = few(kind)
        assert other.pretrained_layers_ == HIDDEN
        np.testing.assert_array_equal(other.network_.values, first.network_.values)
    scratch = few(None)
    assert scratch.pretrained_layers_ == []
    assert not np.array_equal(scratch.network_.values, first.network_.values)


def initial(**params):
    """Return an estimator after a step that changes next to nothing."""
    tiny = {"learning_rate_init": 1e-30, "alpha": 0, "max_iter": 1}
    return small(**{**tiny, **params})


def test_weights_and_state_come_from_pretrained(old):
    new = initial(pretrained=old).fit(X[FEW] * 2, Y[FEW])
    for name, array in new.network_.arrays.items():
        if not name.startswith("output"):  # a bias may have been 0
            before = old.network_.arrays[name]
            np.testing.assert_allclose(array, before, rtol=0, atol=1e-25)


def test_running_moments_come_from_pretrained():
    layers = [Normalization(), Conv2D(3), BatchNorm(momentum=0.0), Dense(4)]
    old = small(layers=layers).fit(X[MANY], Y[MANY])
    new = initial(layers=layers, pretrained=old, frozen="batchnorm_1")
    new.fit(X[FEW] + 5, Y[FEW])
    for name, array in old.network_.arrays.items():
        if not name.startswith("output"):
            np.testing.assert_array_equal(new.network_.arrays[name], array)


@pytest.mark.parametrize("from_file", [False, True])
def test_output_layer_comes_with_the_same_classes_only(old, path, from_file):
    source = path if from_file else old
    same = initial(pretrained=source).fit(X[MANY], Y[MANY])
    assert same.pretrained_layers_ == [*HIDDEN, "output"]
    np.testing.assert_array_equal(
        same.network_.arrays["output.kernel"], old.network_.arrays["output.kernel"]
    )
    for other in (Y[MANY] + 1, Y[MANY].astype(str)):  # as many, of other names
        new = initial(pretrained=source).fit(X[MANY], other)
        assert new.pretrained_layers_ == HIDDEN
        assert not np.array_equal(
            new.network_.arrays["output.kernel"], old.network_.arrays["output.kernel"]
        )


def test_output_layer_of_a_network_or_of_a_regressor_is_new(old):
    new = initial(pretrained=old.network_).fit(X[MANY], Y[MANY])
    assert new.pretrained_layers_ == HIDDEN
    reg = small(ConvNetRegressor).fit(X, Y)
    again = initial(kind=ConvNetRegressor, pretrained=reg).fit(X, Y)
    assert again.pretrained_layers_ == HIDDEN
    crossed = initial(pretrained=reg).fit(X[FEW], Y[FEW])
    assert crossed.pretrained_layers_ == HIDDEN


def test_layers_inside_of_others_get_their_weights(tmp_path):
    old = small(layers=nested()).fit(X[MANY], Y[MANY])
    save_model(old, tmp_path / "a")
    changed = nested()
    changed[3][1].set_params(wide__squeeze=Conv2D(2, 3))
    for source in (old, tmp_path / "a"):
        new = initial(layers=nested(), pretrained=source).fit(X[FEW], Y[FEW])
        assert new.pretrained_layers_ == ["normalization_1", "block1", "mixed", "top"]
        with pytest.warns(UserWarning, match="mixed.wide.squeeze .*other names"):
            new = initial(layers=changed, pretrained=source).fit(X[FEW], Y[FEW])
        assert new.pretrained_layers_ == [
            "normalization_1", "block1", "mixed__narrow", "mixed__wide__block", "top",
        ]  # fmt: skip


def test_weights_that_fit_in_part_give_a_warning(old, capsys):
    with pytest.warns(
        UserWarning, match=r"conv2 .*\(3, 3, 4, 8\).* there.*other names"
    ):
        new = small(pretrained=old, filters=(4, 6), verbose=1).fit(X[FEW], Y[FEW])
    assert new.pretrained_layers_ == ["normalization", "conv1"]
    assert "normalization, conv1; others are new" in capsys.readouterr().out


def test_weights_that_fit_nothing_are_an_error(old, path):
    for source in (old, old.network_, path):
        clf = small(layers=[("first", Conv2D(4))], pretrained=source)
        with pytest.raises(ValueError, match="no weights that fit: .* conv1 .* first "):
            clf.fit(X[FEW], Y[FEW])


def test_layers_after_a_new_one_get_their_weights(old):
    scale, *hidden, _ = old.network_.layers
    new = initial(layers=[scale, ("first", Conv2D(1, 1)), *hidden])
    new.set_params(filters="auto", hidden_layer_sizes=(128,), pretrained=old)
    new.fit(X[FEW], Y[FEW])
    for name in ("conv1.kernel", "conv2.kernel", "dense1.kernel"):
        np.testing.assert_array_equal(
            new.network_.arrays[name], old.network_.arrays[name]
        )


def test_error_of_the_system_has_its_number_and_the_path():
    with pytest.raises(FileNotFoundError) as raised:
        few("nowhere.safetensors")
    assert raised.value.errno == errno.ENOENT
    assert raised.value.filename == "nowhere.safetensors"


def test_dtype_may_be_another(old):
    new = initial(pretrained=old, dtype="float64").fit(X[FEW], Y[FEW])
    np.testing.assert_array_equal(
        new.network_.arrays["conv1.kernel"], old.network_.arrays["conv1.kernel"]
    )


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (3, TypeError, "pretrained must be the path .*got int"),
        (ConvNetClassifier, TypeError, "got ConvNetClassifier"),
        (Dense(3), TypeError, "got Dense"),
        (GridSearchCV(small(), {}), TypeError, "got GridSearchCV"),
        ([1.0], TypeError, "got list"),
        (small(), ValueError, "not fitted.*FrozenEstimator.*network_.*model file"),
        (FrozenEstimator(small()), ValueError, "not fitted.*FrozenEstimator"),
        ("nowhere.safetensors", FileNotFoundError, "pretrained, the path of a model"),
        (".", OSError, "pretrained, the path of a model"),
    ],
)
def test_odd_pretrained_is_an_error(value, error, words):
    clf = small().fit(X[FEW], Y[FEW])
    before = clf.network_
    with pytest.raises(error, match=words):
        clf.set_params(pretrained=value).fit(X[FEW], Y[FEW])
    assert clf.network_ is before


def test_search_inside_is_named():
    search = GridSearchCV(small(), {"alpha": [0]}, cv=2).fit(X[MANY], Y[MANY])
    with pytest.raises(TypeError, match="use `best_estimator_` of it"):
        few(search)


def test_files_of_other_kinds_are_refused(path, tmp_path):
    other = tmp_path / "other"
    whole = path.read_bytes()
    checkpoint = tmp_path / "fit.ckpt"
    small().set_callbacks(Checkpoint(checkpoint)).fit(X[FEW], Y[FEW])
    for content, words in [
        (whole[: len(whole) // 2], "cannot be loaded"),
        (whole[:-1], "cannot be loaded"),
        (whole[:-9] + b"123456789", "checksum"),
        (b"", "cannot be loaded"),
        (pickle.dumps(small()), "cannot be loaded"),
        (checkpoint.read_bytes(), "not a model but a checkpoint"),
    ]:
        other.write_bytes(content)
        with pytest.raises(ValueError, match=f"pretrained must be the path.*{words}"):
            few(other)


def test_clone_of_a_plain_estimator_is_an_error_and_of_a_frozen_one_is_none(old):
    with pytest.raises(ValueError, match="clone.*FrozenEstimator"):
        clone(small(pretrained=old)).fit(X[FEW], Y[FEW])
    expected = few(old).network_.values
    for source in (FrozenEstimator(old), old.network_):
        new = clone(small(pretrained=source)).fit(X[FEW], Y[FEW])
        np.testing.assert_array_equal(new.network_.values, expected)


def test_search_takes_pretrained_and_frozen(old, path):
    grid = {
        "pretrained": [None, FrozenEstimator(old), old.network_, str(path)],
        "frozen": [None, ["conv1"]],
    }
    with pytest.warns(UserWarning, match="random weights"):
        search = GridSearchCV(small(), grid, cv=2, error_score="raise")
        search.fit(X[FEW], Y[FEW])
    scores = search.cv_results_["mean_test_score"].reshape(2, 4)  # by frozen
    assert (scores[:, 1:] == scores[:, 1:2]).all()


def test_warm_start_and_partial_fit_begin_with_pretrained_once(old, path):
    clf = initial(pretrained=old, warm_start=True).fit(X[FEW], Y[FEW])
    clf.set_params(pretrained="nowhere", learning_rate_init=0.01).fit(X[FEW], Y[FEW])
    assert clf.n_iter_ == 2
    stream = small(pretrained=path)
    for _ in range(2):
        stream.partial_fit(X[FEW], Y[FEW], classes=[8, 9])
    assert stream.pretrained_layers_ == HIDDEN
    np.testing.assert_array_equal(
        stream.network_.arrays["normalization.mean"],
        old.network_.arrays["normalization.mean"],
    )


@pytest.mark.filterwarnings("ignore:training diverged")
def test_scale_that_pretrained_has_not_seen_gives_a_warning(old):
    with pytest.warns(UserWarning, match="another scale"):
        small(pretrained=old).fit(X[FEW] * 100, Y[FEW])


def test_model_file_has_no_pretrained(old, path, tmp_path):
    new = few(path, frozen=["conv1"])
    save_model(new, tmp_path / "new")
    assert str(path.parent).encode() not in (tmp_path / "new").read_bytes()
    loaded = load_model(tmp_path / "new")
    assert loaded.pretrained is None
    assert loaded.frozen == ["conv1"]
    assert loaded.network_.frozen == ("conv1",)
    assert loaded.pretrained_layers_ == HIDDEN
    np.testing.assert_array_equal(loaded.predict_proba(X), new.predict_proba(X))
    with pytest.warns(UserWarning, match="loaded from a file has no pretrained"):
        loaded.fit(X[FEW], Y[FEW])


def test_pickle_keeps_pretrained(old):
    for source in (old.network_, FrozenEstimator(old)):
        new = pickle.loads(pickle.dumps(few(source, frozen="conv1")))
        first = new.network_.values
        np.testing.assert_array_equal(new.fit(X[FEW], Y[FEW]).network_.values, first)


def test_checkpoint_of_other_pretrained_weights_is_refused(old, path, tmp_path):
    other = small(random_state=SEED + 1).fit(X[MANY], Y[MANY])
    for seed in (SEED, None):
        checkpoint = Checkpoint(tmp_path / f"fit{seed}.ckpt")
        params = {"random_state": seed, "frozen": "conv1"}
        first = small(pretrained=old, **params).set_callbacks(checkpoint)
        first.fit(X[FEW], Y[FEW])
        again = small(pretrained=path, **params).set_callbacks(checkpoint)
        again.fit(X[FEW], Y[FEW])  # from where they came does not matter
        np.testing.assert_array_equal(again.network_.values, first.network_.values)
        for source in (other, None):
            clf = small(pretrained=source, **params).set_callbacks(checkpoint)
            with pytest.raises(ValueError, match="other weights of pretrained"):
                clf.fit(X[FEW], Y[FEW])
    restored = small(pretrained="nowhere", frozen="conv1")
    assert Checkpoint(tmp_path / f"fit{SEED}.ckpt").restore(restored) == 2
    assert restored.pretrained_layers_ == HIDDEN
    assert restored.network_.frozen == ("conv1",)
