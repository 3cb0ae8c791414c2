"""Choose what fits into a file, and put the arrays of it into a document."""

import base64
import json
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..layers.transposed import TransposedConvolution
from .nodes import as_image, describe
from .samples import Explained
from .trace import Record

__all__ = ["fit_document", "unpack"]

_Array = NDArray[Any]

# Names of weights whose gradients are shown, by the names that layers give them.
_PULLS = {"depthwise_kernel": "kernel", "pointwise_kernel": "kernel"}


# What is left, at least, of a byte that is compressed and written as text: half of the
# values after ReLU are 0.
_LEAST = 0.4
_MARGIN = 500  # bytes, for the escapes of JSON and the version


class _Choice(NamedTuple):
    """How many samples, whether with gradients of values, and how large an array."""

    n: int
    with_gradients: bool
    largest: float


def fit_document(explained: Explained, n_bytes: int) -> tuple[dict[str, Any], str]:
    """Return the document with as much as fits, and its arrays as text.

    Raises
    ------
    ValueError
        If not even the least fits.
    """
    size = 0
    for choice in _choices(len(explained.x)):
        document, arrays = _write(explained, choice)
        if choice.n and arrays.size * _LEAST > n_bytes:
            continue  # it need not be compressed to see that
        numbers = arrays.as_text()
        size = len(numbers) + len(json.dumps(document)) + _MARGIN
        if size <= n_bytes:
            return document, numbers
    raise ValueError(
        f"max_bytes must leave room for the page and its samples, at least "
        f"{size - n_bytes:,} bytes more; pass fewer samples, or a larger max_bytes"
    )


def _choices(n: int) -> Iterator[_Choice]:
    """Yield choices, each smaller than the one before."""
    yield _Choice(n, True, math.inf)
    while n > 0:
        for largest in (math.inf, 2**17, 2**16, 2**15):
            yield _Choice(n, False, largest)
        n //= 2
    for power in range(14, 3, -1):
        yield _Choice(1, False, 2**power)
    yield _Choice(0, False, 1)


def unpack(document: dict[str, Any], numbers: str) -> list[_Array]:
    """Return the arrays of a document, as the page does."""
    raw = zlib.decompress(base64.b64decode(numbers))
    arrays = []
    for place in document["arrays"]:
        dtype, count = np.dtype(place["dtype"]), math.prod(place["shape"])
        part = np.frombuffer(raw, np.uint8, count * dtype.itemsize, place["start"])
        planes = part.reshape(dtype.itemsize, -1)
        arrays.append(planes.T.copy().view(dtype).reshape(place["shape"]))
    return arrays


@dataclass
class _Arrays:
    """Arrays on their way into a document, each of which gets a number."""

    places: list[dict[str, Any]]
    parts: list[_Array]
    size: int = 0

    def add(self, array: _Array) -> int:
        """Add an array and return its number."""
        place = {"dtype": array.dtype.name, "shape": list(array.shape)}
        self.places.append({**place, "start": self.size})
        self.parts.append(array)
        self.size += array.nbytes
        return len(self.places) - 1

    def as_text(self) -> str:
        """Return all bytes as text, each array's sorted by significance.

        The first bytes of its numbers, which have sign and exponent, are much alike.
        """
        packer = zlib.compressobj(6)
        packed = [packer.compress(_planes(array)) for array in self.parts]
        return base64.b64encode(b"".join([*packed, packer.flush()])).decode()


def _planes(array: _Array) -> bytes:
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return array.reshape(-1, 1).view(np.uint8).T.tobytes()


def _write(explained: Explained, choice: _Choice) -> tuple[dict[str, Any], _Arrays]:
    arrays = _Arrays([], [])
    network, net = explained.net.network_, explained.net
    shape, form = as_image(network.input_shape)
    document: dict[str, Any] = {
        "title": f"{type(net).__name__} of {len(network.layers)} layers",
        "classes": explained.classes,
        "samples": explained.texts,
        "detailed": choice.n,
        "losses": explained.losses,
        "outputs": arrays.add(explained.outputs),
        "outputActivation": net._encoder.activation,
        "input": {
            "name": "input",
            "type": "",
            "text": "",
            "kind": "input",
            "inputs": [],
            "shape": shape,
            "form": form,
            "depth": 0,
            "values": arrays.add(_as_images(explained.x, shape)),
        },
        "views": bool(getattr(net, "tta", None)),
    }
    if explained.shown is not None:
        document["shown"] = arrays.add(_as_images(explained.shown, shape))
    if explained.probabilities is not None:
        document["probabilities"] = arrays.add(explained.probabilities)
    document["layers"] = [
        _write_layer([t[i] for t in explained.traces], explained, choice, arrays)
        for i in range(len(explained.traces[0]))
    ]
    document["arrays"] = arrays.places
    document["leftOut"] = _left_out(document, choice, len(explained.x))
    return document, arrays


