"""Layers that hold layers: one after the other, around a shortcut, side by side."""

import numpy as np

from .. import ops
from .._utils.params import NestedParamsMixin, drop_passthrough
from . import chain
from .layer import Layer, activated
from .naming import name_layers

__all__ = ["Branches", "Residual", "Sequential"]


class Sequential(NestedParamsMixin, Layer):
    """One layer after the other, as one layer.

    Parameters
    ----------
    layers : list of layers or of (str, layer)
        As those of an estimator; their names reach in, ``block1__conv1__filters``.

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

    def __init__(self, layers):
        self.layers = layers

    def inner_layers(self):
        return drop_passthrough(self.layers)

    def build(self, input_shape, rng, dtype):
        layers = name_layers(self.layers, taken=self.get_params(deep=False))
        weights, shapes = chain.build(layers, input_shape, rng, dtype)
        return weights, shapes[-1]

    def adapt(self, weights, batches):
        chain.adapt(drop_passthrough(self.layers), weights, batches)

    def predict(self, weights, x):
        return chain.predict(drop_passthrough(self.layers), weights, x)

    def forward(self, weights, x, rng):
        return chain.forward(drop_passthrough(self.layers), weights, x, rng)

    def backward(self, weights, cache, dy, need_dx=True):
        return chain.backward(
            drop_passthrough(self.layers), weights, cache, dy, need_dx
        )

    def input_gradient(self, weights, x, dy):
        return chain.input_gradient(drop_passthrough(self.layers), weights, x, dy)

    def multiply_adds(self, input_shape, output_shape):
        return chain.multiply_adds(drop_passthrough(self.layers), input_shape)


class Residual(Sequential):
    """Layers that learn what to add to their input: ``activation(layers(x) + x)``.

    Parameters
    ----------
    layers : list of layers or of (str, layer)
        One after the other. Names reach in, ``block1__conv1__filters``.
    shortcut : layer, list of layers or None, default=None
        What becomes of the input that is added: where the layers change its shape, a
        ``Conv2D(filters, 1, stride=...)`` does so, too. None leaves it as it is. Names
        reach in behind the argument's, ``block1__shortcut__stride``.
    activation : str or None, default=None
        Of the sum; a name in `skconv.ops.ACTIVATIONS`.

    Notes
    -----
    He et al., "Deep residual learning for image recognition", 2016, equation 1; with
    a shortcut that has weights, equation 2. The gradient of a sum goes to both sides
    as it is: ``dx = layers'(x)^T dz + shortcut'(x)^T dz``.

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

    def __init__(self, layers, shortcut=None, *, activation=None):
        self.layers = layers
        self.shortcut = shortcut
        self.activation = activation

    def inner_layers(self):
        return drop_passthrough(self.layers) + self._side()

    def _side(self):
        """Return the shortcut as a chain of one layer, or of none."""
        if self.shortcut is None:
            return []
        return drop_passthrough([("shortcut", _as_layer(self.shortcut))])

    def build(self, input_shape, rng, dtype):
        ops.find_activation(self.activation)
        weights, shape = super().build(input_shape, rng, dtype)
        side = self._side() and name_layers(self._side())
        side_weights, side_shapes = chain.build(side, input_shape, rng, dtype)
        side_shape = (tuple(input_shape), *side_shapes)[-1]
        if shape != side_shape:
            raise ValueError(
                f"the shapes of what it adds must be the same, but its layers make "
                f"{shape} of its input {tuple(input_shape)}, and its shortcut "
                f"{side_shape}; use padding='same' in the layers, or a shortcut that "
                f"makes {shape}, such as Conv2D({shape[-1]}, 1, stride=...)"
            )
        return {**weights, **side_weights}, shape

    def adapt(self, weights, batches):
        super().adapt(weights, batches)
        chain.adapt(self._side(), weights, batches)

    def predict(self, weights, x):
        z = self._sum(weights, x)
        return ops.activate(z, self.activation, out=z)

    def _sum(self, weights, x):
        return super().predict(weights, x) + chain.predict(self._side(), weights, x)

    def forward(self, weights, x, rng):
        z, cache = super().forward(weights, x, rng)
        side, side_cache = chain.forward(self._side(), weights, x, rng)
        z = z + side  # not in place: the last layer may have kept it
        y, kept = self._activated(z)
        return y, (cache, side_cache, kept)

    def _activated(self, z):
        """Return the output for a sum, in its place, and what the gradient needs."""
        return activated(
            lambda activation: ops.activate(z, activation, out=z), self.activation
        )

    def backward(self, weights, cache, dy, need_dx=True):
        cache, side_cache, kept = cache
        dz = ops.activate_grad(dy, kept, self.activation)
        dx, grads = super().backward(weights, cache, dz, need_dx)
        side = chain.backward(self._side(), weights, side_cache, dz, need_dx)
        return dx + side[0] if need_dx else None, {**grads, **side[1]}

    def input_gradient(self, weights, x, dy):
        _, kept = self._activated(self._sum(weights, x))
        dz = ops.activate_grad(dy, kept, self.activation)
        side = chain.input_gradient(self._side(), weights, x, dz)
        return super().input_gradient(weights, x, dz) + side

    def multiply_adds(self, input_shape, output_shape):
        return super().multiply_adds(input_shape, output_shape) + chain.multiply_adds(
            self._side(), input_shape
        )


