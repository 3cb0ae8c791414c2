"""Errors of layers: what build refuses, and what a layer must define."""

import numpy as np
import pytest

from skconv import layers as L


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
            r"takes images .* shape \(25, 3\); use Conv1D .* for signals \(l, c\)",
        ),
        (
            L.Conv1D(8),
            (5, 5, 1),
            r"takes signals \(l, c\), .* shape \(5, 5, 1\); use Conv2D .* for images",
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
