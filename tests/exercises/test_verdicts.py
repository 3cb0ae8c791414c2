"""Verdicts on what functions return; no process runs."""

import os
import sys

import numpy as np
import pytest
import solutions

from skconv.exercises.check import Verdict, check, judge
from skconv.exercises.exercise import Case
from skconv.exercises.tables import EXERCISES
from skconv.exercises.worker import call

SLIDE, NETWORK, DENSE = (EXERCISES[n] for n in ("slide", "network", "dense_backward"))
CALLED = f"Called with {SLIDE.cases()[0].words}."


def results_of(exercise, function):
    return [call(function, case.arguments, "exercises.py") for case in exercise.cases()]


def verdict_of(report, exercise=SLIDE, seconds=0.0):
    found = judge(exercise, exercise.cases(), report, seconds)
    assert found.name == exercise.name
    return found.status, found.message


ERROR = {"type": "IndexError", "message": "out of bounds", "line": 3, "code": "x[9]"}


@pytest.mark.parametrize(
    ("report", "status", "message"),
    [
        ({"file_error": ERROR}, "file", "the file cannot be run: IndexError: out of bounds, in line 3, `x[9]`"),
        ({"file_error": {"type": "SystemExit"}}, "file", "the file cannot be run: SystemExit"),
        ({"file_error": {**ERROR, "message": "", "code": ""}}, "file", "the file cannot be run: IndexError, in line 3"),
        ({"file_timeout": True}, "file", "the file cannot be run: to import it takes more than 1.5 seconds"),
        ({"missing": True, "results": []}, "not started", "there is no function slide in the file"),
        ({"timeout": True}, "timeout", "slide did not return within 1.5 seconds: does a loop never end? --time-limit gives it more"),
        ({"ended": 3}, "ended", "the process ended (with 3) before slide returned: leave out exit() and the like; arrays may also be too large for the memory"),
        ({"ended": 0}, "ended", "the process ended (with 0) before slide returned: leave out exit() and the like; arrays may also be too large for the memory"),
    ],
)  # fmt: skip
def test_verdict_says_what_happened(report, status, message):
    assert verdict_of(report, seconds=1.5) == (status, message)


def raising(error):
    def function(**arguments):
        raise error

    return function


@pytest.mark.parametrize(
    ("exercise", "function", "status", "message"),
    [
        (SLIDE, solutions.slide, "passed", ""),
        (SLIDE, raising(NotImplementedError()), "not started", "slide is not written yet"),
        (SLIDE, raising(KeyError("a")), "raised", f"slide raised KeyError: 'a'. {CALLED}"),
        (SLIDE, lambda image, kernel: None, "type", f"slide: z is None (is the return missing?), should be an array of shape (2, 2). ({CALLED})"),
        (SLIDE, lambda image, kernel: image, "shape", f"slide: z has the shape (3, 3), should be (2, 2). ({CALLED})"),
        (DENSE, lambda **given: None, "type", "dense_backward: should return 3 values, dx, dkernel, dbias, returned None (is the return missing?)"),
        (DENSE, lambda **given: 5, "type", "dense_backward: should return 3 values, dx, dkernel, dbias, returned one value"),
        (DENSE, lambda **given: (1, 2), "type", "dense_backward: should return 3 values, dx, dkernel, dbias, returned 2 values"),
        (DENSE, lambda **given: list(solutions.dense_backward(**given)), "passed", ""),
    ],
)  # fmt: skip
def test_verdict_on_results_says_what_is_wrong(exercise, function, status, message):
    report = {"results": results_of(exercise, function)}
    assert verdict_of(report, exercise) == (status, message)


def test_verdict_on_a_change_comes_after_that_on_numbers():
    def changing(image, kernel):
        z = solutions.slide(image, kernel)
        image[0, 0] = 8
        return z

    before = SLIDE.cases()[0].arguments["image"][0, 0]
    change = (
        f"slide changes its argument image in place: image[0, 0] was {before:g} and is 8 "
        "now. Write to a new array: np.zeros(shape), x.copy()."
    )
    report = {"results": results_of(SLIDE, changing)}
    assert verdict_of(report) == ("changed", change)
    wrong = {"results": results_of(SLIDE, lambda **given: changing(**given)[0])}
    status, message = verdict_of(wrong)
    assert status == "shape" and message.endswith(f"({CALLED}) {change}")


