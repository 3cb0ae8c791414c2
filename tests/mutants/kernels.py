"""Mutants of the C++ kernels, all in one build: see `mutants.h`.

The sources are formatted, so that a binary operator is one with spaces around it.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .runner import COPIED, Runner, run_tests

HERE = Path(__file__).parent
OPERATORS = {
    "+": "Plus", "-": "Minus", "*": "Times", "/": "Over", "%": "Modulo", "<": "Less",
    "<=": "LessOrEqual", ">": "Greater", ">=": "GreaterOrEqual", "==": "Equal",
    "!=": "NotEqual",
}  # fmt: skip
# No part of kernels.cpp: checks of arrays, and rules that choose what is fast.
LEFT_OUT = {"arrays.h", "algorithms.h", "winograd_rule.h", "kernels.h"}
# Not a program: comments, texts, preprocessor, checks of the compiler, attributes, and what
# only a compiler reads. Asking for memory changes times, and no result.
OTHER = re.compile(
    r"//[^\n]*|\"[^\"\n]*\"|#pragma omp[^\n]*\n[^\n]*|^\s*#(?:[^\n]*\\\n)*[^\n]*"
    r"|static_assert\([^;]*;|typedef[^;]*;"
    r"|template <[^\n]*|operator\S+|constexpr [\w:<>]+ [A-Z_]+ ?[=\[][^;]*;|if constexpr[^\n]*"
    r"|asm volatile[^;]*;|enum class[^;]*;|\bfetch\([^;]*;",
    re.MULTILINE,
)
# What to change, by name of the group that matched.
FAULTS = re.compile(
    r"(?<=[\w)\]}]) (?P<operator>[-+*/%<>]|[<>=!]=)(?=\s)"
    r"|(?<=[-+]=)(?P<sum> )(?=\S)"
    r"|(?:(?<=\bfma\()|(?<=\bfma<L>\())(?P<factor>)(?!float |double |Floats|Wide )"
    r"|(?<=[=<>+-] )(?P<number>\d+(\.\d+f?)?)(?=[;,) ])"
    r"|(?<=\bif \()(?P<condition>)"
    r"|^ +(?P<statement>(?:std::|\w+\.)?[a-z]\w+(?:<[\w, ]+>)?\([^;{}\n]*\));$",
    re.MULTILINE,
)
MODULE = """
  m.def("mutant", [](int i) {{ skconv_mutants::active = i; }});
  m.def("mutants_known", [] {{
    std::vector<int> all;
    for (int i = 0; i < {n}; i++) if (skconv_mutants::known[i]) all.push_back(i);
    return all;
  }});
  m.def("mutants_reached", [] {{
    std::vector<int> all;
    for (int i = 0; i < {n}; i++) if (skconv_mutants::reached[i]) all.push_back(i);
    memset(skconv_mutants::reached, 0, {n});
    return all;
  }});
}}
namespace skconv_mutants {{
int active = -1;
unsigned char reached[{n}], known[{n}];
}}
"""


def balanced(text):
    """Return whether a text of one line closes each bracket that it opens, and no more."""
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


def declares(text):
    """Return whether a condition, up to its closing bracket, declares a variable."""
    depth = 1
    for end, letter in enumerate(text):  # noqa: B007
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            break
    return re.search(r"[^=<>!]=[^=]|;", text[:end]) is not None


def change(match, source, number):
    """Return the source of a fault and its words, or None."""
    kind, text = match.lastgroup, match[0]
    if match["operator"]:
        kind = OPERATORS[match["operator"]]
        return f"{text} skconv_mutants::{kind}<{number}>{{}} {match['operator']}", kind
    if match["sum"]:
        return f" skconv_mutants::Negated<{number}>{{}} = ", "Negated"
    if match["number"]:
        return f"skconv_mutants::number<{number}>({text})", "number + 1"
    if kind == "factor":  # the first of a product that is fused with a sum
        return f"skconv_mutants::Negated<{number}>{{}} = ", "Negated"
    if kind == "condition":
        return f"skconv_mutants::Opposite<{number}>{{}} = ", "opposite"
    statement = source[slice(*match.span("statement"))]
    if balanced(statement):
        return (
            f"  skconv_mutants::runs<{number}>() ? (void)({statement}) : (void)0;",
            "left out",
        )
    return None


def mutate(name, source, first):
    """Return a source with its faults, numbered from `first` on, and their names."""
    blank = OTHER.sub(lambda match: re.sub(r"[^\n]", "\0", match[0]), source)
    out, names, end = [], [], 0
    for match in FAULTS.finditer(blank):
        made = change(match, source, first + len(names))
        before = blank[: match.start()].rstrip()
        if made is None or (match["statement"] and before[-1] not in ";{})"):
            continue
        if match.lastgroup == "condition" and declares(blank[match.end() :]):
            continue
        line = source.count("\n", 0, match.start(match.lastgroup)) + 1
        column = match.start(match.lastgroup) - source.rfind(
            "\n", 0, match.start(match.lastgroup)
        )
        names.append(f"{name}:{line}:{column} {made[1]}")
        out += [source[end : match.start()], made[0]]
        end = match.end()
    return "".join([*out, source[end:]]), names


def count(root):
    """Return {header: the number of its mutants}."""
    headers = sorted((root / "skconv" / "ops" / "src").glob("*.h"))
    return {
        path.name: len(mutate(path.name, path.read_text(), 0)[1])
        for path in headers
        if path.name not in LEFT_OUT
    }


def make(root, folder, only):
    """Write a copy of the package with faults; return their names, by number.

    They are in the headers whose names contain one of `only`: with faults in all of them
    the compiler takes many minutes.
    """
    names, target = [], folder / "skconv" / "ops" / "src"
    target.mkdir(parents=True, exist_ok=True)
    others = shutil.ignore_patterns("src", "_kernels*", "__pycache__")
    for name in COPIED:
        if (root / name).is_dir():
            shutil.copytree(
                root / name, folder / name, ignore=others, dirs_exist_ok=True
            )
        else:
            shutil.copy(root / name, folder / name)
    for path in sorted((root / "skconv" / "ops" / "src").iterdir()):
        text = path.read_text()
        chosen = any(part in path.name for part in only)
        if chosen and path.suffix == ".h" and path.name not in LEFT_OUT:
            text, found = mutate(path.name, text, len(names))
            names += found
            text = f'#include "{HERE / "mutants.h"}"\n{text}'
        if path.name == "CMakeLists.txt":
            text = text.replace("optimization -O3", "optimization -O0 -w")
        if path.name != "module.cpp":
            write(target / path.name, text)
    n = len(names)
    module = (root / "skconv" / "ops" / "src" / "module.cpp").read_text()
    module = module.rstrip().removesuffix("}") + MODULE.format(n=n)
    write(
        target / "module.cpp",
        f'#include "{HERE / "mutants.h"}"\n#include <cstring>\n{module}',
    )
    return names


def write(path, text):
    """Write a file, unless that is what it has: then there is nothing to compile."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def compile_all(folder):
    """Build the generic instruction set, whose vectors have four floats."""
    nanobind = subprocess.check_output(
        [sys.executable, "-m", "nanobind", "--cmake_dir"], text=True
    ).strip()
    build = folder.parent / "kernels-build"
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_CXX_FLAGS_RELEASE": "-O0 -w",
        "SKCONV_X86_SETS": "",
        "nanobind_DIR": nanobind,
        "Python_EXECUTABLE": sys.executable,
    }
    source = folder / "skconv" / "ops" / "src"
    defined = [f"-D{name}={value}" for name, value in options.items()]
    subprocess.run(["cmake", "-S", source, "-B", build, *defined], check=True)
    subprocess.run(["cmake", "--build", build], check=True)
    for old in (folder / "skconv" / "ops").glob("_kernels*"):
        old.unlink()
    for module in build.glob("_kernels*"):
        shutil.copy(module, folder / "skconv" / "ops")


