"""Model files by a grammar: layers composed at random, then made to contradict themselves.

`draw_file` writes one; `draw_place` makes a path that leads to anything but a file.
"""

import json
import os
import socket

import numpy as np

from skconv._utils import documents
from skconv._utils.values import decode
from skconv.io.registry import find_class
from skconv.layers.initializers import Blank
from skconv.models.network import Network

MOST_WEIGHTS = 2**18  # of a file; the sizes in it are other ones

SMALL = [1, 1, 2, 2, 3, 4, 5, 8]
LARGE = [17, 50, 300, 1000, 5000, 10**5, 10**6, 2**31, 2**62]
ACTIVATIONS = [None, "relu", "tanh", "gelu", "softplus", "logistic", "leaky_relu"]


# Layers ------------------------------------------------------------------------------


def size(rng, wild):
    """Return a size that is small or, in a wild file, sometimes large."""
    return pick(rng, LARGE if rng.random() < wild else SMALL)


def pick(rng, values):
    return values[rng.integers(len(values))]


def layer(kind, **params):
    return {"class": kind, "params": params}


def slides(rng, wild):
    """Return the arguments of a window."""
    padding = ["valid", "same", "same", size(rng, wild)]
    return {"stride": size(rng, wild / 4), "padding": pick(rng, padding)}


def conv(rng, wild, depth):
    window = {**slides(rng, wild), "kernel_size": size(rng, wild)}
    activation = pick(rng, ACTIVATIONS)
    match rng.integers(4):
        case 0:
            return layer("DepthwiseConv2D", **window, activation=activation)
        case 1:
            return layer("SeparableConv2D", filters=size(rng, wild), **window)
        case 2:
            more = pick(rng, [None, None, 0, size(rng, wild)])
            filters = size(rng, wild)
            return layer(
                "Conv2DTranspose", filters=filters, output_padding=more, **window
            )
    window["dilation"] = pick(rng, [1, 1, 1, size(rng, wild)])
    filters = size(rng, wild)
    return layer("Conv2D", filters=filters, activation=activation, **window)


def pool(rng, wild, depth):
    kind = pick(rng, ["MaxPool2D", "AvgPool2D"])
    return layer(kind, pool_size=size(rng, wild), **slides(rng, wild))


def margins(rng, wild, depth):
    """Return a layer that makes images larger or smaller, or of another shape."""
    n = size(rng, wild)
    return pick(
        rng,
        [
            layer("UpSampling2D", size=n, interpolation=pick(rng, HOW)),
            layer("ZeroPadding2D", padding=pick(rng, [n, {"tuple": [0, n]}])),
            layer("Cropping2D", cropping=pick(rng, [0, 1, {"tuple": [0, n]}])),
            layer("Reshape", target_shape={"tuple": [n, n, -1]}),
        ],
    )


HOW = ["nearest", "bilinear", "bilinear", "cubic"]


def pointwise(rng, wild, depth):
    return pick(
        rng,
        [
            layer("Activation", activation=pick(rng, ACTIVATIONS)),
            layer("Dropout", rate=0.5),
            layer("BatchNorm"),
            layer("LayerNorm", axis=pick(rng, [-1, 1, {"tuple": [1, 2, 3]}])),
            layer("PReLU", shared_axes=pick(rng, [None, 1, {"tuple": [1, 2]}])),
            layer("Normalization"),
            layer("Rescaling", scale=2.0, offset=-1.0),
        ],
    )


def composite(rng, wild, depth):
    """Return a layer that contains others; in a wild file sometimes very many."""
    if depth > 6:
        return pointwise(rng, wild, depth)
    kind = pick(rng, ["Residual", "Branches", "Sequential"])
    inside = chain(rng, wild, depth + 1, pick(rng, [1, 2, 3]))
    if rng.random() < wild / 4:
        inside = inside[:1] * pick(rng, [100, 1000, 3000])
    return layer(kind, layers=inside)


def ending(rng, wild, depth):
    if rng.random() < 0.5:
        return layer("Dense", units=size(rng, wild))
    return layer(pick(rng, ["Flatten", "GlobalAvgPool2D", "GlobalMaxPool2D"]))


KINDS = [conv, conv, conv, pool, margins, pointwise, pointwise, composite]


def chain(rng, wild, depth, n):
    return [pick(rng, KINDS)(rng, wild, depth) for _ in range(n)]


# Files -------------------------------------------------------------------------------


def draw_file(path, template, rng):
    """Write a model file; return whether it must load.

    Parameters
    ----------
    path : Path
    template : dict
        The document of a classifier.
    rng : numpy.random.Generator
    """
    document = json.loads(json.dumps(template))
    is_valid = rng.random() < 0.3
    wild = 0.0 if is_valid else pick(rng, [0.0, 0.05, 0.3])
    shape = [pick(rng, [2, 5, 8, 16]), pick(rng, [2, 5, 8, 16]), pick(rng, [1, 3])]
    layers = chain(rng, wild, 0, int(rng.integers(1, 5)))
    layers += [ending(rng, wild, 0), layer("Dense", units=3)]
    document["layers"] = [[f"a{i}", each] for i, each in enumerate(layers)]
    document["fitted"]["input_shape"] = shape
    arrays = draw_arrays(document, rng)
    is_built = arrays is not None
    arrays = arrays or {"a0.kernel": rng.random((3, 3), np.float32)}
    arrays["history/loss_curve"] = rng.random(2)
    if not is_valid:
        for _ in range(rng.integers(1, 3)):
            pick(rng, CONTRADICTIONS)(document, arrays, rng)
    try:
        documents.write(path, "model", document, arrays)
    except ValueError:  # a header that is larger than a reader takes
        return draw_file(path, template, rng)
    if not is_valid and rng.random() < 0.1:
        make_sparse(path, rng)
        return False
    return is_valid and is_built


