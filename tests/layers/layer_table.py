"""Every layer in several configurations, with the shape of a sample; drawn weights."""

import numpy as np
import pytest
from seeds import SEED

from skconv import layers as L
from skconv import ops
from skconv.layers import chain

LAYERS = [
    (L.Conv2D(4), (6, 5, 3)),
    (L.Conv2D(4, 5, padding="valid"), (6, 5, 3)),
    (L.Conv2D(4, (3, 2), stride=2, activation="relu"), (7, 6, 3)),
    (
        L.Conv2D(4, 3, stride=(1, 2), dilation=2, padding=2, activation="tanh"),
        (6, 6, 2),
    ),
    (L.Conv2D(6, 3, groups=3, use_bias=False, activation="gelu"), (5, 5, 3)),
    (L.Conv2D(4, 3, activation="softmax", padding=((0, 1), (1, 2))), (5, 5, 2)),
    (L.Conv2D(2, [3, 3], kernel_initializer="he_normal", activation="elu"), (1, 1, 30)),
    (L.MaxPool2D(), (6, 4, 3)),
    (L.MaxPool2D(3, stride=2, padding="same"), (5, 6, 2)),
    (L.MaxPool2D((2, 1), stride=(1, 2)), (4, 4, 2)),
    (L.AvgPool2D(), (6, 4, 3)),
    (L.AvgPool2D(3, stride=1, padding="same"), (4, 5, 2)),
    (L.GlobalAvgPool2D(), (4, 5, 3)),
    (L.GlobalMaxPool2D(), (4, 5, 3)),
    (L.Flatten(), (4, 5, 3)),
    (L.Dense(5), (7,)),
    (L.Dense(5, "relu"), (3, 4, 2)),
    (L.Dense(5, "gelu", use_bias=False, kernel_initializer="lecun_uniform"), (7,)),
    (L.Dropout(0.4), (4, 3, 2)),
    (L.Dropout(0), (7,)),
    *((L.Activation(name), (4, 3, 5)) for name in ops.ACTIVATIONS),
    (
        L.Sequential([L.Conv2D(4, activation="relu"), L.MaxPool2D(), L.Dense(3)]),
        (6, 4, 3),
    ),
    (L.Residual([("a", L.Conv2D(2)), L.Conv2D(3, activation="gelu")]), (5, 4, 3)),
    (L.Residual([L.Dense(7, "tanh")], "passthrough", activation="gelu"), (7,)),
    (
        L.Residual(
            [L.Conv2D(4, stride=2)], L.Conv2D(4, 1, stride=2), activation="relu"
        ),
        (5, 4, 3),
    ),
    (L.Residual([L.Conv2D(2)], [L.MaxPool2D(1), ("b", L.Conv2D(2, 1))]), (5, 4, 3)),
    (
        L.Branches(
            [("a", [L.Conv2D(2, 1), L.Residual([L.Conv2D(2)])]), L.Activation(None)]
        ),
        (4, 5, 3),
    ),
    (L.Branches([L.Dense(2), ("b", L.Dense(3, "relu")), L.Dropout(0.5)]), (7,)),
    (L.Branches([L.Dense(2)]), (7,)),
    (L.DepthwiseConv2D(), (6, 5, 3)),
    (
        L.DepthwiseConv2D((3, 2), stride=2, depth_multiplier=2, activation="relu"),
        (7, 6, 3),
    ),
    (
        L.DepthwiseConv2D(3, dilation=2, padding=2, use_bias=False, activation="gelu"),
        (6, 6, 17),
    ),
    (L.SeparableConv2D(4), (6, 5, 3)),
    (
        L.SeparableConv2D(5, 2, stride=(1, 2), depth_multiplier=2, activation="tanh"),
        (5, 6, 2),
    ),
    (
        L.SeparableConv2D(4, padding="valid", use_bias=False, activation="gelu"),
        (5, 5, 3),
    ),
    (L.Conv1D(4), (9, 3)),
    (L.Conv1D(4, 4, padding="causal", dilation=2, activation="relu"), (9, 3)),
    (L.Conv1D(6, 3, stride=2, groups=3, padding=(0, 2), activation="gelu"), (8, 3)),
    (
        L.Conv1D(
            2, 5, padding="valid", use_bias=False, kernel_initializer="orthogonal"
        ),
        (9, 1),
    ),
    (L.HandcraftedConv1D(), (9, 3)),
    (L.HandcraftedConv1D([4, 6], activation="gelu"), (8, 2)),
    (L.HandcraftedConv1D((2, 8), activation=None), (1, 1)),
    (L.MaxPool1D(), (9, 3)),
    (L.MaxPool1D(3, stride=2, padding="same"), (8, 2)),
    (L.MaxPool1D(3, stride=1, padding="causal"), (8, 17)),
    (L.AvgPool1D(3), (9, 2)),
    (L.AvgPool1D(3, stride=2, padding=(2, 1)), (7, 2)),
    (L.GlobalAvgPool1D(), (9, 3)),
    (L.GlobalMaxPool1D(), (9, 3)),
    (L.Dropout(0.4), (9, 2)),
    (L.SpatialDropout1D(0.4), (9, 8)),
    (L.SpatialDropout2D(0.4), (4, 3, 8)),
    (L.Rescaling(1 / 255), (4, 3, 2)),
    (L.Rescaling(2, offset=-1), (7,)),
    (L.Conv1DTranspose(3, 4, stride=3, padding=1, output_padding=2), (5, 3)),
    (L.LayerNorm(), (4, 3, 5)),
    (L.LayerNorm((1, 2, 3), scale=False), (4, 3, 2)),
    (L.LayerNorm((-3, 2), epsilon=0.1, center=False), (4, 3, 2)),
    (L.LayerNorm(1, center=False, scale=False), (9, 3)),
    (L.PReLU(), (4, 3, 2)),
    (L.PReLU((1, 2)), (4, 3, 2)),
    (L.PReLU(-1, initial_alpha=-0.5), (9, 2)),
]


