"""Mutants of the Python of a room, made by mutmut.

mutmut writes each function with all its mutants beside it, and a wrapper that calls one
of them. Its own command starts pytest for each mutant; here one process has collected the
tests, and forks: see `runner`.
"""

import contextlib
import difflib
import hashlib
import inspect
import json
import os
import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import libcst as cst
from mutmut.configuration import config
from mutmut.mutation import mutators, trampoline
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.mutation.trampoline import set_mutant_under_test, wrap_in_trampoline
from mutmut.state import state
from mutmut.utils.format_utils import get_mutant_name

from .equivalent import rule_of
from .runner import COPIED, Runner, run_tests


class Switch:
    """Which of mutmut's functions runs."""

    def place_of(self, mutant):
        return mutant.partition("__mutmut_")[0]

    group_of = place_of

    def module_of(self, mutant):
        return self.place_of(mutant).split(".")[-2].lstrip("_")

    def activate(self, mutant):
        set_mutant_under_test(mutant or "")

    @contextlib.contextmanager
    def reached(self):
        places = state()._stats
        places.clear()
        set_mutant_under_test("stats")
        yield places
        set_mutant_under_test("")


def mutate_text(node):
    """Mutate names and options, but no sentence: a test matches some of its words."""
    if isinstance(node, cst.SimpleString) and re.fullmatch(r"[^ '\"]+", node.raw_value):
        yield node.with_changes(value=f"{node.prefix}'XX{node.raw_value}XX'")


def leave_out_argument(node):
    """Leave out each argument of a call. (mutmut also makes each None: an error, mostly.)"""
    if len(node.args) > 1:
        for i in range(len(node.args)):
            yield node.with_changes(args=[*node.args[:i], *node.args[i + 1 :]])


# mutmut's operators -> those in their place.
REPLACED = {
    mutators.operator_string: mutate_text,
    mutators.operator_arg_removal: leave_out_argument,
}


def make(root, folder, files):
    """Write a copy of the package with mutants; return {mutant: its difference}.

    An earlier copy of the same sources stays: mutants take some milliseconds each.
    """
    known, key = folder.with_suffix(".made.json"), digest(root, files)
    if known.exists():
        made = json.loads(known.read_text())
        if made["key"] == key:
            shutil.rmtree(folder / "tests")  # some may have other names now
            copy(root, folder, "tests", "conftest.py")
            return made["mutants"]
    shutil.rmtree(folder, ignore_errors=True)
    copy(root, folder, *COPIED)
    mutants = {}
    for path, made in mutated(root, files):
        (folder / path).write_text(made.code)
        mutants |= described(path, made)
    known.write_text(json.dumps({"key": key, "mutants": mutants}))
    return mutants


def digest(root, files):
    """Identify the package, what is changed in it, and how."""
    texts = [path.read_text() for path in sorted((root / "skconv").rglob("*.py"))]
    how = version("mutmut"), inspect.getsource(sys.modules[__name__])
    return hashlib.sha256(
        "".join([*texts, *map(str, files), *how]).encode()
    ).hexdigest()


def copy(root, folder, *names):
    for name in names:
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, dirs_exist_ok=True)
        else:
            shutil.copy(root / name, folder / name)


def count(root, files):
    """Return {file: the number of its mutants}, less those that a rule leaves out."""
    found = {}
    for path, made in mutated(root, files):
        changes = described(path, made).values()
        found[str(path)] = sum(rule_of(change) is None for change in changes)
    return found


def mutated(root, files):
    """Yield files of the package, and each with its mutants."""
    mutators.mutation_operators[:] = [
        (kind, REPLACED.get(operator, operator))
        for kind, operator in mutators.mutation_operators
    ]
    for path in files:
        yield path, mutate_file_contents(str(path), (root / path).read_text())


def described(path, made):
    """Return the mutants of a file, in words."""
    mutants = {}
    lines, spans = made.code.splitlines(), made.line_span_by_function_name
    for name in made.mutant_names:
        place = name.partition("__mutmut_")[0]
        before, after = (
            lines[spans[n].start - 1 : spans[n].end]
            for n in (f"{place}__mutmut_orig", name)
        )
        mutants[get_mutant_name(path, name)] = describe(path, place, before, after)
    return mutants


def describe(path, place, before, after):
    """Return a mutant in words that do not depend on its number."""
    function = place.removeprefix("x_").replace("xǁ", "").replace("ǁ", ".")
    removed, added = [], []
    before, after = (
        [
            re.sub(r"\w*__mutmut_\w+", function.rpartition(".")[2], line)
            for line in lines
        ]
        for lines in (before, after)
    )
    for line in difflib.unified_diff(before, after, n=0, lineterm=""):
        if not line.startswith(("---", "+++")):
            {"-": removed, "+": added}.get(line[0], []).append(line[1:].strip())
    where = f"{'/'.join(path.parts[1:])} {function}"
    return f"{where}: {' '.join(removed)} -> {' '.join(added)}"


def paths_of(files):
    return [path for each in files for path in sorted(Path("skconv").glob(each))]


def wrap_with_defaults(*args, **options):
    """Wrap functions as mutmut does, with the defaults, which the estimators read."""

    def wrap(function):
        wrapper = wrap_in_trampoline(*args, **options)(function)
        wrapper.__kwdefaults__ = function.__kwdefaults__
        return wrapper

    return wrap


def forget_other_installs():
    """Remove finders of editable installs, which would find the package elsewhere."""
    sys.meta_path[:] = [
        finder
        for finder in sys.meta_path
        if "editable" not in type(finder).__module__.lower()
    ]


def forget_others(folder, mutants):
    """Remove the verdicts of mutants that were others, before the source changed.

    And what tests reached then: functions have other names now, or are called elsewhere.
    """
    changes, verdicts = folder.with_suffix(".changes.json"), folder.with_suffix(".json")
    if changes.exists() and verdicts.exists():
        were, results = (json.loads(path.read_text()) for path in (changes, verdicts))
        same = {m: results[m] for m in results if were.get(m) == mutants.get(m)}
        verdicts.write_text(json.dumps(same, indent=0))
        if were != mutants:
            folder.with_suffix(".tests.json").unlink(missing_ok=True)
    changes.write_text(json.dumps(mutants, indent=0))


def main(name, files, tests, only, seconds, folder, few):
    """Run the mutants of some files; return their verdicts and their differences.

    They are in a folder, where a run that was interrupted continues.
    """
    root = Path.cwd()
    folder = Path(folder, name).absolute()
    config()  # read from this folder's pyproject.toml
    paths = paths_of(files)
    mutants = make(root, folder, paths)
    mutants = {m: each for m, each in mutants.items() if rule_of(each) is None}
    forget_others(folder, mutants)
    runner = Runner(
        Switch(),
        [m for m in mutants if any(part in m for part in only)],
        folder.with_suffix(".json"),
        seconds,
        few,
    )
    trampoline.wrap_in_trampoline = wrap_with_defaults
    os.chdir(folder)
    forget_other_installs()
    run_tests(tests, runner)
    os.chdir(root)
    results = {m: each for m, each in runner.results.items() if m in mutants}
    return results, mutants
