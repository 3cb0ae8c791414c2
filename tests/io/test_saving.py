"""Model files: what comes back is what was saved, and nothing else is let in."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import tracemalloc

import fuzz_models
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor, load_model, save_model
from skconv._utils import safetensors
from skconv.augmentation import RandomFlip, RandomShift
from skconv.io.registry import registered
from skconv.layers import (
    Activation,
    AvgPool2D,
    Branches,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    PReLU,
    Residual,
    SeparableConv2D,
)

LAYERS = [
    Conv2D(4, (3, 1), padding=((1, 1), (0, 0)), activation="gelu"),
    ("half", AvgPool2D(2)),
    Activation("relu"),
    Flatten(),
    Dropout(0.2),
    Dense(8, "tanh"),
]


@pytest.fixture
def images(rng):
    return rng.random((40, 6, 6)), np.arange(40) % 3


@pytest.fixture
def clf(images):
    return ConvNetClassifier(LAYERS, max_iter=3, random_state=0).fit(*images)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


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
    ],
    ids=lambda classes: f"{classes.dtype.kind}{classes.dtype.itemsize}",
)
def test_labels_come_back_as_they_are(classes, images, path):
    X, codes = images
    clf = ConvNetClassifier(filters=2, max_iter=1, random_state=0)
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
def test_everything_that_is_fitted_comes_back(estimator, images, path):
    model = clone(estimator).set_params(random_state=0).fit(*images)
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


def test_multilabel_and_several_targets(images, path):
    X, codes = images
    y = np.stack([codes > 0, codes > 1], axis=1).astype(int)
    for model in ConvNetClassifier(max_iter=1), ConvNetRegressor(max_iter=1):
        model.fit(X, y)
        loaded = reload(model, path)
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X), strict=True)


def test_names_of_features(images, path):
    pandas = pytest.importorskip("pandas")
    X, y = images
    frame = pandas.DataFrame(X.reshape(40, 36), columns=[f"p{i}" for i in range(36)])
    clf = ConvNetClassifier(filters=2, max_iter=1, random_state=0).fit(frame, y)
    loaded = reload(clf, path)
    np.testing.assert_array_equal(loaded.predict(frame), clf.predict(frame))
    assert list(loaded.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame.rename(columns={"p0": "q"}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loaded_model_goes_on(dtype, images, path):
    X, y = images
    clf = ConvNetClassifier(
        LAYERS, max_iter=2, random_state=0, warm_start=True, dtype=dtype
    ).fit(X, y)
    twins = [reload(clf, path), load_model(path)]
    for twin in twins:
        twin.fit(X, y)
        assert twin.n_iter_ == 4
        twin.set_params(warm_start=False).partial_fit(X, y)
        assert twin.t_ == 5 * len(X)
    np.testing.assert_array_equal(*(twin.network_.parameters for twin in twins))
    assert not np.array_equal(clf.network_.parameters, twins[0].network_.parameters)


def test_a_fresh_process_predicts_the_same(clf, images, path, tmp_path):
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


def test_the_safetensors_package_reads_it_and_writes_it_back(clf, images, path):
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


def test_the_file_is_no_larger_than_its_weights(images, path):
    clf = ConvNetClassifier(max_iter=1).partial_fit(*images, classes=[0, 1, 2])
    save_model(clf, path)
    assert path.stat().st_size < clf.network_.parameters.nbytes + 8000


# Layers of one's own -----------------------------------------------------------------


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


def test_layers_of_ones_own_are_saved_once_registered(images, path, registry):
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


def test_what_cannot_be_registered(registry):
    with pytest.raises(TypeError, match="takes a class with get_params.*got Shift"):
        skconv.register_layer(Shift())
    with pytest.raises(
        ValueError, match="registered class 'Dense', skconv.layers.dense"
    ):
        skconv.register_layer(type("Dense", (Layer,), {}))


def test_every_layer_and_transform_is_registered():
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
        ({"random_state": np.random.RandomState(0)}, "parameter random_state must be.*RandomState"),
        ({"filters": np.array([2, 3])}, "parameter filters must be .* got array"),
        ({"layers": [type("Tall", (Layer,), {})]}, r"parameter layers\[0\] must be"),
    ],
)  # fmt: skip
def test_a_parameter_that_is_no_plain_value(params, words, clf, path):
    before = dict(clf.get_params(deep=False))
    clf.set_params(**params)
    with pytest.raises(ValueError, match=words):
        save_model(clf, path)
    assert os.listdir(path.parent) == []
    clf.set_params(**{name: before[name] for name in params})
    save_model(clf, path)


def test_only_fitted_estimators_of_ours_can_be_saved(clf, path):
    with pytest.raises(NotFittedError):
        save_model(ConvNetClassifier(), path)
    with pytest.raises(
        TypeError, match="ConvNetClassifier or a ConvNetRegressor, got a Log"
    ):
        save_model(LogisticRegression(), path)
    clf.__class__ = type("ConvNetClassifier", (ConvNetClassifier,), {})
    with pytest.raises(TypeError, match=r"classes of your own with skops.io.dump"):
        save_model(clf, path)


def test_labels_that_json_cannot_say(images, path):
    X, codes = images
    days = np.array(["2020-01-01", "2021-01-01", "2022-01-01"])[codes]
    clf = ConvNetClassifier(filters=2, max_iter=1).fit(X, days.astype("M8[D]"))
    with pytest.raises(ValueError, match="classes_ must be numbers, bools or str"):
        save_model(clf, path)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("HEADER_LIMIT", "takes .* bytes, more than the 500 that are allowed"),
        ("VALUES_LIMIT", "takes .* values of JSON, more than the 500"),
    ],
)
def test_a_header_that_no_reader_would_take(limit, words, clf, path, monkeypatch):
    monkeypatch.setattr(safetensors, limit, 500)
    clf.set_params(filters=list(range(600)))
    with pytest.raises(ValueError, match=words):
        save_model(clf, path)
    assert not path.exists()


def test_a_failed_save_leaves_the_old_file(clf, images, path, monkeypatch):
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


def test_readers_see_the_old_file_or_the_new_one(clf, images, path):
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


def test_a_link_is_followed_and_permissions_are_the_usual_ones(clf, path):
    link = path.with_name("link")
    os.symlink(path, link)
    save_model(clf, link)
    assert link.is_symlink()
    path.with_name("plain").touch()
    assert path.stat().st_mode == path.with_name("plain").stat().st_mode


# What is not let in ------------------------------------------------------------------


def edit(path, change, sign=True):
    """Change a file as JSON: ``change(table, document)``."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    table, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    document = json.loads(table["__metadata__"]["model"])
    change(table, document)
    if sign:
        text = json.dumps(document)
        table["__metadata__"]["model"] = text
        table["__metadata__"]["sha256"] = fuzz_models.sign(text, table, body)
    header = json.dumps(table).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + body)


