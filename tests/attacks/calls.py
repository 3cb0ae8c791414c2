"""Let the k-th call of the system fail, for every k until the operation succeeds.

    python -m tests.attacks calls

Operations are to save a model, in place of another or as a new file, to load one, to write
a page of `explain`, to restore a checkpoint, to fit and to search with checkpoints, to log
a fit, and to fit and predict without any file (`call_operations`). The calls are those of
`CALLS`: files that cannot be opened, a full disk, short reads and writes, memory that is
not there, and so on. In turn the k-th call alone fails, and all from the k-th on.

The calls fail for real: a library in C (`failing_calls.c`), which a C compiler builds and
the system loads before all others, returns in their place. So it needs Linux with glibc.
Memory fails for CPython, NumPy and the compiled ops alike, and in a second process, where
Python asks for the memory of each object (PYTHONMALLOC=malloc), for each object. Only
libraries that end the process without memory are spared: the loader, the C library and
that of OpenMP; and Python's tuples of two.

After each failure the old file or the new one must be there, whole, and no other; an
error must be an OSError or, of memory, a MemoryError; one about a file names it and says
what to do; the estimator is as before; no file is left open; and memory must be back.
`--n` limits how many k of each call are tried, evenly; by default all are. If all went
well, the last line says "finished", and the exit status is 0.
"""

import collections
import contextlib
import ctypes
import errno
import faulthandler
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

from skconv._utils import memory

SHIM = Path(__file__).with_name("failing_calls.c")
SHORT = 0  # in place of an error's number: a read or a write of half of the bytes

# Call -> errors. The order is that of the enum in failing_calls.c.
CALLS = {
    "open": (errno.EMFILE, errno.EACCES, errno.ENOSPC, errno.EINTR),
    "close": (errno.EIO,),
    "read": (errno.EIO, errno.EINTR, SHORT),
    "write": (errno.ENOSPC, errno.EIO, errno.EINTR, SHORT),
    "seek": (errno.EIO,),
    "status": (errno.EIO,),
    "fsync": (errno.EIO, errno.ENOSPC, errno.EINTR),
    "rename": (errno.EIO, errno.EACCES),
    "unlink": (errno.EACCES,),
    "lock": (errno.ENOLCK, errno.EINTR),
    "access": (errno.EPERM,),
    "list": (errno.EMFILE,),
    "map": (errno.ENOMEM,),
    "alloc": (errno.ENOMEM,),
}
HARMLESS = errno.EINTR, SHORT  # Python tries again
OF_MEMORY = "map", "alloc"
# Kept after all failures of a call: caches of Python, NumPy and scikit-learn.
MOST_KEPT = 2**18
# And of each object that lacked: `json.loads(text, object_pairs_hook=dict)` keeps 30
# bytes of each on its own, in CPython 3.11.
KEPT_OF_OBJECT = 64
MOST_FAULTS = 20  # that are told
SPARED = "ld-linux", "/libc.so", "/libc-", "libgomp"


