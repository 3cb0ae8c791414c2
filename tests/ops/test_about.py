"""What a bug report includes of the ops and what they run on."""

import re

import pytest

from skconv import ops, show_versions
from skconv.ops import about, dispatch, geometry

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


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        ((1, 2**24, 2**24, 1), False),
        ((1, 2**24, 2**23, 1), True),
        ((0, 2**24, 2**23, 1), True),  # as if there was one
        ((0, 2**24, 2**24, 1), False),
    ],
)
def test_images_of_a_petabyte_are_too_large(shape, fits):
    if fits:
        geometry.check_room(shape, "use less")
    else:
        with pytest.raises(ValueError, match="are too large; use less$"):
            geometry.check_room(shape, "use less")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((2, 3, 4, 5), None),
        ([0, 3, 4, 5], None),
        ((0, 2**13, 4, 5), None),
        ((2**12,) * 4, "has more numbers than memory holds"),
        ([2**12, 2**12, 2**12, 2**12 - 1], None),
        (5, "must be .n, h, w, c., four ints >= 0, got 5"),
        ((2, 3, 4), "must be"),
        ((2, 3, 4, -1), "must be"),
        ((2, 3, 4, 5.0), "must be"),
        ((2, 3, 4, True), "must be"),
        ("2345", "must be"),
    ],
)
def test_shape_is_four_sizes(value, words):
    if words is None:
        assert geometry.shape_of(value, "shape", "(n, h, w, c)") == tuple(value)
    else:
        with pytest.raises(ValueError, match=f"^shape .*{words}"):
            geometry.shape_of(value, "shape", "(n, h, w, c)")


def test_no_margins_are_margins():
    assert ops.margins(0, "padding", 2) == ((0, 0), (0, 0))
    assert ops.margins((0, 1), "padding", 1) == ((0, 1),)
