"""What a layer is: a recipe, and four verbs with their companions."""

import inspect
import math
from functools import partial
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn import get_config
from sklearn.utils.metadata_routing import UNUSED

from .. import ops
from .._utils.params import ParamsMixin
from .._version import DOCUMENTATION
from . import chain
from .initializers import initialize

__all__ = [
    "Affine",
    "Layer",
    "activated",
    "check_number",
    "image_shape",
    "same_recipe",
    "signal_shape",
]

# How many characters a layer's arguments may take when it is printed.
_REPR = 700


class Layer(ParamsMixin):
    """A recipe of one layer; the base of every layer, yours too.

    ``__init__`` stores its arguments as they are, and the object never holds an
    array: weights are handed to each verb, so one layer can serve many networks and
    threads at once. A subclass overrides what follows. Shapes leave out the batch:
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
    # Where its diagrams link to, for layers of this package.
    _doc_link_module = "skconv"
    _doc_link_template = f"{DOCUMENTATION}/api/skconv.layers.{{estimator_name}}.html"

    # What scikit-learn would take for metadata to route to an estimator's predict.
    __metadata_request__predict: ClassVar[dict] = {"weights": UNUSED, "x": UNUSED}

    def __repr__(self):
        """Say in a line what the layer was called with, where that is no default.

        As scikit-learn has it, whose own way takes twice the time or more for each
        level that layers are nested.
        """
        defaults = inspect.signature(type(self).__init__).parameters
        said = {
            name: repr(value) for name, value in self.get_params(deep=False).items()
        }
        if get_config()["print_changed_only"]:
            said = {
                name: text
                for name, text in said.items()
                if name not in defaults or text != repr(defaults[name].default)
            }
        arguments = ", ".join(f"{name}={said[name]}" for name in sorted(said))
        if len(arguments) > _REPR:
            arguments = f"{arguments[: _REPR // 2]}...{arguments[-_REPR // 2 :]}"
        return f"{type(self).__name__}({arguments})"

    def inner_layers(self):
        """Name the layers inside of this one, if it holds others.

        Returns
        -------
        layers : list of (str, Layer)
            ``weights[name]`` are those of the layer called so. Empty by default.
        """
        return []

    def build(self, input_shape, rng, dtype):
        """Check that the layer fits its input and draw its first weights.

        Parameters
        ----------
        input_shape : tuple of int
        rng : numpy.random.Generator
            The only source of randomness.
        dtype : numpy.dtype
            What the weights are to be of.

        Returns
        -------
        weights : dict of str to ndarray
            What training is to learn or, where the name is one of `state`, to keep.
            Empty by default.
        output_shape : tuple of int
            `input_shape` by default.

        Raises
        ------
        ValueError
            If an argument is out of its range or does not fit `input_shape`. The
            network adds the layer's name in front.
        """
        return {}, tuple(input_shape)

    def predict(self, weights, x):
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

    def fuse(self, before, weights_before, weights):
        """Make one layer of the one before and this one, for prediction alone.

        Parameters
        ----------
        before : Layer
            Whose output this layer is given.
        weights_before, weights : dict of str to ndarray
            Those of both. They are not to be changed.

        Returns
        -------
        fused : (Layer, dict of str to ndarray) or None
            A layer, and its weights, whose `predict` does what the two do one after the
            other, up to rounding. None, the default, leaves them two.
        """
        return None

    def forward(self, weights, x, rng):
        """Compute the output in training.

        Parameters
        ----------
        weights, x
            As in `predict`. Of all arrays, those of `state` alone may be changed.
        rng : numpy.random.Generator
            Who has one is training: dropout draws from it.

        Returns
        -------
        y : ndarray of shape (n, *output_shape)
            By default what `predict` gives.
        cache : object
            What `backward` needs. By default ``x``.
        """
        return self.predict(weights, x), x

    def backward(self, weights, cache, dy, need_dx=True):
        """Turn the gradient in the output into those in the input and the weights.

        Parameters
        ----------
        weights : dict of str to ndarray
        cache : object
            From `forward`.
        dy : ndarray of shape (n, *output_shape)
            Gradient of the loss in the output. It is not to be changed.
        need_dx : bool, default=True
            False where nobody will read ``dx``.

        Returns
        -------
        dx : ndarray of shape (n, *input_shape) or None
        grads : dict of str to ndarray
            One for each of `weights`, of its shape; none for those of `state`.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no backward")

    def input_gradient(self, weights, x, dy):
        """Turn the gradient in what `predict` returns into that in its input.

        By default with `forward` and `backward`, which is right for layers that do the
        same in training and prediction; others have to override it.

        Parameters
        ----------
        weights : dict of str to ndarray
        x : ndarray of shape (n, *input_shape)
        dy : ndarray of shape (n, *output_shape)
            It is not to be changed.

        Returns
        -------
        dx : ndarray of shape (n, *input_shape)
        """
        _, cache = self.forward(weights, x, None)
        return self.backward(weights, cache, dy)[0]

    def adapt(self, weights, batches):
        """Learn from the training data before the first step of the first fit.

        Parameters
        ----------
        weights : dict of str to ndarray
            To be changed in place.
        batches : callable ``() -> iterator of (x, sample_weight)``
            Goes once over what reaches the layer of all the training data, piece by
            piece; ``sample_weight`` is an array of shape (n,) or None. A layer that
            does not call it costs nothing.
        """

    def penalty(self, weights):
        """Compute what the loss has added for large weights.

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
        return chain.penalty(self.inner_layers(), weights)

    def multiply_adds(self, input_shape, output_shape):
        """Count the products of an input and a weight in `predict`, for one sample.

        Each is a multiplication and an addition, which is where a network's time goes.
        What a layer does besides (biases, activations, scaling, pooling) is not
        counted. Padding is, as if it were pixels.

        Parameters
        ----------
        input_shape, output_shape : tuple of int
            As `build` takes and returns them.

        Returns
        -------
        count : int
            0 by default, which is right for layers without kernels.
        """
        return 0


def image_shape(input_shape):
    """Return `input_shape` if it is an image's, (h, w, c).

    Raises
    ------
    ValueError
        If it is not.
    """
    if len(input_shape) == 3:
        return input_shape
    _refuse(input_shape, "images (h, w, c)")


def signal_shape(input_shape):
    """Return `input_shape` if it is a signal's, (l, c).

    Raises
    ------
    ValueError
        If it is not.
    """
    if len(input_shape) == 2:
        return input_shape
    _refuse(input_shape, "signals (l, c)")


def _refuse(input_shape, taken):
    ways_out = {
        1: "place it before layers that flatten",
        2: "for signals (l, c) there are Conv1D and its like",
        3: "for images (h, w, c) there are Conv2D and its like",
    }
    raise ValueError(
        f"takes {taken}, but its input has shape {tuple(input_shape)}; "
        f"{ways_out.get(len(input_shape), 'reshape it')}"
    )


def check_number(value, name, low, high=math.inf, *, above=False):
    """Check that an argument is a number from `low` on and below `high`.

    Parameters
    ----------
    above : bool, default=False
        Whether `low` itself is too low.

    Raises
    ------
    ValueError
        If it is not.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not low <= value < high or (above and value == low):
        bounds = f"{'>' if above else '>='} {low:g}"
        if high < math.inf:
            bounds = f"in {'(' if above else '['}{low:g}, {high:g})"
        raise ValueError(f"{name} must be a number {bounds}, got {value!r}")


