"""Layers and their weights: the only object that knows both."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..layers import chain
from ..layers.initializers import Blank
from ..layers.layer import total_penalty
from ..layers.naming import name_layers
from ..layers.typing import Array, Batches, Chain, Shape, Weights

__all__ = ["Network"]


class Network:
    """A chain of layers with the arrays that training changes.

    All arrays are views of one flat vector, `values`: first the parameters, which
    gradients train, then the layers' state, such as running means. So a step of an
    optimizer, "restore the best weights" and a checkpoint are each one line on one
    array.

    Attributes
    ----------
    layers : list of (str, Layer)
    input_shape, output_shape : tuple of int
        Of one sample.
    shapes : list of tuple of int
        The output shape of each layer.
    values : ndarray of shape (n_parameters + n_state,)
    parameters : ndarray of shape (n_parameters,)
        What gradients train: the front of `values`.
    state : ndarray of shape (n_state,)
        What they do not train: the rest of `values`.
    weights : dict of str to dict of str to ndarray
        ``weights["conv1"]["kernel"]``: views of `values`. Weights of a layer that has
        others are nested: ``weights["block1"]["conv1"]["kernel"]``.
    arrays : dict of str to ndarray
        The same views in build order, by dotted names:
        ``arrays["block1.conv1.kernel"]``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import Network
    >>> from skconv.layers import Conv2D, Dense
    >>> layers = [("conv", Conv2D(4, 3, padding="valid")), ("out", Dense(2))]
    >>> network = Network.build(layers, (5, 5, 1), np.random.default_rng(0))
    >>> network.shapes
    [(3, 3, 4), (2,)]
    >>> network.weights["conv"]["kernel"].shape
    (3, 3, 1, 4)
    >>> list(network.arrays)
    ['conv.kernel', 'conv.bias', 'out.kernel', 'out.bias']
    >>> network.predict(np.zeros((7, 5, 5, 1), np.float32)).shape
    (7, 2)
    """

    def __init__(
        self,
        layers: Chain,
        input_shape: Shape,
        shapes: list[Shape],
        layout: dict[str, Any],
        n_parameters: int,
        values: Array,
    ) -> None:
        self.layers = layers
        self.input_shape = input_shape
        self.shapes = shapes
        self._layout = layout
        self._n_parameters = n_parameters
        self.values = values
        self._make_views()

    @classmethod
    def build(
        cls,
        layers: Any,
        input_shape: Shape,
        rng: np.random.Generator | int,
        dtype: DTypeLike = "float32",
    ) -> "Network":
        """Build each layer for the output of the one before; pack their weights.

        Parameters
        ----------
        layers : list of layers or of (str, Layer)
        input_shape : tuple of int
            Of one sample.
        rng : numpy.random.Generator or int
        dtype : {"float32", "float64"}, default="float32"
            Of all arrays.

        Returns
        -------
        network : Network

        Raises
        ------
        ValueError
            If a layer does not fit; the message names it.
        """
        dtype = np.dtype(dtype)
        layers, rng = name_layers(layers), np.random.default_rng(rng)
        weights, shapes = chain.build(layers, input_shape, rng, dtype)
        layout, n_parameters, size = _lay_out(layers, weights)
        is_blank = isinstance(rng, Blank)  # then `adopt` follows
        zero = dtype.type(0)
        values = np.broadcast_to(zero, size) if is_blank else np.empty(size, dtype)
        network = cls(layers, tuple(input_shape), shapes, layout, n_parameters, values)
        for name, first in _flat(weights).items() if not is_blank else ():
            network.arrays[name][...] = first
        return network

    def adopt(self, values: Array) -> None:
        """Use another vector in place of `values`, without a copy.

        Raises
        ------
        ValueError
            If it is of another length or dtype.
        """
        here = self.values
        if (here.shape, here.dtype) != (values.shape, values.dtype):
            raise ValueError(
                f"its weights are of shape {values.shape} in {values.dtype}, but the "
                f"network has {here.shape} in {here.dtype}"
            )
        self.values = values
        self._make_views()

    def _make_views(self) -> None:
        self.parameters = self.values[: self._n_parameters]
        self.state = self.values[self._n_parameters :]
        self.weights: Weights = _views(self._layout, self.values)
        self._trained = list(_trained_paths(self._layout, self._n_parameters))
        self.arrays: dict[str, Array] = _flat(self.weights)

    @property
    def output_shape(self) -> Shape:
        """Shape of the last layer's output for one sample."""
        return self.shapes[-1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of all arrays."""
        return self.values.dtype

    def decayed(self, strength: float) -> Array:
        """Return the weight decay of each parameter: 0 for biases and other vectors.

        Parameters
        ----------
        strength : float

        Returns
        -------
        decay : ndarray of shape (n_parameters,)
            `strength` for kernels, 0 for weights of one dimension.
        """
        decay = np.zeros_like(self.parameters)
        for view in _flat(_views(self._layout, decay)).values():
            view[...] = strength if view.ndim > 1 else 0
        return decay

    def matrices(self) -> list[tuple[slice, tuple[int, int]]]:
        """Return where the kernels of hidden layers are among the parameters.

        Returns
        -------
        matrices : list of (slice, (rows, columns))
            In order; each with the kernel's shape as a matrix, of a column for each
            filter or unit. Kernels with one row or one column are left out.
        """
        hidden = {name: self._layout[name] for name, _ in self.layers[:-1]}
        found = []
        for start, stop, shape in _flat(hidden).values():
            rows, columns = math.prod(shape[:-1]), math.prod(shape[-1:])
            if stop <= self._n_parameters and min(rows, columns) > 1:
                found.append((slice(start, stop), (rows, columns)))
        return sorted(found, key=lambda each: each[0].start)

    def __repr__(self) -> str:
        return (
            f"<Network of {len(self.layers)} layers, {self.input_shape} to "
            f"{self.output_shape}, {self.parameters.size} parameters>"
        )

    def copy(self) -> "Network":
        """Return a network of the same layers with copies of the arrays."""
        twin = object.__new__(Network)
        twin.__setstate__({**self.__getstate__(), "values": np.array(self.values)})
        return twin

    def adapt(self, batches: Batches) -> None:
        """Adapt layers to the training data before the first step.

        Parameters
        ----------
        batches : callable ``() -> iterator of (x, sample_weight)``
            Passes once over the data; see `skconv.layers.Layer.adapt`.
        """
        chain.adapt(self.layers, self.weights, batches)

    def predict(self, x: Array, upto: str | None = None) -> Array:
        """Compute the last layer's output. Pure: any number of threads may call it.

        Parameters
        ----------
        x : ndarray of shape (n, *input_shape)
            Of the network's dtype.
        upto : str, optional
            Name of the layer whose output to return instead.

        Returns
        -------
        outputs : ndarray of shape (n, *output_shape)
        """
        return chain.predict(self.layers, self.weights, x, upto)

    def loss_and_gradient(
        self,
        x: Array,
        targets: Any,
        sample_weight: Array | None,
        loss: Callable[..., tuple[float, Array]],
        rng: np.random.Generator,
    ) -> tuple[float, Array]:
        """Compute the loss of a minibatch and its gradient in `parameters`.

        This is training: layers with state, such as running means, update it. Penalties
        for large weights are added to the loss.

        Parameters
        ----------
        x : ndarray of shape (n, *input_shape)
            Of the network's dtype.
        targets : ndarray of shape (n, ...)
            As `loss` takes them.
        sample_weight : ndarray of shape (n,) or None
        loss : callable ``(outputs, targets, sample_weight) -> (value, d_outputs)``
        rng : numpy.random.Generator
            For layers that draw in training.

        Returns
        -------
        value : float
        gradient : ndarray of shape (n_parameters,)
        """
        outputs, caches = chain.forward(
            self.layers, self.weights, x, rng, shapes=self.shapes
        )
        value, dy = loss(outputs, targets, sample_weight)
        _, grads = chain.backward(self.layers, self.weights, caches, dy, need_dx=False)
        gradient = _join(grads, self._trained, self.parameters)
        penalty, grads = total_penalty(self.layers, self.weights)
        if penalty:
            views = _flat(_views(self._layout, gradient))
            for name, part in _flat(grads).items():
                views[name] += part
        return value + penalty, gradient

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).copy()
        for views in ("parameters", "state", "weights", "arrays"):
            del state[views]  # pickled, they would store all values again
        del state["_trained"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._make_views()


def _lay_out(layers: Chain, weights: Weights) -> tuple[dict[str, Any], int, int]:
    """Give each array its place in one flat vector, trained ones in front.

    Returns
    -------
    layout : dict
        Nested as weights are; (start, stop, shape) of each array.
    n_parameters, size : int
        Length of the front, and of all.
    """
    named = [
        row
        for name, layer in layers
        for row in chain.named_weights(layer, weights[name], (name,))
    ]
    starts, size, ends = {}, 0, []
    for part in (True, False):
        for path, array, is_trained in named:
            if is_trained is part:
                starts[path] = size
                size += np.size(array)
        ends.append(size)

    def place(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: place(inner, (*path, key)) for key, inner in value.items()}
        return starts[path], starts[path] + np.size(value), np.shape(value)

    n_parameters, size = ends
    return place(weights, ()), n_parameters, size


def _views(layout: dict[str, Any], vector: Array) -> dict[str, Any]:
    """Return named views of `values`, or of a vector as long as `parameters`."""
    views: dict[str, Any] = {}
    for key, place in layout.items():
        if isinstance(place, dict):
            views[key] = _views(place, vector)
            continue
        start, stop, shape = place
        if stop <= len(vector):
            views[key] = vector[start:stop].reshape(shape)
    return views


def _trained_paths(
    layout: dict[str, Any], n_parameters: int, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Yield the names that lead to each array that gradients train, in their order."""
    for key, place in layout.items():
        if isinstance(place, dict):
            yield from _trained_paths(place, n_parameters, (*path, key))
        elif place[1] <= n_parameters:
            yield (*path, key)


def _join(arrays: dict[str, Any], paths: list[tuple[str, ...]], like: Array) -> Array:
    """Return the nested arrays that paths lead to as one new vector."""
    parts = [like[:0]]
    for path in paths:
        part: Any = arrays
        for key in path:
            part = part[key]
        parts.append(np.ravel(part))
    return np.concatenate(parts, dtype=like.dtype, casting="unsafe")


def _flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested dicts by dotted names."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
