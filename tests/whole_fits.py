"""Whole fits of every layer, small ones, and the digests of what they find.

    python -m tests.whole_fits avx2

prints a line for each fit: digests of its values, its losses and its predictions, and its name.
Where two machines print the same, fits have the same bits on both.
"""

import hashlib
import sys
import warnings

import numpy as np
from threadpoolctl import threadpool_limits

from skconv import ConvNetClassifier, ConvNetRegressor, ops, zoo
from skconv.augmentation import (
    CutMix,
    GaussianNoise,
    MixUp,
    RandomAffine,
    RandomContrast,
    RandomFlip,
)
from skconv.layers import (
    Activation,
    AvgPool1D,
    AvgPool2D,
    BatchNorm,
    Branches,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping1D,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    LayerNorm,
    MaxPool1D,
    MaxPool2D,
    Normalization,
    PReLU,
    Rescaling,
    Reshape,
    Residual,
    SeparableConv2D,
    Sequential,
    SpatialDropout1D,
    SpatialDropout2D,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.standard_normal((70, 13, 14, 3)).astype(np.float32)
SIGNALS = RNG.standard_normal((70, 60, 2)).astype(np.float32)
Y = np.arange(70) % 5

ON_IMAGES = {
    "activations": [
        Conv2D(5 + i, 3, activation=name) for i, name in enumerate(ops.ACTIVATIONS)
    ],
    "convolutions": [
        Conv2D(16, 5, activation="relu"),
        MaxPool2D(2),
        Conv2D(32, 3, activation="tanh"),
        Conv2D(48, 3, stride=2, groups=2),
        Conv2D(20, (1, 2), dilation=2, padding="valid"),
        Flatten(),
        Dense(33, "relu"),
    ],
    "thin": [
        Conv2D(6, 5, activation="relu"),
        MaxPool2D(2),
        Conv2D(3, 3, activation="elu"),
        Conv2D(1, 3),
        MaxPool2D(3, stride=1),
    ],
    "depthwise": [
        DepthwiseConv2D(3, activation="elu"),
        SeparableConv2D(17, 3, stride=2),
        SeparableConv2D(24, 3),
        GlobalMaxPool2D(),
    ],
    "normalised": [
        Normalization(),
        Rescaling(0.5),
        Conv2D(16, 3, use_bias=False),
        BatchNorm(activation="relu"),
        AvgPool2D(2, padding="same"),
        SpatialDropout2D(0.1),
        LayerNorm(),
        PReLU(),
        Dropout(0.2),
        GlobalAvgPool2D(),
    ],
    "composites": [
        Residual([Conv2D(16, 3), Activation("relu")], shortcut=[Conv2D(16, 1)]),
        Branches([Sequential([Conv2D(4, 1), Conv2D(16, 3)]), MaxPool2D(1)]),
    ],
    "enlarged": [
        ZeroPadding2D(((1, 0), (1, 1))),
        Conv2D(16, 3, stride=2, activation="relu"),
        Conv2DTranspose(16, 3, stride=2, activation="tanh"),
        Cropping2D(((0, 0), (2, 2))),
        MaxPool2D(2),
        UpSampling2D(2, interpolation="bilinear"),
        Conv2DTranspose(5, 2, dilation=2, activation="gelu"),
        UpSampling2D((1, 2)),
        Flatten(),
        Dense(18),
        Reshape((3, 3, 2)),
    ],
    "resnet": zoo.resnet((16, 32)),
    "compact": zoo.compact(),
}
ON_SIGNALS = {
    "convolutions": [
        Conv1D(12, 7, activation="relu", padding="causal"),
        MaxPool1D(2),
        Conv1D(20, 3, dilation=2),
        AvgPool1D(3),
        SpatialDropout1D(0.1),
        GlobalAvgPool1D(),
    ],
    "largest": [Conv1D(8, 5, stride=2, activation="gelu"), GlobalMaxPool1D()],
    "longer": [
        ZeroPadding1D(2),
        Conv1DTranspose(12, 4, stride=2, activation="elu"),
        UpSampling1D(2),
        Cropping1D((3, 1)),
    ],
    "signal_fcn": zoo.signal_fcn(),
    "inception_time": zoo.inception_time(8, depth=3),
    "lite": zoo.lite(),
}
SHARED = {"max_iter": 2, "batch_size": 32, "random_state": 0}
CASES = {
    **{f"{name} on images": (ConvNetClassifier(each, **SHARED), IMAGES, Y)
       for name, each in ON_IMAGES.items()},
    **{f"{name} on signals": (ConvNetClassifier(each, **SHARED), SIGNALS, Y)
       for name, each in ON_SIGNALS.items()},
    **{f"regressor, {loss}": (ConvNetRegressor(loss=loss, **SHARED), IMAGES, Y)
       for loss in ("squared_error", "absolute_error", "huber", "gaussian", "poisson")},
    "regressor, quantile": (
        ConvNetRegressor(loss="quantile", quantile=[0.9, 0.1], **SHARED), IMAGES, Y
    ),
    "columns of classes": (ConvNetClassifier(**SHARED), IMAGES, np.c_[Y, Y % 3]),
    "several labels": (ConvNetClassifier(**SHARED), IMAGES, np.c_[Y > 1, Y % 2]),
    "options": (
        ConvNetClassifier(
            solver="sgd", learning_rate="cosine", clip_norm=1.0, augment=[
                RandomAffine(20, max_shift=2, scale=(0.8, 1.2), shear=9), RandomContrast(),
                RandomFlip(), GaussianNoise(0.1), MixUp(), CutMix(),
            ],
            label_smoothing=0.1, class_weight="balanced", early_stopping=True, **SHARED
        ),
        IMAGES,
        Y,
    ),
}  # fmt: skip


def results_of(case, use, threads):
    estimator, X, y = CASES[case]
    before = ops.in_use()
    ops.use(use)
    try:
        with threadpool_limits(threads):
            fitted = estimator.fit(X, y)
            found = fitted.network_.values.copy(), np.array(fitted.loss_curve_)
            together = fitted.network_.predict(X)
            alone = np.concatenate(
                [fitted.network_.predict(X[i : i + 1]) for i in range(9)]
            )
    finally:
        ops.use(before)
    np.testing.assert_array_equal(together[:9], alone)
    return *found, together


def digests_of(case, use, threads):
    """Return a digest of each of the results."""
    return [
        hashlib.sha256(np.ascontiguousarray(each).tobytes()).hexdigest()[:16]
        for each in results_of(case, use, threads)
    ]


def main():
    warnings.simplefilter("ignore")  # of what two epochs reach
    use = sys.argv[1] if sys.argv[1:] else ops.in_use()
    for case in CASES:
        print(*digests_of(case, use, 2), case, flush=True)


if __name__ == "__main__":
    main()
