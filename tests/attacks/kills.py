"""Kill fits with checkpoints at random moments; resumed, they must end with the same bits.

    python -m tests.attacks kills --n 200

Each round is a fit of another kind, in a file or in a folder. One or two processes run
it at the same time on the same checkpoint, each is killed by SIGKILL after a random time
and started again, until both end. What they return must be what the fit without a
checkpoint and without kills returns, and no other file may be left. If all went well, the
last line says "finished", and the exit status is 0.
"""

import collections
import multiprocessing
import shutil
import signal
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.augmentation import RandomShift
from skconv.callbacks import Checkpoint
from skconv.layers import BatchNorm, Conv2D, Dense, Dropout, Normalization

LONGEST = 0.9  # until a kill, in times of what the fit takes without one
PATIENCE = 300.0  # seconds for a process that is not killed, on a busy machine
MOST_KILLS = 6  # of a process in a round

_RNG = np.random.default_rng(0)
X = _RNG.random((240, 8, 8))
Y = np.arange(240) % 3
LAYERS = [Normalization(), Conv2D(4), BatchNorm(), Dropout(0.2), Dense(8, "relu")]
FITS = {
    "adam": (ConvNetClassifier, {"layers": LAYERS}),
    "sgd": (ConvNetClassifier, {"layers": LAYERS, "solver": "sgd"}),
    "early stopping": (
        ConvNetClassifier,
        {"layers": LAYERS, "early_stopping": True, "n_iter_no_change": 30},
    ),
    "augmented": (ConvNetClassifier, {"layers": LAYERS, "augment": [RandomShift(1)]}),
    "regressor": (ConvNetRegressor, {"layers": LAYERS, "loss": "huber"}),
}


def fit(name, path=None):
    """Return everything that two fits have to agree on."""
    kind, params = FITS[name]
    model = kind(max_iter=30, batch_size=16, random_state=0, **params)
    if path is not None:
        model.set_callbacks(Checkpoint(path))
    model.fit(X, Y)
    return (
        model.network_.values.tobytes(),
        model.predict(X).tobytes(),
        tuple(model.loss_curve_),
        model.n_iter_,
    )


def work(sender, name, path):
    warnings.simplefilter("error")
    sender.send("ready")
    sender.send(fit(name, path))


class Worker:
    """A process that runs a fit, is killed and started again."""

    def __init__(self, context, name, path, n_kills):
        self.context, self.arguments, self.kills_left = context, (name, path), n_kills
        self.killed = 0
        self.start()

    def start(self):
        self.receiver, sender = self.context.Pipe(duplex=False)
        self.process = self.context.Process(target=work, args=(sender, *self.arguments))
        self.process.start()
        sender.close()

    def run(self, seconds):
        """Wait for the result and return it, or kill the process after a time."""
        assert self.receiver.poll(PATIENCE), "it did not begin"
        assert self.receiver.recv() == "ready"
        if self.kills_left and not self.receiver.poll(seconds):
            self.process.kill()
            self.process.join()
            self.kills_left -= 1
            self.killed += self.process.exitcode == -signal.SIGKILL
            self.start()
            return None
        assert self.receiver.poll(PATIENCE), "it hangs"
        result = self.receiver.recv()
        self.process.join()
        assert self.process.exitcode == 0
        return result

    def end(self):
        self.process.kill()
        self.process.join()


def one_round(context, rng, folder, expected):
    """Run a fit until it has ended in each process; return how it went."""
    name = list(FITS)[rng.integers(len(FITS))]
    if name not in expected:
        start = time.monotonic()
        expected[name] = fit(name), time.monotonic() - start
    result_expected, seconds = expected[name]
    in_folder, n = rng.random() < 0.3, int(rng.integers(1, 3))
    path = folder if in_folder else folder / "fit.ckpt"
    workers = [
        Worker(context, name, path, int(rng.integers(1, MOST_KILLS))) for _ in range(n)
    ]
    waiting, killed = list(workers), 0
    try:
        while waiting:
            worker = waiting[rng.integers(len(waiting))]
            result = worker.run(rng.uniform(0, LONGEST) * seconds)
            if result is not None:
                assert result == result_expected, f"other bits of {name!r}"
                waiting.remove(worker)
    finally:
        killed = sum(worker.killed for worker in workers)
        for worker in workers:
            worker.end()
    assert fit(name, path) == result_expected, f"other bits of {name!r} from its file"
    left = [each.name for each in folder.iterdir()]
    assert len(left) == 1, f"these files are left: {left}"
    return f"{n} x {'folder' if in_folder else 'file'}", killed


def kill_fits(n, seed, folder, report_every=None):
    """Run `n` rounds; return the number of each kind, and of kills."""
    # What takes long to import is imported once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["skconv.callbacks", __name__])
    rng, expected = np.random.default_rng(seed), {}
    counts, kills, start = collections.Counter(), 0, time.monotonic()
    for i in range(1, n + 1):
        place = folder / str(i)
        place.mkdir()
        kind, killed = one_round(context, rng, place, expected)
        counts[kind] += 1
        kills += killed
        shutil.rmtree(place)
        if report_every and i % report_every == 0:
            seconds = time.monotonic() - start
            print(f"{i}: {dict(counts)}, {kills} kills, {seconds:.0f} s", flush=True)
    return counts, kills


def main(n, seed):
    folder = Path(tempfile.mkdtemp())
    try:
        counts, kills = kill_fits(n, seed, folder, 20)
    except BaseException as error:
        print(f"not finished ({error!r}); the files are in {folder}", flush=True)
        raise
    shutil.rmtree(folder)
    print(f"finished, {n} rounds: {dict(counts)}, {kills} kills")
