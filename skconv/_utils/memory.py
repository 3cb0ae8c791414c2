"""The memory that is free, and errors that say that none is."""

import contextlib
import math
import re
from pathlib import Path

__all__ = ["available_memory", "is_lack_of_memory"]

_MEMINFO = Path("/proc/meminfo")
# Limits of containers, of both versions of control groups.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def available_memory() -> float:
    """Return about how many bytes are free for this process; inf if that is unknown.

    On some systems it is not an error to ask for more. They end the process, or another
    one, once the memory is used.
    """
    found = [math.inf]
    with contextlib.suppress(OSError, ValueError, KeyError, IndexError):
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        kilobytes = (lines[name].split()[0] for name in ("MemAvailable", "SwapFree"))
        found.append(1024 * sum(map(int, kilobytes)))
    for path in _LIMITS:
        with contextlib.suppress(OSError, ValueError):  # "max": no limit
            found.append(int(path.read_text()))
    return min(found)


# What Python's locks, OpenSSL's digests and NumPy raise, besides MemoryError.
_IN_OTHER_WORDS = [
    (RuntimeError, r"can't allocate |can't start new thread"),
    (
        ValueError,
        r"\[digital envelope routines\] "
        "(initialization error|not able to copy ctx|malloc failure)",
    ),
    (SystemError, r".* without (setting an )?exception"),
]


def is_lack_of_memory(error: BaseException) -> bool:
    """Return whether an error says that there is not enough memory."""
    if isinstance(error, SystemError) and isinstance(error.__cause__, MemoryError):
        return True  # a function of C had a result all the same
    return isinstance(error, MemoryError) or any(
        isinstance(error, kind) and re.match(words, str(error))
        for kind, words in _IN_OTHER_WORDS
    )
