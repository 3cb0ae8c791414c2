"""The default networks layer by layer: files, `frozen` and reports use these names."""

import numpy as np
import pytest

from skconv.models.autoencoder import autoencoder_layers, coder_and_decoder
from skconv.models.default import check_sizes, default_layers
from skconv.models.unet import unet_layers, unet_level

CLASSIFIER = """
normalization Normalization(deviation=0.5)
conv1 Conv2D(activation='relu', filters=32, kernel_initializer='he_uniform', kernel_size=(3, 3))
pool1 MaxPool2D(pool_size=(2, 2))
conv2 Conv2D(activation='relu', filters=64, kernel_initializer='he_uniform', kernel_size=(3, 3))
pool2 MaxPool2D(pool_size=(2, 2))
dense1 Dense(activation='relu', kernel_initializer='he_uniform', units=128)
"""
THIN = """
normalization Normalization(deviation=0.5)
conv1 Conv2D(activation='tanh', filters=4, kernel_initializer='he_uniform', kernel_size=(5, 3), stride=(1, 2))
pool1 MaxPool2D(pool_size=(3, 2))
conv2 Conv2D(activation='tanh', filters=5, kernel_initializer='he_uniform', kernel_size=(1, 3), stride=(1, 2))
pool2 MaxPool2D(pool_size=(1, 2))
dense1 Dense(activation='tanh', kernel_initializer='he_uniform', units=6)
dense2 Dense(activation='tanh', kernel_initializer='he_uniform', units=7)
"""
AUTOENCODER = """
normalization Normalization(deviation=0.5)
conv1 Conv2D(activation='relu', filters=16, kernel_initializer='he_normal', kernel_size=(3, 3), stride=2)
conv2 Conv2D(activation='relu', filters=32, kernel_initializer='he_normal', kernel_size=(3, 3), stride=2)
code Dense(units=32)
dense Dense(activation='relu', kernel_initializer='he_normal', units=128)
image Reshape(target_shape=(2, 2, 32))
up2 Conv2DTranspose(activation='relu', filters=32, kernel_initializer='he_normal', kernel_size=(3, 3), stride=2)
crop2 Cropping2D(cropping=((0, 1), (0, 0)))
up1 Conv2DTranspose(activation='relu', filters=16, kernel_initializer='he_normal', kernel_size=(3, 3), stride=2)
crop1 Cropping2D(cropping=((0, 1), (0, 0)))
"""
CODER = """
conv1 Conv2D(activation='relu', filters=3, kernel_initializer='he_normal', kernel_size=(3, 3), stride=2)
code Dense(units=4)
dense Dense(activation='relu', kernel_initializer='he_normal', units=36)
image Reshape(target_shape=(3, 4, 3))
up1 Conv2DTranspose(activation='relu', filters=3, kernel_initializer='he_normal', kernel_size=(3, 3), stride=2)
crop1 Cropping2D(cropping=((0, 1), (0, 1)))
"""
OTHER_CODER = """
normalization Normalization(deviation=0.5)
conv1 Conv2D(activation='tanh', filters=3, kernel_initializer='he_normal', kernel_size=(5, 3), stride=2)
code Dense(units=2)
dense Dense(activation='tanh', kernel_initializer='he_normal', units=24)
image Reshape(target_shape=(2, 4, 3))
up1 Conv2DTranspose(activation='tanh', filters=3, kernel_initializer='he_normal', kernel_size=(5, 3), stride=2)
"""
UNET = """
normalization Normalization(deviation=0.5)
pad ZeroPadding2D(padding=((0, 1), (0, 0)))
conv1 Conv2D(filters=16, kernel_initializer='he_normal', kernel_size=(3, 3), use_bias=False)
norm1 BatchNorm(activation='relu')
conv2 Conv2D(filters=16, kernel_initializer='he_normal', kernel_size=(3, 3), use_bias=False)
norm2 BatchNorm(activation='relu')
skip.same Activation(activation=None)
skip.below.pool MaxPool2D(pool_size=(2, 2))
skip.below.conv1 Conv2D(filters=32, kernel_initializer='he_normal', kernel_size=(3, 3), use_bias=False)
skip.below.norm1 BatchNorm(activation='relu')
skip.below.conv2 Conv2D(filters=32, kernel_initializer='he_normal', kernel_size=(3, 3), use_bias=False)
skip.below.norm2 BatchNorm(activation='relu')
skip.below.up Conv2DTranspose(filters=16, kernel_initializer='he_normal', kernel_size=(2, 2), stride=(2, 2))
conv3 Conv2D(filters=16, kernel_initializer='he_normal', kernel_size=(3, 3), use_bias=False)
norm3 BatchNorm(activation='relu')
conv4 Conv2D(filters=16, kernel_initializer='he_normal', kernel_size=(3, 3), use_bias=False)
norm4 BatchNorm(activation='relu')
crop Cropping2D(cropping=((0, 1), (0, 0)))
"""
LEVEL = """
conv1 Conv2D(filters=3, kernel_initializer='he_normal', use_bias=False)
norm1 BatchNorm(activation='relu')
conv2 Conv2D(filters=3, kernel_initializer='he_normal', use_bias=False)
norm2 BatchNorm(activation='relu')
"""
TALL_UNET = """
normalization Normalization(deviation=0.5)
pad ZeroPadding2D(padding=((1, 2), (0, 0)))
conv1 Conv2D(filters=1, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
norm1 BatchNorm(activation='tanh')
conv2 Conv2D(filters=1, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
norm2 BatchNorm(activation='tanh')
skip.same Activation(activation=None)
skip.below.pool MaxPool2D(pool_size=(2, 1))
skip.below.conv1 Conv2D(filters=2, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
skip.below.norm1 BatchNorm(activation='tanh')
skip.below.conv2 Conv2D(filters=2, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
skip.below.norm2 BatchNorm(activation='tanh')
skip.below.skip.same Activation(activation=None)
skip.below.skip.below.pool MaxPool2D(pool_size=(2, 1))
skip.below.skip.below.conv1 Conv2D(filters=3, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
skip.below.skip.below.norm1 BatchNorm(activation='tanh')
skip.below.skip.below.conv2 Conv2D(filters=3, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
skip.below.skip.below.norm2 BatchNorm(activation='tanh')
skip.below.skip.below.up Conv2DTranspose(filters=2, kernel_initializer='he_normal', kernel_size=(2, 1), stride=(2, 1))
skip.below.conv3 Conv2D(filters=2, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
skip.below.norm3 BatchNorm(activation='tanh')
skip.below.conv4 Conv2D(filters=2, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
skip.below.norm4 BatchNorm(activation='tanh')
skip.below.up Conv2DTranspose(filters=1, kernel_initializer='he_normal', kernel_size=(2, 1), stride=(2, 1))
conv3 Conv2D(filters=1, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
norm3 BatchNorm(activation='tanh')
conv4 Conv2D(filters=1, kernel_initializer='he_normal', kernel_size=(5, 1), use_bias=False)
norm4 BatchNorm(activation='tanh')
crop Cropping2D(cropping=((1, 2), (0, 0)))
"""
NETWORKS = {
    "classifier": (default_layers, ((9, 20, 1),), {}, CLASSIFIER),
    "classifier of thin images": (
        default_layers,
        ((3, 30, 2),),
        {
            "filters": (4, 5), "kernel_size": (9, 3), "stride": (1, 2),
            "pool_size": (3, 2), "hidden_layer_sizes": (6, 7), "activation": "tanh",
        },
        THIN,
    ),
    "autoencoder": (autoencoder_layers, ((5, 8, 1),), {}, AUTOENCODER),
    "autoencoder of other numbers": (
        autoencoder_layers,
        ((4, 8, 1),),
        {"n_components": 2, "filters": 3, "kernel_size": (5, 3), "activation": "tanh"},
        OTHER_CODER,
    ),
    "coder and decoder": (coder_and_decoder, ((5, 7), 4, 3), {}, CODER),
    "U-Net": (unet_layers, ((5, 8, 1),), {}, UNET),
    "U-Net of one column": (
        unet_layers,
        ((5, 1, 1),),
        {"filters": (1, 2, 3), "kernel_size": (5, 1), "activation": "tanh"},
        TALL_UNET,
    ),
    "level of a U-Net": (unet_level, ((3,),), {}, LEVEL),
}  # fmt: skip


