"""What the process that calls a learner's functions does; here in this process."""

import pickle
import sys

import numpy as np
import pytest

from skconv.exercises.runner import _read_report
from skconv.exercises.worker import call, main

ARRAY = np.array([[0.25, 2], [3, 4]])


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Return a function that writes a learner's file, and returns the worker's report."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "exercises", None)  # so that it is forgotten again

    def run(text, *arguments, name="f"):
        path = tmp_path / "exercises.py"
        path.write_text(text)
        calls = {"path": str(path), "name": name, "arguments": list(arguments)}
        (tmp_path / "calls.pickle").write_bytes(pickle.dumps(calls))
        with np.errstate():
            main(str(tmp_path))
        return _read_report(tmp_path), (tmp_path / "loaded").exists()

    return run


def same(found, wanted):
    if isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype and found.shape == wanted.shape
        np.testing.assert_array_equal(found, wanted)
    elif isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key, each in wanted.items():
            same(found[key], each)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
    else:
        assert found == wanted


def leaf(value):
    return {"array": np.asarray(value)}


def test_report_has_what_each_call_returns(work):
    text = "import numpy as np\ndef f(x, n):\n    return {'y': n * x, 2: [x, (n, None)]}, 1 / np.zeros(2)\n"
    found, is_loaded = work(text, {"x": ARRAY, "n": 2}, {"x": ARRAY[0], "n": 3})
    results = []
    for x, n in ((ARRAY, 2), (ARRAY[0], 3)):
        inner = {"list": [leaf(x), {"tuple": [leaf(n), {"other": "None"}]}]}
        first = {"dict": {"y": leaf(n * x), "2": inner}}
        results.append({"value": {"tuple": [first, leaf([np.inf, np.inf])]}})
    same(found, {"results": results})
    assert is_loaded


def test_report_has_changes_and_errors(work):
    text = "def f(x):\n    x[1, 0] = 7\n    if x[0, 0]:\n        return int(\n            'a')\n"
    found, _ = work(text, {"x": ARRAY}, {"x": 0 * ARRAY})
    error = {
        "type": "ValueError",
        "message": "invalid literal for int() with base 10: 'a'",
        "line": 4,
        "code": "return int(",
    }
    words = "x[1, 0] was 0 and is 7 now"
    change = {"argument": "x", "words": words}
    same(
        found,
        {
            "results": [
                {"error": error},
                {"value": {"other": "None"}, "changed": change},
            ]
        },
    )


@pytest.mark.parametrize("text", ["", "f = 3"])
def test_report_says_that_a_function_is_missing(work, text):
    assert work(text) == ({"results": [], "missing": True}, True)


@pytest.mark.parametrize(
    ("text", "kind", "message", "line", "code"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError", "division by zero", 2, "1 / 0"),
        ("def f(:", "SyntaxError", "invalid syntax", 1, "def f(:"),
        ("raise SystemExit(3)", "SystemExit", "3", 1, "raise SystemExit(3)"),
        ("import json\njson.loads('[')", "JSONDecodeError", "Expecting value: line 1 column 2 (char 1)", 2, "json.loads('[')"),
    ],
)  # fmt: skip
def test_report_says_why_a_file_cannot_be_run(work, text, kind, message, line, code):
    error = {"type": kind, "message": message, "line": line, "code": code}
    assert work(text) == ({"results": [], "file_error": error}, False)


def test_file_is_imported_by_its_name_and_before_others(work, tmp_path):
    (tmp_path / "json.py").write_text("")
    text = "import sys\ndef f():\n    return sys.modules['exercises'].f is f, __name__ == 'exercises'\n"
    found, _ = work(text, {})
    same(found, {"results": [{"value": {"tuple": [leaf(True), leaf(True)]}}]})
    assert sys.path[0] == str(tmp_path)


@pytest.mark.parametrize(
    ("value", "tree"),
    [
        (ARRAY, leaf(ARRAY)),
        (np.float32(2), leaf(np.float32(2))),
        (True, leaf(True)),
        (3, leaf(3)),
        (2.5, leaf(2.5)),
        (1j, leaf(1j)),
        ("a", {"other": "str"}),
        (None, {"other": "None"}),
        (np.array(["a"]), {"other": "an array of dtype <U1"}),
        (np.array([None]), {"other": "an array of dtype object"}),
        ([1] * 120, {"list": [leaf(1)] * 100}),
        (10**400, {"other": "an array of dtype object"}),
    ],
)  # fmt: skip
def test_values_are_trees_of_arrays(value, tree):
    same(call(lambda: value, {}, ""), {"value": tree})


CHANGES = [
    (lambda x: x.pop("a"), {"a": 1, "b": 2}, "x has other names in it"),
    (lambda x: x["b"].fill(3), {"a": ARRAY, "b": 1 * ARRAY}, "x['b'][0, 0] was 0.25 and is 3 now"),
    (lambda x: x.fill(1e-7), ARRAY, "x[0, 0] was 0.25 and is 1e-07 now"),
    (lambda x: x.resize(4, refcheck=False), ARRAY, "x had the shape (2, 2) and has (4,) now"),
    (lambda x: x.append(1), [1], None),
    (lambda x: None, {"a": ARRAY}, None),
]  # fmt: skip


@pytest.mark.parametrize(("function", "given", "words"), CHANGES)
def test_changes_of_an_argument_are_named(function, given, words):
    def f(n, x):
        function(x)

    found = call(f, {"n": np.zeros(2), "x": given}, "").get("changed")
    assert found == (words and {"argument": "x", "words": words})


def test_first_argument_that_changed_is_named():
    def f(x, y):
        x[0] = y[0] = 5

    found = call(f, {"x": np.zeros(1), "y": np.zeros(1)}, "")["changed"]
    assert found == {"argument": "x", "words": "x[0] was 0 and is 5 now"}


def test_long_messages_are_cut_off():
    def f():
        raise ValueError("a" * 501)

    assert call(f, {}, "") == {"error": {"type": "ValueError", "message": "a" * 500}}