LAYERS += [
    (L.BatchNorm(), (4, 3, 5)),
    (L.BatchNorm(0.5, 0.1, center=False, activation="gelu"), (7,)),
    (L.BatchNorm(scale=False, activation="relu"), (3, 4, 2)),
    (L.Normalization(), (4, 3, 5)),
    (L.Normalization(), (7,)),
    (
        L.Residual([L.Conv2D(3, use_bias=False), L.BatchNorm(activation="relu")]),
        (5, 4, 3),
    ),
    (L.Branches([[L.Normalization(), L.Conv2D(2)], L.BatchNorm()]), (5, 4, 3)),
    (L.Conv2D(4, 3, kernel_l1=0.1, kernel_l2=0.2), (5, 5, 2)),
]

LAYERS += [
    (L.Conv2DTranspose(4), (4, 3, 3)),
    (L.Conv2DTranspose(4, 2, stride=2, activation="relu"), (4, 3, 3)),
    (L.Conv2DTranspose(2, (3, 5), stride=(2, 3), padding="valid"), (3, 2, 17)),
    (
        L.Conv2DTranspose(
            3, 2, stride=3, padding="valid", use_bias=False, activation="gelu"
        ),
        (2, 3, 2),
    ),
    (L.Conv2DTranspose(3, 4, stride=2, padding=1, output_padding=(1, 0)), (3, 3, 2)),
    (
        L.Conv2DTranspose(3, dilation=2, padding=((1, 0), (2, 1)), kernel_l2=0.1),
        (3, 4, 2),
    ),
    (L.Conv2DTranspose(3, stride=2, output_padding=0, activation="softmax"), (3, 4, 2)),
    (L.Conv1DTranspose(4), (5, 3)),
    (L.Conv1DTranspose(4, 4, stride=2, activation="tanh"), (5, 3)),
    (L.Conv1DTranspose(2, 3, stride=2, padding=(0, 1), dilation=2), (5, 3)),
    (L.UpSampling2D(), (3, 4, 3)),
    (L.UpSampling2D((3, 1)), (3, 4, 17)),
    (L.UpSampling2D(interpolation="bilinear"), (3, 4, 3)),
    (L.UpSampling2D((3, 4), interpolation="bilinear"), (1, 5, 17)),
    (L.UpSampling1D(3), (4, 3)),
    (L.ZeroPadding2D(), (3, 4, 3)),
    (L.ZeroPadding2D(((0, 2), (1, 0))), (3, 4, 2)),
    (L.ZeroPadding1D((2, 0)), (4, 3)),
    (L.Cropping2D(), (3, 4, 3)),
    (L.Cropping2D(((0, 2), (1, 0))), (3, 4, 2)),
    (L.Cropping1D(), (4, 3)),
    (L.Reshape((6, -1)), (3, 4, 2)),
    (L.Reshape((2, 3, 2)), (12,)),
    (
        L.Branches(
            [
                L.Activation(None),
                [L.MaxPool2D(), L.Conv2D(2, activation="relu"), L.UpSampling2D()],
            ]
        ),
        (4, 6, 3),
    ),
]

each_layer = pytest.mark.parametrize(
    ("layer", "shape"), LAYERS, ids=lambda value: repr(value).replace("\n", "")
)


def setup(layer, shape, dtype=np.float64, n=3):
    """Return weights, output shape and an input of distinct values, far from 0."""
    rng = np.random.default_rng(SEED)
    weights, output_shape = layer.build(shape, rng, np.dtype(dtype))
    for _, weight, is_trained in chain.named_weights(layer, weights):
        weight[...] = rng.standard_normal(weight.shape)
        if not is_trained:  # a variance or a count
            weight[...] = np.abs(weight) + 0.1
    values = rng.permutation(n * np.prod(shape)) - n * np.prod(shape) // 2 + 0.5
    x = (values / len(values)).reshape(n, *shape).astype(dtype)
    return weights, output_shape, x


def flat(nested, path=()):
    """Return the arrays in nested dicts, by the names that lead to them."""
    if not isinstance(nested, dict):
        return {path: nested}
    parts = [flat(value, (*path, key)) for key, value in nested.items()]
    return {key: value for part in parts for key, value in part.items()}


def parts(layer):
    yield layer
    for _, inner in layer.inner_layers():
        yield from parts(inner)


def trained(layer, weights):
    named = chain.named_weights(layer, weights)
    return {path: weight for path, weight, is_trained in named if is_trained}