def _as_images(array: _Array, shape: list[int]) -> _Array:
    return array.reshape(len(array), *shape)


def _write_layer(
    records: list[Record], explained: Explained, choice: _Choice, arrays: _Arrays
) -> dict[str, Any]:
    """Describe a layer, with what the choice leaves of its arrays."""
    record, trace = records[0], explained.traces[0]
    first = record.inputs[0]
    input_shape = trace[first].y.shape[1:] if first >= 0 else explained.x.shape[1:]
    shape, form = as_image(record.y.shape[1:])
    found = describe(record, input_shape)
    weights = found.pop("weights", {})
    node: dict[str, Any] = {
        "name": record.name,
        "type": type(record.layer).__name__,
        "text": "its first half: a kernel for each channel"
        if record.is_half
        else repr(record.layer),
        "inputs": record.inputs,
        "depth": record.depth,
        "shape": shape,
        "form": form,
        **found,
    }
    detailed = records[: choice.n]
    if detailed:
        ys = _as_images(np.concatenate([r.y for r in detailed]), shape)
        node["values"] = arrays.add(_trim(ys, choice, math.prod(shape)))
        if choice.with_gradients and record.dy is not None and explained.losses:
            dys = _as_images(np.concatenate([r.dy for r in detailed]), shape)
            node["gradients"] = arrays.add(_trim(dys, choice, math.prod(shape)))
    node["weights"] = {
        name: arrays.add(_trim(_as_kernel(w, node["kind"]), choice, w.size))
        for name, w in weights.items()
        if detailed
    }
    node["pulls"] = {}
    if explained.losses and detailed:
        for key, each in _pulls(detailed, weights, node["kind"]):
            node["pulls"][key] = arrays.add(_trim(each, choice, each[0].size))
    return node


def _as_kernel(weights: _Array, kind: str) -> _Array:
    """Return the kernel of signals as one of images of one row."""
    if kind == "convolution" and weights.ndim == 3:
        return weights[None]
    return weights


def _pulls(
    records: list[Record], weights: dict[str, _Array], kind: str
) -> Iterator[tuple[str, _Array]]:
    """Yield the gradients of the loss of each sample in the weights that are shown.

    That of a dense kernel is x times that of the bias: it is not stored.
    """
    for name in records[0].gradients:
        key = _PULLS.get(name, name)
        if name == "depthwise_kernel" and "pointwise_kernel" in records[0].gradients:
            continue  # it belongs to the first half
        if key not in weights or (
            kind == "dense" and key == "kernel" and "bias" in weights
        ):
            continue
        stacked = np.stack([record.gradients[name] for record in records])
        if key == "kernel" and isinstance(records[0].layer, TransposedConvolution):
            stacked = stacked.swapaxes(-1, -2)
        shape = _as_kernel(weights[key], kind).shape
        yield key, stacked.reshape(len(records), *shape)


def _trim(array: _Array, choice: _Choice, size: int) -> _Array:
    """Leave as many entries of the last axis as an array may have numbers."""
    if size <= choice.largest:
        return array
    last = array.shape[-1]
    return array[..., : max(1, int(choice.largest * last / size))]


def _left_out(document: dict[str, Any], choice: _Choice, n: int) -> list[str]:
    """Say in words what the file does not have."""
    words = []
    if choice.n < n:
        which = "any sample" if not choice.n else f"samples {choice.n + 1} to {n}"
        words.append(f"what the layers make of {which}")
    if not choice.with_gradients and document["losses"]:
        words.append("the gradient of the loss in the values of each layer")
    few = []
    for node in document["layers"]:
        numbers = node.get("values"), node["weights"].get("kernel")
        kept = [each for n in numbers if (each := _kept(document, n)) is not None]
        if min(kept, default=node["shape"][2]) < node["shape"][2]:
            few.append(f"{node['name']} ({min(kept)} of {node['shape'][2]})")
    if few:
        words.append(f"values or kernels of all but some channels: {', '.join(few)}")
    return words


def _kept(document: dict[str, Any], number: int | None) -> int | None:
    return None if number is None else document["arrays"][number]["shape"][-1]