def build(folder):
    """Return the path of the library, or None without a compiler or glibc."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if sys.platform != "linux" or compiler is None:
        return None
    library = Path(folder) / "failing_calls.so"
    flags = ["-shared", "-fPIC", "-O1", "-ldl"]
    built = subprocess.run([compiler, str(SHIM), *flags, "-o", str(library)])
    return library if built.returncode == 0 else None


# In the process that has the library --------------------------------------------------


class Shim:
    """The library, which this process has preloaded."""

    def __init__(self):
        self.library = ctypes.CDLL(None)
        spare = self.library.skconv_spare
        spare.argtypes = [ctypes.c_size_t] * 2
        for line in Path("/proc/self/maps").read_text().splitlines():
            if any(name in line for name in SPARED):
                spare(*(int(each, 16) for each in line.split()[0].split("-")))

    @contextlib.contextmanager
    def failing(self, call, k, code, once):
        """Let a call fail; yield a list, which then has the number of calls."""
        leave_pairs()
        counts = []
        arguments = list(CALLS).index(call), ctypes.c_long(k), code, int(once)
        self.library.skconv_arm(*arguments)
        try:
            yield counts
        finally:
            counts.append(self.library.skconv_disarm())


def leave_pairs():
    """Let Python have so many tuples of two at hand that it needs no memory for one.

    CPython 3.11 ends the process if it has none for the items of a dict.
    """
    pairs = [(i, i) for i in range(1000)]
    del pairs


def attempt(shim, operation, *failing):
    """Run an operation of which a call fails; return how many calls there were."""
    if not operation.in_new_thread:
        return attempt_here(shim, operation, *failing)
    found, may_begin = [], threading.Lock()

    def target():
        with may_begin:
            try:
                found.append(attempt_here(shim, operation, *failing))
            except BaseException as error:
                found.append(error)

    thread = threading.Thread(target=target)
    with may_begin:
        thread.start()
    thread.join()  # needs no memory, which is this thread's, too
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def attempt_here(shim, operation, call, k, code, once):
    operation.prepare()
    before, n_files, error = operation.state(), open_files(), None
    with shim.failing(call, k, code, once) as counts:
        try:
            operation.run()
        except BaseException as caught:
            error = caught.with_traceback(None)
            error.__context__ = error.__cause__ = None
    (n,) = counts
    failed = n >= k
    assert failed or error is None, f"{error!r} without a failure"
    assert open_files() == n_files, f"open files: {open_files()}, before {n_files}"
    if error is None:
        operation.check_success()
    else:
        check_error(error, call, code, operation, once)
        assert operation.state() == before, f"another estimator after {error!r}"
        operation.check_failure(error)
    operation.check_folder(may_leave=call == "unlink" and failed)
    return n, error


def check_error(error, call, code, operation, once):
    """Check the kind of an error, and its words."""
    words = f"{type(error).__name__}: {error}"
    if call in OF_MEMORY:
        assert is_lack_of_memory(error), words
    else:
        assert isinstance(error, OSError), words
        seeks = call == "seek" and error.errno == errno.ESPIPE
        assert error.errno == code or seeks, words
        assert not (once and code in HARMLESS), words
    if isinstance(error, OSError):
        assert str(operation.path) in words, f"no file in: {words}"
        assert "Remove the cause or" in words, f"no way out in: {words}"
        for hint in operation.wrong_words(error):
            assert hint not in words, words


def is_lack_of_memory(error):
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return memory.is_lack_of_memory(error)


def open_files():
    return len(os.listdir("/proc/self/fd"))


def kept_memory():
    """Return the bytes that are allocated in this process."""
    gc.collect()

    class Figures(ctypes.Structure):
        _fields_ = [
            (each, ctypes.c_size_t) for each in ("arena", "o", "s", "hblks", "hblkhd",
                                                 "u", "f", "used", "free", "keep")
        ]  # fmt: skip

    library = ctypes.CDLL(None)
    library.mallinfo2.restype = Figures
    figures = library.mallinfo2()
    return figures.used + figures.hblkhd


def try_all(shim, operation, call, code, once, most, words):
    """Let each call fail; return how many calls there were, failures and errors."""
    failures = errors = 0
    n = attempt(shim, operation, call, 2**40, code, once)[0]
    if not n:
        return 0, 0, 0
    ks = range(1, n + 2)
    step = max(1, -(-n // most))
    for k in [*ks[::step], *ks[-1:]]:
        tell({"try": f"{words}, k = {k}"})
        try:
            reached, error = attempt(shim, operation, call, k, code, once)
        except AssertionError as fault:
            tell({"fault": str(fault)})
            continue
        failures += reached >= k
        errors += error is not None
    return n, failures, errors


def work(names, calls, most, folder):
    """Try operations and calls, and print a line of JSON before and after each."""
    from . import call_operations

    faulthandler.enable()
    warnings.simplefilter("ignore")
    operations = call_operations.OPERATIONS
    shim = None
    for name in names:
        place = Path(folder) / name.replace(" ", "_")
        place.mkdir()
        operation = operations[name](place)
        for _ in range(3):  # what is imported or computed once
            operation.prepare()
            operation.run()
        shim = shim or Shim()
        each_object = "PYTHONMALLOC" in os.environ
        for call in calls:
            plans = [
                (code, once)
                for code in CALLS[call]
                for once in (True, False)
                # Python would try for ever; and without any memory it ends itself.
                if once or not (code == errno.EINTR or each_object)
            ]
            try_plans(shim, operation, name, call, plans, most)


def try_plans(shim, operation, name, call, plans, most):
    """Try a call in all ways, and tell what came of it."""
    sums = collections.Counter(n=0, failures=0, errors=0)

    def try_each():
        for code, once in plans:
            words = f"{name}: {call}, {errno.errorcode.get(code, 'short')}"
            words += ", once" if once else ", from then on"
            found = try_all(shim, operation, call, code, once, most, words)
            sums.update(dict(zip(sums, found, strict=True)))

    kept = grown(try_each)
    if kept > MOST_KEPT:  # caches grow at first
        sums.update({key: -n for key, n in sums.items()})  # counted anew
        kept = grown(try_each)
    of_objects = KEPT_OF_OBJECT if "PYTHONMALLOC" in os.environ else 0
    if kept > MOST_KEPT + of_objects * sums["failures"]:
        tell({"fault": f"{kept} bytes are kept of {sums['failures']} failures"})
    tell({"operation": name, "call": call, **sums})


def grown(function):
    """Return by how many bytes the process has grown when a function has run."""
    before = kept_memory()
    function()
    return kept_memory() - before


def tell(what):
    print(json.dumps(what), flush=True)


# In the process that starts it --------------------------------------------------------


def run(library, names, calls, most, *, each_object=False):
    """Yield what `work` tells, of a process of its own; raise an error if it dies."""
    folder = tempfile.mkdtemp()
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    if each_object:
        environment["PYTHONMALLOC"] = "malloc"
    arguments = json.dumps([names, calls, most, folder])
    child = subprocess.Popen(
        [sys.executable, "-m", f"{__package__}.calls", arguments],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    last, faults = None, []
    try:
        for line in child.stdout:
            found = json.loads(line)
            last = found.get("try", last)
            if "fault" in found:
                faults.append(f"{last}: {found['fault']}")
            if "operation" in found:
                yield found
    finally:
        child.kill()
        status = child.wait()
        child.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)
    assert status == 0, f"exit status {status}, at {last}; {faults[:MOST_FAULTS]}"
    assert not faults, "\n".join([f"{len(faults)} faults", *faults[:MOST_FAULTS]])


def attack(library, n):
    """Try everything; yield a line for each operation and process."""
    from .call_operations import OPERATIONS

    plans = [(list(CALLS), False, list(OPERATIONS)),
             (["alloc"], True, list(OPERATIONS))]  # fmt: skip
    for calls, each_object, names in plans:
        for name in names:
            sums = collections.Counter()
            for each in run(library, [name], calls, n, each_object=each_object):
                sums.update({key: each[key] for key in ("failures", "errors")})
            yield name, each_object, sums


def main(n, seed):
    start, total = time.monotonic(), collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        library = build(folder)
        if library is None:
            sys.exit("This attack needs Linux with glibc, and a C compiler")
        for name, each_object, sums in attack(library, n):
            total.update(sums)
            where = " (memory of each object)" if each_object else ""
            seconds = time.monotonic() - start
            print(f"{name}{where}: {dict(sums)}, {seconds:.0f} s", flush=True)
    print(f"finished: {dict(total)} in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    work(*json.loads(sys.argv[1]))
