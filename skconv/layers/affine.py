"""What dense layers and convolutions share: a kernel, a bias and an activation."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from .. import ops
from .._utils.lookup import look_up
from .checks import check_flag, check_number
from .initializers import INITIALIZERS, fill, initialize
from .layer import Layer
from .marks import is_frozen
from .typing import Array, Shape, Weights

__all__ = ["Affine", "activated"]


class Affine(Layer):
    """``activation(x * kernel + bias)``; a subclass defines ``*``.

    A subclass has the arguments `activation`, `use_bias`, `kernel_initializer` and,
    unless its kernels cannot be penalised, `kernel_l1` and `kernel_l2`. It defines
    `build`, `_apply`, `_apply_backward` and maybe `_apply_grad_input`.
    """

    activation: str | None
    use_bias: bool
    kernel_initializer: str
    kernel_l1: float = 0.0
    kernel_l2: float = 0.0
    adapting_initializers: ClassVar[tuple[str, ...]] = ()  # which see data in `adapt`

    def _apply(self, weights: Weights, x: Array, activation: str | None) -> Array:
        """Return ``activation(x * kernel + bias)``.

        Prediction may pass a weight ``scale`` as well, by which ``x * kernel`` is then
        multiplied: `skconv.layers.fusion` adds it to convolutions.
        """
        raise NotImplementedError

    def _apply_backward(
        self, weights: Weights, x: Array, saved: Array, dy: Array, need_dx: bool
    ) -> tuple[Array | None, Array, Array]:
        """Return the gradients in x (None without `need_dx`), the kernel and the bias.

        ``saved`` is what `activated` returned for ``_apply(weights, x, activation)``.
        """
        raise NotImplementedError

    def _apply_grad_input(
        self, weights: Weights, x: Array, saved: Array, dy: Array
    ) -> Array | None:
        """Return the gradient in x alone: of a frozen layer nothing else is needed.

        A subclass may do so in less time than `_apply_backward` takes.
        """
        return self._apply_backward(weights, x, saved, dy, True)[0]

    def _draw_weights(
        self,
        kernel_shape: Shape,
        rng: np.random.Generator,
        dtype: np.dtype[Any],
        groups: int = 1,
    ) -> Weights:
        ops.find_activation(self.activation)
        check_flag(self.use_bias, "use_bias")
        for name in ("kernel_l1", "kernel_l2"):
            check_number(getattr(self, name), name, 0)
        names = dict.fromkeys((*INITIALIZERS, *self.adapting_initializers))
        look_up(names, self.kernel_initializer, "kernel_initializer")
        initializer = self.kernel_initializer
        if initializer in self.adapting_initializers:  # until it has seen data
            initializer = "he_normal"
        kernel = initialize(initializer, kernel_shape, rng, dtype, groups=groups)
        if not self.use_bias:
            return {"kernel": kernel}
        return {"kernel": kernel, "bias": fill(0, (kernel_shape[-1],), rng, dtype)}

    def penalty(self, weights: Weights) -> tuple[float, Weights]:
        if not (self.kernel_l1 or self.kernel_l2):
            return 0.0, {}
        kernel, l1, l2 = weights["kernel"], float(self.kernel_l1), float(self.kernel_l2)
        value = l1 * np.abs(kernel).sum(dtype=np.float64)
        value += l2 * np.square(kernel).sum(dtype=np.float64)
        return float(value), {"kernel": l1 * np.sign(kernel) + 2 * l2 * kernel}

    def predict(self, weights: Weights, x: Array) -> Array:
        return self._apply(weights, x, self.activation)

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        y, saved = activated(partial(self._apply, weights, x), self.activation)
        return y, (x, saved)

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        x, saved = cache
        if is_frozen(weights):
            if not need_dx:
                return None, {}
            return self._apply_grad_input(weights, x, saved, dy), {}
        dx, *grads = self._apply_backward(weights, x, saved, dy, need_dx)
        return dx, self.name_gradients(*grads)

    def name_gradients(self, dkernel: Array, dbias: Array) -> Weights:
        """Return the gradients of the weights that the layer has."""
        return {"kernel": dkernel, **({"bias": dbias} if self.use_bias else {})}


def activated(
    op: Callable[[str | None], Array], activation: str | None
) -> tuple[Array, Array]:
    """Apply an activation within an op, and return what its derivative is taken from.

    Parameters
    ----------
    op : callable ``(activation) -> array``
    activation : str or None

    Returns
    -------
    y : ndarray
    saved : ndarray
        ``y`` itself or, for an activation whose derivative cannot be taken from its
        output, its input (see `skconv.ops.activate_grad`).
    """
    if ops.find_activation(activation).derivative_from == "output":
        y = op(activation)
        return y, y
    z = op(None)
    return ops.activate(z, activation), z
