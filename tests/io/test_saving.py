"""Model files: what is loaded is what was saved."""

import json
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import small_models
from seeds import SEED
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from small_models import LAYERS

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor, load_model, save_model
from skconv._utils import safetensors
from skconv.augmentation import RandomFlip, RandomShift
from skconv.io.registry import registered
from skconv.layers import (
    Branches,
    Conv1D,
    Conv2D,
    Dense,
    Layer,
    LayerNorm,
    PReLU,
    Residual,
    SeparableConv2D,
)

images, clf, path = small_models.images, small_models.clf, small_models.path


def reload(model, path):
    save_model(model, path)
    return load_model(path)


# Round trips -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["b", "a", "ä long one"]),
        np.array(["b", "a", "c"], object),
        np.array([-5, 7, 2**40]),
        np.array([1, 2, 2**64 - 1], np.uint64),
        np.array([1, 2, 3], np.int8),
        np.array([5, 1, 2], np.float32),
        np.array([False, True, True]),
        np.array(["2020-01-01", "2022-01-01", "2021-01-01"], "M8[D]"),
    ],
    ids=lambda classes: f"{classes.dtype.kind}{classes.dtype.itemsize}",
)
def test_labels_are_loaded_unchanged(classes, images, path):
    X, codes = images
    clf = ConvNetClassifier(filters=2, max_iter=1, random_state=SEED)
    clf.fit(X, classes[codes])
    loaded = reload(clf, path)
    np.testing.assert_array_equal(loaded.classes_, clf.classes_, strict=True)
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X), strict=True)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    assert {*map(type, loaded.classes_.tolist())} == {*map(type, clf.classes_.tolist())}


@pytest.mark.parametrize(
    "estimator",
    [
        ConvNetClassifier(max_iter=2),
        ConvNetClassifier(LAYERS, max_iter=3, early_stopping=True, scoring="accuracy"),
        ConvNetClassifier(
            LAYERS, max_iter=1, class_weight={0: 1.0, 2: 3}, n_iter_no_change=np.inf
        ),
        ConvNetClassifier(filters=[2, 3], max_iter=1, input_shape=[6, 6], dtype="float64"),
        ConvNetClassifier(
            max_iter=1, augment=[RandomFlip(), ("shift", RandomShift(1)), "passthrough"]
        ),
        ConvNetClassifier(
            [
                ("block", Residual([Conv2D(1), LayerNorm((1, 2, 3))], PReLU())),
                Branches([("a", [Conv2D(2, 1), PReLU((1, 2))]), SeparableConv2D(3)]),
            ],
            max_iter=1,
        ),
        ConvNetClassifier([Conv1D(3, padding="causal")], max_iter=1),
        ConvNetClassifier(["passthrough", Dense(4)], max_iter=1, solver="sgd"),
        ConvNetRegressor(LAYERS, max_iter=2),
        ConvNetRegressor(max_iter=1, loss="poisson", dtype="float64"),
    ],
)  # fmt: skip
def test_fitted_attributes_are_loaded_unchanged(estimator, images, path):
    model = clone(estimator).set_params(random_state=SEED).fit(*images)
    loaded = reload(model, path)
    assert repr(loaded) == repr(model)
    for name, value in vars(model).items():
        if name.endswith("_") and name != "network_":
            np.testing.assert_equal(getattr(loaded, name), value)
    assert vars(loaded).keys() == vars(model).keys()
    np.testing.assert_array_equal(loaded.predict(images[0]), model.predict(images[0]))
    assert np.array_equal(
        clone(loaded).fit(*images).network_.parameters, model.network_.parameters
    )
    assert pickle.loads(pickle.dumps(loaded)).predict(images[0]).size


def test_multilabel_and_several_targets_are_loaded(images, path):
    X, codes = images
    y = np.stack([codes > 0, codes > 1], axis=1).astype(int)
    for model in ConvNetClassifier(max_iter=1), ConvNetRegressor(max_iter=1):
        model.fit(X, y)
        loaded = reload(model, path)
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X), strict=True)


