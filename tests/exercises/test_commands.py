"""The commands of the exercises, and verdicts on code that does worse than be wrong."""

import contextlib
import inspect
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import solutions

from skconv.exercises import check
from skconv.exercises.__main__ import main
from skconv.exercises.tables import EXERCISES


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, text):
    path = folder / "exercises.py"
    path.write_text(f"import numpy as np\n{text}")
    return path


def slide_with(line):
    """Return a right solution of the first exercise with a line in front."""
    return inspect.getsource(solutions.slide).replace("\n", f"\n    {line}\n", 1)


def verdict_on(folder, text, name="slide", **options):
    return check(write(folder, text), [name], **options)[0]


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        (slide_with("pass"), "passed", ""),
        (slide_with("image[0, 0] = 5"), "wrong", "changes its argument image in place: image[0, 0] was"),
        (slide_with("while True: pass"), "timeout", "within 1 seconds: does a loop never end?"),
        (slide_with("raise SystemExit(0)"), "raised", "SystemExit"),
        (slide_with("__import__('os')._exit(0)"), "ended", "leave out exit()"),
        (slide_with("input()"), "raised", "EOFError"),
        (slide_with("slide(image, kernel)"), "raised", "RecursionError"),
        (slide_with("image[9, 9]"), "raised", "IndexError: index 9 is out of bounds for axis 0 with size 3, in line 3, `image[9, 9]`"),
        (slide_with("return 'z'"), "type", "z is str, should be an array of shape (2, 2)"),
        (slide_with("return image.astype(object)"), "type", "dtype object"),
        (slide_with("return image + 1j"), "shape", "the shape (3, 3), should be (2, 2)"),
        (slide_with("return slide"), "type", "function"),
        (slide_with("raise"), "raised", "RuntimeError"),
        ("def slide(image): pass\n", "raised", "TypeError: slide() got an unexpected keyword"),
        ("def slide(image, kernel): yield 1\n", "type", "generator"),
        ("slide = 5\n", "not started", "no function slide"),
        ("", "not started", "no function slide"),
        ("def slide(:\n", "file", "SyntaxError: invalid syntax, in line 2, `def slide(:`"),
        ("import numppy\n", "file", "No module named 'numppy', in line 2"),
        ("1 / 0\n", "file", "ZeroDivisionError"),
        ("while True: pass\n", "file", "to import it takes more than 1 seconds"),
    ],
)  # fmt: skip
def test_verdict_on_code_is_clear(folder, text, status, words):
    verdict = verdict_on(folder, text, time_limit=1.0 if "while" in text else 10.0)
    assert verdict.status == status, verdict
    assert words in verdict.message


def test_printed_text_is_caught_and_shown(folder, capfd):
    verdict = verdict_on(folder, slide_with("print('here', image.shape)"))
    assert verdict.passed
    assert verdict.printed.startswith("here (3, 3)")
    assert "It prints" in verdict.message
    assert capfd.readouterr() == ("", "")
    verdict = verdict_on(folder, slide_with("print('x' * 10**7)"))
    assert len(verdict.printed) < 3000


def test_file_may_import_its_neighbours(folder):
    (folder / "helpers.py").write_text("import loops_of_mine\n")
    (folder / "loops_of_mine.py").write_text("")
    assert verdict_on(folder, "import helpers\n" + slide_with("pass")).passed


def test_files_of_the_package_are_no_neighbours(folder):
    assert verdict_on(folder, "import loops\n").status == "file"


def test_function_that_uses_a_wrong_one_names_it(folder):
    text = inspect.getsource(solutions).replace("return z + bias", "return z")
    found = {v.name: v for v in check(write(folder, text), ["network", "dense"])}
    assert found["dense"].passed
    assert found["network"].message.startswith(
        "network uses conv2d, which does not pass yet (wrong): do conv2d first."
    )


def test_functions_that_are_used_are_checked_once(folder):
    path = write(
        folder, inspect.getsource(solutions).replace("dkernel +=", "dkernel =")
    )
    verdict = check(path, ["conv2d_grad_kernel", "network"])[1]
    assert verdict.message.startswith("network uses conv2d_grad_kernel, which does not")


def test_file_to_check_must_be_there(folder):
    with pytest.raises(FileNotFoundError, match="there is no file 'none.py' to check"):
        check("none.py")


