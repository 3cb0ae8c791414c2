"""A short run of the fuzzer, and the process in which it loads files."""

import functools
import mmap
import os
import random
import signal
import sys
import warnings

import pytest
from attacks import files, fuzz


@pytest.mark.slow
def test_mutants_are_loaded_or_refused(tmp_path):
    """A short run of ``python -m tests.attacks files``."""
    outcomes, worst = files.fuzz(400, 1, tmp_path)
    assert outcomes["model: loaded"] > 5
    assert outcomes["checkpoint: loaded"] > 0
    assert outcomes["model: ValueError"] + outcomes["checkpoint: ValueError"] > 100
    assert worst["bytes"] < files.SLACK


@pytest.mark.slow
def test_mutants_in_this_process_are_loaded_or_refused(tmp_path):
    """A short run of ``python -m tests.attacks fuzz``, without guidance and its limits."""
    draw, found = random.Random(0), fuzz.seeds(tmp_path)
    by_data = fuzz.estimators(found)
    target = fuzz.Target(str(tmp_path / "input"), by_data, limits=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a mutant may overflow in a cast
        for seed in range(2000):
            data = draw.choice(found)
            raw = functools.partial(fuzz.mutate_raw, seed=seed)
            target.load(fuzz.mutate(data, seed, raw))
    target.close()
    assert len(target.outcomes) == 4, target.outcomes  # of both kinds both


def test_file_that_is_refused_without_its_name_is_an_error(tmp_path, monkeypatch):
    def refuse(path):
        raise ValueError("it is damaged")

    old = [path.read_bytes() for path in files.OLD.glob("checkpoint_3_scaled.ckpt")]
    target = fuzz.Target(str(tmp_path / "input"), fuzz.estimators(old), limits=False)
    monkeypatch.setattr("skconv.load_model", refuse)
    with pytest.raises(AssertionError, match="does not name its file"):
        target.load(b"no file")
    target.close()


def send_and_die(sender):
    sender.send("a result")
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_death_of_the_loading_process_is_an_error():
    results = files.results_of(send_and_die)
    assert next(results) == "a result"
    with pytest.raises(AssertionError, match="after 1 results .* exit code -9"):
        next(results)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set on Linux alone")
def test_memory_is_limited_while_a_mutant_is_loaded():
    # Maps, not arrays: the allocator may have kept enough for an array from earlier tests.
    def grow():
        mmap.mmap(-1, 2**26).close()

    with files.growing_by_at_most(2**27):
        grow()
    with (
        pytest.raises(OSError, match="Cannot allocate"),
        files.growing_by_at_most(2**25),
    ):
        grow()
    grow()
