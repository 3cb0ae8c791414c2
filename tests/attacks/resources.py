"""What a process holds, as Linux shows it, and whether that grows."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Usage(NamedTuple):
    """What a process holds at a moment; 0 of each if it has ended."""

    memory: int  # bytes that are resident
    files: int
    threads: int


def usage_of(pid="self"):
    """Return what a process holds."""
    folder = Path("/proc") / str(pid)
    try:
        pages = int((folder / "statm").read_text().split()[1])
        files, threads = (len(os.listdir(folder / name)) for name in ("fd", "task"))
    except (FileNotFoundError, ProcessLookupError):
        return Usage(0, 0, 0)
    return Usage(pages * os.sysconf("SC_PAGE_SIZE"), files, threads)


def memory_of(pid):
    return usage_of(pid).memory


def slope(places, values):
    """Return by how much values grow for each step of the places, by least squares."""
    return float(np.polyfit(places, np.asarray(values, float), 1)[0])


def after_warm_up(values, share=0.2):
    """Return values without the first, in which caches fill."""
    return values[int(share * len(values)) :]