def draw_arrays(document, rng):
    """Return arrays for the layers of a document, or None if these do not fit."""
    try:
        layers = [(name, decode(each, find_class)) for name, each in document["layers"]]
        shape = tuple(document["fitted"]["input_shape"])
        network = Network.build(layers, shape, Blank(MOST_WEIGHTS))
    except (TypeError, ValueError):
        return None
    return {
        name: rng.uniform(0.01, 0.5, array.shape).astype(np.float32)
        for name, array in network.arrays.items()
    }


def any_array(arrays, rng):
    return arrays[pick(rng, list(arrays))].reshape(-1)


def spoil(value):
    def change(document, arrays, rng):
        array = any_array(arrays, rng)
        array[rng.integers(array.size)] = value

    return change


def put(*keys, values):
    def change(document, arrays, rng):
        place = document
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = pick(rng, values)

    return change


def rename(document, arrays, rng):
    name = pick(rng, list(arrays))
    arrays[pick(rng, ["b", "a" * 900, name + "."])] = arrays.pop(name)


def cut(document, arrays, rng):
    name = pick(rng, list(arrays))
    arrays[name] = pick(
        rng, [arrays[name][:-1], arrays[name][None], arrays[name].repeat(2, axis=0)]
    )
    arrays[name] = arrays[name].astype(pick(rng, ["f4", "f8"]))


def nest(document, arrays, rng):
    entry = pick(rng, document["layers"])
    for _ in range(rng.integers(1, 14)):
        kind = pick(rng, ["Branches", "Residual", "Sequential"])
        entry[1] = layer(kind, layers=[entry[1]] * int(rng.integers(1, 3)))


def widen(document, arrays, rng):
    n = pick(rng, [100, 1000, 1000, 5000])
    extra = pointwise(rng, 0, 0)
    document["layers"][:0] = [[f"w{i}", extra] for i in range(n)]


def repeat_pools(document, arrays, rng):
    n = size(rng, 0.8)
    extra = layer(
        "MaxPool2D", pool_size=n, stride=1, padding=pick(rng, ["same", n - 1])
    )
    document["layers"][:0] = [[f"p{i}", extra] for i in range(16)]


def long_text(document, arrays, rng):
    text = pick(rng, ["x", "\x01", "é"]) * pick(rng, [2000, 60_000, 150_000])
    put(*pick(rng, PLACES), values=[text])(document, arrays, rng)


PLACES = [
    ("estimator", "class"), ("estimator", "params", "solver"),
    ("estimator", "params", "layers"), ("layers", 0, 0), ("layers", 0, 1, "class"),
    ("fitted", "split_seed"), ("fitted", "encoder", "dtype"), ("fitted", "history"),
]  # fmt: skip
REGRESSION = {
    "loss": "huber", "n_outputs": 3, "flat": False, "center": [0.0], "scale": [1.0],
}  # fmt: skip
ENCODERS = [
    REGRESSION,
    {**REGRESSION, "scale": [0.0]},
    {"classes": [0, 1], "dtype": "int64", "multilabel": False},
    {"classes": [0, 1, 2], "dtype": "int64", "multilabel": True},
    {"classes": ["a", "b", "c"], "dtype": "str", "multilabel": True},
    {"classes": [0, 1, 2], "dtype": "float32", "multilabel": False},
]
SHAPES = [[2**k, 2**k, 1] for k in (3, 10, 20, 31, 62)] + [
    [5, 5],
    [2**40, 1],
    [4, 9, 1],
]
CONTRADICTIONS = [
    *map(spoil, (np.nan, np.inf, -np.inf, -1.0, -1e38, 3e38)),
    put("estimator", "class", values=["ConvNetRegressor"]),
    put("fitted", "encoder", values=ENCODERS),
    put("fitted", "input_shape", values=SHAPES),
    put("fitted", "history", values=[{"slowdown": -1.0}, {"steps": 2**62}]),
    *(rename, cut, nest, widen, repeat_pools, long_text),
]


def make_sparse(path, rng):
    """Let a file, and the table in its header, say that it is very long."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + length])
    name = max(table.keys() - {"__metadata__"}, key=lambda n: table[n]["data_offsets"])
    n = pick(rng, [2**24, 2**36, 2**40])
    start = table[name]["data_offsets"][0]
    table[name].update(dtype="F32", shape=[n], data_offsets=[start, start + 4 * n])
    header = json.dumps(table).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    try:
        os.truncate(path, 8 + len(header) + start + 4 * n)
    except OSError:  # the disk takes no file of that size
        path.write_bytes(data)


# Places ------------------------------------------------------------------------------


def draw_place(path, rng):
    """Make a path that leads to no file: a pipe, a device, a folder, links."""
    path.unlink(missing_ok=True)
    match rng.integers(7):
        case 0:
            os.mkfifo(path)
        case 1:
            target = path.with_name("pipe")
            if not target.exists():
                os.mkfifo(target)
            path.symlink_to(target)
        case 2:
            path.symlink_to(path)
        case 3:
            path.symlink_to(pick(rng, ["/dev/zero", "/dev/tty", "/dev/null"]))
        case 4:
            path.symlink_to(pick(rng, ["/proc/self/mem", "/proc/kmsg", "/proc/stat"]))
        case 5:
            path.symlink_to(path.parent)
        case 6:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
