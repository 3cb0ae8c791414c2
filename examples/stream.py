"""
Stream: train from chunks of a file that is larger than memory
==============================================================

Images are in a file that need not fit into memory; ``partial_fit`` learns from 500 at a
time, and a checkpoint saves the state. Run ``python examples/stream.py --output
FOLDER``, kill it, run it again: it resumes.
"""

import argparse
import tempfile
import tracemalloc
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier
from skconv.callbacks import Checkpoint

parser = argparse.ArgumentParser(description="Train from chunks of a file.")
parser.add_argument(
    "--output",
    type=Path,
    help="folder for images, checkpoint and picture; by default a temporary one",
)
parser.add_argument("--images", type=int, default=20_000)
arguments = parser.parse_args()
temporary = tempfile.TemporaryDirectory()
folder = arguments.output or Path(temporary.name)

# %%
# A file of images
# ----------------
# Digits, enlarged to 32 x 32 and shifted at random, as bytes.

SIDE, CHUNK = 32, 500


def write_file(n_images):
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


if not (folder / "y.npy").exists():
    write_file(arguments.images)

# %%
# Chunk by chunk
# --------------
# Each chunk opens the file again, since pages of a memory map that were read are part
# of the memory of the process as long as the map is open.


def chunks(first=0):
    """Yield (X, y) of 500 images at a time, starting with chunk `first`."""
    y = np.load(folder / "y.npy")
    for start in range(first * CHUNK, len(y), CHUNK):
        part = slice(start, start + CHUNK)
        X = np.load(folder / "X.npy", mmap_mode="r")[part]
        yield X / np.float32(255), y[part]


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

# %%
# Learn
# -----
# Each chunk is scored before training on it: the network has not seen it yet.

tracemalloc.start()
seen, right, held = [], [], []
for X, y in chunks(done):
    score = clf.score(X, y) if hasattr(clf, "network_") else np.nan
    clf.partial_fit(X, y, classes=range(10))
    seen.append(clf.n_iter_ * CHUNK)
    right.append(score)
    held.append(tracemalloc.get_traced_memory()[1] / 1e6)
    if clf.n_iter_ % 5 == 0:
        print(f"chunk {clf.n_iter_:3d}: {score:.3f} were right before it learnt them")
peak = tracemalloc.get_traced_memory()[1]
whole = 4 * SIDE * SIDE * len(np.load(folder / "y.npy"))
print(f"most memory in use: {peak / 1e6:.0f} MB; X as float32: {whole / 1e6:.0f} MB")
print(f"sum of the weights: {clf.network_.parameters.sum():.6f}")

# %%
# Accuracy and memory
# -------------------

figure, (above, below) = plt.subplots(
    2, figsize=(5.2, 4.6), sharex=True, layout="constrained"
)
above.plot(seen, right, "o-", color="#2b5d8a", markersize=4)
above.set_ylim(0, 1)
above.set_title("Accuracy on each chunk before training on it", loc="left")
below.fill_between(
    seen, 4e-6 * SIDE**2 * np.array(seen), color="#e9ecef", label="the images so far"
)
below.plot(seen, held, color="#c46a00", linewidth=2, label="peak of memory in use")
below.set_title("Megabytes", loc="left")
below.set_xlabel("images seen")
below.locator_params("x", nbins=5)
below.legend(loc="upper left", frameon=False)
for ax in (above, below):
    ax.grid(axis="y", color="#dddddd", linewidth=0.7)
    ax.spines[["top", "right"]].set_visible(False)
if arguments.output and seen:
    figure.savefig(folder / "stream.png", dpi=130)
temporary.cleanup()
plt.show()
