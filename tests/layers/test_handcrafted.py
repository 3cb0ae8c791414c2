"""Filters made by hand: what they are, and that training leaves them alone."""

import numpy as np
from seeds import SEED

from skconv import ConvNetClassifier
from skconv.layers import GlobalAvgPool1D, HandcraftedConv1D


def kernel_of(sizes, channels=1):
    layer = HandcraftedConv1D(sizes)
    return layer.build((9, channels), np.random.default_rng(SEED), np.dtype(float))[0][
        "kernel"
    ]


def test_filters_are_those_of_the_paper():
    rises, falls, peaks = kernel_of([8])[:, 0].T
    alternating = [-1, 1, -1, 1, -1, 1, -1, 1]
    np.testing.assert_array_equal(rises, [0, 0, *alternating, 0, 0])
    np.testing.assert_array_equal(falls, -rises)
    low, high = 0.25, 1  # of a parabola
    side = [-low, -high, -high, -low]
    np.testing.assert_array_equal(peaks, [*side, *np.multiply(side, -2), *side])


def test_filters_add_channels():
    kernel = kernel_of((2, 4), channels=3)
    assert kernel.shape == (6, 3, 5)
    np.testing.assert_array_equal(kernel, np.repeat(kernel[:, :1], 3, axis=1))


def test_shorter_filters_are_centred_as_alone():
    """With "same", an even kernel sees one value more to the right."""
    x = np.random.default_rng(SEED).standard_normal((2, 30, 1))
    rng, dtype = np.random.default_rng(SEED), np.dtype(float)
    joined = HandcraftedConv1D((2, 4, 16), activation=None)
    weights, _ = joined.build((30, 1), rng, dtype)
    alone = HandcraftedConv1D([4], activation=None)
    weights_alone, _ = alone.build((30, 1), rng, dtype)
    np.testing.assert_allclose(
        joined.predict(weights, x)[..., [1, 4, 6]],
        alone.predict(weights_alone, x),
        atol=1e-12,
    )


def test_training_does_not_change_the_filters():
    X = np.random.default_rng(SEED).random((20, 12))
    layers = [("hand", HandcraftedConv1D()), ("mean", GlobalAvgPool1D())]
    clf = ConvNetClassifier(layers, max_iter=2, random_state=SEED)
    clf.fit(X, np.arange(20) % 2)
    kernel = clf.network_.arrays["hand.kernel"]
    np.testing.assert_array_equal(kernel, kernel_of((2, 4, 8, 16, 32, 64)).astype("f4"))
    assert clf.network_.parameters.size == 17 + 1  # of the output layer
