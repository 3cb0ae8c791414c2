"""Model files that are damaged, foreign or tampered with are refused."""

import json
import os
import pickle
import tracemalloc

import pytest
import small_models
from attacks import files

from skconv import ConvNetClassifier, load_model, save_model
from skconv.layers import Dense

images, clf, path = small_models.images, small_models.clf, small_models.path


def edit(path, change, sign=True):
    """Change a file as JSON: ``change(table, document)``."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    table, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    document = json.loads(table["__metadata__"]["document"])
    change(table, document)
    if sign:
        text = json.dumps(document)
        table["__metadata__"]["document"] = text
        table["__metadata__"]["sha256"] = files.sign(text, table, body)
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
    (put("__metadata__", "format", value="other"), "safetensors file, but skconv did not write it"),
    (put("__metadata__", "format_version", value="12"), "by a later skconv, in version 12.*upgrade"),
    (put("__metadata__", "format_version", value="-1"), "format_version is '-1', not a number"),
    (put("__metadata__", "x", value=1), "__metadata__ must map text to text"),
    (put(KERNEL, "dtype", value="BF16"), "of dtype F32 or F64, got 'BF16'"),
    (put(KERNEL, "dtype", value=[]), "of dtype F32 or F64, got \\[\\]"),
    (put(KERNEL, "shape", value=[3, 1, 1, 5]), "does not fill bytes 16 to 64"),
    (put(KERNEL, "shape", value=[3, 1, 2, 2]), "is of shape .* in the file, but of shape"),
    (put(KERNEL, "shape", value=[1] * 40), "does not fill bytes"),
    (put(KERNEL, "shape", value=[-3, -4]), "integers >= 0, got"),
    (put(KERNEL, "shape", value=[3, 4.0]), "integers >= 0, got"),
    (put(KERNEL, "shape", value=12), "integers >= 0, got 12"),
    (put(KERNEL, "data_offsets", value=[0, 48, 48]), "two data_offsets of integers"),
    (put(KERNEL, "data_offsets", value=[0, 48]), "arrays must follow each other"),
    (put(KERNEL, value={}), "described by dtype, shape and data_offsets"),
    (put("more", value={"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}), "'more' is of shape .* but missing in the network"),
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
    (put("estimator", value=[]), "its estimator must be an object"),
    (layer(0, "filters", 10**9), "more weights than the file holds"),
    (layer(0, "filters", 2), "'conv2d_1.kernel' is of shape .* in the file, but of shape"),
    (layer(0, "filters", "4"), "layer 'conv2d_1' .*filters must be an int"),
    (layer(0, "use_bias", False), "'conv2d_1.bias' is of shape .* but missing in the network"),
    (layer(0, "padding", 10**9), "layer 'dense_1'.*more weights than the file|too large for|is too large; use less padding"),
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
    (put("fitted", "input_shape", value=[6]), r"must be \(h, w, c\) or \(length, channels\)"),
    (put("fitted", "input_shape", value=[6, 6, 0]), "input_shape must be an integer >= 1"),
    (put("fitted", "input_shape", value=[6, 6, 2**40]), "more weights than the file holds"),
    (put("fitted", "encoder", "classes", value=[0, 2, 1]), "sorted and distinct int64"),
    (put("fitted", "encoder", "classes", value=[0, 1]), "has outputs \\(3,\\), but its classes or targets need 1"),
    (put("fitted", "encoder", "classes", value=[0, 1, 2.0]), "must be a list of int64"),
    (put("fitted", "encoder", "classes", value=[]), "must be a list of int64"),
    (put("fitted", "encoder", "classes", value=[1]), "at least two classes"),
    (put("fitted", "encoder", value={"classes": [-2**63, 0, 1], "dtype": "datetime64[D]", "multilabel": False}), "must be dates, got NaT"),
    (put("fitted", "encoder", "dtype", value="V100"), "classes must be one of"),
    (put("fitted", "encoder", "dtype", value="int8"), None),
    (put("fitted", "encoder", "multilabel", value=1), "multilabel must be true or false"),
    (put("fitted", "encoder", value={"classes": ["a" * 2**17, *map(str, range(9))], "dtype": "str", "multilabel": False}), "too many and too long"),
    (put("fitted", "encoder", value={"classes": [0, 1, 3], "dtype": "int64", "multilabel": True}), "must be 0, 1, 2"),
    (put("fitted", "encoder", value={"loss": "mse", "n_outputs": 3, "flat": False}), "encoder's loss must be one of"),
    (put("fitted", "encoder", value={"loss": "huber", "n_outputs": 3, "flat": True}), "3 outputs cannot be flat"),
    (put("fitted", "encoder", value={}), "its encoder must be an object with the keys"),
    (put("fitted", "encoder", value=None), "its encoder must be an object with the keys"),
    (put("fitted", "history", value={}), None),
    (put("fitted", "history", value=[]), "history must be an object"),
    (put("fitted", "history", "extra", value=1), "history must have the keys .* unknown .'extra'"),
    (put("fitted", "extra", value=1), "its fit must have the keys .* unknown .'extra'"),
    (put("layers", 4, 1, "extra", value=1), "hold an object with the keys"),
    (put("fitted", "history", "steps", value=-1), "its steps must be an integer >= 0"),
    (put("fitted", "history", "slowdown", value=True), "slowdown must be a number, got True"),
    (put("fitted", "feature_names", value=["a"]), "feature_names must be 36 texts"),
    (put("fitted", "split_seed", value="0"), "split_seed must be an integer"),
    (lambda table, document: document.pop("layers"), "its model must have the keys .* missing .'layers'"),
    (lambda table, document: document["fitted"].pop("encoder"), "its fit must have the keys .* missing .'encoder'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=range(len(CHANGES)))
def test_tampered_model_file_is_refused(change, words, clf, path):
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
    "a pickle": (pickle.dumps, "not a safetensors file, or cut short: its header would have"),
    "truncated": (lambda data: data[:-1], "cut short, or something was appended"),
    "only a header": (lambda data: data[:500], "not a safetensors file, or cut short"),
    "longer": (lambda data: data + b"0", "cut short, or something was appended"),
    "a flipped weight": (lambda data: data[:-900] + bytes([data[-900] ^ 1]) + data[-899:], "its checksum is wrong"),
    "a huge header": (lambda data: (2**60).to_bytes(8, "little") + data[8:], "would have 1152921504606846976 bytes"),
    "no JSON": (lambda data: framed(b"{nonsense"), "Expecting property name"),
    "no object": (lambda data: framed(b"[]"), "must start with {"),
    "NaN": (lambda data: framed(b'{"a": NaN}'), "holds NaN, which is not a number"),
    "infinity": (lambda data: framed(b'{"a": 1e999}'), "number that is too large"),
    "a long integer": (lambda data: framed(b'{"a": ' + b"9" * 9999 + b"}"), "integer of more than 64 bits"),
    "a key twice": (lambda data: framed(b'{"a": 1, "a": 2}'), "has a key twice"),
    "deep": (lambda data: framed(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "nested too deeply"),
    "no UTF-8": (lambda data: framed(b'{"\xff": 1}'), "codec can't decode"),
    "something else's": (lambda data: framed(b"{}"), "safetensors file, but skconv did not write it"),
}  # fmt: skip


def framed(header):
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize("name", RAW)
def test_foreign_or_damaged_model_file_is_refused(name, clf, path):
    make, words = RAW[name]
    save_model(clf, path)
    path.write_bytes(make(path.read_bytes()))
    with pytest.raises(
        ValueError, match=f"model.safetensors' cannot be loaded: .*{words}"
    ):
        load_model(path)


def test_model_file_without_document_is_refused(clf, path):
    save_model(clf, path)

    def change(table, document):
        del table["__metadata__"]["document"]

    edit(path, change, sign=False)
    with pytest.raises(ValueError, match="it lacks the document or its checksum"):
        load_model(path)


def test_nesting_of_parameters_is_limited(clf, path):
    save_model(clf, path)
    value = 0
    for _ in range(50):
        value = {"tuple": [value]}
    edit(path, param("filters", value))
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        load_model(path)


def test_load_model_refuses_folders_and_pipes(path):
    with pytest.raises(FileNotFoundError):
        load_model(path)
    with pytest.raises(OSError):
        load_model(path.parent)
    os.mkfifo(path)
    with pytest.raises(ValueError, match="it is not a regular file"):
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
def test_header_full_of_small_values_takes_little_memory(name, path):
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
def test_model_of_many_layers_takes_little_memory(clf, path):
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
