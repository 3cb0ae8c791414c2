"""Check a learner's file: a verdict for each exercise."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .compare import difference, matches
from .exercise import Case, Exercise
from .runner import run
from .tables import EXERCISES

__all__ = ["Verdict", "check", "judge"]


@dataclass(frozen=True)
class Verdict:
    """What was found of one exercise.

    Attributes
    ----------
    name : str
        Of the exercise.
    status : str
        "passed" or "not started"; or "wrong" (numbers), "shape", "dtype", "type", "not
        finite", "raised", "changed" (an argument), "timeout", "ended" (the process) or
        "file" (it cannot be run).
    message : str
        Which number is off and what it should be; what to do.
    printed : str
        What the function printed.
    """

    name: str
    status: str
    message: str = ""
    printed: str = ""

    @property
    def passed(self) -> bool:
        """Whether the exercise is solved."""
        return self.status == "passed"

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict for JSON."""
        return {**asdict(self), "passed": self.passed}


def check(
    path: str | os.PathLike[str],
    names: Iterable[str] | None = None,
    *,
    time_limit: float = 10.0,
) -> list[Verdict]:
    """Check the functions in a file.

    Each is run in a process of its own, whose output is caught.

    Parameters
    ----------
    path : path-like
        The file to check.
    names : list of str, default=None
        Of exercises; None checks all, in their order.
    time_limit : float, default=10.0
        Seconds for each function; the last two, which train, get more.

    Returns
    -------
    verdicts : list of Verdict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If there is no such exercise.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r} to check")
    chosen = list(EXERCISES) if names is None else list(names)
    if unknown := [name for name in chosen if name not in EXERCISES]:
        raise ValueError(
            f"there is no exercise {unknown[0]!r}; there are {', '.join(EXERCISES)}"
        )
    found: dict[str, Verdict] = {}
    for name in chosen:
        if name not in found:  # another may have used it
            found[name] = _check_one(path, EXERCISES[name], time_limit, found)
        if found[name].status == "file":
            return [Verdict(n, "file", found[name].message) for n in chosen]
    return [found[name] for name in chosen]


def _check_one(
    path: str | os.PathLike[str],
    exercise: Exercise,
    time_limit: float,
    found: dict[str, Verdict],
) -> Verdict:
    cases = exercise.cases()
    seconds = time_limit + exercise.seconds
    report = run(path, exercise.name, [case.arguments for case in cases], seconds)
    verdict = judge(exercise, cases, report, seconds)
    if verdict.passed or verdict.status == "file":
        return verdict
    for name in exercise.uses:
        if name not in found:
            found[name] = _check_one(path, EXERCISES[name], time_limit, found)
        if not found[name].passed:
            words = f"{exercise.name} uses {name}, which does not pass yet ("
            words += f"{found[name].status}): do {name} first. {verdict.message}"
            return Verdict(verdict.name, verdict.status, words, verdict.printed)
    return verdict


def judge(
    exercise: Exercise, cases: list[Case], report: dict[str, Any], seconds: float = 0
) -> Verdict:
    """Return the verdict on what a function returned (see `runner.run`)."""
    printed = report.get("printed", "")
    status, message = _find(exercise, cases, report, seconds)
    if printed and status == "passed":
        message = f"{message} It prints: remove that when you are done.".strip()
    return Verdict(exercise.name, status, message, printed)


def _find(
    exercise: Exercise, cases: list[Case], report: dict[str, Any], seconds: float
) -> tuple[str, str]:
    name = exercise.name
    if "file_error" in report:
        error = _error_text(report["file_error"])
        return "file", f"the file cannot be run: {error}"
    if report.get("file_timeout"):
        return "file", (
            f"the file cannot be run: to import it takes more than {seconds:g} seconds"
        )
    if report.get("missing"):
        return "not started", f"there is no function {name} in the file"
    if report.get("timeout"):
        return "timeout", (
            f"{name} did not return within {seconds:g} seconds: does a loop never end?"
            " --time-limit gives it more"
        )
    if "ended" in report:
        return "ended", (
            f"the process ended (with {report['ended']}) before {name} returned: leave "
            "out exit() and the like; arrays may also be too large for the memory"
        )
    unpacked: list[dict[str, Any]] = []
    for case, result in zip(cases, report["results"], strict=True):
        if error := result.get("error"):
            return _raised(exercise, error, case)
        values = _unpack(exercise, result["value"])
        if isinstance(values, str):
            return "type", f"{name}: {values}"
        unpacked.append(values)
    words = ""
    for case, result, values in zip(cases, report["results"], unpacked, strict=True):
        if case.judge is not None:
            status, words = _judge_values(exercise, case, values)
        else:
            status, words = _compare(exercise, cases, unpacked, case, values)
        changes = _changes(name, result.get("changed"))
        if status != "passed":
            return status, f"{_message(name, words, case)} {changes}".rstrip()
        if changes:
            return "changed", changes
    return "passed", words


def _changes(name: str, changed: dict[str, str] | None) -> str:
    if not changed:
        return ""
    return (
        f"{name} changes its argument {changed['argument']} in place: "
        f"{changed['words']}. Write to a new array: np.zeros(shape), x.copy()."
    )


def _judge_values(
    exercise: Exercise, case: Case, values: dict[str, Any]
) -> tuple[str, str]:
    assert case.judge is not None
    arrays = {name: each["array"] for name, each in values["weights"]["dict"].items()}
    return case.judge(arrays)


def _compare(
    exercise: Exercise,
    cases: list[Case],
    unpacked: list[dict[str, Any]],
    case: Case,
    values: dict[str, Any],
) -> tuple[str, str]:
    """Return status and words of one case."""
    expected = exercise.outputs(exercise.function, case)
    for output in exercise.returns:
        found = difference(output, values[output], expected[output], case.sizes)
        if found is not None:
            status, words = found
            hint = _match_fault(exercise, cases, unpacked, output)
            return status, f"{words}. Hint: {hint}" if hint else words
    return "passed", ""


def _unpack(exercise: Exercise, tree: dict[str, Any]) -> dict[str, Any] | str:
    """Return what was returned, by the names of `returns`; or what is wrong with it."""
    names = exercise.returns
    several = tree.get("tuple", tree.get("list"))
    if len(names) == 1:
        return {names[0]: tree}
    if several is None or len(several) != len(names):
        if tree.get("other") == "None":
            got = "None (is the return missing?)"
        else:
            got = "one value" if several is None else f"{len(several)} values"
        return f"should return {len(names)} values, {', '.join(names)}, returned {got}"
    return dict(zip(names, several, strict=True))


def _match_fault(
    exercise: Exercise, cases: list[Case], values: list[dict[str, Any]], output: str
) -> str:
    """Return the hint of the common mistake that gives the same numbers, or ""."""
    for fault in exercise.faults:
        with np.errstate(all="ignore"):
            same = all(
                matches(got[output], exercise.outputs(fault.function, case)[output])
                for case, got in zip(cases, values, strict=True)
                if case.judge is None
            )
        if same:
            return fault.hint
    return ""


def _message(name: str, words: str, case: Case) -> str:
    return f"{name}: {words}. (Called with {case.words}.)"


def _raised(exercise: Exercise, error: dict[str, Any], case: Case) -> tuple[str, str]:
    if error["type"] == "NotImplementedError":
        return "not started", f"{exercise.name} is not written yet"
    words = f"{exercise.name} raised {_error_text(error)}. Called with {case.words}."
    return "raised", words


def _error_text(error: dict[str, Any]) -> str:
    text = error["type"] + (f": {error['message']}" if error.get("message") else "")
    if error.get("line"):
        text += f", in line {error['line']}"
    return text + (f", `{error['code']}`" if error.get("code") else "")
