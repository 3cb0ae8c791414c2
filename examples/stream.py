"""
Stream: train from chunks of a file that is never in memory whole
=================================================================

Run ``python examples/stream.py``; ``--output`` is where the images and the checkpoint
go. Kill it, run it again: it goes on where it was.
"""

import argparse
import tracemalloc
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier
from skconv.callbacks import Checkpoint

SIDE, CHUNK = 32, 500


def write_file(folder, n_images):
    """Write digits, enlarged to 32x32 and each shifted its own way, as bytes."""
    digits, labels = load_digits(return_X_y=True)
    small = digits.reshape(-1, 8, 8).astype(np.uint8) * 15
    rng = np.random.default_rng(0)
    shape = n_images, SIDE, SIDE
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.uint8, shape)
    which = rng.integers(len(small), size=n_images)
    for i, image in enumerate(small[which]):
        large = image.repeat(4, axis=0).repeat(4, axis=1)
        X[i] = np.roll(large, rng.integers(-4, 5, size=2), axis=(0, 1))
    X.flush()
    np.save(folder / "y.npy", labels[which])


def chunks(folder, first=0):
    """Yield (X, y) of 500 images at a time, from the chunk `first` on.

    Each opens the file anew, since pages of a memory map that were read count as this
    process's memory as long as it is open.
    """
    y = np.load(folder / "y.npy")
    for start in range(first * CHUNK, len(y), CHUNK):
        part = slice(start, start + CHUNK)
        X = np.load(folder / "X.npy", mmap_mode="r")[part]
        yield X / np.float32(255), y[part]


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("."))
    parser.add_argument("--images", type=int, default=20_000)
    arguments = parser.parse_args()
    folder = arguments.output
    if not (folder / "y.npy").exists():
        write_file(folder, arguments.images)

    clf = ConvNetClassifier(
        filters=(8,),
        pool_size=4,
        hidden_layer_sizes=(32,),
        learning_rate_init=0.005,
        batch_size=50,
        random_state=0,
    )
    checkpoint = Checkpoint(folder / "stream.ckpt", every=4)
    clf.set_callbacks(checkpoint)
    done = checkpoint.restore(clf)
    print(f"chunks that were seen before: {done}")

    tracemalloc.start()
    right = n = 0
    for X, y in chunks(folder, done):
        if hasattr(clf, "network_"):  # each chunk is a test before it is learnt from
            right += (clf.predict(X) == y).sum()
            n += len(y)
        clf.partial_fit(X, y, classes=range(10))
        if n and clf.n_iter_ % 5 == 0:
            print(f"chunk {clf.n_iter_:3d}: {right / n:.3f} of those since were right")
            right = n = 0
    peak = tracemalloc.get_traced_memory()[1]
    whole = 4 * SIDE * SIDE * len(np.load(folder / "y.npy"))
    print(
        f"most memory in use: {peak / 1e6:.0f} MB; X as float32: {whole / 1e6:.0f} MB"
    )
    print(f"sum of the weights: {clf.network_.parameters.sum():.6f}")


if __name__ == "__main__":
    main()
