"""What the commands of the exercises print, and what they pass on; no process runs."""

import io
import json
import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from skconv.exercises import __main__ as commands
from skconv.exercises import runner
from skconv.exercises.check import Verdict
from skconv.exercises.hints import HINTS
from skconv.exercises.tables import EXERCISES


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


def test_lines_are_as_wide_as_a_terminal(printed, monkeypatch, capsys):
    wide = "a" * 38 + " " + "b" * 37
    for text in (wide, wide + "b"):
        _, out = printed([Verdict("slide", "wrong", text)])
        assert (f"    {text}\n" in out) == (text == wide)
        _, out = printed(
            [Verdict("slide", "file", text + "bbbb"), Verdict("b", "file")]
        )
        assert (f"\n{text}bbbb\n" in out) == (text == wide)
        monkeypatch.setitem(HINTS, "adam", (text[2:],))
        assert commands.main(["hint", "adam"]) == 0
        assert (f"adam: {text[2:]}\n" == capsys.readouterr().out) == (text == wide)
    _, out = printed([Verdict("slide", "passed", "", "1\n2\n3\n4")])
    assert "It printed: 1 / 2 / 3 (and 1 lines more)" in out


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


@pytest.mark.parametrize("text", ["0", "-1", "1e6", "1000000", "nan"])
def test_limit_is_above_0_and_below_a_million(capsys, text):
    with pytest.raises(SystemExit):
        commands.main(["check", "--time-limit", text])
    assert f"must be above 0, got {text}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["Write a convolutional network, function by function: convolution and its gradients,\npooling,", "command\n", "list show the exercises in their order", "start copy the functions to write to a folder", "check check your functions", "hint get a hint"]),
        (["check"], ["[name ...]", "name only these exercises", "your file (default: exercises.py)", "print JSON, for grading", " SECONDS", "for each function (default: 10; for the network more)"]),
        (["hint"], ["1, 2 or 3"]),
    ],
)  # fmt: skip
def test_help_says_what_commands_take(capsys, arguments, words):
    with pytest.raises(SystemExit) as error:
        commands.main([*arguments, "--help"])
    assert error.value.code == 0
    text = capsys.readouterr().out
    text += " ".join(text.split())
    for each in words:
        assert each in text
    assert "==SUPPRESS==" not in text and "%(" not in text


def test_status_is_2_without_a_command_and_130_after_ctrl_c(printed, monkeypatch):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    assert commands.main([]) == 2
    monkeypatch.setattr(commands, "check", interrupt)
    assert commands.main(["check"]) == 130


def test_streams_replace_what_they_cannot_write(monkeypatch):
    class Stream(io.StringIO):
        errors_given = None

        def reconfigure(self, errors):
            self.errors_given = errors

    out, err = Stream(), Stream()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert commands.main(["list"]) == 0
    assert out.errors_given == err.errors_given == "replace"


def test_report_is_never_unpickled(tmp_path):
    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    np.savez(tmp_path / "results.npz", report=np.array([Runs()], object))
    assert runner._read_report(tmp_path) is None
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("does", "report"),
    [
        ("returns", {"results": [], "missing": True}),
        ("ends", {"ended": 3}),
        ("hangs", {"timeout": True}),
        ("hangs at import", {"file_timeout": True}),
    ],
)
def test_worker_runs_alone(monkeypatch, tmp_path, does, report):
    def run(command, *, stdin, stdout, stderr, timeout, check):
        assert command[:2] == [sys.executable, "-P"]
        assert Path(command[2]) == Path(runner.__file__).with_name("worker.py")
        streams = stdin, stderr, timeout, check
        assert streams == (subprocess.DEVNULL, subprocess.STDOUT, 1.5, False)
        folder = Path(command[3])
        calls = pickle.loads((folder / "calls.pickle").read_bytes())
        path = str(tmp_path / "mine.py")
        assert calls == {"path": path, "name": "f", "arguments": [{"x": 1}]}
        stdout.write(b"here")
        stdout.flush()
        if does != "hangs at import":
            (folder / "loaded").touch()
        if does.startswith("hangs"):
            raise subprocess.TimeoutExpired(command, timeout)
        if does == "returns":
            text = json.dumps({"results": [], "missing": True}).encode()
            np.savez(folder / "results.npz", report=np.frombuffer(text, np.uint8))
        return types.SimpleNamespace(returncode=3)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    found = runner.run("mine.py", "f", [{"x": 1}], 1.5)
    assert found == {**report, "printed": "here"}