def described(layers, prefix=""):
    for name, layer in layers:
        inner = layer.inner_layers() or getattr(layer, "layers", [])
        if inner:
            yield from described(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name} {layer!r}"


@pytest.mark.parametrize(
    ("make", "args", "params", "expected"), NETWORKS.values(), ids=NETWORKS
)
def test_default_networks_have_these_layers(make, args, params, expected):
    assert list(described(make(*args, **params))) == expected.strip().splitlines()


LEVELS = {
    (1, 1): 1,
    (1, 2): 1,
    (3, 3): 1,
    (2, 40): 1,
    (4, 4): 2,
    (31, 99): 2,
    (32, 99): 3,
    (1, 32): 3,
    (63, 99): 3,
    (64, 64): 4,
    (127, 128): 4,
    (128, 128): 5,
    (999, 999): 5,
}


@pytest.mark.parametrize(("size", "levels"), LEVELS.items(), ids=str)
def test_larger_images_get_more_levels(size, levels):
    layers = [line.split() for line in described(unet_layers((*size, 1)))]
    widths = [line[1] for line in layers if line[0].endswith("conv1")]
    expected = [16, 32, 64, 128, 128][:levels]
    assert widths == [f"Conv2D(filters={width}," for width in expected]


REFUSED = [
    (default_layers, {"filters": 0}, r"each of filters must be an int >= 1, got 0"),
    (default_layers, {"hidden_layer_sizes": [0]}, r"each of hidden_layer_sizes"),
    (default_layers, {"kernel_size": 0}, r"^kernel_size must"),
    (default_layers, {"pool_size": 0}, r"^pool_size must"),
    (unet_layers, {"filters": [2, 0]}, r"each of filters"),
    (unet_layers, {"filters": "many"}, r"filters must be .* 'auto', got 'many'"),
    (unet_layers, {"kernel_size": 0}, r"^kernel_size must"),
    (autoencoder_layers, {"filters": ()}, r"^filters must be an int or a list .* \(\)"),
    (unet_layers, {"filters": []}, r"^filters must be an int or a list .* \[\]"),
    (autoencoder_layers, {"filters": 0}, r"each of filters"),
    (autoencoder_layers, {"kernel_size": 0}, r"^kernel_size must"),
    (autoencoder_layers, {"n_components": 0}, r"^n_components must"),
]


