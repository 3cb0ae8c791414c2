"""What a bug report includes of the ops and what they run on."""

import re

import pytest

from skconv import ops, show_versions
from skconv.ops import about, dispatch

POOLS = [
    {
        "internal_api": "openblas",
        "version": "0.3",
        "architecture": "Zen",
        "num_threads": 2,
    },
    {"internal_api": "openmp", "user_api": "omp", "version": None, "num_threads": 3},
]


def test_versions_are_printed_one_below_the_other(monkeypatch, capsys):
    monkeypatch.setattr(about, "threadpool_info", lambda: POOLS)
    show_versions()
    lines = capsys.readouterr().out.splitlines()
    rows = dict(line.split(": ", 1) for line in lines)
    names = ["skconv", "ops", "threads of ops", "python", "machine", "numpy", "scipy"]
    names += ["scikit-learn", "joblib", "threadpoolctl", "thread pools"]
    assert [name.strip() for name in rows] == names
    assert {len(name) for name in rows} == {len("threads of ops")}
    values = {name.strip(): value for name, value in rows.items()}
    assert values["ops"].startswith(f"{ops.in_use()} (available: ")
    assert values["ops"].endswith(", numpy)" if ops.compiled else ": numpy)")
    threads = values["threads of ops"]
    assert threads.isdecimal() if ops.compiled else threads == "NumPy's"
    assert re.match(r"\d+\.\d+", values["numpy"])
    assert (
        values["thread pools"]
        == "openblas 0.3 (Zen, 2 threads); openmp  (omp, 3 threads)"
    )


@pytest.mark.skipif(not ops.compiled, reason="needs a compiled op")
def test_lack_of_memory_names_the_op_and_its_arrays(monkeypatch, rng):
    def fail(*_):
        raise MemoryError

    monkeypatch.setitem(dispatch._compiled_twins, "dense", fail)
    x, kernel = rng.random((2, 3), "f4"), rng.random((3, 4), "f4")
    words = r"^there is not enough memory for dense of arrays of \(2, 3\), \(3, 4\)$"
    with pytest.raises(MemoryError, match=words):
        ops.dense(x, kernel)
