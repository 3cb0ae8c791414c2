"""Errors of layers: what build refuses, and what a layer must define."""

import numpy as np
import pytest

from skconv import layers as L
from skconv.layers import chain
from skconv.layers.layer import total_penalty
from skconv.layers.marks import mark
from skconv.layers.naming import name_layers


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (L.Conv2D(0), (5, 5, 1), "filters must be an int >= 1, got 0"),
        (L.Conv2D(8.0), (5, 5, 1), "filters must be an int >= 1, got 8.0"),
        (L.Conv2D(8, -3), (5, 5, 1), "kernel_size must be an int >= 1 .* got -3"),
        (L.Conv2D(8, 3.5), (5, 5, 1), "kernel_size must be an int >= 1 .* got 3.5"),
        (L.Conv2D(8, stride=0), (5, 5, 1), "stride must be an int >= 1 .* got 0"),
        (
            L.Conv2D(8, 5, padding="valid"),
            (3, 3, 1),
            "kernel_size 5x5 does not fit its input 3x3; use padding='same'",
        ),
        (
            L.Conv2D(8, groups=2),
            (5, 5, 3),
            "groups must divide its 3 input channels .* got 2",
        ),
        (
            L.Conv2D(8, activation="rulu"),
            (5, 5, 1),
            "activation .* did you mean 'relu'",
        ),
        (
            L.Conv2D(8, kernel_initializer="he_norml"),
            (5, 5, 1),
            "kernel_initializer must be .* got 'he_norml'; did you mean 'he_normal'",
        ),
        (
            L.Conv2D(8),
            (25,),
            r"takes images \(h, w, c\), but its input has shape \(25,\)",
        ),
        (L.MaxPool2D(6), (5, 5, 1), "pool_size 6x6 does not fit its input 5x5"),
        (L.MaxPool2D(0), (5, 5, 1), "pool_size must be an int >= 1 .* got 0"),
        (L.AvgPool2D(2, stride=0), (5, 5, 1), "stride must be an int >= 1 .* got 0"),
        (L.GlobalAvgPool2D(), (5,), "takes images"),
        (L.Dense(-1), (5,), "units must be an int >= 1, got -1"),
        (L.Dropout(1), (5,), r"rate must be a number in \[0, 1\), got 1"),
        (L.Dropout("half"), (5,), r"rate must be a number in \[0, 1\), got 'half'"),
        (L.Activation("sotfmax"), (5,), "did you mean 'softmax'"),
        (
            L.Conv2D(8),
            (25, 3),
            r"takes images .* shape \(25, 3\); use Conv1D .* for signals \(length, channels\)",
        ),
        (
            L.Conv1D(8),
            (5, 5, 1),
            r"takes signals \(length, channels\), .* shape \(5, 5, 1\); use Conv2D .* for images",
        ),
        (L.Conv1D(8), (25,), "takes signals .* place it before layers that flatten"),
        (L.GlobalMaxPool1D(), (2, 3, 4, 5), r"shape \(2, 3, 4, 5\); reshape it"),
        (L.SpatialDropout1D(0.5), (5, 5, 1), "takes signals"),
        (L.SpatialDropout2D(0.5), (5, 5), "takes images"),
        (L.SpatialDropout2D(2), (5, 5, 1), r"rate must be a number in \[0, 1\), got 2"),
        (L.Conv1D(8, (3, 3)), (9, 1), r"kernel_size must be an int >= 1, got \(3, 3\)"),
        (L.Conv1D(8, stride=0), (9, 1), "stride must be an int >= 1, got 0"),
        (
            L.HandcraftedConv1D((2, 3)),
            (9, 1),
            r"kernel_sizes must be one even number or more in a list, got \(2, 3\)",
        ),
        (L.HandcraftedConv1D(8), (9, 1), "kernel_sizes must be one even .* got 8"),
        (L.HandcraftedConv1D([]), (9, 1), r"kernel_sizes must be one even .* got \[\]"),
        (
            L.HandcraftedConv1D((2, 0)),
            (9, 1),
            "each of kernel_sizes must be an int >= 1, got 0",
        ),
        (L.HandcraftedConv1D("24"), (9, 1), "each of kernel_sizes .* got '2'"),
        (L.HandcraftedConv1D(), (9, 9, 1), "takes signals"),
        (L.HandcraftedConv1D(activation="rulu"), (9, 1), "did you mean 'relu'"),
        (
            L.Conv1D(8, padding="casual"),
            (9, 1),
            "padding must be .*'causal', an int >= 0 or .left, right., got 'casual'",
        ),
        (L.Conv2D(8, padding="causal"), (9, 9, 1), "padding must be .* got 'causal'"),
        (
            L.Conv1D(8, 5, dilation=3, padding="valid"),
            (9, 1),
            r"kernel_size 5 \(dilated to 13\) does not fit its input 9; use",
        ),
        (L.MaxPool1D(6), (5, 1), "pool_size 6 does not fit its input 5"),
        (L.AvgPool1D(2, padding=(0, 2)), (5, 1), "padding must be less than pool_size"),
        (
            L.DepthwiseConv2D(5, padding="valid"),
            (3, 3, 1),
            "5x5 does not fit its input 3x3",
        ),
        (L.DepthwiseConv2D(3), (9, 9), "takes images"),
        (
            L.DepthwiseConv2D(depth_multiplier=0),
            (5, 5, 1),
            "depth_multiplier must be an int",
        ),
        (
            L.DepthwiseConv2D(depthwise_initializer="orthogonl"),
            (5, 5, 1),
            "depthwise_initializer must be .* did you mean 'orthogonal'",
        ),
        (L.SeparableConv2D(0), (5, 5, 1), "filters must be an int >= 1, got 0"),
        (L.SeparableConv2D(4, activation="rulu"), (5, 5, 1), "did you mean 'relu'"),
        (
            L.SeparableConv2D(4, pointwise_initializer="zero"),
            (5, 5, 1),
            "pointwise_initializer must be .* did you mean 'zeros'",
        ),
        (L.Conv2DTranspose(0), (5, 5, 1), "filters must be an int >= 1, got 0"),
        (L.Conv2DTranspose(2, padding="causal"), (5, 5, 1), "'same' or numbers, got"),
        (L.Conv2DTranspose(2, stride=0), (5, 5, 1), "stride must be an int >= 1 .* 0"),
        (L.Conv2DTranspose(2), (25, 3), r"takes images .* use Conv1D"),
        (
            L.Conv2DTranspose(2, 3, stride=2, padding=1, output_padding=2),
            (5, 5, 1),
            "output_padding=2 does not fit kernel_size=3, stride=2 and padding=1: it "
            "would make 11x11 pixels, .* makes 6x6, not the 5x5 of its input; use None",
        ),
        (
            L.Conv2DTranspose(2, output_padding=-1),
            (5, 5, 1),
            "output_padding must be an int >= 0 or a pair of them, got -1",
        ),
        (
            L.Conv1DTranspose(2, 3, output_padding=(1, 1)),
            (5, 1),
            r"output_padding must be an int >= 0, got \(1, 1\)",
        ),
        (L.Conv2DTranspose(2, padding=4), (2, 5, 1), "make -4x-1 pixels; use less pad"),
        (L.Conv2DTranspose(2, stride=2**40), (5, 5, 1), "use a smaller stride"),
        (L.Conv2DTranspose(2, activation="rulu"), (5, 5, 1), "did you mean 'relu'"),
        (L.UpSampling2D(0), (5, 5, 1), "size must be an int >= 1 or a pair .* got 0"),
        (L.UpSampling2D(2.0), (5, 5, 1), "size must be an int >= 1 .* got 2.0"),
        (
            L.UpSampling2D(interpolation="bicubic"),
            (5, 5, 1),
            "interpolation must be 'nearest' or 'bilinear', got 'bicubic'",
        ),
        (L.UpSampling2D(2**30), (5, 5, 1), "are too large; use a smaller size"),
        (L.UpSampling2D(), (5, 5), "takes images"),
        (L.UpSampling1D((2, 2)), (5, 1), r"size must be an int >= 1, got \(2, 2\)"),
        (
            L.ZeroPadding2D("same"),
            (5, 5, 1),
            r"padding must be an int >= 0, .h, w. or .*right.., got 'same'",
        ),
        (L.ZeroPadding2D(-1), (5, 5, 1), "padding must be an int >= 0, .* got -1"),
        (L.ZeroPadding2D(2**40), (5, 5, 1), "are too large; use less padding"),
        (L.ZeroPadding1D(((1, 1), (1, 1))), (5, 1), "int >= 0 or .left, right., got"),
        (L.Cropping2D((3, 0)), (5, 5, 1), r"must leave something of its input \(5, 5"),
        (L.Cropping1D((2, 3)), (5, 1), r"must leave something .* got \(2, 3\)"),
        (L.Cropping1D(None), (5, 1), "cropping must be an int >= 0 or .* got None"),
        *(
            (layer, (5, 4, 3), f"^{name} must be True or False, got 1$")
            for layer, name in (
                (L.Dense(3, use_bias=1), "use_bias"),
                (L.Conv2D(3, use_bias=1), "use_bias"),
                (L.DepthwiseConv2D(use_bias=1), "use_bias"),
                (L.SeparableConv2D(3, use_bias=1), "use_bias"),
                (L.BatchNorm(center=1), "center"),
                (L.BatchNorm(scale=1), "scale"),
                (L.LayerNorm(center=1), "center"),
                (L.LayerNorm(scale=1), "scale"),
            )
        ),
        (
            L.ZeroPadding2D(((0, 2**23 - 1), (0, 2**23 - 2))),
            (1, 2, 4),
            "use less padding",
        ),
        (L.UpSampling2D((2**23, 2**22)), (1, 2, 4), "use a smaller size"),
        (L.Conv1D(0), (5, 3), "^filters must be an int >= 1, got 0"),
        (L.Conv2D(3, groups=0), (5, 5, 3), "^groups must be an int >= 1, got 0"),
        (
            L.Dense(3, kernel_initializer="x"),
            (5,),
            "^kernel_initializer must be one of",
        ),
        (L.Sequential([("layers", L.Dense(3))]), (5,), "may not be called 'layers'"),
        (L.Branches([("layers", L.Dense(3))]), (5,), "may not be called 'layers'"),
        (
            L.Residual([L.Conv2D(7, stride=2)]),
            (5, 5, 2),
            r"such as Conv2D\(7, 1, stride=...\)$",
        ),
        (L.Reshape((5, -1, 2)), (5, 5), r"hold the 25 numbers .* got \(5, -1, 2\)"),
        (L.Reshape((4, 4)), (5, 5), r"hold the 25 numbers of its input .* got \(4, 4"),
        (L.Reshape((-1, 4)), (5, 5), "must hold the 25 numbers"),
        (L.Reshape((-1, -1)), (4, 4), "at most one of them -1, got"),
        (L.Reshape(16), (4, 4), "target_shape must be a tuple of int >= 1, .* got 16"),
        (L.Reshape(()), (4, 4), r"target_shape must be a tuple .* got \(\)"),
        (L.Reshape((0, -1)), (4, 4), "target_shape must be a tuple of int >= 1"),
        (L.Reshape((4.0, 4)), (4, 4), "target_shape must be a tuple of int >= 1"),
        (L.Rescaling("a"), (5,), "scale must be a finite number, got 'a'"),
        (L.Rescaling(1, float("inf")), (5,), "offset must be a finite number, got inf"),
        (
            L.LayerNorm(0),
            (5, 4),
            r"axis must be distinct axes from 1 to 2, .* -1 to -2, .* \(5, 4\), got 0",
        ),
        (L.LayerNorm((1, -2)), (5, 4), r"axis must be distinct .* got \(1, -2\)"),
        (L.LayerNorm(1.0), (5, 4), "axis must be distinct .* got 1.0"),
        (L.LayerNorm(()), (5, 4), r"axis must name at least one axis, got \(\)"),
        (L.LayerNorm(epsilon=0), (5, 4), "epsilon must be a number > 0, got 0"),
        (L.PReLU(3), (5, 4), "shared_axes must be distinct axes from 1 to 2, .* got 3"),
        (
            L.PReLU(initial_alpha=None),
            (5,),
            "initial_alpha must be a finite number, got None",
        ),
    ],
)
def test_build_refuses_impossible_arguments(layer, shape, words, rng):
    with pytest.raises(ValueError, match=words):
        layer.build(shape, rng, np.dtype("float32"))


