"""The processor time of transforms, beside that of a step of the mnist net."""

import time
from statistics import median

import numpy as np
from threadpoolctl import threadpool_limits

from skconv import ConvNetClassifier, zoo
from skconv import augmentation as aug
from skconv._training.losses import find_loss

from .processes import print_table

BATCH = 128
SHAPES = [(28, 28, 1), (32, 32, 3)]
TRANSFORMS = [
    aug.RandomFlip(),
    aug.RandomShift(4),
    aug.RandomShift(4, "reflect"),
    aug.RandomRotation(10),
    aug.RandomAffine(10, max_shift=2, scale=(0.9, 1.1), shear=5),
    aug.RandomErasing(1),
    aug.RandomBrightness(0.1),
    aug.RandomContrast(),
    aug.GaussianNoise(0.1),
    aug.MixUp(),
    aug.CutMix(),
]


def run(rounds=15):
    """Print the time of each transform of a minibatch, on one thread, and its part."""
    with threadpool_limits(1):
        times = {shape: measure(shape, rounds) for shape in SHAPES}
    print(f"\n## Augmentation: medians of {rounds} rounds, batches of {BATCH}\n")
    columns = ["", *(f"{'x'.join(map(str, shape))} (ms)" for shape in SHAPES)]
    rows = []
    for i, transform in enumerate(["a training step", *map(repr, TRANSFORMS)]):
        row = [transform]
        for steps, *others in times.values():
            part = f" ({others[i - 1] / steps:.1%})" if i else ""
            row.append(f"{1e3 * [steps, *others][i]:.2f}{part}")
        rows.append(row)
    print_table(columns, rows)
    return {"x".join(map(str, shape)): each for shape, each in times.items()}


def measure(shape, rounds):
    """Return the seconds of a step and of each transform, which take turns."""
    rng = np.random.default_rng(0)
    X, y = rng.random((BATCH, *shape), np.float32), np.arange(BATCH) % 10
    clf = ConvNetClassifier(zoo.keras_mnist(), max_iter=1, random_state=0).fit(X, y)
    network, loss = clf.network_, find_loss("softmax_cross_entropy")
    batch = aug.Batch(X, y, n_outputs=10)
    calls = [lambda: network.loss_and_gradient(X, y, None, loss, rng)]
    for each in TRANSFORMS:
        calls.append(lambda each=each: aug.augment(batch, each, rng))
    seconds = [[] for _ in calls]
    for _ in range(rounds + 1):
        for call, found in zip(calls, seconds, strict=True):
            start = time.process_time()
            call()
            found.append(time.process_time() - start)
    return [median(found[1:]) for found in seconds]