def param(name, value):
    def change(table, document):
        document["estimator"]["params"][name] = value

    return change


def layer(i, name, value):
    def change(table, document):
        document["layers"][i][1]["params"][name] = value

    return change


def put(*keys, value):
    def change(table, document):
        place = document if keys[0] in document else table
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


KERNEL = "conv2d_1.kernel"
CHANGES = [
    (put("__metadata__", "format", value="other"), "none that skconv.save_model wrote"),
    (put("__metadata__", "format_version", value="2"), "by a later skconv, in version 2.*upgrade"),
    (put("__metadata__", "format_version", value="-1"), "format_version is '-1', no number"),
    (put("__metadata__", "x", value=1), "__metadata__ is no map of text to text"),
    (put(KERNEL, "dtype", value="BF16"), "of dtype F32 or F64, got 'BF16'"),
    (put(KERNEL, "dtype", value=[]), "of dtype F32 or F64, got \\[\\]"),
    (put(KERNEL, "shape", value=[3, 1, 1, 5]), "does not fill bytes 0 to 48"),
    (put(KERNEL, "shape", value=[3, 1, 2, 2]), "is of shape .* in the file, where its layers ask for"),
    (put(KERNEL, "shape", value=[1] * 40), "does not fill bytes"),
    (put(KERNEL, "shape", value=[-3, -4]), "integers >= 0, got"),
    (put(KERNEL, "shape", value=[3, 4.0]), "integers >= 0, got"),
    (put(KERNEL, "shape", value=12), "integers >= 0, got 12"),
    (put(KERNEL, "data_offsets", value=[0, 48, 48]), "two data_offsets of integers"),
    (put(KERNEL, "data_offsets", value=[16, 64]), "arrays must follow each other"),
    (put(KERNEL, value={}), "described by dtype, shape and data_offsets"),
    (put("more", value={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}), "'more' is of shape .* ask for not there"),
    (lambda table, document: table.pop("history/loss_curve"), "arrays must follow each other|fill .* bytes, but"),
    (param("nonsense", 1), "has no parameter 'nonsense'"),
    (param("max_iter", "many"), "'max_iter' parameter of ConvNetClassifier must be an int"),
    (param("learning_rate", "fast"), "learning_rate must be one of"),
    (param("filters", {"pickle": "cos"}), "hold an object with the keys \\['pickle'\\]"),
    (param("filters", {"tuple": 3}), "a tuple must be given as a list, got 3"),
    (param("filters", {"float": "1"}), "no float can be made of '1'"),
    (param("filters", {"dict": [1]}), "a dict must be given as pairs"),
    (param("filters", {"dict": [[[], 1]]}), "keys of a dict must be text or numbers"),
    (param("filters", {"class": "Dense", "params": []}), "params of Dense must be an object"),
    (param("augment", {"class": "os.system", "params": {"command": "true"}}), "no registered class 'os.system'"),
    (param("augment", {"class": "Layer", "params": {}}), "no registered class 'Layer'"),
    (param("augment", {"class": "RandomFlop", "params": {}}), "did you mean 'RandomFlip'"),
    (put("estimator", "class", value="Pipeline"), "estimator's class must be one of"),
    (put("estimator", value=[]), "its estimator must have a class and params"),
    (layer(0, "filters", 10**9), "more weights than the file holds"),
    (layer(0, "filters", 2), "'conv2d_1.kernel' is of shape .*, where its layers ask for"),
    (layer(0, "filters", "4"), "layer 'conv2d_1' .*filters must be an int"),
    (layer(0, "use_bias", False), "'conv2d_1.bias' is of shape .* ask for not there"),
    (layer(0, "padding", 10**9), "layer 'dense_1'.*more weights than the file|too large for"),
    (layer(5, "units", 10**15), "more weights than the file holds"),
    (layer(4, "rate", {"tuple": [{"class": "Dense", "params": {}}]}), "missing 1 required|units"),
    (put("layers", 4, 1, value={"class": "PReLU", "params": {}}), "array 'dropout_1.alpha'|more weights"),
    (put("layers", 4, 1, value={"class": "LayerNorm", "params": {"axis": {"tuple": [2, 2]}}}), "must be distinct axes"),
    (layer(4, "rate", None), "layer 'dropout_1'.*rate must be a number"),
    (layer(4, "rate", {"class": "Dense", "params": {"units": 3}}), "rate must be a number"),
    (put("layers", 0, value=["conv2d_1"]), "pairs of a name and a layer"),
    (put("layers", 0, 0, value="half"), "distinct names, got 2 of 'half'"),
    (put("layers", 0, 1, value=3), "each of layers must be a layer"),
    (put("layers", value=[]), "must hold at least one layer"),
    (put("input_shape", value=[6]), r"must be \(h, w, c\) or \(l, c\)"),
    (put("input_shape", value=[6, 6, 0]), "input_shape must be an integer >= 1"),
    (put("input_shape", value=[6, 6, 2**40]), "too large for the .* weights"),
    (put("coding", "classes", value=[0, 2, 1]), "sorted and distinct int64"),
    (put("coding", "classes", value=[0, 1]), "puts out \\(3,\\), but its classes or targets take 1"),
    (put("coding", "classes", value=[0, 1, 2.0]), "must be a list of int64"),
    (put("coding", "classes", value=[]), "must be a list of int64"),
    (put("coding", "classes", value=[1]), "two classes at least"),
    (put("coding", "dtype", value="V100"), "classes must be one of"),
    (put("coding", "dtype", value="int8"), None),
    (put("coding", "multilabel", value=1), "multilabel must be true or false"),
    (put("coding", value={"classes": ["a" * 2**17, *map(str, range(9))], "dtype": "str", "multilabel": False}), "too many and too long"),
    (put("coding", value={"classes": [0, 1, 3], "dtype": "int64", "multilabel": True}), "must be 0, 1, 2"),
    (put("coding", value={"loss": "mse", "n_outputs": 3, "flat": False}), "coding's loss must be one of"),
    (put("coding", value={"loss": "huber", "n_outputs": 3, "flat": True}), "3 outputs cannot be flat"),
    (put("coding", value={}), "must be of classes, or of a loss"),
    (put("coding", value=None), "its coding must be an object"),
    (put("history", value={}), "history must have the keys"),
    (put("history", "steps", value=-1), "its steps must be an integer >= 0"),
    (put("history", "slowdown", value=True), "slowdown must be a number, got True"),
    (put("feature_names", value=["a"]), "feature_names must be 36 texts"),
    (put("split_seed", value="0"), "split_seed must be an integer"),
    (lambda table, document: document.pop("coding"), "lacks \\['coding'\\]"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=range(len(CHANGES)))
def test_a_tampered_file_is_refused(change, words, clf, path):
    save_model(clf, path)
    edit(path, change)
    if words is None:
        assert load_model(path)
        return
    with pytest.raises(
        ValueError, match=rf"(?s)model.safetensors' cannot be loaded: .*({words})"
    ):
        load_model(path)


RAW = {
    "empty": (lambda data: b"", "cut short: 8 bytes expected, 0 left"),
    "a pickle": (pickle.dumps, "no safetensors file, or cut short: its header would have"),
    "truncated": (lambda data: data[:-1], "cut short or has something appended"),
    "only a header": (lambda data: data[:500], "no safetensors file, or cut short"),
    "longer": (lambda data: data + b"0", "cut short or has something appended"),
    "a flipped weight": (lambda data: data[:-900] + b"\x55" + data[-899:], "its checksum is wrong"),
    "a huge header": (lambda data: (2**60).to_bytes(8, "little") + data[8:], "would have 1152921504606846976 bytes"),
    "no JSON": (lambda data: framed(b"{nonsense"), "Expecting property name"),
    "no object": (lambda data: framed(b"[]"), "does not start with {"),
    "NaN": (lambda data: framed(b'{"a": NaN}'), "holds NaN, which is no number"),
    "infinity": (lambda data: framed(b'{"a": 1e999}'), "number that is too large"),
    "a long integer": (lambda data: framed(b'{"a": ' + b"9" * 9999 + b"}"), "integer of more than 64 bits"),
    "a key twice": (lambda data: framed(b'{"a": 1, "a": 2}'), "has a key twice"),
    "deep": (lambda data: framed(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "nested too deeply"),
    "no UTF-8": (lambda data: framed(b'{"\xff": 1}'), "codec can't decode"),
    "something else's": (lambda data: framed(b"{}"), "none that skconv.save_model wrote"),
}  # fmt: skip


def framed(header):
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize("name", RAW)
def test_a_foreign_or_damaged_file_is_refused(name, clf, path):
    make, words = RAW[name]
    save_model(clf, path)
    path.write_bytes(make(path.read_bytes()))
    with pytest.raises(
        ValueError, match=f"model.safetensors' cannot be loaded: .*{words}"
    ):
        load_model(path)


def test_a_file_without_its_model_is_refused(clf, path):
    save_model(clf, path)

    def change(table, document):
        del table["__metadata__"]["model"]

    edit(path, change, sign=False)
    with pytest.raises(ValueError, match="it lacks the model or its checksum"):
        load_model(path)


def test_numbers_of_numpy_become_plain_ones(images, path):
    clf = ConvNetClassifier(
        [Dense(np.int64(4))], max_iter=np.int32(1), tol=np.float32(0.5)
    )
    loaded = reload(clf.fit(*images), path)
    assert (
        repr(loaded)
        == "ConvNetClassifier(layers=[Dense(units=4)], max_iter=1, tol=0.5)"
    )


def test_parameters_in_parameters_end_somewhere(clf, path):
    save_model(clf, path)
    value = 0
    for _ in range(50):
        value = {"tuple": [value]}
    edit(path, param("filters", value))
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        load_model(path)


def test_what_is_no_file(path):
    with pytest.raises(FileNotFoundError):
        load_model(path)
    with pytest.raises(OSError):
        load_model(path.parent)
    os.mkfifo(path)
    with pytest.raises(ValueError, match="it is no regular file"):
        load_model(path)


def test_loading_takes_no_more_memory_than_the_file(images, path):
    clf = ConvNetClassifier([Dense(20_000), Dense(10, "relu")], max_iter=1)
    save_model(clf.fit(*images), path)
    del clf
    size = path.stat().st_size
    assert size > 2**21
    tracemalloc.start()
    try:
        load_model(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size < peak < size + 2**20


# What may be taken beside the arrays, for a header as full as is allowed.
HEADER = 2**25
LARGE = {
    "empty lists": '{"a": [' + ",".join(["[]"] * 60_000) + "]}",
    "small objects": '{"a": [' + ",".join(['{"a":0}'] * 65_000) + "]}",
    "texts": '{"a": [' + ",".join(['"aa"'] * 131_000) + "]}",
    "more than allowed": '{"a": [' + ",".join(["[]"] * 650_000) + "]}",
    "a wide character": '{"__metadata__": {"a": "\U0001f600'
    + "a" * (2**21 - 99)
    + '"}}',
}


@pytest.mark.parametrize("name", LARGE)
def test_a_header_full_of_small_things_takes_little_memory(name, path):
    path.write_bytes(framed(LARGE[name].encode()))
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="cannot be loaded"):
            load_model(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size + HEADER


@pytest.mark.slow
def test_a_model_of_very_many_layers_takes_little_memory(clf, path):
    save_model(clf, path)

    def change(table, document):
        dropout = {"class": "Dropout", "params": {"rate": 0.1}}
        document["layers"][:0] = [[f"a{i}", dropout] for i in range(4_000)]

    edit(path, change)
    size = path.stat().st_size
    tracemalloc.start()
    try:
        assert len(load_model(path).network_.layers) > 4_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size + HEADER


@pytest.mark.slow
def test_nothing_but_errors_come_of_mutants(tmp_path):
    """A short run of what ``python -m tests.fuzz_models`` does at length."""
    outcomes, worst = fuzz_models.fuzz(400, 1, tmp_path)
    assert outcomes["loaded"] > 5
    assert outcomes["ValueError"] > 100
    assert worst["bytes"] < fuzz_models.SLACK


def send_and_die(sender):
    sender.send("a result")
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_process_that_dies_of_a_mutant_is_told():
    results = fuzz_models.results_of(send_and_die)
    assert next(results) == "a result"
    with pytest.raises(AssertionError, match="after 1 results .* exit code -9"):
        next(results)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set on Linux alone")
def test_memory_is_limited_while_a_mutant_is_loaded():
    with fuzz_models.growing_by_at_most(2**27):
        bytearray(2**26)
    with pytest.raises(MemoryError), fuzz_models.growing_by_at_most(2**25):
        bytearray(2**26)
    bytearray(2**26)
