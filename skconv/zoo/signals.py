"""Networks for signals, as functions that return their hidden layers."""

from collections.abc import Sequence
from typing import Any

from ..layers import (
    BatchNorm,
    Branches,
    Conv1D,
    GlobalAvgPool1D,
    HandcraftedConv1D,
    MaxPool1D,
    Residual,
)
from ..layers.typing import Chain
from ..ops import positive_int
from .parts import BEFORE_NORM, each_int

__all__ = ["inception_time", "lite", "signal_fcn", "strided_cnn"]


def inception_time(
    filters: int = 32,
    kernel_sizes: Sequence[int] = (40, 20, 10),
    depth: int = 6,
    *,
    bottleneck: int = 32,
    channels: int = 1,
) -> Chain:
    """Modules of long and short kernels side by side: InceptionTime, for signals.

    Ismail Fawaz et al., "InceptionTime: finding AlexNet for time series
    classification", 2020. The paper adds the probabilities of five such networks, which
    `sklearn.ensemble.VotingClassifier` with ``voting="soft"`` does.

    Parameters
    ----------
    filters : int, default=32
        Of each of a module's convolutions: one for each kernel size, and one after a
        pool.
    kernel_sizes : sequence of int, default=(40, 20, 10)
        They may be longer than the signal.
    depth : int, default=6
        Number of modules. After every third there is a shortcut.
    bottleneck : int, default=32
        Filters of the 1 × 1 convolution before the long kernels.
    channels : int, default=1
        Of the signals. The first module has a bottleneck if there is more than one.

    Returns
    -------
    layers : list of (str, Layer)

    Raises
    ------
    ValueError
        If an argument is not as above.

    Examples
    --------
    >>> from skconv import Network, zoo
    >>> from skconv.layers import Dense
    >>> layers = zoo.inception_time()
    >>> [name for name, _ in layers]
    ['block1', 'block2', 'mean']
    >>> Network.build([*layers, ("out", Dense(10))], (128, 1), 0)
    <Network of 4 layers, (128, 1) to (10,), 421482 parameters>
    """
    filters = positive_int(filters, "filters")
    sizes = each_int(kernel_sizes, "kernel_sizes")
    depth = positive_int(depth, "depth")
    channels = positive_int(channels, "channels")
    bottleneck = positive_int(bottleneck, "bottleneck")
    modules: Chain = []
    for i in range(1, depth + 1):
        squeeze = bottleneck if i > 1 or channels > 1 else None
        modules += [
            (f"module{i}", _inception(filters, sizes, squeeze)),
            (f"norm{i}", BatchNorm(activation="relu")),
        ]
    width = filters * (len(sizes) + 1)
    layers: Chain = []
    for block in range(1, depth // 3 + 1):
        inside, modules = modules[:6], modules[6:]
        conv = Conv1D(width, 1, use_bias=False)
        shortcut = [("conv", conv), ("norm", BatchNorm())]
        layers.append((f"block{block}", Residual(inside, shortcut, activation="relu")))
    return [*layers, *modules, ("mean", GlobalAvgPool1D())]


def _inception(filters: int, sizes: list[int], bottleneck: int | None) -> Branches:
    """Return kernels of each size side by side, and a pool; without normalisation."""
    convs: Any = Branches(_multiplexed(filters, sizes))
    if bottleneck:
        squeeze = Conv1D(bottleneck, 1, use_bias=False)
        convs = [("bottleneck", squeeze), ("convs", convs)]
    pool = MaxPool1D(3, stride=1, padding="same")
    pooled = [("pool", pool), ("conv", Conv1D(filters, 1, use_bias=False))]
    return Branches([("long", convs), ("pooled", pooled)])


def _multiplexed(filters: int, sizes: list[int]) -> Chain:
    return [
        (f"conv{i}", Conv1D(filters, size, use_bias=False))
        for i, size in enumerate(sizes, start=1)
    ]


def lite(filters: int = 32, kernel_sizes: Sequence[int] = (40, 20, 10)) -> Chain:
    """Long kernels, filters by hand, separable convolutions: LITE, for signals.

    Ismail-Fawaz et al., "LITE: light inception with boosting techniques for time series
    classification", 2023. It has a fortieth of `inception_time`'s weights. LITETime
    adds the probabilities of five such networks, which
    `sklearn.ensemble.VotingClassifier` with ``voting="soft"`` does.

    Parameters
    ----------
    filters : int, default=32
        Of each convolution.
    kernel_sizes : sequence of int, default=(40, 20, 10)
        Of the convolutions side by side. For each but the first, a separable
        convolution follows, with dilation 2, then 4, and so on.

    Returns
    -------
    layers : list of (str, Layer)

    Raises
    ------
    ValueError
        If an argument is not as above.

    Examples
    --------
    >>> from skconv import Network, zoo
    >>> from skconv.layers import Dense
    >>> Network.build([*zoo.lite(), ("out", Dense(10))], (128, 1), 0)
    <Network of 10 layers, (128, 1) to (10,), 10144 parameters>
    """
    filters = positive_int(filters, "filters")
    sizes = each_int(kernel_sizes, "kernel_sizes")
    by_hand = HandcraftedConv1D()
    mixed = Branches([*_multiplexed(filters, sizes), ("handcrafted", by_hand)])
    layers: Chain = [("mixed", mixed), ("norm1", BatchNorm(activation="relu"))]
    before = by_hand.filters + filters * len(sizes)
    for i, size in enumerate(sizes[1:], start=2):
        depthwise = Conv1D(
            before, size, groups=before, dilation=2 ** (i - 1), use_bias=False
        )
        layers += [
            (f"depthwise{i}", depthwise),
            (f"pointwise{i}", Conv1D(filters, 1, use_bias=False)),
            (f"norm{i}", BatchNorm(activation="relu")),
        ]
        before = filters
    return [*layers, ("mean", GlobalAvgPool1D())]


def strided_cnn(
    filters: Sequence[int] = (32, 64, 64), kernel_sizes: Sequence[int] = (16, 9, 5)
) -> Chain:
    """Convolutions that shorten the signal, and their mean: fast, for long signals.

    The first convolution has a stride of two, and a pool follows each but the last:
    of three, the signal is an eighth as long at the end.

    Parameters
    ----------
    filters, kernel_sizes : sequence of int, default=(32, 64, 64), (16, 9, 5)
        Of the convolutions, one after the other.

    Returns
    -------
    layers : list of (str, Layer)

    Raises
    ------
    ValueError
        If the two differ in length, or are not as above.

    Examples
    --------
    >>> from skconv import Network, zoo
    >>> from skconv.layers import Dense
    >>> Network.build([*zoo.strided_cnn(), ("out", Dense(10))], (128, 1), 0)
    <Network of 10 layers, (128, 1) to (10,), 40394 parameters>
    """
    layers: Chain = []
    for i, (width, size) in enumerate(_pairs(filters, kernel_sizes), start=1):
        stride = 2 if i == 1 else 1
        layers += [
            (f"conv{i}", Conv1D(width, size, stride=stride, **BEFORE_NORM)),
            (f"norm{i}", BatchNorm(activation="relu")),
            (f"pool{i}", MaxPool1D(2)),
        ]
    return [*layers[:-1], ("mean", GlobalAvgPool1D())]


def signal_fcn(
    filters: Sequence[int] = (128, 256, 128), kernel_sizes: Sequence[int] = (8, 5, 3)
) -> Chain:
    """Convolutions and their mean: FCN, for signals and spectra of any length.

    Wang, Yan & Oates, "Time series classification from scratch with deep neural
    networks: a strong baseline", 2017.

    Parameters
    ----------
    filters, kernel_sizes : sequence of int, default=(128, 256, 128), (8, 5, 3)
        Of the convolutions, one after the other.

    Returns
    -------
    layers : list of (str, Layer)

    Raises
    ------
    ValueError
        If the two differ in length, or are not as above.

    Examples
    --------
    >>> from skconv import ConvNetClassifier, zoo
    >>> small = zoo.signal_fcn((16, 32, 16))
    >>> [name for name, _ in small]
    ['conv1', 'norm1', 'conv2', 'norm2', 'conv3', 'norm3', 'mean']
    """
    layers: Chain = []
    for i, (width, size) in enumerate(_pairs(filters, kernel_sizes), start=1):
        layers += [
            (f"conv{i}", Conv1D(width, size, **BEFORE_NORM)),
            (f"norm{i}", BatchNorm(activation="relu")),
        ]
    return [*layers, ("mean", GlobalAvgPool1D())]


def _pairs(
    filters: Sequence[int], kernel_sizes: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the filters and the kernel size of each convolution."""
    filters = each_int(filters, "filters")
    sizes = each_int(kernel_sizes, "kernel_sizes")
    if len(filters) != len(sizes):
        raise ValueError(
            "filters and kernel_sizes must have an entry for each convolution, got "
            f"{len(filters)} and {len(sizes)} of them"
        )
    return list(zip(filters, sizes, strict=True))
