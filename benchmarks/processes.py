"""The peers, and the processes that they run in (see peers/protocol.py)."""

import json
import os
import re
import subprocess
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from skconv import ops

SCRIPTS = Path(__file__).parent / "peers"
LIMIT = 900  # seconds for any one answer; torch.compile takes minutes to start
WARM_UP = 3
THREAD_COUNTS = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
]


class Spec(NamedTuple):
    """How a peer is started, and the benchmarks that it takes part in."""

    environment: str  # "ours", or the option that names a Python
    script: str
    kinds: str
    variant: str = ""
    variables: dict[str, str] = {}  # noqa: RUF012


PEERS = {
    "skconv": Spec("ours", "skconv_peer.py", "steps depthwise fit predict race search"),
    "skconv, NumPy ops": Spec(
        "ours",
        "skconv_peer.py",
        "steps fit predict search",
        variables={"SKCONV_OPS": "numpy"},
    ),
    "torch": Spec(
        "torch", "torch_peer.py", "steps depthwise fit predict race", "eager"
    ),
    "torch, channels_last": Spec(
        "torch", "torch_peer.py", "steps depthwise fit predict race", "channels_last"
    ),
    "torch.compile": Spec("torch", "torch_peer.py", "steps predict", "compiled"),
    "skorch": Spec("torch", "skorch_peer.py", "fit predict search"),
    "TensorFlow": Spec("tensorflow", "tensorflow_peer.py", "steps"),
    "Keras": Spec("tensorflow", "tensorflow_peer.py", "fit predict race"),
    "JAX": Spec("jax", "jax_peer.py", "steps predict"),
}
OURS = [name for name, spec in PEERS.items() if spec.environment == "ours"]
PEAK = Spec("ours", "peak_peer.py", "peak")


class PeerError(Exception):
    """A peer could not start, or ended before it answered."""


class Peer:
    """A process that runs actions on request."""

    def __init__(self, name, spec, python, *, threads, cores=None, **task):
        self.name, self.threads = name, threads
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (see close)
        task |= {"variant": spec.variant, "threads": threads}
        with on_cores(cores or threads):
            self.process = subprocess.Popen(
                [python, str(SCRIPTS / spec.script), json.dumps(task)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                text=True,
                env=environment(threads) | spec.variables,
            )

    def start(self):
        """Wait until the process is ready."""
        self.description = self._answer()
        self.actions = self.description.pop("actions")
        self.parameters = self.description.pop("parameters", None)

    def run(self, action, calls=1):
        """Call an action a number of times; return the answer, a dict."""
        self.process.stdin.write(f"{action} {calls}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self):
        alarm = threading.Timer(LIMIT, self.process.kill)
        alarm.start()
        line = self.process.stdout.readline()
        alarm.cancel()
        if not line:
            raise PeerError(self._last_error())
        return json.loads(line)

    def _last_error(self):
        code = self.process.wait()
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors if line.strip()]
        errors = [line for line in lines if re.match(r"[\w.]*Error\b", line)]
        return [f"ended with code {code}", *lines[-1:], *errors[-1:]][-1]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


class on_cores:
    """Start children within that may run on a number of cores only.

    The limit is set before they start: pools of threads count the cores they may use.
    """

    def __init__(self, cores):
        self.cores = cores

    def __enter__(self):
        if hasattr(os, "sched_setaffinity"):
            self.all = os.sched_getaffinity(0)
            os.sched_setaffinity(0, sorted(self.all)[: self.cores])

    def __exit__(self, *_):
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, self.all)


def environment(threads):
    """Return the variables of a child, which libraries read as they are loaded."""
    # Settings of this machine's OpenBLAS would favour or hinder NumPy's.
    dropped = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    inherited = {key: value for key, value in os.environ.items() if key not in dropped}
    counts = dict.fromkeys(THREAD_COUNTS, str(threads))
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    return inherited | counts | quiet | {"SKCONV_OPS": ops.in_use()}


def start(kind, pythons, *, threads, names=tuple(PEERS), **task):
    """Return the peers of a benchmark, each ready, one for each number of threads.

    A peer that cannot start is left out, with a line that says why. So is one that is
    the same as another: ``skconv, NumPy ops`` where all runs on NumPy.
    """
    peers = []
    names = [name for name in names if kind in PEERS[name].kinds.split()]
    report_missing(names, pythons)
    for name in names:
        spec = PEERS[name]
        if spec.environment not in pythons:
            continue
        for count in threads:
            python = pythons[spec.environment]
            try:
                peer = Peer(name, spec, python, threads=count, kind=kind, **task)
                peer.start()
            except (OSError, PeerError) as error:
                print(f"\n{name} is left out: {error}", flush=True)
                break
            if any(is_twin(peer, other) for other in peers):
                peer.close()
                break
            peers.append(peer)
    return peers


def report_missing(names, pythons):
    """Print which peers have no Python, and the option that names one."""
    missing = {}
    for name in names:
        if PEERS[name].environment not in pythons:
            missing.setdefault(PEERS[name].environment, []).append(name)
    if missing:
        print()
    for package, peers in missing.items():
        option = f"--{package}-python PATH"
        print(f"Not measured: {'; '.join(peers)}. Pass {option}.", flush=True)


def is_twin(peer, other):
    return (peer.description, peer.threads) == (other.description, other.threads)


def describe(peers):
    """Print a line on each peer: versions, ops, BLAS."""
    for name, description in {peer.name: peer.description for peer in peers}.items():
        print(f"- {name}: {'; '.join(map(str, description.values()))}")


def timed(peers, action, rounds, *, round_seconds, clock="seconds"):
    """Return {peer: seconds of a call in each round}; peers that fail are left out."""
    times, calls = defaultdict(list), {}

    def calibrate(peer):
        calls[peer] = max(1, int(round_seconds / peer.run(action)[clock]))

    def work(peer):
        times[peer].append(peer.run(action, calls[peer])[clock] / calls[peer])

    interleave(peers, 1, calibrate)
    interleave(peers, rounds, work)
    return {peer: times[peer] for peer in peers}


def interleave(peers, rounds, work):
    """Call ``work(peer)`` for each in turn, ``rounds`` times; drop those that fail."""
    for _ in range(rounds):
        for peer in list(peers):
            try:
                work(peer)
            except (OSError, PeerError) as error:
                print(f"\n{peer.name} is left out: {error}", flush=True)
                peers.remove(peer)


def close(peers):
    for peer in peers:
        peer.close()


def print_table(columns, rows):
    """Print rows of text in GitHub's Markdown, after the ops that skconv ran on.

    Rows may be an iterator: each is printed as soon as it is there.
    """
    print(f"\nOps of skconv: {ops.in_use()}\n")
    print("| " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * (len(columns) - 1), flush=True)
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def figures(value):
    """Return a number as text with three significant figures and no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"
