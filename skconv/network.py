"""Layers and their weights: the only object that knows both."""

import math
import operator

import numpy as np

from .layers.naming import name_layers

__all__ = ["Network"]


class Network:
    """A chain of layers with the weights that training learns.

    All weights live in one flat vector, `parameters`; what each layer sees are named
    views of it. So a step of an optimizer, "restore the best weights" and a checkpoint
    are each one line on one array.

    Attributes
    ----------
    layers : list of (str, Layer)
    input_shape, output_shape : tuple of int
        Of one sample.
    shapes : list of tuple of int
        What comes out of each layer.
    parameters : ndarray of shape (n_parameters,)
    weights : dict of str to dict of str to ndarray
        ``weights["conv1"]["kernel"]``: views of `parameters`.

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
    >>> network.predict(np.zeros((7, 5, 5, 1), np.float32)).shape
    (7, 2)
    """

    def __init__(self, layers, input_shape, shapes, layout, parameters):
        self.layers = layers
        self.input_shape = input_shape
        self.shapes = shapes
        self._layout = layout  # a dict of weight name to shape for each layer
        self.parameters = parameters
        self.weights = self._views(parameters)

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
        shape = tuple(input_shape)
        layers, rng = name_layers(layers), np.random.default_rng(rng)
        shapes, layout, arrays = [], {}, []
        for name, layer in layers:
            with _naming(name, layer):
                weights, shape = layer.build(shape, rng, dtype)
                shape = tuple(map(operator.index, shape))
                layout[name] = {key: np.shape(array) for key, array in weights.items()}
            shapes.append(shape)
            arrays += [np.ravel(array) for array in weights.values()]
        parameters = np.concatenate([np.empty(0, dtype), *arrays])
        parameters = parameters.astype(dtype, copy=False)
        return cls(layers, tuple(input_shape), shapes, layout, parameters)

    @property
    def output_shape(self):
        """Shape of the last layer's output for one sample."""
        return self.shapes[-1]

    @property
    def dtype(self):
        """What the network computes in."""
        return self.parameters.dtype

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
        for views in self._views(decay).values():
            for view in views.values():
                view[...] = strength if view.ndim > 1 else 0
        return decay

    def __repr__(self):
        return (
            f"<Network of {len(self.layers)} layers, {self.input_shape} to "
            f"{self.output_shape}, {self.parameters.size} parameters>"
        )

    def copy(self):
        """Return a network of the same layers with weights of its own."""
        parameters = np.array(self.parameters)
        return Network(
            self.layers, self.input_shape, self.shapes, self._layout, parameters
        )

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
        for name, layer in self.layers:
            x = layer.predict(self.weights[name], x)
            if name == upto:
                break
        return x

    def loss_and_gradient(self, x, targets, weight, loss, rng):
        """Go down the layers, and back up with the gradient.

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
        caches = []
        for (name, layer), shape in zip(self.layers, self.shapes, strict=True):
            with _naming(name, layer):
                x, cache = layer.forward(self.weights[name], x, rng)
                self._check_promise("forward", x, shape)
            caches.append(cache)
        value, dy = loss(x, targets, weight)
        gradient = np.empty_like(self.parameters)
        views = self._views(gradient)
        # Nobody reads a gradient below the first layer that has weights.
        first = next((i for i, (name, _) in enumerate(self.layers) if views[name]), 0)
        for i in reversed(range(first, len(self.layers))):
            name, layer = self.layers[i]
            with _naming(name, layer):
                dy, grads = layer.backward(
                    self.weights[name], caches.pop(), dy, need_dx=i > first
                )
                _fill(views[name], grads)
                if i > first:
                    self._check_promise("backward", dy, self.shapes[i - 1])
        return value, gradient

    def _check_promise(self, verb, array, shape):
        """Check what a layer returns: a mistake would show up far from its author."""
        got = np.shape(array)[1:], getattr(array, "dtype", None)
        if got != (shape, self.dtype):
            raise ValueError(
                f"{verb} must return samples of shape {shape} in {self.dtype}, as "
                f"build and the network say, got {got[0]} in {got[1]}"
            )

    def _views(self, vector):
        """Name the parts of a vector like `parameters`, in the weights' shapes."""
        views, start = {}, 0
        for name, shapes in self._layout.items():
            views[name] = {}
            for key, shape in shapes.items():
                stop = start + math.prod(shape)
                views[name][key] = vector[start:stop].reshape(shape)
                start = stop
        return views

    def __getstate__(self):
        state = vars(self).copy()
        del state["weights"]  # views: pickled, they would store all weights twice
        return state

    def __setstate__(self, state):
        vars(self).update(state, weights=None)
        self.weights = self._views(self.parameters)


class _naming:  # a class: a generator would cost more than a small layer
    """Put a layer's name in front of what goes wrong in it."""

    __slots__ = ("layer", "name")

    def __init__(self, name, layer):
        self.name, self.layer = name, layer

    def __enter__(self):
        pass

    def __exit__(self, kind, error, traceback):
        for plain in (AttributeError, TypeError, ValueError):
            # Not its own class, which may want other arguments than a message.
            if isinstance(error, plain):
                message = f"layer {self.name!r} ({self.layer!r}): {error}"
                raise plain(message) from error


def _fill(views, grads):
    """Copy a layer's gradients to their places, and mind what its author forgot."""
    for key, view in views.items():
        if key not in grads or np.shape(grads[key]) != view.shape:
            got = f"one of shape {np.shape(grads[key])}" if key in grads else "none"
            raise ValueError(
                f"backward must return a gradient of shape {view.shape} for weight "
                f"{key!r}, got {got}"
            )
        view[...] = grads[key]