@pytest.mark.parametrize(("make", "params", "words"), REFUSED)
def test_numbers_that_make_no_network_are_refused_by_name(make, params, words):
    with pytest.raises(ValueError, match=words):
        make((8, 8, 1), **params)


def test_the_size_of_a_coder_is_a_pair():
    with pytest.raises(ValueError, match=r"^size must"):
        coder_and_decoder(0, 2, 3)


@pytest.mark.parametrize(
    ("given", "sizes"),
    [(3, [3]), ((3, 4), [3, 4]), (range(1, 3), [1, 2]), (np.array([3, 4]), [3, 4]), ((), [])],
)  # fmt: skip
def test_sizes_are_one_or_several(given, sizes):
    assert check_sizes(given, "filters") == sizes


MARGINS = {
    (1, 5): ("((0, 0), (0, 1))", "(1, 2)"),
    (5, 1): ("((0, 1), (0, 0))", "(2, 1)"),
    (2, 3): ("((0, 0), (0, 1))", "(2, 2)"),
    (3, 2): ("((0, 1), (0, 0))", "(2, 2)"),
}


@pytest.mark.parametrize(("size", "expected"), MARGINS.items(), ids=str)
def test_sides_of_a_pixel_are_not_halved(size, expected):
    lines = list(described(unet_layers((*size, 1), filters=(1, 2))))
    assert lines[1] == f"pad ZeroPadding2D(padding={expected[0]})"
    assert f"skip.below.pool MaxPool2D(pool_size={expected[1]})" in lines


def test_margins_are_on_both_sides():
    lines = list(described(unet_layers((6, 6, 1), filters=(1, 2, 3))))
    assert lines[1] == "pad ZeroPadding2D(padding=((1, 1), (1, 1)))"
    assert lines[-1] == "crop Cropping2D(cropping=((1, 1), (1, 1)))"


@pytest.mark.parametrize(("pool_size", "n"), [(1, 0), ((2, 1), 2), ((1, 2), 2)])
def test_pools_of_one_pixel_are_left_out(pool_size, n):
    names = [name for name, _ in default_layers((8, 8, 1), pool_size=pool_size)]
    assert sum(name.startswith("pool") for name in names) == n
