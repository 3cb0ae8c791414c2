"""Serve under load: eight clients, workers that end and begin again, memory that is flat.

    python -m tests.attacks load --n 600

Eight clients send images for n seconds, one request after the other, and compare each
answer with what the estimator itself predicts. Meanwhile a worker is killed, or asked to
end, every few seconds, and gunicorn starts another. One worker is left alone: its memory,
its files and its threads, and those of the first process, are written down ten times a
second, and must not grow after a third of the time. Before that the file is loaded again,
too, which replaces all workers.
"""

import collections
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from http.client import HTTPException
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from examples import serving
from skconv import ConvNetClassifier, save_model
from tests.attacks import clients
from tests.attacks.resources import after_warm_up, slope, usage_of

CLIENTS, WORKERS = 8, 3
SIZES = [1, 1, 1, 2, 3, 7, 8, 64, 300]  # images in a request
GROWTH = (
    2**22
)  # bytes, of a process after its warm-up: what 60 bytes a request would take
PAUSE = 3.0  # seconds between the ends of two workers, on average


class Load:
    """What clients share: the address, the images, the answers, and the outcomes."""

    def __init__(self, address, process, X, clf):
        self.address, self.process, self.X = address, process, X
        self.labels = clf.predict(X).tolist()
        self.probabilities = clf.predict_proba(X).tolist()
        self.outcomes, self.problems = collections.Counter(), []
        self.times, self.lock = [], threading.Lock()
        self.last_kill = -np.inf
        self.old, self.kept = set(), None  # workers; the one that is left alone
        self.usages = {"a worker": [], "the first process": []}
        self.ended = threading.Event()

    def count(self, name):
        with self.lock:
            self.outcomes[name] += 1

    def ask(self, rng):
        """Send one request; return what is wrong with the answer, or None."""
        size = rng.choice(SIZES)
        i = rng.randrange(len(self.X) - size)
        part = self.X[i : i + size]
        kind = rng.choice(list(serving.READERS))
        body = part.tobytes()
        if kind == serving.JSON:
            body = json.dumps(part.tolist()).encode()
        start = time.monotonic()
        try:
            answer = clients.ask(self.address, kind, body)
        except (OSError, HTTPException) as error:
            if self.last_kill < start - 1:
                return f"no answer, and no worker was killed: {error!r}"
            self.count("no answer: the worker was killed")
            return None
        self.times.append(time.monotonic() - start)
        expected = {
            "labels": self.labels[i : i + size],
            "probabilities": self.probabilities[i : i + size],
        }
        self.count("right" if answer == expected else "wrong")
        return None if answer == expected else f"wrong for {size} from {i}: {answer}"

    def be_client(self, seed):
        rng = random.Random(seed)
        while not (self.ended.is_set() or self.problems):
            problem = self.ask(rng)
            if problem:
                self.problems.append(problem[:300])

    def end_a_worker(self, rng):
        others = [pid for pid in clients.children(self.process.pid) if pid != self.kept]
        if not others:
            return
        kill = rng.random() < 0.5
        if kill:
            self.last_kill = time.monotonic()
        os.kill(rng.choice(others), signal.SIGKILL if kill else signal.SIGTERM)
        self.count("workers killed" if kill else "workers asked to end")

    def reload(self):
        """Let new workers begin; `last_kill` stays: no request may fail by it."""
        self.old.update(clients.children(self.process.pid))
        self.process.send_signal(signal.SIGHUP)
        self.count("reloads")

    def disturb(self, seed, seconds):
        """End workers, and write down what the processes hold."""
        rng, start = random.Random(seed), time.monotonic()
        turn = 0.15 * seconds  # of the next worker that ends
        loads = [seconds * share for share in (0.05, 0.1)]
        while not self.ended.wait(0.1):
            now = time.monotonic() - start
            if loads and now > loads[0]:
                loads.pop(0)
                self.reload()
            elif self.kept is None and not loads:
                new = set(clients.children(self.process.pid)) - self.old
                self.kept = min(new, default=None)
            elif now > turn:
                turn = now + rng.expovariate(1 / PAUSE)
                self.end_a_worker(rng)
            if self.kept is not None:
                for name, pid in zip(self.usages, (self.kept, self.process.pid), strict=True):  # fmt: skip
                    self.usages[name].append((now, usage_of(pid)))


def attack(seconds, seed, folder):
    """Let clients send requests; return the load, which has the outcomes."""
    rng = np.random.default_rng(seed)
    X, y = rng.random((600, 8, 8), np.float32), np.arange(600) % 3
    clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=seed)
    clf.fit(X, np.array(["a", "bc", "d"])[y])
    path, log = folder / "model.safetensors", folder / "log"
    save_model(clf, path)
    options = "--error-logfile", str(log)
    with serving.serve(path, *options, workers=WORKERS) as (process, address):
        wait_for(address, serving.BINARY, X[:1].tobytes())
        it = Load(address, process, X, clf)
        threads = [
            threading.Thread(target=it.be_client, args=(f"{seed} {k}",))
            for k in range(CLIENTS)
        ]
        threads.append(threading.Thread(target=it.disturb, args=(seed, seconds)))
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not it.problems:
            time.sleep(0.1)
        it.ended.set()
        for thread in threads:
            thread.join()
    words = log.read_text() if log.exists() else ""
    assert not it.problems, "\n".join(it.problems)
    assert "Traceback" not in words, words[-5000:]
    return it


def wait_for(*request, times=5):
    """Return when the server has started, which a busy machine may delay."""
    for _ in range(times - 1):
        with contextlib.suppress(TimeoutError):
            return clients.ask(*request)
    return clients.ask(*request)


def check(name, found, allowed=GROWTH):
    """Return bytes a minute after the warm-up, and both ends; raise if it has grown."""
    times, usages = zip(*after_warm_up(found, 1 / 3), strict=True)
    first, last = usages[0], usages[-1]
    assert last.memory > 0, f"{name} has ended"
    by_second = slope(times, [usage.memory for usage in usages])
    grown = by_second * (times[-1] - times[0])
    assert grown < allowed, f"{name} grew by {grown / 2**20:.1f} MB"
    # As many clients as there are may be in one worker's hands.
    assert last.files <= first.files + 2 * CLIENTS, f"{name}: {first}, then {last}"
    assert last.threads <= first.threads + CLIENTS, f"{name}: {first}, then {last}"
    return 60 * by_second, first, last


def main(n, seed):
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        it = attack(n, seed, Path(folder))
    median, slowest = 1e3 * np.percentile(it.times, [50, 99])
    for name, found in it.usages.items():
        by_minute, first, last = check(name, found)
        print(
            f"{name}, after its warm-up: {by_minute / 1024:+.1f} kB a minute; from "
            f"{first.memory / 2**20:.1f} to {last.memory / 2**20:.1f} MB, from "
            f"{first.files} to {last.files} files, from {first.threads} to "
            f"{last.threads} threads"
        )
    print(
        f"finished, {len(it.times)} answers to {CLIENTS} clients in "
        f"{time.monotonic() - start:.0f} s, none wrong; a median of {median:.0f} ms, "
        f"the 99th percentile {slowest:.0f} ms; {dict(sorted(it.outcomes.items()))}"
    )
