"""Layers that contain layers: one after the other, around a shortcut, side by side."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import ops
from .._utils.params import drop_passthrough
from .affine import activated
from .composite import Composite
from .naming import name_layers
from .typing import Array, Chain, Shape, Weights

__all__ = ["Branches", "Residual", "Sequential"]


class Sequential(Composite):
    """One layer after the other, as one layer.

    Parameters
    ----------
    layers : list of layers or of (str, layer)
        As in an estimator; their names reach in, ``block1__conv1__filters``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Conv2D, MaxPool2D, Sequential
    >>> block = Sequential([("conv", Conv2D(8, 3)), ("pool", MaxPool2D(2))])
    >>> weights, shape = block.build((6, 6, 1), np.random.default_rng(0), np.float32)
    >>> shape
    (3, 3, 8)
    >>> weights["conv"]["kernel"].shape
    (3, 3, 1, 8)
    >>> block.set_params(conv__filters=16).get_params()["conv"]
    Conv2D(filters=16)
    """

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers = layers

    def paths(self) -> list[Chain]:
        return [drop_passthrough(self.layers)]

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        name_layers(self.layers, taken=self.get_params(deep=False))
        return super().build(input_shape, rng, dtype)

    def join(self, outputs: list[Array]) -> tuple[Array, Any]:
        return outputs[0], None

    def split(self, cache: Any, dy: Array) -> list[Array]:
        return [dy]


class Residual(Sequential):
    """Layers that learn what to add to their input: ``activation(layers(x) + x)``.

    Parameters
    ----------
    layers : list of layers or of (str, layer)
        One after the other. Names reach in, ``block1__conv1__filters``.
    shortcut : layer, list of layers or None, default=None
        Applied to the input before it is added: where the layers change its shape, a
        ``Conv2D(filters, 1, stride=...)`` does so, too. None adds it unchanged. Names
        reach in after the argument's name, ``block1__shortcut__stride``.
    activation : str or None, default=None
        Of the sum; a name in `skconv.ops.ACTIVATIONS`.

    Notes
    -----
    He et al., "Deep residual learning for image recognition", 2016, equation 1; with
    a shortcut that has weights, equation 2. Both sides get the gradient of the sum:
    ``dx = layers'(x)^T dz + shortcut'(x)^T dz``.

    Weights: those of each layer under its name, those of the shortcut under
    ``shortcut``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Conv2D, Residual
    >>> convs = [Conv2D(8, activation="relu"), Conv2D(8)]
    >>> block = Residual(convs, shortcut=Conv2D(8, 1), activation="relu")
    >>> weights, shape = block.build((6, 6, 3), np.random.default_rng(0), np.float32)
    >>> shape
    (6, 6, 8)
    >>> list(weights)
    ['conv2d_1', 'conv2d_2', 'shortcut']
    """

    _components = {"layers": "layer", "shortcut": "layer"}  # noqa: RUF012

    def __init__(
        self,
        layers: Sequence[Any],
        shortcut: Any = None,
        *,
        activation: str | None = None,
    ) -> None:
        self.layers = layers
        self.shortcut = shortcut
        self.activation = activation

    def paths(self) -> list[Chain]:
        if self.shortcut is None:
            return [drop_passthrough(self.layers), []]
        shortcut = _as_layers([("shortcut", self.shortcut)])
        return [drop_passthrough(self.layers), drop_passthrough(shortcut)]

    def join_shapes(self, input_shape: Shape, shapes: list[Shape]) -> Shape:
        ops.find_activation(self.activation)
        shape, side = shapes
        if shape != side:
            raise ValueError(
                f"the shapes of what it adds must be the same, but its layers make "
                f"{shape} of its input {input_shape}, and its shortcut {side}; use "
                f"padding='same' in the layers, or a shortcut that makes {shape}, such "
                f"as Conv2D({shape[-1]}, 1, stride=...)"
            )
        return shape

    def join(self, outputs: list[Array]) -> tuple[Array, Any]:
        main, side = outputs
        return activated(partial(ops.add, main, side), self.activation)

    def split(self, cache: Any, dy: Array) -> list[Array]:
        dz = ops.activate_grad(dy, cache, self.activation)
        return [dz, dz]


class Branches(Composite):
    """Layers side by side that each get the input; their channels are joined.

    Parameters
    ----------
    layers : list of layers, of lists of layers, or of (str, either)
        One entry for each branch; a list is a chain of layers, as in `Sequential`.
        Names reach in: ``mixed__wide__filters`` and, into a list of that name,
        ``mixed__wide__conv1__filters``.

    Notes
    -----
    As in Szegedy et al., "Going deeper with convolutions", 2015. All
    branches must make images of one size (``padding="same"``); flat samples may have
    any. A branch that returns its input is ``Activation(None)``. The gradient in the
    input is the sum of the branches' gradients.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Branches, Conv2D, MaxPool2D
    >>> mixed = Branches([
    ...     ("narrow", Conv2D(4, 1)),
    ...     ("wide", [("squeeze", Conv2D(2, 1)), ("conv", Conv2D(4, 5))]),
    ...     ("pool", MaxPool2D(3, stride=1, padding="same")),
    ... ])
    >>> mixed.build((6, 6, 3), np.random.default_rng(0), np.float32)[1]
    (6, 6, 11)
    >>> mixed.set_params(wide__conv__filters=8).build(
    ...     (6, 6, 3), np.random.default_rng(0), np.float32)[1]
    (6, 6, 15)
    """

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers = layers

    def paths(self) -> list[Chain]:
        return [[branch] for branch in _as_layers(drop_passthrough(self.layers))]

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        is_list = isinstance(self.layers, list | tuple)
        layers = self.inner_layers() if is_list else self.layers
        name_layers(layers, taken=self.get_params(deep=False))
        return super().build(input_shape, rng, dtype)

    def join_shapes(self, input_shape: Shape, shapes: list[Shape]) -> Shape:
        if len({shape[:-1] for shape in shapes}) > 1:
            names = [name for name, _ in self.inner_layers()]
            raise ValueError(
                "branches must make images of one size to be joined, but of its input "
                f"{input_shape} they make {dict(zip(names, shapes, strict=True))}; use "
                "padding='same', and one stride. Where a branch pools and enlarges "
                "again, as in a U-Net, the sides of its input must be multiples of the "
                "pool's stride, and with k pools inside each other those of the "
                "network's input of stride**k: put ZeroPadding2D before and Cropping2D "
                "after the network, or resize the images"
            )
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def join(self, outputs: list[Array]) -> tuple[Array, Any]:
        joints = np.cumsum([output.shape[-1] for output in outputs])[:-1]
        return np.concatenate(outputs, axis=-1), joints

    def split(self, cache: Any, dy: Array) -> list[Array]:
        return np.split(dy, cache, axis=-1)


def _as_layers(entries: list[tuple[str, Any]]) -> Chain:
    """Return named layers; each list is a chain of layers, as one layer."""
    return [
        (name, Sequential(part) if isinstance(part, list | tuple) else part)
        for name, part in entries
    ]