class Switch:
    """Which fault is on."""

    def __init__(self, kernels, names):
        self.kernels, self.names = kernels, names
        self.numbers = {name: i for i, name in enumerate(names)}

    def place_of(self, mutant):
        return mutant

    def group_of(self, mutant):
        return mutant.partition(":")[0]

    def module_of(self, mutant):
        return re.match("[a-z]+", mutant)[0]

    def activate(self, mutant):
        self.kernels.mutant(self.numbers.get(mutant, -1))

    @contextlib.contextmanager
    def reached(self):
        places = set()
        self.kernels.mutants_reached()
        yield places
        places.update(self.names[i] for i in self.kernels.mutants_reached())


class Plugin:
    """Begins where the tests are collected: the module is then imported."""

    def __init__(self, names, *options):
        self.names, self.options = names, options

    def pytest_runtestloop(self, session):
        from skconv.ops import _kernels

        known = [self.names[i] for i in _kernels.mutants_known()]
        switch = Switch(_kernels, self.names)
        self.runner = Runner(switch, known, *self.options)
        session.config.pluginmanager.register(self.runner)
        return self.runner.pytest_runtestloop(session)


def main(tests, only, seconds, folder, few):
    """Run the mutants of the kernels; return their verdicts and their sources."""
    root = Path.cwd()
    folder = Path(folder, "kernels").absolute()
    names = make(root, folder, only)
    compile_all(folder)
    plugin = Plugin(names, folder.with_suffix(".json"), seconds, few)
    os.environ["OMP_NUM_THREADS"] = "1"  # a fork has no other threads
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    run_tests(tests, plugin)
    os.chdir(root)
    noticed = plugin.runner.results
    changes = {name: describe(root, name) for name in noticed}
    folder.with_suffix(".changes.json").write_text(json.dumps(changes, indent=0))
    return noticed, changes


def describe(root, name):
    """Return a mutant in words that do not depend on its place."""
    file, line, column, kind = re.fullmatch(r"(.*?):(.*?):(.*?) (.*)", name).groups()
    lines = (root / "skconv" / "ops" / "src" / file).read_text().splitlines()
    text = lines[int(line) - 1]
    at = int(column) - 1
    return f"{file}: {text[:at].lstrip()} [{kind}] {text[at:]}"
