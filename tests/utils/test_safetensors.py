"""The safetensors format: what is written, and what is refused."""

import io
import json
import os

import numpy as np
import pytest

from skconv._utils import safetensors
from skconv._utils.safetensors import (
    Part,
    as_bytes,
    describe,
    parse_json,
    read_header,
    read_metadata,
    write,
)

A, B = np.arange(6, dtype="f4").reshape(2, 3), np.arange(2.0)
TABLE = {
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "F64", "shape": [2], "data_offsets": [24, 40]},
}


def test_files_have_a_header_and_aligned_data(tmp_path):
    path = tmp_path / "file"
    for text in ("", "é", "abc", "abcdefgh"):
        write(path, {"a": A, "b": B}, {"text": text})
        raw = path.read_bytes()
        n = int.from_bytes(raw[:8], "little")
        assert n % 8 == 0 and len(raw) == 8 + n + 40
        header = raw[8 : 8 + n].decode()
        assert json.loads(header) == {"__metadata__": {"text": text}, **TABLE}
        assert header.rstrip(" ")[-1] == "}" and ", " not in header and text in header
        assert raw[8 + n :] == A.tobytes() + B.tobytes()
        with open(path, "rb") as file:
            found = read_header(file)
        assert found.metadata == {"text": text} and found.data_start == 8 + n
        assert found.parts == {
            "a": Part(np.dtype("f4"), (2, 3), 0, 24), "b": Part(np.dtype("f8"), (2,), 24, 40),
        }  # fmt: skip
        with open(path, "rb") as file:
            assert read_metadata(file) == {"text": text}


def test_arrays_of_any_order_are_described_and_written():
    big, turned = A.astype(">f4"), np.asfortranarray(A)
    assert describe({"a": big}) == describe({"a": turned}) == {"a": TABLE["a"]}
    assert bytes(as_bytes(big)) == bytes(as_bytes(turned)) == A.tobytes()
    assert np.shares_memory(np.frombuffer(as_bytes(A), "f4"), A)
    assert bytes(as_bytes(np.float32(3).reshape(()))) == np.float32(3).tobytes()


@pytest.fixture
def read(tmp_path):
    """Read what a header and data make."""

    def read(table, n_bytes=40, raw=None):
        text = table if isinstance(table, bytes) else json.dumps(table).encode()
        path = tmp_path / "file"
        path.write_bytes(
            len(text).to_bytes(8, "little") + text + bytes(n_bytes)
            if raw is None
            else raw
        )
        with open(path, "rb") as file:
            return read_header(file)

    return read


def changed(**entry):
    return {**TABLE, "a": {**TABLE["a"], **entry}}


EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
HEADERS = {
    "nothing": ({}, 0, []),
    "in another order": ({"b": TABLE["b"], "a": TABLE["a"]}, 40, ["a", "b"]),
    "empty arrays": ({"a": TABLE["a"], "none": EMPTY, "b": TABLE["b"]}, 40, ["none", "a", "b"]),
    "empty arrays between others": ({"none": {**EMPTY, "data_offsets": [24, 24]}, **TABLE}, 40, ["a", "none", "b"]),
    "no axes": ({"a": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}, 4, ["a"]),
    "32 axes": ({"a": {"dtype": "F32", "shape": [1] * 32, "data_offsets": [0, 4]}}, 4, ["a"]),
}  # fmt: skip


@pytest.mark.parametrize(("table", "n", "names"), HEADERS.values(), ids=HEADERS)
def test_arrays_are_in_the_order_of_their_data(read, table, n, names):
    found = read(table, n)
    assert list(found.parts) == names and found.metadata == {}


WRONG = {
    "no object": (b"[1]", 0, "^it is not a safetensors file: its header must start with {"),
    "no entry": ({"a": 3}, 0, "^array 'a' must be described by dtype, shape and data_offsets"),
    "a key more": (changed(more=1), 40, "^array 'a' must be described by"),
    "a key less": ({"a": {"dtype": "F32", "shape": [1]}}, 4, "must be described by"),
    "dtype": (changed(dtype="F16"), 40, "^array 'a' must be of dtype F32 or F64, got 'F16'"),
    "dtype that is none": (changed(dtype=["F32"]), 40, r"got \['F32'\]"),
    "shape": (changed(shape=6), 40, r"^array 'a' must have a shape and two data_offsets of integers >= 0, got 6 and \[0, 24\]"),
    "negative": (changed(shape=[-2, -3]), 40, r"got \[-2, -3\] and"),
    "fraction": (changed(shape=[2.0, 3]), 40, r"got \[2.0, 3\] and"),
    "boolean": (changed(shape=[True, 6]), 40, r"got \[True, 6\] and"),
    "offsets": (changed(data_offsets="ab"), 40, "and 'ab'"),
    "one offset": (changed(data_offsets=[0]), 40, r"and \[0\]"),
    "three offsets": (changed(data_offsets=[0, 24, 30]), 40, r"and \[0, 24, 30\]"),
    "too few bytes": (changed(data_offsets=[0, 20]), 40, r"^array 'a' of shape \[2, 3\] in F32 does not fill bytes 0 to 20"),
    "33 axes": ({"a": {"dtype": "F32", "shape": [1] * 33, "data_offsets": [0, 4]}}, 4, "does not fill bytes 0 to 4"),
    "gap": ({"b": TABLE["b"]}, 40, "^array 'b' starts at byte 24 of the data, but 0 is next"),
    "overlap": ({"a": TABLE["a"], "b": {**TABLE["b"], "data_offsets": [20, 36]}}, 40, "starts at byte 20 .* 24 is next"),
    "cut short": (TABLE, 39, "^its arrays fill 40 bytes, but 39 follow the header"),
    "too long": (TABLE, 41, "^its arrays fill 40 bytes, but 41 follow"),
    "metadata": ({"__metadata__": [1]}, 0, "^its __metadata__ must map text to text"),
    "numbers in metadata": ({"__metadata__": {"a": "b", "c": 1}}, 0, "must map text to text"),
    "no UTF-8": (b'{"\xff": 1}', 0, "utf-8"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "n", "words"), WRONG.values(), ids=WRONG)