class Branches(NestedParamsMixin, Layer):
    """Layers side by side, each of which sees the input; their channels are joined.

    Parameters
    ----------
    layers : list of layers, of lists of layers, or of (str, either)
        One entry a branch; a list is a chain of layers, as of `Sequential`. Names
        reach in: ``mixed__wide__filters`` and, through a list that was called so,
        ``mixed__wide__conv1__filters``.

    Notes
    -----
    As in Szegedy et al., "Going deeper with convolutions", 2015. Images have to come
    out of all branches in one size (``padding="same"``), flat samples in any. A branch
    that hands on its input is ``Activation(None)``. The gradient in the input is the
    sum of the branches'.

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

    def __init__(self, layers):
        self.layers = layers

    def inner_layers(self):
        return [(name, _as_layer(part)) for name, part in drop_passthrough(self.layers)]

    def build(self, input_shape, rng, dtype):
        is_list = isinstance(self.layers, list | tuple)
        layers = self.inner_layers() if is_list else self.layers
        named = name_layers(layers, taken=self.get_params(deep=False))
        weights, shapes = {}, {}
        for name, layer in named:
            one, (shape,) = chain.build([(name, layer)], input_shape, rng, dtype)
            weights, shapes[name] = {**weights, **one}, shape
        if len({shape[:-1] for shape in shapes.values()}) > 1:
            raise ValueError(
                "branches must make images of one size to be joined, but of its input "
                f"{tuple(input_shape)} they make {shapes}; use padding='same', and one "
                "stride"
            )
        return weights, (*shape[:-1], sum(shape[-1] for shape in shapes.values()))

    def adapt(self, weights, batches):
        for branch in self.inner_layers():
            chain.adapt([branch], weights, batches)

    def predict(self, weights, x):
        parts = [layer.predict(weights[name], x) for name, layer in self.inner_layers()]
        return np.concatenate(parts, axis=-1)

    def forward(self, weights, x, rng):
        parts, caches = [], []
        for branch in self.inner_layers():
            part, cache = chain.forward([branch], weights, x, rng)
            parts.append(part)
            caches.append(cache)
        joints = np.cumsum([part.shape[-1] for part in parts])[:-1]
        return np.concatenate(parts, axis=-1), (caches, joints)

    def backward(self, weights, cache, dy, need_dx=True):
        caches, joints = cache
        dx, grads = None, {}
        for branch, cache, part in zip(
            self.inner_layers(), caches, np.split(dy, joints, axis=-1), strict=True
        ):
            d, grads_here = chain.backward([branch], weights, cache, part, need_dx)
            grads.update(grads_here)
            dx = d if dx is None else dx + d
        return dx, grads

    def input_gradient(self, weights, x, dy):
        dx, start = 0, 0
        for name, layer in self.inner_layers():
            stop = start + layer.predict(weights[name], x).shape[-1]
            part = np.ascontiguousarray(dy[..., start:stop])
            dx, start = dx + layer.input_gradient(weights[name], x, part), stop
        return dx

    def multiply_adds(self, input_shape, output_shape):
        return sum(
            chain.multiply_adds([each], input_shape) for each in self.inner_layers()
        )


def _as_layer(part):
    return Sequential(part) if isinstance(part, list | tuple) else part
