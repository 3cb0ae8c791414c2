"""Files of each version of the format are loaded, and predict the same."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import write_files
from attacks.files import sign
from sklearn.base import clone

import skconv
from skconv import load_model, save_model
from skconv._utils import documents
from skconv.callbacks import Checkpoint, fitted

pytest.importorskip("pandas")

FOLDER = write_files.FOLDER
MODELS = {name: (model, X, y) for name, model, X, y in write_files.models()}


def files(pattern):
    paths = sorted(FOLDER.glob(pattern))
    return pytest.mark.parametrize("path", paths, ids=[path.stem for path in paths])


def expected(path):
    _, version, _ = path.stem.split("_")
    text = (FOLDER / f"predictions_{version}.json").read_text()
    return json.loads(text)[path.name]


def edit(path, change, copy):
    """Write a copy of a file with another document, of its version."""
    data = Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    table, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    metadata = table["__metadata__"]
    version = int(metadata["format_version"])
    key = "model" if version == 1 else "document"
    document = json.loads(metadata[key])
    change(document)
    metadata[key] = json.dumps(document)
    metadata["sha256"] = sign(metadata[key], table, body, version)
    header = json.dumps(table).encode()
    copy.write_bytes(len(header).to_bytes(8, "little") + header + body)
    return copy


# Each version ------------------------------------------------------------------------


@files("model_*.safetensors")
def test_model_of_each_version_predicts_the_same(path):
    model = load_model(path)
    np.testing.assert_allclose(
        write_files.predictions(model), expected(path), rtol=1e-4
    )
    assert model.n_iter_ == 2
    assert len(model.learning_rate_curve_) == 2


@files("model_*.safetensors")
def test_model_of_each_version_is_a_start(path):
    old = load_model(path)
    _, X, y = MODELS[path.stem.split("_")[2]]
    hidden = old.network_.layers[:-1]
    new = type(old)(
        hidden, pretrained=path, frozen=[name for name, _ in hidden], max_iter=1,
        input_shape=old.input_shape, dtype=old.dtype, batch_size=8,
    )  # fmt: skip
    new.fit(X, y)
    for name, array in old.network_.arrays.items():
        if not name.startswith("output"):
            np.testing.assert_array_equal(new.network_.arrays[name], array)


@files("checkpoint_*.ckpt")
@pytest.mark.filterwarnings("ignore:.*was written by skconv")
def test_checkpoint_of_each_version_is_restored_and_resumed(path, tmp_path):
    model, X, y = MODELS[path.stem.split("_")[2]]
    model = clone(model)
    assert Checkpoint(path).restore(model) == 1
    np.testing.assert_allclose(
        write_files.predictions(model), expected(path), rtol=1e-4
    )
    copy = shutil.copy(path, tmp_path)
    model = clone(model).set_callbacks(Checkpoint(copy))
    if path.stem == "checkpoint_2_classifier":  # which set aside other samples
        with pytest.raises(ValueError, match="samples that an older version set aside"):
            model.fit(X, y)
        return
    model.fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    # It went on, in another order of samples than that version had.
    whole = path.with_name(path.name.replace("checkpoint", "model"))
    finished = load_model(whole.with_suffix(".safetensors"))
    assert model.loss_curve_[0] == pytest.approx(finished.loss_curve_[0])
    assert model.loss_curve_[1] < 1.1 * finished.loss_curve_[1]


def test_each_version_has_its_files():
    since = {"scaled": 2, "segmenter": 3, "autoencoder": 3, "intervals": 3}
    for name in MODELS:
        for version in range(since.get(name, 1), documents.FORMAT_VERSION + 1):
            assert (FOLDER / f"model_{version}_{name}.safetensors").exists()
            assert (
                version == 1 or (FOLDER / f"checkpoint_{version}_{name}.ckpt").exists()
            )


def keys(value, path=""):
    """Yield the paths of a document's keys; parameters may be added at any time."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield path + key
        if key not in ("params", "parameters"):
            yield from keys(inner, f"{path}{key}.")


def test_files_of_this_version_have_the_keys_of_today(tmp_path):
    """With a new key FORMAT_VERSION has to grow: an older skconv refuses the key."""
    write_files.write(tmp_path)
    for path in tmp_path.glob("*.*t*"):
        if path.suffix == ".json":
            continue
        kind = path.stem.split("_")[0]
        with (
            documents.reading(path, kind) as new,
            documents.reading(FOLDER / path.name, kind) as old,
        ):
            assert {*keys(new.document)} == {*keys(old.document)}, path.name
            assert new.parts.keys() == old.parts.keys()


# What an older file lacks ------------------------------------------------------------


