"""Run a learner's functions in a process of their own, with a time limit."""

import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["run"]

_WORKER = Path(__file__).with_name("worker.py")
_LONGEST = 2000  # characters of what is printed


def run(
    path: str | os.PathLike[str],
    name: str,
    arguments: list[dict[str, Any]],
    time_limit: float,
) -> dict[str, Any]:
    """Call a function of a file once for each of some arguments.

    What the function does happens in a process that gets the arguments only, not what
    is expected of it.

    Parameters
    ----------
    path : path-like
        A file of Python.
    name : str
        Of the function.
    arguments : list of dict
    time_limit : float
        Seconds for all of it.

    Returns
    -------
    report : dict
        "results", one for each of `arguments` (see `worker.call`); "printed", text; and
        "file_error", "file_timeout", "missing", "timeout" or "ended" if there are none.
    """
    with tempfile.TemporaryDirectory() as folder:
        calls = {"path": os.path.abspath(path), "name": name, "arguments": arguments}
        Path(folder, "calls.pickle").write_bytes(pickle.dumps(calls))
        printed = Path(folder, "printed")
        with open(printed, "wb") as file:
            try:
                done = subprocess.run(
                    [sys.executable, "-P", str(_WORKER), folder],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=time_limit,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                loaded = Path(folder, "loaded").exists()
                what = "timeout" if loaded else "file_timeout"
                return {what: True, "printed": _read_text(printed)}
        report = _read_report(folder) or {"ended": done.returncode}
        return {**report, "printed": _read_text(printed)}


def _read_text(path: Path) -> str:
    with open(path, "rb") as file:
        text = file.read(_LONGEST + 1).decode(errors="replace")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _read_report(folder: str) -> dict[str, Any] | None:
    """Return what the worker wrote, None if it did not come to that.

    A learner's code may have written anything there: nothing is unpickled.
    """
    try:
        with np.load(Path(folder, "results.npz"), allow_pickle=False) as file:
            report = json.loads(file["report"].tobytes())
            return _put_arrays(report, file)
    except (OSError, ValueError, KeyError, EOFError):
        return None


def _put_arrays(tree: Any, arrays: Any) -> Any:
    if isinstance(tree, list):
        return [_put_arrays(each, arrays) for each in tree]
    if not isinstance(tree, dict):
        return tree
    if isinstance(number := tree.get("array"), int):
        return {"array": arrays[f"a{number}"]}
    return {key: _put_arrays(each, arrays) for key, each in tree.items()}
