"""The base class of composites: paths side by side, and how they join."""

from typing import Any, ClassVar

import numpy as np
from sklearn.utils.metadata_routing import UNUSED

from .. import ops
from .._utils.params import NestedParamsMixin
from . import chain
from .layer import Layer
from .naming import name_layers
from .typing import Array, Batches, Chain, Shape, Weights

__all__ = ["Composite"]


class Composite(NestedParamsMixin, Layer):
    """A layer that sends its input down one or more paths of layers.

    A subclass says what the paths are, how their outputs are joined and how the
    gradient in the output is split. The methods of a layer, costs, diagrams, weights in
    other orders and exports follow from that.

    Examples
    --------
    A layer that multiplies its input by what another layer makes of it:

    >>> import numpy as np
    >>> from skconv.layers import Composite, Dense
    >>> class Gate(Composite):
    ...     def __init__(self, layer):
    ...         self.layer = layer
    ...     def paths(self):
    ...         return [[("gate", self.layer)], []]
    ...     def join(self, outputs):
    ...         gate, x = outputs
    ...         return gate * x, outputs
    ...     def split(self, cache, dy):
    ...         gate, x = cache
    ...         return [dy * x, dy * gate]
    >>> gate = Gate(Dense(2, "sigmoid"))
    >>> weights, shape = gate.build((2,), np.random.default_rng(0), np.dtype(float))
    >>> shape, weights["gate"]["kernel"].shape
    ((2,), (2, 2))
    """

    # As in `Layer`: nothing of it is metadata.
    __metadata_request__split: ClassVar[dict[str, Any]] = {
        "cache": UNUSED,
        "dy": UNUSED,
    }

    def paths(self) -> list[Chain]:
        """Return the chains of layers that each get the layer's input.

        Returns
        -------
        paths : list of list of (str, Layer)
            With names that are distinct across paths. An empty one returns its input.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no paths")

    def join_shapes(self, input_shape: Shape, shapes: list[Shape]) -> Shape:
        """Return the output shape for the paths' output shapes.

        Raises
        ------
        ValueError
            If they cannot be joined. By default, if they are not all the same.
        """
        if len(set(shapes)) > 1:
            raise ValueError(
                f"its paths must make outputs of one shape of its input {input_shape}, "
                f"got {shapes}"
            )
        return shapes[0]

    def join(self, outputs: list[Array]) -> tuple[Array, Any]:
        """Return the output for the paths' outputs, and what `split` needs.

        Parameters
        ----------
        outputs : list of ndarray
            They must not be changed.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no join")

    def split(self, cache: Any, dy: Array) -> list[Array]:
        """Return the gradient in each path's output.

        Parameters
        ----------
        cache : object
            From `join`.
        dy : ndarray
            The gradient in the output. It must not be changed.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no split")

    def inner_layers(self) -> Chain:
        return [entry for path in self.paths() for entry in path]

    def build(
        self, input_shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> tuple[Weights, Shape]:
        name_layers(self.inner_layers())
        weights: Weights = {}
        ends = []
        for path in self.paths():
            built, shapes = chain.build(path, input_shape, rng, dtype)
            weights.update(built)
            ends.append((tuple(input_shape), *shapes)[-1])
        return weights, self.join_shapes(tuple(input_shape), ends)

    def adapt(self, weights: Weights, batches: Batches) -> None:
        for path in self.paths():
            chain.adapt(path, weights, batches)

    def predict(self, weights: Weights, x: Array) -> Array:
        return self.join([chain.predict(path, weights, x) for path in self.paths()])[0]

    def forward(
        self, weights: Weights, x: Array, rng: np.random.Generator | None
    ) -> tuple[Array, Any]:
        outputs, caches = [], []
        for path in self.paths():
            output, cache = chain.forward(path, weights, x, rng)
            outputs.append(output)
            caches.append(cache)
        y, joined = self.join(outputs)
        return y, (caches, joined)

    def backward(
        self, weights: Weights, cache: Any, dy: Array, need_dx: bool = True
    ) -> tuple[Array | None, Weights]:
        caches, joined = cache
        dx, grads = None, {}
        parts = self.split(joined, dy)
        for path, inside, part in zip(self.paths(), caches, parts, strict=True):
            d, grads_inside = chain.backward(path, weights, inside, part, need_dx)
            grads.update(grads_inside)
            dx = d if dx is None or d is None else ops.add(dx, d)
        return dx, grads
