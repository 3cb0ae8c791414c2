"""How much memory is free, and which errors say that none is."""

import math

import pytest

from skconv._utils import memory
from skconv._utils.memory import available_memory, is_lack_of_memory


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Files in place of the system's."""
    meminfo, limits = tmp_path / "meminfo", [tmp_path / "one", tmp_path / "two"]
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_LIMITS", limits)
    return meminfo, *limits


INFO = "MemTotal: 9 kB\nMemAvailable:  5 kB\nHuge: a: b\nSwapFree: 2 kB\n"


def test_free_memory_is_the_least_of_what_is_known(system):
    meminfo, one, two = system
    assert available_memory() == math.inf
    meminfo.write_text(INFO)
    assert available_memory() == 7 * 1024
    one.write_text("max\n")
    two.write_text("5000\n")
    assert available_memory() == 5000
    two.write_text("8000\n")
    assert available_memory() == 7 * 1024
    meminfo.unlink()
    assert available_memory() == 8000


@pytest.mark.parametrize(
    "text", ["", "MemAvailable: 5 kB\n", INFO + "no colon\n", INFO.replace("5 kB", ""), INFO.replace("5", "x")]
)  # fmt: skip
def test_files_of_other_systems_say_nothing(system, text):
    system[0].write_text(text)
    assert available_memory() == math.inf


def caused(error, cause):
    error.__cause__ = cause
    return error


ERRORS = {
    "memory": (MemoryError(), True),
    "lock": (RuntimeError("can't allocate lock"), True),
    "thread": (RuntimeError("can't start new thread"), True),
    "within a text": (RuntimeError("it can't allocate lock"), False),
    "digest": (ValueError("[digital envelope routines] malloc failure"), True),
    "copy": (ValueError("[digital envelope routines] not able to copy ctx"), True),
    "start": (ValueError("[digital envelope routines] initialization error"), True),
    "of another kind": (TypeError("can't allocate lock"), False),
    "value": (ValueError("can't allocate lock"), False),
    "no exception": (SystemError("f returned NULL without setting an exception"), True),
    "not set": (SystemError("error return without exception set"), True),
    "system": (SystemError("bad call"), False),
    "caused": (caused(SystemError("a result with an exception"), MemoryError()), True),
    "caused by another": (caused(SystemError("a result"), ValueError()), False),
    "a cause of others": (caused(ValueError("a result"), MemoryError()), False),
}


@pytest.mark.parametrize(("error", "is_one"), ERRORS.values(), ids=ERRORS)
def test_a_lack_of_memory_has_several_words(error, is_one):
    assert is_lack_of_memory(error) is is_one
