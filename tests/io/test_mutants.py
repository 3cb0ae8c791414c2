"""A short run of the fuzzer, and the process in which it loads files."""

import mmap
import os
import signal
import sys

import pytest
from attacks import files


@pytest.mark.slow
def test_mutants_are_loaded_or_refused(tmp_path):
    """A short run of ``python -m tests.attacks files``."""
    outcomes, worst = files.fuzz(400, 1, tmp_path)
    assert outcomes["model: loaded"] > 5
    assert outcomes["checkpoint: loaded"] > 0
    assert outcomes["model: ValueError"] + outcomes["checkpoint: ValueError"] > 100
    assert worst["bytes"] < files.SLACK


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