def test_feature_names_are_loaded(images, path):
    pandas = pytest.importorskip("pandas")
    X, y = images
    frame = pandas.DataFrame(X.reshape(40, 36), columns=[f"p{i}" for i in range(36)])
    clf = ConvNetClassifier(filters=2, max_iter=1, random_state=SEED).fit(frame, y)
    loaded = reload(clf, path)
    np.testing.assert_array_equal(loaded.predict(frame), clf.predict(frame))
    assert list(loaded.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame.rename(columns={"p0": "q"}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loaded_model_trains_further(dtype, images, path):
    X, y = images
    clf = ConvNetClassifier(
        LAYERS, max_iter=2, random_state=SEED, warm_start=True, dtype=dtype
    ).fit(X, y)
    twins = [reload(clf, path), load_model(path)]
    for twin in twins:
        twin.fit(X, y)
        assert twin.n_iter_ == 4
        twin.set_params(warm_start=False).partial_fit(X, y)
        assert twin.t_ == 5 * len(X)
    np.testing.assert_array_equal(*(twin.network_.parameters for twin in twins))
    assert not np.array_equal(clf.network_.parameters, twins[0].network_.parameters)


@pytest.mark.slow
def test_fresh_process_predicts_the_same_from_a_model_file(clf, images, path, tmp_path):
    save_model(clf, path)
    np.save(tmp_path / "X.npy", images[0])
    code = (
        "import sys, json, numpy as np, skconv\n"
        "clf = skconv.load_model(sys.argv[1])\n"
        "print(json.dumps(clf.predict_proba(np.load(sys.argv[2])).tolist()))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "X.npy")],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    np.testing.assert_array_equal(
        np.float32(json.loads(out)), clf.predict_proba(images[0])
    )


def test_safetensors_package_reads_and_rewrites_model_files(clf, images, path):
    package = pytest.importorskip("safetensors.numpy")
    from safetensors import safe_open

    save_model(clf, path)
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    arrays = package.load_file(path)
    np.testing.assert_array_equal(
        arrays["conv2d_1.kernel"], clf.network_.weights["conv2d_1"]["kernel"]
    )
    os.unlink(path)
    package.save_file(dict(reversed(arrays.items())), path, metadata)
    np.testing.assert_array_equal(
        load_model(path).predict_proba(images[0]), clf.predict_proba(images[0])
    )


def test_model_file_is_hardly_larger_than_its_weights(images, path):
    clf = ConvNetClassifier(max_iter=1).partial_fit(*images, classes=[0, 1, 2])
    save_model(clf, path)
    assert path.stat().st_size < clf.network_.parameters.nbytes + 8000


# Custom layers -----------------------------------------------------------------------


class Shift(Layer):
    def __init__(self, by=0.0):
        self.by = by

    def build(self, input_shape, rng, dtype):
        return {"by": np.full(input_shape[-1], self.by, dtype)}, input_shape

    def predict(self, weights, x):
        return x + weights["by"]

    def backward(self, weights, cache, dy, need_dx=True):
        return dy, {"by": dy.sum(axis=tuple(range(dy.ndim - 1)))}


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr("skconv.io.registry._ADDED", {})


def test_custom_layers_are_saved_once_registered(images, path, registry):
    clf = ConvNetClassifier([Conv2D(2), ("shift", Shift(0.5))], max_iter=1).fit(*images)
    words = (
        r"parameter layers\[1\]\[1\] is Shift.*skconv.register_layer\(Shift\) before"
    )
    with pytest.raises(ValueError, match=words):
        save_model(clf, path)
    assert not path.exists()
    assert skconv.register_layer(Shift) is Shift
    assert skconv.register_layer(Shift) is Shift, "a cell may run again"
    loaded = reload(clf, path)
    np.testing.assert_array_equal(loaded.predict(images[0]), clf.predict(images[0]))
    skconv.io.registry._ADDED.clear()
    words = "there is no registered class 'Shift'.*register_layer"
    with pytest.raises(ValueError, match=words):
        load_model(path)


def test_register_layer_refuses_instances_and_taken_names(registry):
    with pytest.raises(TypeError, match="takes a class with get_params.*got Shift"):
        skconv.register_layer(Shift())
    with pytest.raises(
        ValueError, match="class 'Dense' is registered, skconv.layers.dense"
    ):
        skconv.register_layer(type("Dense", (Layer,), {}))


def test_layers_and_transforms_are_registered():
    modules = skconv.layers, skconv.augmentation
    known = registered().values()
    for module in modules:
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, type) and thing is not Layer:
                assert thing in known


# What cannot be saved ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"learning_rate": lambda step: 0.1}, r"parameter learning_rate must be made of .*<function"),
        ({"scoring": lambda *_: 0.0}, "parameter scoring must be made of None, bool"),
        ({"augment": [RandomFlip(), lambda x, rng: x]}, r"parameter augment\[1\] must be"),
        ({"random_state": np.random.RandomState(SEED)}, "parameter random_state must be.*RandomState"),
        ({"layers": np.array([Dense(2)])}, "parameter layers must be .* got array"),
        ({"augment": len}, "got <built-in function len>.*or save with joblib"),
        ({"layers": [type("Tall", (Layer,), {})]}, r"parameter layers\[0\] must be"),
    ],
)  # fmt: skip
def test_save_model_refuses_parameters_that_are_not_plain(params, words, clf, path):
    before = dict(clf.get_params(deep=False))
    clf.set_params(**params)
    with pytest.raises(ValueError, match=words):
        save_model(clf, path)
    assert os.listdir(path.parent) == []
    clf.set_params(**{name: before[name] for name in params})
    save_model(clf, path)


