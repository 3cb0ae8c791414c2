"""Mutants: those of a schedule are noticed, and C++ has the fault that is on, and no other."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MUTANTS = ROOT / "tests" / "mutants"
SURVIVORS = tomllib.loads((MUTANTS / "survivors.toml").read_text())["survivors"]
SOURCE = """
// a + b in a comment is none
#include <cstdio>
typedef float Four __attribute__((vector_size(16)));
float sum(Four v) { return v[0] + v[3]; }
int mix(int a, int b, int* p) {
  int total = 0;
  if (a < b) total += *(p + 1) * a - b % 2;
  return total / 3;
}
"""
MAIN = """
namespace skconv_mutants { int active = -1; unsigned char reached[99], known[99]; }
int main() {
  int p[] = {5, 7, 9, 2};
  for (int i = -1; i < COUNT; i++) {
    skconv_mutants::active = i;
    printf("%d %d %g\\n", mix(4, 5, p + 1), mix(5, 5, p + 1), sum(2 * Four{1, 2, 3, 4}));
  }
}
"""
# What each fault makes of (4 * 9 - 1) / 3, of nothing where a is not less than b, and of 2 + 8.
EXPECTED = {
    "": (11, 0, 10),
    "Plus v": (11, 0, -6),
    "number + 1 0": (12, 0, 10),
    "opposite": (0, 14, 10),
    "Less": (11, 14, 10),
    "Negated": (-11, 0, 10),
    "Plus p": (6, 0, 10),
    "number + 1 1": (2, 0, 10),
    "Times": (4, 0, 10),
    "Minus": (12, 0, 10),
    "Modulo": (8, 0, 10),
    "Over": (105, 0, 10),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the mutants need forks")
def test_cpp_has_the_fault_that_is_on(tmp_path):
    from mutants.kernels import mutate

    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        pytest.skip("no compiler")
    source, names = mutate("source.cpp", SOURCE, 0)
    main = MAIN.replace("COUNT", str(len(names)))
    path = tmp_path / "source.cpp"
    path.write_text(f'#include "{MUTANTS / "mutants.h"}"\n{source}{main}')
    program = tmp_path / "program"
    subprocess.run([compiler, "-std=c++20", "-w", path, "-o", program], check=True)
    out = subprocess.check_output([program], text=True)
    lines = [tuple(map(float, line.split())) for line in out.splitlines()]
    assert len(lines) == len(EXPECTED)
    for line, (name, expected) in zip(lines, EXPECTED.items(), strict=True):
        for ours, theirs in zip(line, expected, strict=True):
            assert ours == theirs, name


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the mutants need forks")
def test_mutants_of_a_schedule_are_noticed(tmp_path):
    pytest.importorskip("mutmut")
    command = [
        *(sys.executable, "-m", "tests.mutants", "training", "--folder", tmp_path),
        *("--only", "schedules.x_learning_rate_at", "--tests"),
        "tests/training/test_schedules.py",
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    figures = re.search(r"(\d+) mutants: (\d+) killed", run.stdout)
    assert int(figures[1]) > 30
    assert int(figures[2]) >= 0.9 * int(figures[1])


@pytest.mark.parametrize(
    ("before", "after", "is_left_out"),
    [
        ("zip(a, b, strict=True)", "zip(a, b, strict=False)", True),
        ("zip(a, b, strict=True)", "zip(a, b, )", True),
        ("zip(a, b, strict=True)", "zip(b, strict=True)", False),
        ("zip(a, b, strict=False)", "zip(a, b, strict=True)", False),
        ("zip(a, b, strict=False)", "zip(a, b, )", True),
        ("zip(a, b, strict=False)", "zip(a, strict=False)", False),
        ("x.reshape(f(n), -1)", "x.reshape(f(n), -2)", True),
        ("x.reshape(f(n), -1)", "x.reshape(f(n), +1)", False),
        ("x.reshape(n[-1], 2)", "x.reshape(n[-2], 2)", False),
        ('if x.dtype.kind in "fc":', "if x.dtype.kind in 'XXfcXX':", True),
        ('if x.dtype.kind not in "iu":', "if x.dtype.kind not in 'XXiuXX':", True),
        ('if x.dtype.kind in "fc":', 'if x.dtype.kind not in "fc":', False),
        ('if kind not in "fc":', "if kind not in 'XXfcXX':", True),
        ("stacklevel=2, )", ")", True),
        ("warnings.warn(words(x), stacklevel=2)", "warnings.warn(words(x), )", True),
        (
            "warnings.warn(words(x), stacklevel=2)",
            "warnings.warn(words(x), stacklevel=3)",
            True,
        ),
        ("warnings.warn(words(x), stacklevel=2)", "warnings.warn(stacklevel=2)", False),
        ("x.reshape(n, -1)[-1]", "x.reshape(n, -1)[-2]", False),
    ],
)
def test_mutants_that_are_left_out_are_no_others(before, after, is_left_out):
    from mutants.equivalent import rule_of

    rule = rule_of(f"_data/arrays.py f: {before} -> {after}")
    assert (rule is not None) == is_left_out


@pytest.mark.parametrize("each", SURVIVORS, ids=lambda each: each["why"][:40])
def test_survivors_are_of_lines_that_are_there(each):
    for change in each["changes"]:
        place, _, what = change.partition(": ")
        name = place.split(" ")[0]
        if name.endswith(".py"):
            text = (ROOT / "skconv" / name).read_text()
            before = what.split(" -> ")[0]
        else:
            text = (ROOT / "skconv" / "ops" / "src" / name).read_text()
            before = re.sub(r"\[[^]]* ?[^]]*\] ", "", what, count=1)
        assert "".join(before.split()) in "".join(text.split()), change