def test_reshape_takes_sizes_in_any_sequence(rng):
    for target in ((16,), [16], np.array([16]), (-1,), (1, -1)):
        _, shape = L.Reshape(target).build((4, 4), rng, np.dtype("float32"))
        assert shape == ((1, 16) if len(target) == 2 else (16,))


def test_layer_without_predict_or_backward_raises():
    with pytest.raises(NotImplementedError, match="Layer defines no predict"):
        L.Layer().predict({}, np.ones(1))
    with pytest.raises(NotImplementedError, match="Layer defines no backward"):
        L.Layer().backward({}, None, np.ones(1))


def test_misspelt_parameter_gets_a_suggestion():
    with pytest.raises(
        ValueError, match="'kernal_size' for Conv2D; did you mean 'kernel_size'"
    ):
        L.Conv2D(8).set_params(kernal_size=3)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (
            [L.Dense],
            r"each of layers must be a layer .* got <class .*; .*Dense\(\.\.\.\)",
        ),
        ([8, 16], r"got 8; for the default network's numbers, filters=\[8, 16\]$"),
        ([("a b", L.Dense(1))], "must be an identifier without '__' .* got 'a b'"),
        ([("a__b", L.Dense(1))], "must be an identifier without '__' .* got 'a__b'"),
        ([("a", L.Dense(1)), ("a", L.Dense(2))], "^layers must have distinct names"),
    ],
)
def test_lists_of_layers_are_checked(layers, words):
    with pytest.raises((TypeError, ValueError), match=words):
        name_layers(layers)


