"""Verdicts on what functions return, and how commands print them; no process runs."""

import json
import os
import sys

import numpy as np
import pytest
import solutions

from skconv.exercises import __main__ as commands
from skconv.exercises import runner
from skconv.exercises.check import Verdict, check, judge
from skconv.exercises.exercise import Case
from skconv.exercises.hints import HINTS
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
        return check(path, names, time_limit=2.0)

    verdicts.calls = calls
    return verdicts


def test_functions_that_one_uses_are_named_if_they_fail(checked, tmp_path):
    missing = {"missing": True}
    network, dense = checked(["network", "dense"], network=missing, dense=missing)
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


def test_own_message_is_left_if_all_that_is_used_passes(checked):
    (found,) = checked(["network"], network={"missing": True})
    assert found.message == "there is no function network in the file"


def test_file_that_cannot_be_run_is_run_once(checked):
    error = {"file_error": {"type": "SyntaxError"}}
    found = checked(["dense", "slide"], dense=error)
    words = "the file cannot be run: SyntaxError"
    assert found == [Verdict("dense", "file", words), Verdict("slide", "file", words)]
    assert len(checked.calls) == 1


def test_names_of_exercises_are_checked(tmp_path):
    path = tmp_path / "exercises.py"
    path.touch()
    with pytest.raises(ValueError, match="no exercise 'a'; there are slide, conv2d, "):
        check(path, ["slide", "a", "b"])


# Commands -----------------------------------------------------------------------------


@pytest.fixture
def printed(monkeypatch, tmp_path, capsys):
    """Return a function that runs `check` with given verdicts; and what it passed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exercises.py").touch()
    calls = []

    def run(verdicts, *arguments):
        def fake(path, names, *, time_limit):
            calls.append((os.fspath(path), names, time_limit))
            return verdicts

        monkeypatch.setattr(commands, "check", fake)
        status = commands.main(["check", *arguments])
        return status, capsys.readouterr().out

    run.calls = calls
    return run


def test_verdicts_are_printed_for_a_learner(printed):
    long = "slide: " + "a word " * 20
    found = [
        Verdict("dense", "passed", "", "one\ntwo\n\nthree\nfour\n"),
        Verdict("slide", "wrong", long.strip(), " \n"),
        Verdict("conv2d", "not started", "there is no function conv2d in the file"),
        Verdict("adam", "passed", "It reads.", "1\n2\n3"),
    ]
    status, text = printed(found)
    assert status == 1
    assert text == (
        "dense   passed\n    It printed: one / two /  (and 2 lines more)\n"
        "slide   wrong\n"
        f"    slide:{' a word' * 9} a word\n    a word{' a word' * 9}\n"
        "conv2d  not started\n"
        "adam    passed\n    It reads.\n    It printed: 1 / 2 / 3\n"
        f"2 of 4 passed. Next: slide: {EXERCISES['slide'].summary}.\n"
    )


def test_file_that_cannot_be_run_is_said_once(printed):
    words = "the file cannot be run: " + "SyntaxError " * 7
    status, text = printed([Verdict(n, "file", words) for n in ("slide", "dense")])
    assert status == 1
    assert text == (
        "slide  file\ndense  file\nthe file cannot be run: SyntaxError SyntaxError "
        "SyntaxError SyntaxError\nSyntaxError SyntaxError SyntaxError\n0 of 2 passed. \n"
    )


def test_all_that_passes_is_counted(printed):
    assert printed([Verdict("slide", "passed")]) == (
        0,
        "slide  passed\n1 of 1 passed. \n",
    )


def test_json_is_for_grading(printed):
    found = [Verdict("slide", "passed"), Verdict("dense", "wrong", "off", "x")]
    status, text = printed(found, "--json")
    assert status == 1
    report = {
        "file": "exercises.py", "passed": 1, "of": 2,
        "exercises": [each.as_dict() for each in found],
    }  # fmt: skip
    assert text == json.dumps(report, indent=2) + "\n"


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ([], ("exercises.py", None, 10.0)),
        (["slide", "adam"], ("exercises.py", ["slide", "adam"], 10.0)),
        (["--file", "exercises.py", "-t", "0.5"], ("exercises.py", None, 0.5)),
        (["--time-limit", "999999"], ("exercises.py", None, 999999)),
    ],
)
def test_options_are_passed_on(printed, arguments, passed):
    printed([Verdict("slide", "passed")], *arguments)
    assert printed.calls == [passed]


def test_file_that_is_not_there_is_named(printed, capsys):
    assert commands.main(["check", "--file", "b.py"]) == 2
    assert capsys.readouterr().err == (
        "python -m skconv.exercises: there is no file b.py. Use --file PATH, or make "
        "one: python -m skconv.exercises start\n"
    )


def test_list_has_numbers_names_and_summaries(capsys):
    assert commands.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    width = max(map(len, EXERCISES))
    assert lines == [
        f"{i:2}  {name:{width}}  {each.summary}"
        for i, (name, each) in enumerate(EXERCISES.items(), start=1)
    ]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_hint_is_printed_with_what_follows(capsys, number):
    assert commands.main(["hint", "adam", *([str(number)] if number > 1 else [])]) == 0
    *text, last = capsys.readouterr().out.splitlines()
    more = f"More: python -m skconv.exercises hint adam {number + 1}"
    words = " ".join(text if number < 3 else [*text, last])
    assert words == f"adam: {' '.join(HINTS['adam'][number - 1].split())}"
    assert max(map(len, [*text, last])) <= 80
    assert (last == more) == (number < 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["adam", "0"], "there are hints 1 to 3, got 0"),
        (["adam", "4"], "there are hints 1 to 3, got 4"),
        (["a"], f"there is no exercise 'a'; there are {', '.join(HINTS)}"),
    ],
)
def test_hint_that_is_not_there_is_refused(capsys, arguments, words):
    assert commands.main(["hint", *arguments]) == 2
    assert capsys.readouterr().err == f"python -m skconv.exercises: {words}\n"


def test_start_makes_folders_and_says_what_is_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert commands.main(["start"]) == 0
    said = "Write the functions in {}, then: python -m skconv.exercises check\n"
    assert capsys.readouterr().out == said.format("exercises.py")
    assert commands.main(["start", "a/b"]) == 0
    path = os.path.join("a", "b", "exercises.py")
    assert capsys.readouterr().out == said.format(path) + (
        f"(in the folder {os.path.join('a', 'b')}, or with --file {path})\n"
    )
    assert commands.main(["start", "a/b"]) == 2
    assert f"{path} exists already, and nothing was" in capsys.readouterr().err


def test_printed_text_is_read_up_to_its_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "_LONGEST", 4)
    path = tmp_path / "printed"
    for text, read in ((b"abcd", "abcd"), (b"abcde", "abcd..."), (b"a\xff", "a\ufffd")):
        path.write_bytes(text)
        assert runner._read_text(path) == read


def test_report_of_code_that_wrote_something_else_is_none(tmp_path):
    assert runner._read_report(tmp_path) is None
    np.savez(tmp_path / "results.npz", other=1)
    assert runner._read_report(tmp_path) is None
    np.savez(tmp_path / "results.npz", report=np.array([None]))
    assert runner._read_report(tmp_path) is None