def test_other_headers_are_refused(read, table, n, words):
    with pytest.raises(ValueError, match=words):
        read(table, n)


LIMIT = safetensors.HEADER_LIMIT
LENGTHS = {
    "empty": (b"", "^it is cut short: 8 bytes expected, 0 left"),
    "seven": (bytes(7), "^it is cut short: 8 bytes expected, 7 left"),
    "no header": (bytes(8), "header must start with {"),
    "one byte too few": ((3).to_bytes(8, "little") + b"{}", "would have 3 bytes, but 2 are possible"),
    "larger than allowed": ((LIMIT + 1).to_bytes(8, "little") + bytes(LIMIT + 1), f"would have {LIMIT + 1} bytes, but {LIMIT} are possible"),
    "as large as allowed": (LIMIT.to_bytes(8, "little") + bytes(LIMIT), "must start with {"),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "words"), LENGTHS.values(), ids=LENGTHS)
def test_lengths_are_checked_before_anything_is_read(read, raw, words):
    with pytest.raises(ValueError, match=words):
        read(None, raw=raw)


def test_a_file_may_become_shorter_while_it_is_read():
    with pytest.raises(ValueError, match="^it is cut short: 4 bytes expected, 2 left"):
        safetensors._read(io.BytesIO(b"ab"), 4)


JSON = {
    "list": ("[]", "^its JSON is not an object"),
    "key twice": ('{"a": {"b": 1, "b": 2}}', "^an object of its JSON has a key twice"),
    "infinity": ('{"a": Infinity}', "^its JSON holds Infinity, which"),
    "not a number": ('{"a": NaN}', "^its JSON holds NaN, which"),
    "large": ('{"a": 1e999}', "^its JSON holds a number that is too large"),
    "integer": (f'{{"a": {2**64}}}', "^its JSON holds an integer of more than 64 bits"),
    "negative integer": (f'{{"a": {-(2**63) - 1}}}', "integer of more than 64 bits"),
    "many digits": ('{"a": ' + "1" * 5000 + "}", "integer of more than 64 bits"),
    "deep": ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "^its JSON is nested too deeply"),
    "long key": ('{"a": {"%s": 1}}' % ("k" * 1025), "^a name in its JSON has 1025 characters, more than the 1024"),
    "many values": ('{"a": [' + "1," * 2**17 + "1]}", f"^its JSON holds {2**17 + 2} values, more than the {2**17}"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), JSON.values(), ids=JSON)
def test_json_is_strict(text, words):
    with pytest.raises(ValueError, match=words):
        parse_json(text)


def test_json_may_be_as_large_as_the_limits():
    text = {"a": [-(2**63), 2**64 - 1, 0.5, {}], "k" * 1024: "[{,"}
    assert parse_json(json.dumps(text)) == text
    assert parse_json(json.dumps({"a": "X" * 2**18}))
    full = '{"a": [' + "1," * (2**17 - 2) + "1]}"
    assert len(parse_json(full)["a"]) == 2**17 - 1


def test_headers_too_large_for_a_reader_are_not_written(tmp_path):
    path = tmp_path / "file"
    for metadata, words in [
        ({"a": "b" * LIMIT}, rf"^all but the arrays takes \d+ bytes in {os.fspath(path)!r}, more than the {LIMIT} that"),
        ({"a": "," * 2**17}, f"takes {2**17 + 2} values of JSON in .* more than the {2**17} that"),
        ({"k" * 1025: "b"}, "a name in its JSON has 1025 characters"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            write(path, {}, metadata)
    assert not path.exists()
    around = len('{"__metadata__":{"a":""}}')
    write(path, {}, {"a": "b" * (LIMIT - around)})
    assert path.stat().st_size == 8 + LIMIT