@files("model_*_regressor.safetensors")
def test_history_with_more_fields_loads_older_files(path, tmp_path, monkeypatch):
    @dataclass
    class Longer(fitted.History):
        gradient_norms: list[float] = field(default_factory=list)
        momentum: float = 0.5

    monkeypatch.setattr(fitted, "History", Longer)
    monkeypatch.setitem(fitted.CURVES, "history/gradient_norms", "gradient_norms")
    monkeypatch.setitem(fitted._NUMBERS, "momentum", 0.5)
    model = load_model(path)
    assert model._history.momentum == 0.5
    np.testing.assert_array_equal(model._history.gradient_norms, [np.nan, np.nan])
    np.testing.assert_allclose(
        write_files.predictions(model), expected(path), rtol=1e-4
    )
    model._history.momentum = 0.25
    save_model(model, tmp_path / "new.safetensors")
    assert load_model(tmp_path / "new.safetensors")._history.momentum == 0.25


def history_of(document):
    return document.get("fitted", document)["history"]


@files("model_*_regressor.safetensors")
def test_missing_fields_take_their_defaults(path, tmp_path):
    def remove(document):
        del history_of(document)["slowdown"]
        del document["estimator"]["params"]["clip_norm"]
        document.get("fitted", document).pop("feature_names")

    model = load_model(edit(path, remove, tmp_path / "older.safetensors"))
    assert model._history.slowdown == 1.0
    assert model.clip_norm is None


@files("model_[12]_*.safetensors")
def test_default_network_of_an_older_version_is_listed(path, tmp_path):
    """Its parameters would build another one today."""

    def forget(document):
        document["estimator"]["params"]["layers"] = None

    model = load_model(edit(path, forget, tmp_path / "default.safetensors"))
    assert [name for name, _ in model.layers] == [
        name for name, _ in model.network_.layers[:-1]
    ]
    np.testing.assert_allclose(
        write_files.predictions(model), expected(path), rtol=1e-4
    )


@files("model_[12]_classifier.safetensors")
def test_older_file_without_layers_is_refused(path, tmp_path):
    def forget(document):
        document["layers"] = None

    with pytest.raises(ValueError, match="its layers must be pairs of a name and a l"):
        load_model(edit(path, forget, tmp_path / "other.safetensors"))


@files("model_*_regressor.safetensors")
def test_unknown_fields_are_refused(path, tmp_path):
    for change in [
        lambda document: document.update(extra=1),
        lambda document: history_of(document).update(extra=1),
    ]:
        with pytest.raises(ValueError, match=r"unknown \['extra'\]"):
            load_model(edit(path, change, tmp_path / "other.safetensors"))


@files("checkpoint_*_multilabel.ckpt")
@pytest.mark.filterwarnings("ignore:.*was written by skconv")
def test_checkpoint_that_lacks_a_parameter_is_resumed(path, tmp_path):
    def remove(document):
        del document["fingerprint"]["parameters"]["label_smoothing"]
        del document["fitted"]["history"]["slowdown"]
        del document["stopping"]["idle"]

    model, X, y = MODELS["multilabel"]
    path = edit(path, remove, tmp_path / "older.ckpt")
    assert clone(model).set_callbacks(Checkpoint(path)).fit(X, y).n_iter_ == 2
    other = clone(model).set_params(label_smoothing=0.1)
    with pytest.raises(ValueError, match="label_smoothing: this fit 0.1, checkpoint 0"):
        other.set_callbacks(Checkpoint(path)).fit(X, y)


# The other kind ----------------------------------------------------------------------


@files("checkpoint_*_multilabel.ckpt")
def test_load_model_of_a_checkpoint_says_what_it_is(path):
    words = (
        r"is not a model but a checkpoint: resume it, or read it with "
        r"skconv.callbacks.Checkpoint\(path\).restore\(estimator\)"
    )
    with pytest.raises(ValueError, match=words):
        load_model(path)


@files("model_*_multilabel.safetensors")
@pytest.mark.parametrize("resume", [True, False])
def test_checkpoint_of_a_model_says_what_it_is(path, resume, tmp_path):
    model, X, y = MODELS["multilabel"]
    copy = Path(shutil.copy(path, tmp_path))
    checkpoint = Checkpoint(copy, resume=resume)
    words = r"is not a checkpoint but a model: load it with skconv.load_model"
    with pytest.raises(ValueError, match=words):
        checkpoint.restore(clone(model))
    with pytest.raises(ValueError, match=words):
        clone(model).set_callbacks(checkpoint).fit(X, y)
    assert copy.read_bytes() == path.read_bytes()
    assert isinstance(load_model(copy), skconv.ConvNetClassifier)
