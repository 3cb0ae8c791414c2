"""Networks for images, as functions that return their hidden layers."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..layers import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    MaxPool2D,
    Residual,
    SeparableConv2D,
)
from ..layers.typing import Chain, Pair
from ..ops import pair, positive_int
from .parts import BEFORE_NORM, each_int

__all__ = [
    "all_cnn",
    "compact",
    "keras_mnist",
    "lenet5",
    "resnet",
    "resnet9",
]


def lenet5() -> Chain:
    """LeNet-5, for images of about 28 × 28.

    LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document
    recognition", 1998, as it is built today: each filter of the second convolution sees
    all maps, pools have no weights, and the output is a softmax. The padding of the
    first convolution replaces the paper's margin: digits of 28 × 28 on 32 × 32.

    Returns
    -------
    layers : list of (str, Layer)

    Examples
    --------
    >>> from skconv import ConvNetClassifier, zoo
    >>> clf = ConvNetClassifier(zoo.lenet5()).set_params(conv1__filters=8)
    """
    return [
        ("conv1", Conv2D(6, 5, activation="tanh")),
        ("pool1", AvgPool2D(2)),
        ("conv2", Conv2D(16, 5, padding="valid", activation="tanh")),
        ("pool2", AvgPool2D(2)),
        ("dense1", Dense(120, "tanh")),
        ("dense2", Dense(84, "tanh")),
    ]


def keras_mnist(rate: float = 0.5) -> Chain:
    """Two convolutions and dropout: Keras's first example, for about 28 × 28.

    Chollet, "Simple MNIST convnet", keras.io/examples, 2015.

    Parameters
    ----------
    rate : float in [0, 1), default=0.5
        Of the dropout.

    Returns
    -------
    layers : list of (str, Layer)

    Examples
    --------
    >>> from skconv import Network, zoo
    >>> from skconv.layers import Dense
    >>> Network.build([*zoo.keras_mnist(), ("out", Dense(10))], (28, 28, 1), 0)
    <Network of 7 layers, (28, 28, 1) to (10,), 34826 parameters>
    """
    conv: Any = partial(Conv2D, padding="valid", activation="relu")
    return [
        ("conv1", conv(32, 3)),
        ("pool1", MaxPool2D(2)),
        ("conv2", conv(64, 3)),
        ("pool2", MaxPool2D(2)),
        ("flatten", Flatten()),
        ("dropout", Dropout(rate)),
    ]


def all_cnn(width: int = 96) -> Chain:
    """Convolutions alone, with strides in place of pools: All-CNN-C.

    Springenberg, Dosovitskiy, Brox & Riedmiller, "Striving for simplicity: the all
    convolutional net", 2015. There it ends with a convolution of one filter for each
    class, then the mean over the image. Here the mean comes first, then the estimator's
    output layer: the same number of weights, and the same function but for a ReLU
    between them.

    Parameters
    ----------
    width : int, default=96
        Filters of the first three convolutions; the others have twice as many.

    Returns
    -------
    layers : list of (str, Layer)

    Examples
    --------
    >>> from skconv import Network, zoo
    >>> from skconv.layers import Dense
    >>> Network.build([*zoo.all_cnn(), ("out", Dense(10))], (32, 32, 3), 0)
    <Network of 13 layers, (32, 32, 3) to (10,), 1369738 parameters>
    """
    conv: Any = partial(Conv2D, activation="relu", kernel_initializer="he_normal")
    return [
        ("drop1", Dropout(0.2)),
        ("conv1", conv(width, 3)),
        ("conv2", conv(width, 3)),
        ("conv3", conv(width, 3, stride=2)),
        ("drop2", Dropout(0.5)),
        ("conv4", conv(2 * width, 3)),
        ("conv5", conv(2 * width, 3)),
        ("conv6", conv(2 * width, 3, stride=2)),
        ("drop3", Dropout(0.5)),
        ("conv7", conv(2 * width, 3, padding="valid")),
        ("conv8", conv(2 * width, 1)),
        ("mean", GlobalAvgPool2D()),
    ]


def resnet(
    filters: Sequence[int] = (32, 64, 128), blocks: int = 1, pool_size: Pair = 2
) -> Chain:
    """Residual blocks in stages: a small ResNet, for about 28 × 28 to 64 × 64.

    He, Zhang, Ren & Sun, "Deep residual learning for image recognition", 2016: stages
    of blocks that add to their input; each stage but the first begins by halving the
    image. Shortcuts that must change a shape are 1 × 1 convolutions (the paper's option
    B). The pool after the first convolution, which the paper's networks for large
    images have, keeps a small one fast on a CPU.

    Parameters
    ----------
    filters : sequence of int, default=(32, 64, 128)
        Of the convolutions in each stage.
    blocks : int, default=1
        In each stage, of two convolutions.
    pool_size : int or pair, default=2
        Of the pool after the first convolution; 1 leaves it out.

    Returns
    -------
    layers : list of (str, Layer)

    Raises
    ------
    ValueError
        If an argument is not as above.

    Examples
    --------
    The paper's ResNet-20, for images of 32 × 32:

    >>> from skconv import Network, zoo
    >>> from skconv.layers import Dense
    >>> layers = zoo.resnet((16, 32, 64), blocks=3, pool_size=1)
    >>> Network.build([*layers, ("out", Dense(10))], (32, 32, 3), 0)
    <Network of 13 layers, (32, 32, 3) to (10,), 272474 parameters>
    >>> [name for name, _ in layers][:4]
    ['conv', 'norm', 'stage1_block1', 'stage1_block2']
    """
    filters, blocks = each_int(filters, "filters"), positive_int(blocks, "blocks")
    layers = [
        ("conv", Conv2D(filters[0], 3, **BEFORE_NORM)),
        ("norm", BatchNorm(activation="relu")),
    ]
    if pair(pool_size, "pool_size") != (1, 1):
        layers.append(("pool", MaxPool2D(pool_size)))
    before = filters[0]
    for stage, width in enumerate(filters, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            name = f"stage{stage}_block{block}"
            layers.append((name, _residual(before, width, stride)))
            before = width
    return [*layers, ("mean", GlobalAvgPool2D())]


def _residual(before: int, width: int, stride: int) -> Residual:
    shortcut = None
    if stride > 1 or before != width:
        conv = Conv2D(width, 1, stride=stride, **BEFORE_NORM)
        shortcut = [("conv", conv), ("norm", BatchNorm())]
    return Residual(_two_convolutions(width, stride), shortcut, activation="relu")


def _two_convolutions(
    width: int, stride: int = 1, activation: str | None = None
) -> Chain:
    """Return the main way of a residual block; the activation is that of its end."""
    return [
        ("conv1", Conv2D(width, 3, stride=stride, **BEFORE_NORM)),
        ("norm1", BatchNorm(activation="relu")),
        ("conv2", Conv2D(width, 3, **BEFORE_NORM)),
        ("norm2", BatchNorm(activation=activation)),
    ]


def resnet9(filters: Sequence[int] = (16, 32, 64, 128)) -> Chain:
    """Four wide convolutions and two residual blocks: ResNet-9, for 8 × 8 to 64 × 64.

    Page, "How to train your ResNet", 2018, with a quarter of its filters. A pool comes
    before the batch normalisation there, not after it, which is less work: the pool
    takes part in the convolution, and what it drops is not normalised.

    Parameters
    ----------
    filters : four int, default=(16, 32, 64, 128)
        Of the first convolution, of the one before the first residual block and in it,
        of the third, and of the one before the second residual block and in it.

    Returns
    -------
    layers : list of (str, Layer)

    Raises
    ------
    ValueError
        If `filters` is not as above.

    Examples
    --------
    >>> from skconv import Network, zoo
    >>> from skconv.layers import Dense
    >>> Network.build([*zoo.resnet9(), ("out", Dense(10))], (28, 28, 1), 0)
    <Network of 15 layers, (28, 28, 1) to (10,), 412666 parameters>
    """
    filters = each_int(filters, "filters")
    if len(filters) != 4:
        raise ValueError(f"filters must be four int, got {len(filters)}: {filters!r}")
    first, second, third, fourth = filters
    return [
        ("conv1", Conv2D(first, 3, **BEFORE_NORM)),
        ("norm1", BatchNorm(activation="relu")),
        *_halved("2", second),
        ("block2", Residual(_two_convolutions(second, activation="relu"))),
        *_halved("3", third),
        *_halved("4", fourth),
        ("block4", Residual(_two_convolutions(fourth, activation="relu"))),
        ("largest", GlobalMaxPool2D()),
    ]


def _halved(name: str, width: int) -> Chain:
    return [
        (f"conv{name}", Conv2D(width, 3, **BEFORE_NORM)),
        (f"pool{name}", MaxPool2D(2)),
        (f"norm{name}", BatchNorm(activation="relu")),
    ]


def compact(filters: Sequence[int] = (32, 64, 64, 128, 128)) -> Chain:
    """Separable convolutions: few weights and few multiplications.

    Howard et al., "MobileNets", 2017, at the size of small images: where filters
    double, the image is halved. Nothing is between the two halves of a separable
    convolution, as in Chollet, "Xception", 2017; MobileNets normalise there.

    Parameters
    ----------
    filters : sequence of int, default=(32, 64, 64, 128, 128)
        Of the first, full convolution and of the separable ones. One with more filters
        than the one before halves the image.

    Returns
    -------
    layers : list of (str, Layer)

    Raises
    ------
    ValueError
        If `filters` is not as above.

    Examples
    --------
    >>> from skconv import Network, zoo
    >>> from skconv.layers import Dense
    >>> Network.build([*zoo.compact(), ("out", Dense(10))], (28, 28, 1), 0)
    <Network of 12 layers, (28, 28, 1) to (10,), 35722 parameters>
    """
    first, *others = each_int(filters, "filters")
    layers = [
        ("conv1", Conv2D(first, 3, **BEFORE_NORM)),
        ("norm1", BatchNorm(activation="relu")),
    ]
    before = first
    for i, width in enumerate(others, start=2):
        stride = 2 if width > before else 1
        layers += [
            (f"conv{i}", SeparableConv2D(width, 3, stride=stride, use_bias=False)),
            (f"norm{i}", BatchNorm(activation="relu")),
        ]
        before = width
    return [*layers, ("mean", GlobalAvgPool2D())]