def test_save_model_refuses_other_estimators(clf, path):
    with pytest.raises(NotFittedError):
        save_model(ConvNetClassifier(), path)
    with pytest.raises(TypeError, match="or ConvNetAutoencoder, got a Log"):
        save_model(LogisticRegression(), path)
    clf.__class__ = type("ConvNetClassifier", (ConvNetClassifier,), {})
    with pytest.raises(TypeError, match=r"custom classes with skops.io.dump"):
        save_model(clf, path)


def test_save_model_refuses_labels_that_json_lacks(images, path):
    X, codes = images
    days = np.array(["2020-01-01", "2021-01-01", "2022-01-01"])[codes]
    clf = ConvNetClassifier(filters=2, max_iter=1).fit(X, days.astype("M8[2D]"))
    with pytest.raises(ValueError, match="classes_ must be numbers, bools, dates or"):
        save_model(clf, path)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (
            "HEADER_LIMIT",
            "takes .* bytes in .*, more than the 500 that a file may have",
        ),
        ("VALUES_LIMIT", "takes .* values of JSON in .*, more than the 500"),
    ],
)
def test_save_model_refuses_a_header_that_is_too_large(
    limit, words, clf, path, monkeypatch
):
    monkeypatch.setattr(safetensors, limit, 500)
    clf.set_params(filters=list(range(600)))
    with pytest.raises(ValueError, match=words):
        save_model(clf, path)
    assert not path.exists()


def test_failed_save_leaves_the_old_file(clf, images, path, monkeypatch):
    save_model(clf, path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="the disk is full"):
        save_model(clf.partial_fit(*images), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]
    with pytest.raises(FileNotFoundError):
        save_model(clf, path.parent / "no" / "folder")


def test_readers_see_the_old_file_or_the_new_one(clf, path):
    save_model(clf, path)
    stop = threading.Event()

    def save_again():
        while not stop.is_set():
            save_model(clf, path)

    thread = threading.Thread(target=save_again)
    thread.start()
    try:
        for _ in range(30):
            load_model(path)
    finally:
        stop.set()
        thread.join()


def test_save_model_follows_links_and_keeps_permissions(clf, path):
    link = path.with_name("link")
    os.symlink(path, link)
    save_model(clf, link)
    assert link.is_symlink()
    path.with_name("plain").touch()
    assert path.stat().st_mode == path.with_name("plain").stat().st_mode


def test_numpy_numbers_are_loaded_as_plain_numbers(images, path):
    clf = ConvNetClassifier(
        [Dense(np.int64(4))], max_iter=np.int32(1), tol=np.float32(0.5)
    )
    loaded = reload(clf.fit(*images), path)
    assert (
        repr(loaded)
        == "ConvNetClassifier(layers=[Dense(units=4)], max_iter=1, tol=0.5)"
    )
