"""The base class of all layers: their contract of eight names."""

import inspect
from typing import Any, ClassVar

import numpy as np
from sklearn import get_config
from sklearn.utils.metadata_routing import UNUSED

from .._utils.params import ParamsMixin
from .._version import DOCUMENTATION
from .marks import is_frozen
from .typing import Array, Batches, Chain, Shape, Weights

__all__ = ["Layer", "total_penalty"]

# How many characters a layer's arguments may take when it is printed.
_REPR = 700


class Layer(ParamsMixin):
    """The configuration of one layer; the base of every layer, custom ones too.

    ``__init__`` stores its arguments unchanged, and the object never holds an array:
    weights are passed to each method, so that many networks and threads can use one
    layer at once. A subclass overrides `build`, `predict`, `forward` and `backward` as
    far as their defaults do not fit, and says in `state` which weights no gradient
    trains; few need `adapt`, `penalty` or `inner_layers`. Shapes leave out the batch:
    an image is ``(h, w, c)``, a flat sample ``(features,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv.layers import Layer
    >>> class Double(Layer):
    ...     def predict(self, weights, x):
    ...         return 2 * x
    ...     def backward(self, weights, cache, dy, need_dx=True):
    ...         return 2 * dy, {}
    >>> Double().predict({}, np.ones(3))
    array([2., 2., 2.])
    """

    # Names of weights that no gradient trains, such as running means: `forward` updates
    # them in place, `backward` returns nothing for them.
    state: ClassVar[tuple[str, ...]] = ()
    # How many axes the pixels of its input must have: 2 for images, 1 for signals. A
    # network with a layer on signals reads signals. None takes any input.
    ndim: ClassVar[int | None] = None
    # Where its diagrams link to, for layers of this package.
    _doc_link_module = "skconv"
    _doc_link_template = f"{DOCUMENTATION}/api/skconv.layers.{{estimator_name}}.html"

    # scikit-learn would otherwise route these as metadata to an estimator's predict.
    __metadata_request__predict: ClassVar[dict[str, Any]] = {
        "weights": UNUSED,
        "x": UNUSED,
    }

    def __repr__(self) -> str:
        """Return the call that made the layer, on one line, without defaults.

        Does what scikit-learn does, whose own code takes at least twice the time for
        each level of nested layers.
        """
        defaults = inspect.signature(type(self).__init__).parameters
        shown = {
            name: repr(value) for name, value in self.get_params(deep=False).items()
        }
        if get_config()["print_changed_only"]:
            shown = {
                name: text
                for name, text in shown.items()
                if name not in defaults or text != repr(defaults[name].default)
            }
        arguments = ", ".join(f"{name}={shown[name]}" for name in sorted(shown))
        if len(arguments) > _REPR:
            arguments = f"{arguments[: _REPR // 2]}...{arguments[-_REPR // 2 :]}"
        return f"{type(self).__name__}({arguments})"

    def inner_layers(self) -> Chain:
        """Return the layers inside of this one, if it contains any.

        Returns
        -------
        layers : list of (str, Layer)
            ``weights[name]`` are the weights of the layer of that name. Empty by
            default.
        """
        return []

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        """Check that the layer fits its input and draw its initial weights.

        Parameters
        ----------
        input_shape : tuple of int
        rng : numpy.random.Generator
            The only source of randomness.
        dtype : numpy.dtype
            Of the weights.

        Returns
        -------
        weights : dict of str to ndarray
            The trained weights, and those named in `state`. Empty by default.
        output_shape : tuple of int
            `input_shape` by default.

        Raises
        ------
        ValueError
            If an argument is out of its range or does not fit `input_shape`. The
            network adds the layer's name in front.
        """
        return {}, tuple(input_shape)

    def predict(self, weights: Weights, x: Array) -> Array:
        """Compute the output; pure, writes nothing, safe in many threads.

        Parameters
        ----------
        weights : dict of str to ndarray
        x : ndarray of shape (n, *input_shape)

        Returns
        -------
        y : ndarray of shape (n, *output_shape)
        """
        raise NotImplementedError(f"{type(self).__name__} defines no predict")

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        """Compute the output, and what `backward` needs.

        Parameters
        ----------
        weights, x
            As in `predict`. Of all arrays, only those of `state` may be changed, and
            only in training.
        rng : numpy.random.Generator or None
            In training, what dropout and the like draw from. None means as in
            prediction: `backward` then computes the gradient of `predict`.

        Returns
        -------
        y : ndarray of shape (n, *output_shape)
            By default the result of `predict`.
        cache : object
            What `backward` needs. By default ``x``.
        """
        return self.predict(weights, x), x

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        """Turn the gradient in the output into those in the input and the weights.

        Parameters
        ----------
        weights : dict of str to ndarray
        cache : object
            From `forward`.
        dy : ndarray of shape (n, *output_shape)
            Gradient of the loss in the output. It must not be changed.
        need_dx : bool, default=True
            False where nothing reads ``dx``.

        Returns
        -------
        dx : ndarray of shape (n, *input_shape) or None
        grads : dict of str to ndarray
            One for each of `weights`, of its shape; none for those of `state`.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no backward")

    def adapt(self, weights: Weights, batches: Batches) -> None:
        """Learn from the training data before the first step of the first fit.

        Parameters
        ----------
        weights : dict of str to ndarray
            Changed in place.
        batches : callable ``() -> iterator of (x, sample_weight)``
            Passes once over what reaches the layer of all the training data, piece by
            piece: the first layer gets X in float64, others get the output of the
            layers before. ``sample_weight`` is an array of shape (n,) or None. A layer
            that does not call it costs nothing.
        """

    def penalty(self, weights: Weights) -> tuple[float, Weights]:
        """Compute what is added to the loss for large weights.

        Parameters
        ----------
        weights : dict of str to ndarray

        Returns
        -------
        value : float
            By default that of the layers inside, 0 where there are none.
        grads : dict of str to ndarray
            Its gradient in those weights that it depends on.
        """
        return total_penalty(self.inner_layers(), weights)


def total_penalty(layers: Chain, weights: Weights) -> tuple[float, Weights]:
    """Add up the penalties of layers, and collect their gradients.

    Frozen layers have none.

    Returns
    -------
    value : float
    grads : dict of str to dict
        Nested as weights are, with the weights that the value depends on.
    """
    total = 0.0
    grads: Weights = {}
    for name, layer in layers:
        value, grads[name] = 0.0, {}
        if not is_frozen(weights[name]):
            value, grads[name] = layer.penalty(weights[name])
        total += value
    return total, grads
