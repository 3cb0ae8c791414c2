"""How much memory there is."""

import contextlib
import math
from pathlib import Path

__all__ = ["available_memory"]

_MEMINFO = Path("/proc/meminfo")
# Limits of containers, of both versions of control groups.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def available_memory() -> float:
    """Return about how many bytes a process may still take; inf if it is unknown.

    To ask for more is no error on some systems: they end the process, or another one,
    once it uses what it was given.
    """
    found = [math.inf]
    with contextlib.suppress(OSError, ValueError, KeyError, IndexError):
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        kilobytes = (lines[name].split()[0] for name in ("MemAvailable", "SwapFree"))
        found.append(1024 * sum(map(int, kilobytes)))
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # "max" is no number
            found.append(int(path.read_text()))
    return min(found)
