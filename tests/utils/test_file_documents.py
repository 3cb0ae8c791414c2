"""Files with a document and arrays: what is checked of them, and how errors name them."""

import errno
import hashlib
import io
import json
import math
import os

import numpy as np
import pytest

from skconv._utils import documents, safetensors
from skconv._utils.documents import file_id, naming, reading, write

ARRAYS = {"b": np.arange(3.0), "a": np.ones((2, 2), np.float32)}
DOCUMENT = {"name": "é", "list": [1, None]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


def test_files_are_read_as_they_were_written(path):
    checksum = write(path, "model", DOCUMENT, ARRAYS)
    assert len(checksum) == 64 and file_id(path, "model") == checksum
    with reading(path, "model") as reader:
        assert reader.document == DOCUMENT and reader.version == 4
        assert reader.file_id == checksum
        assert list(reader.parts) == ["a", "b"]
        found = reader.empty(["b", "a", "c"])
        assert {name: (each.shape, each.dtype) for name, each in found.items()} == {
            name: (each.shape, each.dtype) for name, each in ARRAYS.items()
        }
        reader.read_into(found)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
    # The order in which arrays are given changes nothing, their values do.
    assert write(path, "model", DOCUMENT, dict(sorted(ARRAYS.items()))) == checksum
    assert write(path, "model", {}, ARRAYS) != checksum
    assert write(path, "model", DOCUMENT, {**ARRAYS, "b": np.ones(3)}) != checksum
    assert (
        write(path, "model", DOCUMENT, {**ARRAYS, "b": np.arange(3.0)[:, None]})
        != checksum
    )


def test_the_checksum_is_of_document_table_and_values(path):
    checksum = write(path, "model", DOCUMENT, ARRAYS)
    arrays = dict(sorted(ARRAYS.items()))
    text = json.dumps(DOCUMENT)
    table = json.dumps(safetensors.describe(arrays), sort_keys=True)
    values = b"".join(array.tobytes() for array in arrays.values())
    expected = hashlib.sha256(f"{text}\n{table}\n".encode() + values)
    assert checksum == expected.hexdigest()


def test_values_that_are_no_json_are_not_written(path):
    with pytest.raises(ValueError, match="Out of range float"):
        write(path, "model", {"a": math.nan}, {})
    assert not path.exists()


def changed(path, **metadata):
    """Write a file with other metadata; a None is left out."""
    write(path, "model", DOCUMENT, ARRAYS)
    with open(path, "rb") as file:
        found = safetensors.read_metadata(file)
    found |= metadata
    found = {key: text for key, text in found.items() if text is not None}
    safetensors.write(path, dict(sorted(ARRAYS.items())), found)


WRONG = {
    "another program's": ({"format": "pt"}, "it is a safetensors file, but skconv did not write it"),
    "no format": ({"format": None}, "but skconv did not write it"),
    "checkpoint": ({"format": "skconv checkpoint"}, r"it is not a model but a checkpoint: resume it, or read it with skconv.callbacks.Checkpoint\(path\).restore"),
    "no version": ({"format_version": None}, "its format_version is '', not a number >= 1"),
    "version 0": ({"format_version": "0"}, "its format_version is '0', not"),
    "version 1.5": ({"format_version": "1.5"}, "its format_version is '1.5', not"),
    "many digits": ({"format_version": "1" * 10}, "its format_version is '1111111111', not"),
    "later": ({"format_version": "5"}, "by a later skconv, in version 5 of the format, and this one reads versions up to 4"),
    "much later": ({"format_version": "9" * 9}, "in version 999999999 of the format"),
    "no document": ({"document": None}, "it lacks the document or its checksum"),
    "no checksum": ({"sha256": None}, "it lacks the document or its checksum"),
    "version 1": ({"format_version": "1"}, "it lacks the model or its checksum"),
    "document": ({"document": "[]"}, "its JSON is not an object"),
}  # fmt: skip


@pytest.mark.parametrize(("metadata", "words"), WRONG.values(), ids=WRONG)
def test_other_files_are_refused_by_name(path, metadata, words):
    changed(path, **metadata)
    words = f"^{os.fspath(path)!r} cannot be loaded: .*{words}"
    with pytest.raises(ValueError, match=words), reading(path, "model"):
        pass


def test_models_of_the_first_version_have_another_format(path):
    changed(path, format="skconv", format_version="1", document=None, model="{}")
    with reading(path, "model") as reader:
        assert (reader.document, reader.version) == ({}, 1)
    words = "it is not a checkpoint but a model: load it with skconv.load_model"
    with pytest.raises(ValueError, match=words), reading(path, "checkpoint"):
        pass


OTHER = {
    "missing in the network": ({"a": ARRAYS["a"]}, r"array 'b' is of shape \(3,\) in float64 in the file, but missing in the"),
    "missing in the file": ({**ARRAYS, "c": np.ones(1)}, r"array 'c' is missing in the file, but of shape \(1,\) in float64 in the"),
    "shape": ({**ARRAYS, "a": np.ones(4, "f4")}, r"array 'a' is of shape \(2, 2\) in float32 in the file, but of shape \(4,\)"),
    "dtype": ({**ARRAYS, "b": np.ones(3, "f4")}, "array 'b' is .* in float64 in the file, but .* in float32"),
}  # fmt: skip


@pytest.mark.parametrize(("arrays", "words"), OTHER.values(), ids=OTHER)
def test_other_arrays_than_the_files_are_refused(path, arrays, words):
    write(path, "model", DOCUMENT, ARRAYS)
    arrays = {name: array.copy() for name, array in arrays.items()}
    with pytest.raises(ValueError, match=words), reading(path, "model") as reader:
        reader.read_into(arrays)


def test_changed_or_shortened_data_are_refused(path):
    write(path, "model", DOCUMENT, ARRAYS)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    empty = {name: np.empty_like(array) for name, array in ARRAYS.items()}
    with pytest.raises(ValueError, match="its checksum is wrong"):  # noqa: SIM117
        with reading(path, "model") as reader:
            reader.read_into(empty)


def test_a_checksum_needs_no_data(path):
    assert file_id(path, "model") is None
    changed(path, sha256=None)
    assert file_id(path, "model") == ""
    checksum = write(path, "model", DOCUMENT, ARRAYS)
    os.truncate(path, path.stat().st_size - 8)
    assert file_id(path, "model") == checksum
    with pytest.raises(ValueError, match="is not a checkpoint but a model"):
        file_id(path, "checkpoint")
    with pytest.raises(ValueError, match="it is not a regular file"):
        file_id(os.devnull, "model")


def test_files_larger_than_memory_are_refused(path, monkeypatch):
    write(path, "model", DOCUMENT, ARRAYS)  # 40 bytes of arrays
    for large, free, is_refused in [(39, 39, True), (39, 40, False), (40, 1, False)]:
        monkeypatch.setattr(documents, "_LARGE", large)
        monkeypatch.setattr(documents, "available_memory", lambda free=free: free)
        if is_refused:
            with pytest.raises(OSError, match="its arrays take 40 bytes, but only 39 are") as caught, reading(path, "model"):  # fmt: skip
                pass
            assert caught.value.errno == errno.ENOMEM
            assert caught.value.filename == os.fspath(path)
        else:
            with reading(path, "model"):
                pass
    write(path, "model", DOCUMENT, {})
    monkeypatch.setattr(documents, "_LARGE", 0)
    monkeypatch.setattr(documents, "available_memory", lambda: -1)
    with reading(path, "model"):
        pass


NAMED = {
    "value": (ValueError("bad"), ValueError, "'f' cannot be loaded: bad"),
    "type": (TypeError("bad"), ValueError, "'f' cannot be loaded: bad"),
    "key": (KeyError("bad"), ValueError, "'f' cannot be loaded: 'bad'"),
    "warning": (UserWarning("bad"), ValueError, "'f' cannot be loaded: bad"),
    "assertion": (AssertionError("bad"), ValueError, "'f' cannot be loaded: bad"),
    "long": (ValueError("a" * 1500 + "b" * 501), ValueError, f"'f' cannot be loaded: {'a' * 1000} ... {'a' * 499}{'b' * 501}"),
    "as long as it may be": (ValueError("a" * 2000), ValueError, f"'f' cannot be loaded: {'a' * 2000}"),
    "memory": (MemoryError(), OSError, f"[Errno {errno.ENOMEM}] {os.strerror(errno.ENOMEM)}: 'f'"),
    "memory in words": (MemoryError("none"), OSError, f"[Errno {errno.ENOMEM}] none: 'f'"),
    "system": (SystemError("bad"), SystemError, "bad"),
    "handler": (TimeoutError("late"), TimeoutError, "late"),
    "of the system": (OSError(errno.EIO, "bad"), OSError, f"[Errno {errno.EIO}] bad: 'f'"),
    "of a file": (OSError(errno.EIO, "bad", "g"), OSError, f"[Errno {errno.EIO}] bad: 'g'"),
    "interrupt": (KeyboardInterrupt("now"), KeyboardInterrupt, "now"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "kind", "words"), NAMED.values(), ids=NAMED)
def test_errors_of_contents_name_the_file(error, kind, words):
    with pytest.raises(kind) as caught, naming("f"):
        raise error
    assert type(caught.value) in (kind, type(error)) and str(caught.value) == words


def test_a_failed_seek_is_an_error_of_the_file():
    with pytest.raises(OSError, match="seek: 'f'") as caught, naming("f"):
        raise io.UnsupportedOperation("seek")
    assert caught.value.errno == errno.ESPIPE