def test_printed_text_is_part_of_a_verdict():
    report = {"results": results_of(SLIDE, solutions.slide), "printed": "here"}
    found = judge(SLIDE, SLIDE.cases(), report)
    said = "It prints: remove that when you are done."
    assert found == Verdict("slide", "passed", said, "here")
    found = judge(SLIDE, SLIDE.cases(), {"missing": True, "printed": "here"})
    assert found.printed == "here" and said not in found.message


def test_case_may_judge_the_weights_that_are_returned():
    exercise = EXERCISES["train"]
    seen = []

    def judged(weights):
        seen.append(weights)
        return "passed", "It reads."

    case = Case("words", {}, judge=judged)
    tree = {"dict": {"kernel": {"array": np.ones(2)}}}
    found = judge(exercise, [case], {"results": [{"value": tree}], "printed": "!"})
    said = "It reads. It prints: remove that when you are done."
    assert (found.status, found.message) == ("passed", said)
    assert seen[0].keys() == {"kernel"} and seen[0]["kernel"].tolist() == [1, 1]


# Several functions --------------------------------------------------------------------


@pytest.fixture
def checked(monkeypatch, tmp_path):
    """Return a function that checks one with given functions; and which were called."""
    calls = []

    options = {"time_limit": 2.0}

    def verdicts(names, **functions):
        def run(path, name, arguments, seconds):
            calls.append((os.fspath(path), name, seconds))
            made = functions.get(name, getattr(solutions, name))
            if isinstance(made, dict):
                return made
            return {"results": [call(made, each, "") for each in arguments]}

        monkeypatch.setattr(sys.modules["skconv.exercises.check"], "run", run)
        path = tmp_path / "exercises.py"
        path.touch()
        return check(path, names, **options)

    verdicts.calls, verdicts.options = calls, options
    return verdicts


def test_functions_that_one_uses_are_named_if_they_fail(checked, tmp_path):
    missing = {"missing": True, "printed": "here"}
    network, dense = checked(["network", "dense"], network=missing, dense=missing)
    assert network.printed == "here"
    assert dense.message == "there is no function dense in the file"
    assert network.status == "not started"
    assert network.message == (
        "network uses dense, which does not pass yet (not started): do dense first. "
        "there is no function network in the file"
    )
    called = [name for _, name, _ in checked.calls]
    assert len(called) == len(set(called)) and called[0] == "network"
    path = str(tmp_path / "exercises.py")
    assert checked.calls[0] == (path, "network", 2.0 + NETWORK.seconds)


def test_passing_functions_need_no_others(checked):
    (dense,) = checked(["dense"])
    assert dense == Verdict("dense", "passed")
    assert dense.passed and dense.as_dict() == {
        "name": "dense", "status": "passed", "message": "", "printed": "", "passed": True,
    }  # fmt: skip
    assert [name for _, name, _ in checked.calls] == ["dense"]
    (network,) = checked(["network"])
    assert network.passed and checked.calls[-1][1] == "network"
    assert len(checked.calls) == 2


def test_all_are_checked_with_the_default_limit(checked):
    checked.options.clear()
    missing = {"missing": True}
    found = checked(None, **dict.fromkeys(EXERCISES, missing))
    assert [each.name for each in found] == list(EXERCISES)
    limits = {name: seconds for _, name, seconds in checked.calls}
    assert limits == {name: 10.0 + each.seconds for name, each in EXERCISES.items()}


def test_limit_is_named_if_it_is_over(checked):
    (found,) = checked(["dense"], dense={"timeout": True})
    assert "did not return within 2 seconds:" in found.message


def test_results_must_be_of_all_cases():
    with pytest.raises(ValueError, match="zip"):
        judge(SLIDE, SLIDE.cases(), {"results": []})


def test_own_message_is_left_if_all_that_is_used_passes(checked):
    (found,) = checked(["network"], network={"missing": True})
    assert found.message == "there is no function network in the file"


def test_file_that_cannot_be_run_is_run_once(checked):
    error = {"file_error": {"type": "SyntaxError"}}
    found = checked(["network", "slide"], network=error)
    words = "the file cannot be run: SyntaxError"
    assert found == [Verdict(name, "file", words) for name in ("network", "slide")]
    assert len(checked.calls) == 1


def test_names_of_exercises_are_checked(tmp_path):
    path = tmp_path / "exercises.py"
    path.touch()
    with pytest.raises(ValueError, match="no exercise 'a'; there are slide, conv2d, "):
        check(path, ["slide", "a", "b"])
