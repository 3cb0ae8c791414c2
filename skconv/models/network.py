"""Layers and their weights: the only object that knows both."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..layers import chain
from ..layers.composite import Composite
from ..layers.front import count_fixed
from ..layers.fusion import FUSIONS
from ..layers.initializers import Blank
from ..layers.layer import total_penalty
from ..layers.marks import check_names, mark
from ..layers.naming import name_layers
from ..layers.typing import Array, Batches, Chain, Shape, Weights
from .layout import (
    Layout,
    find_kernels,
    flatten,
    group_by_factor,
    join,
    lay_out,
    trained_paths,
    view,
)

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
    frozen : tuple of str
        Names of the layers that training leaves alone.
    parameters : ndarray of shape (n_parameters,)
        What gradients train: the front of `values`.
    state : ndarray of shape (n_state,)
        What they do not train: the rest of `values`. It has all of frozen layers.
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

    frozen: tuple[str, ...] = ()  # of older pickles, too

    def __init__(
        self,
        layers: Chain,
        input_shape: Shape,
        shapes: list[Shape],
        layout: Layout,
        n_parameters: int,
        values: Array,
        frozen: Collection[str] = (),
    ) -> None:
        self.layers = layers
        self.frozen = tuple(frozen)
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
        frozen: Collection[str] = (),
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
        frozen : collection of str, default=()
            Names of layers that training leaves alone, with all layers inside of them;
            a layer inside of another is called ``block1__conv1``.

        Returns
        -------
        network : Network

        Raises
        ------
        ValueError
            If a layer does not fit; the message names it. If there is no layer of a
            name in `frozen`.
        """
        dtype = np.dtype(dtype)
        layers, rng = name_layers(layers), np.random.default_rng(rng)
        weights, shapes = chain.build(layers, input_shape, rng, dtype)
        _check_frozen(layers, frozen)
        weights = mark(weights, frozen, frozen=True)
        layout, n_parameters, size = lay_out(layers, weights)
        is_blank = isinstance(rng, Blank)  # then `adopt` follows
        zero = dtype.type(0)
        values = np.broadcast_to(zero, size) if is_blank else np.empty(size, dtype)
        shape = tuple(input_shape)
        network = cls(layers, shape, shapes, layout, n_parameters, values, frozen)
        for name, first in flatten(weights).items() if not is_blank else ():
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
        weights = view(self._layout, self.values)
        self.weights: Weights = mark(weights, self.frozen, frozen=True)
        self._trained = list(trained_paths(self._layout, self._n_parameters))
        self.arrays: dict[str, Array] = flatten(self.weights)
        # How many of the first layers are computed as in prediction, and once if there
        # is room for what they make of all samples.
        self.n_fixed = count_fixed(self.layers, self.weights) if self.frozen else 0

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
        for array in flatten(view(self._layout, decay)).values():
            array[...] = strength if array.ndim > 1 else 0
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
        return find_kernels(hidden, self._n_parameters)

    def parts(self, factors: Mapping[str, float]) -> list[tuple[slice, float]]:
        """Return the parts of the parameters that share a factor.

        Parameters
        ----------
        factors : dict of str to float
            By the names of layers, those inside of others as ``block1__conv1``; the
            longest of several names counts. Without a name the factor is 1.

        Returns
        -------
        parts : list of (slice, float)
            In order; together they are all parameters.
        """
        return group_by_factor(self._layout, self._n_parameters, factors)

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

    def freeze(self, names: Collection[str]) -> "Network":
        """Return a copy of which training leaves other layers alone.

        Parameters
        ----------
        names : collection of str
            As `frozen` of `build`; no others are frozen.

        Raises
        ------
        ValueError
            If there is no layer of a name.
        """
        _check_frozen(self.layers, names)
        weights = mark(view(self._layout, self.values), names, frozen=True)
        layout, n_parameters, size = lay_out(self.layers, weights)
        values = np.empty(size, self.dtype)
        shapes = self.input_shape, self.shapes
        twin = Network(self.layers, *shapes, layout, n_parameters, values, names)
        for name, array in self.arrays.items():
            twin.arrays[name][...] = array
        return twin

    def after(self, count: int) -> "Network":
        """Return the layers after the first ones, which are fixed, as a network.

        It has the same `values` and parameters: to train it is to train this network.

        Parameters
        ----------
        count : int
            From 1 to `n_fixed`.
        """
        layers, shapes = self.layers[count:], self.shapes[count:]
        layout = {name: self._layout[name] for name, _ in layers}
        sizes = layout, self._n_parameters, self.values
        return Network(layers, self.shapes[count - 1], shapes, *sizes, self.frozen)

    def fuses_front(self) -> bool:
        """Return whether prediction computes the last fixed layer with the next one."""
        types = [type(layer) for _, layer in self.layers[self.n_fixed - 1 :]]
        return tuple(types[:2]) in FUSIONS

    def adapt(self, batches: Batches, unchanged: Collection[str] = ()) -> None:
        """Adapt layers to the training data before the first step.

        Parameters
        ----------
        batches : callable ``() -> iterator of (x, sample_weight)``
            Passes once over the data; see `skconv.layers.Layer.adapt`.
        unchanged : collection of str, default=()
            Names of layers that do not adapt.
        """
        weights = mark(self.weights, unchanged, adapted=True)
        chain.adapt(self.layers, weights, batches)

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
        layers, shapes = self.layers[self.n_fixed :], self.shapes[self.n_fixed :]
        if self.n_fixed:
            x = chain.predict(self.layers[: self.n_fixed], self.weights, x)
        outputs, caches = chain.forward(layers, self.weights, x, rng, shapes=shapes)
        value, dy = loss(outputs, targets, sample_weight)
        _, grads = chain.backward(layers, self.weights, caches, dy, need_dx=False)
        gradient = join(grads, self._trained, self.parameters)
        penalty, grads = total_penalty(layers, self.weights)
        if penalty:
            views = flatten(view(self._layout, gradient))
            for name, part in flatten(grads).items():
                views[name] += part
        return value + penalty, gradient

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).copy()
        for views in ("parameters", "state", "weights", "arrays"):
            del state[views]  # pickled, they would store all values again
        del state["_trained"], state["n_fixed"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._make_views()


def _check_frozen(layers: Chain, names: Collection[str]) -> None:
    """Check that there are layers of these names, which can be frozen."""
    check_names(layers, names, "frozen")
    for name in names:
        inside, above = layers, name.split("__")[:-1]
        for key in above:
            layer = dict(inside)[key]
            if not isinstance(layer, Composite):
                raise ValueError(
                    f"frozen must not name {name!r}: the layer {key!r} that it is "
                    "inside of is not a skconv.layers.Composite. Freeze that as a whole"
                )
            inside = layer.inner_layers()
