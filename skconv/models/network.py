"""Layers and their weights: the only object that knows both."""

import numpy as np

from ..layers import chain
from ..layers.naming import name_layers

__all__ = ["Network"]


class Network:
    """A chain of layers with the arrays that training changes.

    All of them live in one flat vector, `values`: first what gradients train, then what
    layers keep beside it, such as running means. Each layer sees named views of it. So
    a step of an optimizer, "restore the best weights" and a checkpoint are each one
    line on one array.

    Attributes
    ----------
    layers : list of (str, Layer)
    input_shape, output_shape : tuple of int
        Of one sample.
    shapes : list of tuple of int
        What comes out of each layer.
    values : ndarray of shape (n_parameters + n_state,)
    parameters : ndarray of shape (n_parameters,)
        What gradients train: the front of `values`.
    state : ndarray of shape (n_state,)
        What they do not: the rest of it.
    weights : dict of str to dict of str to ndarray
        ``weights["conv1"]["kernel"]``: views of `values`. Those of a layer that holds
        others nest: ``weights["block1"]["conv1"]["kernel"]``.
    arrays : dict of str to ndarray
        The same views in the order they were built in, by dotted names:
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

    def __init__(self, layers, input_shape, shapes, layout, n_parameters, values):
        self.layers = layers
        self.input_shape = input_shape
        self.shapes = shapes
        self._layout = layout
        self._n_parameters = n_parameters
        self.values = values
        self._make_views()

    @classmethod
    def build(cls, layers, input_shape, rng, dtype="float32"):
        """Send the shape down the layers; pack the weights that come up.

        Parameters
        ----------
        layers : list of layers or of (str, Layer)
        input_shape : tuple of int
            Of one sample.
        rng : numpy.random.Generator or int
        dtype : {"float32", "float64"}, default="float32"
            What the network computes in.

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
        values = np.empty(size, dtype)
        network = cls(layers, tuple(input_shape), shapes, layout, n_parameters, values)
        for name, first in _flat(weights).items():
            network.arrays[name][...] = first
        return network

    def _make_views(self):
        self.parameters = self.values[: self._n_parameters]
        self.state = self.values[self._n_parameters :]
        self.weights = _views(self._layout, self.values)
        self.arrays = _flat(self.weights)

    @property
    def output_shape(self):
        """Shape of the last layer's output for one sample."""
        return self.shapes[-1]

    @property
    def dtype(self):
        """What the network computes in."""
        return self.values.dtype

    def decayed(self, strength):
        """Return how weight decay touches `parameters`: not biases and other vectors.

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

    def __repr__(self):
        return (
            f"<Network of {len(self.layers)} layers, {self.input_shape} to "
            f"{self.output_shape}, {self.parameters.size} parameters>"
        )

    def copy(self):
        """Return a network of the same layers with arrays of its own."""
        twin = object.__new__(Network)
        twin.__setstate__({**self.__getstate__(), "values": np.array(self.values)})
        return twin

    def adapt(self, batches):
        """Have layers learn from the training data before the first step.

        Parameters
        ----------
        batches : callable ``() -> iterator of (x, sample_weight)``
            Goes once over the data; see `skconv.layers.Layer.adapt`.
        """
        chain.adapt(self.layers, self.weights, batches)

    def predict(self, x, upto=None):
        """Compute the last layer's output. Pure: any number of threads may ask.

        Parameters
        ----------
        x : ndarray of shape (n, *input_shape)
            Of the network's dtype.
        upto : str, optional
            Name of the layer whose output is wanted instead.

        Returns
        -------
        outputs : ndarray of shape (n, *output_shape)
        """
        return chain.predict(self.layers, self.weights, x, upto)

    def loss_and_gradient(self, x, targets, weight, loss, rng):
        """Go down the layers, and back up with the gradient.

        That is training: layers that keep state, such as running means, update it.
        What they ask for large weights is added to the loss.

        Parameters
        ----------
        x : ndarray of shape (n, *input_shape)
            Of the network's dtype.
        targets : ndarray of shape (n, ...)
            Whatever `loss` takes.
        weight : ndarray of shape (n,) or None
            What each sample counts for.
        loss : callable ``(outputs, targets, weight) -> (value, d_outputs)``
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
        value, dy = loss(outputs, targets, weight)
        _, grads = chain.backward(self.layers, self.weights, caches, dy, need_dx=False)
        gradient = np.empty_like(self.parameters)
        _fill(gradient, self._layout, grads)
        penalty, grads = chain.penalty(self.layers, self.weights)
        if penalty:
            views = _flat(_views(self._layout, gradient))
            for name, part in _flat(grads).items():
                views[name] += part
        return value + penalty, gradient

    def __getstate__(self):
        state = vars(self).copy()
        for views in ("parameters", "state", "weights", "arrays"):
            del state[views]  # pickled, they would store all values again
        return state

    def __setstate__(self, state):
        vars(self).update(state)
        self._make_views()


def _lay_out(layers, weights):
    """Give each array its place in one flat vector, what gradients train in front.

    Returns
    -------
    layout : dict
        Nested as weights are; (start, stop, shape) of each array.
    n_parameters, size : int
        Length of the front, and of all.
    """
    leaves = [
        leaf
        for name, layer in layers
        for leaf in chain.leaves(layer, weights[name], (name,))
    ]
    starts, size, ends = {}, 0, []
    for part in (True, False):
        for path, array, learnt in leaves:
            if learnt is part:
                starts[path] = size
                size += np.size(array)
        ends.append(size)

    def place(value, path):
        if isinstance(value, dict):
            return {key: place(inner, (*path, key)) for key, inner in value.items()}
        return starts[path], starts[path] + np.size(value), np.shape(value)

    return place(weights, ()), *ends


def _views(layout, vector):
    """Name the parts of `values`, or of a vector as long as `parameters`."""
    views = {}
    for key, place in layout.items():
        if isinstance(place, dict):
            views[key] = _views(place, vector)
            continue
        start, stop, shape = place
        if stop <= len(vector):
            views[key] = vector[start:stop].reshape(shape)
    return views


def _fill(vector, layout, arrays):
    """Put nested arrays where the layout has them, as far as the vector goes.

    What learns nothing may be left out, with all the names inside.
    """
    for key, place in layout.items():
        if isinstance(place, dict):
            _fill(vector, place, arrays.get(key, {}))
            continue
        start, stop, _ = place
        if stop <= len(vector):
            vector[start:stop] = np.reshape(arrays[key], -1)


def _flat(nested, prefix=""):
    """Name what is in nested dicts by the dotted path to it."""
    flat = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
