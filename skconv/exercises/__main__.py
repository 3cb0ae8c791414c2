"""``python -m skconv.exercises``: the commands."""

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from .check import Verdict, check
from .hints import HINTS
from .tables import EXERCISES

_FILE = "exercises.py"
_STUBS = Path(__file__).with_name("stubs.py")
_DESCRIPTION = """\
Write a convolutional network, function by function: convolution and its gradients,
pooling, dense layers, the loss, batch normalisation, Adam; at the end a network of your
functions learns to read digits.

  python -m skconv.exercises start        copy the functions to write to exercises.py
  python -m skconv.exercises check        compare yours with plain loops
  python -m skconv.exercises hint conv2d  get a hint
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status.

    0: all that was checked passes. 1: something does not. 2: nothing was checked.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # rather ? than an error
            stream.reconfigure(errors="replace")
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    try:
        return options.function(options)
    except (OSError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m skconv.exercises",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    each = commands.add_parser("list", help="show the exercises in their order")
    each.set_defaults(function=_list)
    each = commands.add_parser("start", help="copy the functions to write to a folder")
    each.add_argument("folder", nargs="?", default=".")
    each.set_defaults(function=_start)
    each = commands.add_parser("check", help="check your functions")
    each.add_argument("names", nargs="*", metavar="name", help="only these exercises")
    each.add_argument("--file", default=_FILE, help="your file (default: %(default)s)")
    each.add_argument("--json", action="store_true", help="print JSON, for grading")
    each.add_argument(
        *("--time-limit", "-t"),
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="for each function (default: %(default)g; for the network more)",
    )
    each.set_defaults(function=_check)
    each = commands.add_parser("hint", help="get a hint")
    each.add_argument("name")
    each.add_argument("number", nargs="?", type=int, default=1, help="1, 2 or 3")
    each.set_defaults(function=_hint)
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return seconds


def _list(options: argparse.Namespace) -> int:
    width = max(map(len, EXERCISES))
    for number, exercise in enumerate(EXERCISES.values(), start=1):
        print(f"{number:2}  {exercise.name:{width}}  {exercise.summary}")
    return 0


def _start(options: argparse.Namespace) -> int:
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _FILE
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(_STUBS.read_text(encoding="utf-8"))
    except FileExistsError:
        raise FileExistsError(
            f"{path} exists already, and nothing was written: it may be your work. "
            "Check it, or choose another folder"
        ) from None
    print(f"Write the functions in {path}, then: python -m skconv.exercises check")
    if folder.resolve() != Path.cwd():
        print(f"(in the folder {folder}, or with --file {path})")
    return 0


def _check(options: argparse.Namespace) -> int:
    path = Path(options.file)
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {options.file}. Use --file PATH, or make one: "
            "python -m skconv.exercises start"
        )
    verdicts = check(path, options.names or None, time_limit=options.time_limit)
    passed = sum(verdict.passed for verdict in verdicts)
    if options.json:
        report = {
            "file": str(path),
            "passed": passed,
            "of": len(verdicts),
            "exercises": [verdict.as_dict() for verdict in verdicts],
        }
        print(json.dumps(report, indent=2))
    else:
        _print(verdicts, passed)
    return 0 if passed == len(verdicts) else 1


def _print(verdicts: list[Verdict], passed: int) -> None:
    """Print verdicts for a learner."""
    width = max(len(verdict.name) for verdict in verdicts)
    for verdict in verdicts:
        print(f"{verdict.name:{width}}  {verdict.status}")
        if verdict.status in ("not started", "file"):
            continue
        for text in filter(None, (verdict.message, _printed(verdict))):
            print(textwrap.indent(textwrap.fill(text, 76), "    "))
    broken = [verdict for verdict in verdicts if verdict.status == "file"]
    if broken:
        print(textwrap.fill(broken[0].message, 80))
    print(f"{passed} of {len(verdicts)} passed.", end=" ")
    following = next((v for v in verdicts if not v.passed), None)
    if following and not broken:
        print(f"Next: {following.name}: {EXERCISES[following.name].summary}.", end="")
    print()


def _printed(verdict: Verdict) -> str:
    if not verdict.printed.strip():
        return ""
    lines = verdict.printed.strip().splitlines()
    more = f" (and {len(lines) - 3} lines more)" if len(lines) > 3 else ""
    return "It printed: " + " / ".join(lines[:3]) + more


def _hint(options: argparse.Namespace) -> int:
    name, number = options.name, options.number
    if name not in HINTS:
        raise ValueError(f"there is no exercise {name!r}; there are {', '.join(HINTS)}")
    hints = HINTS[name]
    if not 1 <= number <= len(hints):
        raise ValueError(f"there are hints 1 to {len(hints)}, got {number}")
    print(textwrap.fill(f"{name}: {hints[number - 1]}", 80))
    if number < len(hints):
        print(f"More: python -m skconv.exercises hint {name} {number + 1}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