@pytest.mark.slow
def test_right_solutions_pass_and_read_digits(folder, capsys):
    write(folder, inspect.getsource(solutions))
    assert main(["check", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["passed"] == report["of"] == len(EXERCISES)
    last = report["exercises"][-1]
    assert last["name"] == "train"
    assert (
        last["message"]
        == "Your network reads 95.6% of 297 digits that it has not seen."
    )


def test_start_copies_stubs_once(folder, capsys):
    assert main(["start", "course/week1"]) == 0
    path = folder / "course" / "week1" / "exercises.py"
    assert "def conv2d(" in path.read_text()
    path.write_text("my work")
    assert main(["start", "course/week1"]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert path.read_text() == "my work"


def test_start_says_where_the_file_is_unless_it_is_here(folder, capsys):
    main(["start"])
    assert "--file" not in capsys.readouterr().out
    main(["start", "week2"])
    path = Path("week2", "exercises.py")
    assert f"(in the folder week2, or with --file {path})" in capsys.readouterr().out


def test_start_follows_no_link_to_work(folder):
    (folder / "work.py").write_text("my work")
    (folder / "exercises.py").symlink_to("work.py")
    assert main(["start"]) == 2
    assert (folder / "work.py").read_text() == "my work"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["check"], 2, "make one: python -m skconv.exercises start"),
        (["check", "conv3d", "--file", __file__], 2, "no exercise 'conv3d'; there are slide,"),
        (["hint", "conv3d"], 2, "no exercise 'conv3d'"),
        (["hint", "adam", "4"], 2, "hints 1 to 3, got 4"),
    ],
)  # fmt: skip
def test_command_that_cannot_be_done_says_why(folder, capsys, arguments, status, words):
    assert main(arguments) == status
    assert words in capsys.readouterr().err


def test_check_prints_verdicts_and_what_is_next(folder, capsys):
    write(folder, slide_with("return 0 * image"))
    assert main(["check", "slide", "conv2d"]) == 1
    text = capsys.readouterr().out
    assert "slide   shape\n    slide: z has the shape (3, 3), should be (2, 2)" in text
    assert "conv2d  not started\n0 of 2 passed. Next: slide" in text


def test_check_shows_what_is_printed_and_ends_with_all_passed(folder, capsys):
    write(folder, slide_with("print(1); print(2)"))
    assert main(["check", "slide", "--time-limit", "5"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "It printed: 1 / 2 / 1 (and 5 lines more) 1 of 1 passed." in text
    assert "Next" not in text


def test_check_says_once_that_a_file_cannot_be_run(folder, capsys):
    write(folder, "1 / 0\n")
    assert main(["check", "slide", "dense"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("slide  file\ndense  file\nthe file cannot be run: Zero")
    assert text.count("ZeroDivisionError") == 1 and "Next" not in text


def test_ctrl_c_ends_a_check(folder, monkeypatch):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    write(folder, slide_with("pass"))
    monkeypatch.setattr("skconv.exercises.__main__.check", interrupt)
    assert main(["check"]) == 130


def test_time_limit_is_a_number_above_0(folder, capsys):
    for wrong in ("0", "1e6", "nan"):
        with pytest.raises(SystemExit):
            main(["check", "--time-limit", wrong])
        assert f"must be above 0, got {wrong}" in capsys.readouterr().err


def test_hints_follow_each_other(capsys):
    assert main(["hint", "adam"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("adam: ")
    assert text.endswith("More: python -m skconv.exercises hint adam 2\n")
    assert main(["hint", "adam", "3"]) == 0
    assert "More" not in capsys.readouterr().out


def test_commands_write_to_any_stream():
    """One of text alone has no encoding to be changed."""
    with contextlib.redirect_stdout(io.StringIO()) as stream:
        assert main(["list"]) == 0
    assert len(stream.getvalue().splitlines()) == len(EXERCISES)


def test_json_has_a_verdict_for_each_exercise(folder, capsys):
    write(folder, slide_with("pass"))
    assert main(["check", "slide", "dense", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["passed"], report["of"]) == (1, 2)
    assert report["exercises"][1] == {
        "name": "dense", "status": "not started", "passed": False, "printed": "",
        "message": "there is no function dense in the file",
    }  # fmt: skip


def test_module_runs_as_a_command(folder):
    command = [sys.executable, "-m", "skconv.exercises", "list"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii"},
    )
    assert done.stdout.splitlines()[0].split(maxsplit=2)[:2] == ["1", "slide"]
    assert len(done.stdout.splitlines()) == len(EXERCISES)


def test_no_command_prints_help(capsys):
    assert main([]) == 2
    assert "start" in capsys.readouterr().out