def same_recipe(a, b):
    """Tell whether two layers, or two values that describe them, say the same."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same_recipe, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_recipe(a[key], b[key]) for key in a)
    if hasattr(a, "__dict__") and type(a).__eq__ is object.__eq__:
        return same_recipe(vars(a), vars(b))
    return a == b


def activated(op, activation):
    """Apply an activation within an op, and keep what the way back will ask for.

    Parameters
    ----------
    op : callable ``(activation) -> array``
    activation : str or None

    Returns
    -------
    y : ndarray
    kept : ndarray
        ``y`` itself or, for an activation whose derivative is not told from it, what
        came before (see `skconv.ops.activate_grad`).
    """
    if ops.find_activation(activation).derivative_from == "output":
        y = op(activation)
        return y, y
    z = op(None)
    return ops.activate(z, activation), z


class Affine(Layer):
    """``activation(x * kernel + bias)``; a subclass says what ``*`` is.

    It has arguments `activation`, `use_bias`, `kernel_initializer` and, unless kernels
    are not to be penalised, `kernel_l1` and `kernel_l2`; and methods ``_op(x, kernel,
    bias, activation)`` and ``_op_backward(dy, kept, x, kernel, need_dx)``, which
    returns ``dx, dkernel, dbias``.
    """

    kernel_l1 = kernel_l2 = 0.0

    def _draw_weights(self, kernel_shape, rng, dtype, groups=1):
        ops.find_activation(self.activation)
        for name in ("kernel_l1", "kernel_l2"):
            check_number(getattr(self, name), name, 0)
        kernel = initialize(
            self.kernel_initializer, kernel_shape, rng, dtype, groups=groups
        )
        bias = np.zeros(kernel_shape[-1], dtype)
        return {"kernel": kernel, "bias": bias} if self.use_bias else {"kernel": kernel}

    def penalty(self, weights):
        if not (self.kernel_l1 or self.kernel_l2):
            return 0.0, {}
        kernel, l1, l2 = weights["kernel"], float(self.kernel_l1), float(self.kernel_l2)
        value = l1 * np.abs(kernel).sum(dtype=np.float64)
        value += l2 * np.square(kernel).sum(dtype=np.float64)
        return float(value), {"kernel": l1 * np.sign(kernel) + 2 * l2 * kernel}

    def predict(self, weights, x):
        return self._op(x, weights["kernel"], weights.get("bias"), self.activation)

    def forward(self, weights, x, rng):
        op = partial(self._op, x, weights["kernel"], weights.get("bias"))
        y, kept = activated(op, self.activation)
        return y, (x, kept)

    def backward(self, weights, cache, dy, need_dx=True):
        x, kept = cache
        dx, dkernel, dbias = self._op_backward(dy, kept, x, weights["kernel"], need_dx)
        grads = {"kernel": dkernel}
        if self.use_bias:
            grads["bias"] = dbias
        return dx, grads