def test_long_arguments_are_cut_in_the_middle():
    layer = L.Activation("a" * 344 + "b" * 343)
    assert repr(layer) == f"Activation(activation='{'a' * 344}{'b' * 343}')"  # 700
    layer = L.Activation("a" * 400 + "b" * 400)
    cut = f"activation='{'a' * 338}...{'b' * 349}'"
    assert repr(layer) == f"Activation({cut})"


def test_penalties_are_added_up_but_those_of_frozen_layers(rng):
    layers = [
        ("a", L.Dense(2, kernel_l1=0.5, kernel_l2=0.25)),
        ("b", L.Flatten()),
        ("c", L.Dense(1, kernel_l2=2)),
    ]
    weights, _ = chain.build(layers, (2,), rng, np.dtype(float))
    weights["a"]["kernel"][...] = [[0, 2], [-1, 0]]
    weights["c"]["kernel"][...] = 3
    value, grads = total_penalty(layers, weights)
    assert value == 0.5 * 3 + 0.25 * 5 + 2 * 18
    assert grads["a"]["kernel"].tolist() == [[0, 1.5], [-1, 0]]
    assert grads["b"] == {}
    frozen = mark(weights, ["a", "c"], frozen=True)
    assert total_penalty(layers, frozen) == (0, {"a": {}, "b": {}, "c": {}})
