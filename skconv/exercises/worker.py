"""Call a learner's function, in a process of its own.

``python -P worker.py FOLDER`` reads ``FOLDER/calls.pickle``, which `runner` wrote, and
writes what the function returned to ``FOLDER/results.npz``: arrays, and a description
in JSON. It imports NumPy only, so that it starts fast.
"""

import copy
import importlib.util
import json
import linecache
import os
import pickle
import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["call", "load"]

_LONGEST = 500  # characters of an error's message
_MOST_ARRAYS = 100


def load(path: str) -> Any:
    """Import a learner's file."""
    sys.path.insert(0, str(Path(path).parent))
    spec = importlib.util.spec_from_file_location("exercises", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["exercises"] = module
    spec.loader.exec_module(module)
    return module


def call(function: Any, arguments: dict[str, Any], path: str) -> dict[str, Any]:
    """Call a function and describe what happens.

    Returns
    -------
    result : dict
        "error", of a call that raised; else "value", a tree with arrays, and
        "changed", if an argument is not what it was.
    """
    given = copy.deepcopy(arguments)
    try:
        value = function(**given)
    except NotImplementedError:
        return {"error": {"type": "NotImplementedError"}}
    except BaseException as error:  # also SystemExit
        return {"error": describe_error(error, path)}
    result = {"value": _tree(value)}
    for name, before in arguments.items():
        if change := _find_change(name, before, given[name]):
            result["changed"] = {"argument": name, "words": change}
            break
    return result


def describe_error(error: BaseException, path: str) -> dict[str, Any]:
    """Return type and message of an error, and the line of the learner's file."""
    words: dict[str, Any] = {"type": type(error).__name__}
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    words["message"] = message[:_LONGEST]
    if isinstance(error, SyntaxError):
        words |= {"line": error.lineno, "code": (error.text or "").strip()}
        return words
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if frame.filename == path:
            code = linecache.getline(path, frame.lineno or 0).strip()
            return words | {"line": frame.lineno, "code": code}
    return words


def _tree(value: Any) -> dict[str, Any]:
    """Return a value as dicts whose leaves are arrays, or names of other types."""
    if isinstance(value, np.ndarray | np.generic | bool | int | float | complex):
        array = np.asarray(value)
        if array.dtype.kind in "biufc":
            return {"array": array}
        return {"other": f"an array of dtype {array.dtype}"}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_tree(each) for each in value[:_MOST_ARRAYS]]}
    if isinstance(value, dict):
        return {"dict": {str(key): _tree(each) for key, each in value.items()}}
    return {"other": "None" if value is None else type(value).__name__}


def _find_change(name: str, before: Any, after: Any) -> str:
    """Return in words how an argument has changed, "" if it has not."""
    if isinstance(before, dict):
        if before.keys() != after.keys():
            return f"{name} has other names in it"
        found = (_find_change(f"{name}[{k!r}]", before[k], after[k]) for k in before)
        return next(filter(None, found), "")
    if not isinstance(before, np.ndarray):
        return ""
    if before.shape != after.shape:
        return f"{name} had the shape {before.shape} and has {after.shape} now"
    places = np.argwhere(before != after)
    if not len(places):
        return ""
    place = tuple(map(int, places[0]))
    where = ", ".join(map(str, place))
    return f"{name}[{where}] was {before[place]:.6g} and is {after[place]:.6g} now"


def _take_arrays(tree: Any, arrays: list[np.ndarray]) -> Any:
    """Replace the arrays of a tree by their numbers in a list."""
    if isinstance(tree, dict):
        if isinstance(array := tree.get("array"), np.ndarray):
            arrays.append(array)
            return {"array": len(arrays) - 1}
        return {key: _take_arrays(each, arrays) for key, each in tree.items()}
    return [_take_arrays(e, arrays) for e in tree] if isinstance(tree, list) else tree


def main(folder: str) -> None:
    """Make the calls in a folder, and write their results there."""
    with open(os.path.join(folder, "calls.pickle"), "rb") as file:
        calls = pickle.load(file)
    path, name = calls["path"], calls["name"]
    report: dict[str, Any] = {"results": []}
    arrays: list[np.ndarray] = []
    np.seterr(all="ignore")  # NaN and infinite numbers get a verdict
    try:
        module = load(path)
    except BaseException as error:
        report["file_error"] = describe_error(error, path)
    else:
        Path(folder, "loaded").touch()
        function = getattr(module, name, None)
        if callable(function):
            report["results"] = [call(function, a, path) for a in calls["arguments"]]
        else:
            report["missing"] = True
    sys.stdout.flush()
    report = _take_arrays(report, arrays)
    named: dict[str, Any] = {f"a{i}": array for i, array in enumerate(arrays)}
    text = np.frombuffer(json.dumps(report).encode(), np.uint8)
    np.savez(os.path.join(folder, "results.npz"), report=text, **named)


if __name__ == "__main__":
    main(sys.argv[1])
