"""One pass forward and one back, with what each layer makes of a sample.

Layers are run one by one, none of them fused, as in prediction.
"""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from .. import ops
from ..layers import Composite, Layer, SeparableConv2D
from ..layers.typing import Chain, Weights
from ..models.network import Network

__all__ = ["Record", "trace"]

_Array = NDArray[Any]


@dataclass
class Record:
    """What one layer made of the samples.

    Attributes
    ----------
    name : str
        Inside of composites with dots: ``block1.conv1``.
    layer : Layer
    weights : dict
        Of this layer only.
    inputs : list of int
        The numbers of the records whose outputs it gets; -1 is the sample itself. Of a
        composite, those whose outputs it joins.
    depth : int
        How many composites contain it.
    y : ndarray of shape (1, ...)
    dy : ndarray or None
        The gradient of the loss in ``y``; None inside of a layer.
    gradients : dict of str to ndarray
        The gradient of the loss in each of the weights.
    is_half : bool
        Whether it is the first half of a `SeparableConv2D`.
    """

    name: str
    layer: Layer
    weights: Weights
    inputs: list[int]
    depth: int
    y: _Array
    dy: _Array | None = None
    gradients: dict[str, _Array] = field(default_factory=dict)
    is_half: bool = False


def trace(network: Network, x: _Array, d_outputs: Any) -> list[Record]:
    """Run a sample through a network, and the gradient of its loss back.

    Parameters
    ----------
    network : Network
    x : ndarray of shape (1, *input_shape), of the network's dtype
    d_outputs : callable ``(outputs) -> ndarray``
        From outputs to the gradient of the loss in them.

    Returns
    -------
    records : list of Record
        In the order of prediction; a composite follows the layers in it.
    """
    tracer = _Tracer()
    y, steps = tracer.forward(network.layers, network.weights, x, -1)
    tracer.backward(steps, d_outputs(y))
    return tracer.records


class _Tracer:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def forward(
        self, layers: Chain, weights: Weights, x: _Array, source: int, prefix: str = ""
    ) -> tuple[_Array, list[Any]]:
        """Run a chain; return its output and its steps for `backward`."""
        steps = []
        for name, layer in layers:
            path, own = prefix + name, weights[name]
            run = self._composite if isinstance(layer, Composite) else self._leaf
            steps.append(step := run(path, layer, own, x, source))
            source = step[0]
            x = self.records[source].y
        return x, steps

    def _add(self, name: str, layer: Any, weights: Weights, inputs: Any, y: Any) -> int:
        own = {k: w for k, w in weights.items() if not isinstance(w, dict)}
        depth = name.count(".")
        self.records.append(Record(name, layer, own, inputs, depth, y))
        return len(self.records) - 1

    def _leaf(
        self, path: str, layer: Layer, weights: Weights, x: _Array, source: int
    ) -> Any:
        y, cache = layer.forward(weights, x, None)
        if type(layer) is SeparableConv2D:  # its first half is a layer to look at
            depthwise = {"kernel": weights["depthwise_kernel"]}
            name = f"{path}.depthwise"
            source = self._add(name, layer, depthwise, [source], cache[1])
            self.records[source].is_half = True
        return self._add(path, layer, weights, [source], y), weights, cache, None

    def _composite(
        self, path: str, layer: Composite, weights: Weights, x: _Array, source: int
    ) -> Any:
        outputs, inside, ends = [], [], []
        for chain in layer.paths():
            y, steps = self.forward(chain, weights, x, source, f"{path}.")
            outputs.append(y)
            inside.append(steps)
            ends.append(steps[-1][0] if steps else source)
        y, joined = layer.join(outputs)
        return self._add(path, layer, weights, ends, y), weights, joined, inside

    def backward(self, steps: list[Any], dy: _Array) -> _Array:
        """Run the gradients back through a chain's steps; return that in its input."""
        for number, weights, cache, inside in reversed(steps):
            record = self.records[number]
            record.dy = dy
            if inside is None:
                dx, record.gradients = record.layer.backward(weights, cache, dy)
                assert dx is not None  # asked for: need_dx is True by default
                if type(record.layer) is SeparableConv2D:
                    half = self.records[record.inputs[0]]
                    half.gradients = {"kernel": record.gradients["depthwise_kernel"]}
                dy = dx
                continue
            parts = record.layer.split(cache, dy)
            backs = [self.backward(*each) for each in zip(inside, parts, strict=True)]
            dy = backs[0]
            for other in backs[1:]:
                dy = ops.add(dy, other)
        return dy
