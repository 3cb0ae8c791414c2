"""Weights in the layout of PyTorch: plain arrays in and out, no PyTorch needed.

Torch puts channels first: its kernels are ``(filters, c, kh, kw)`` for ``(kh, kw, c,
filters)``, and dense ones ``(out, in)`` for ``(in, out)``. It flattens an image channel
by channel, skconv pixel by pixel: the rows of the first dense kernel after that, and
all other weights with one value for each of them, are in another order.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from ..estimators.base import BaseConvNet
from ..models.network import Network
from ..models.weights import (
    affine_shape,
    by_channel,
    check_scale,
    check_weight,
    leaf_layers,
    replace_arrays,
)
from .checks import check_estimator

__all__ = ["from_torch", "to_torch"]


class Row(NamedTuple):
    """The counterpart of a weight in torch.

    Attributes
    ----------
    name : str
        Its name in torch's module.
    convert : callable ``(array, leaf) -> array``
        Returns the same values in torch's order and shape.
    squared : bool, default=False
        Whether torch has the squares: a variance for a scale.
    """

    name: str
    convert: "Convert"
    squared: bool = False


_Array = NDArray[Any]
Convert = Callable[[_Array, Any], _Array]
Model = TypeVar("Model", bound=BaseConvNet)


def _transposed(array: _Array, leaf: Any, *, axes: tuple[int, ...]) -> _Array:
    return array.transpose(axes)


def _depthwise(array: _Array, leaf: Any) -> _Array:
    return by_channel(array)


def _dense(array: _Array, leaf: Any) -> _Array:
    shape = leaf.input_shape if len(leaf.input_shape) > 1 else leaf.grid
    return _channels_first(array, shape).T


def _vector(array: _Array, leaf: Any) -> _Array:
    """Return one value for each channel, or for each value of a flat sample."""
    return _channels_first(array, leaf.grid)


def _normalized(array: _Array, leaf: Any) -> _Array:
    """Return one value for each position along the axes of a LayerNorm."""
    shape = affine_shape(leaf.layer, leaf.input_shape)
    if leaf.grid:
        return _vector(array, leaf)
    whole = len(shape) == len(leaf.input_shape) > 1
    array = array.reshape(shape)
    return np.moveaxis(array, -1, 0) if whole else array


def _slopes(array: _Array, leaf: Any) -> _Array:
    shape = affine_shape(leaf.layer, leaf.input_shape)
    if math.prod(shape[:-1]) > 1:
        raise ValueError(
            f"layer {leaf.path!r} ({leaf.layer!r}) has a slope for each pixel, but "
            "torch's PReLU has one for each channel: use shared_axes"
        )
    return _vector(array, leaf)


def _channels_first(array: _Array, shape: tuple[int, ...] | None) -> _Array:
    """Order the first axis, the values of an image of `shape`, channel by channel."""
    if shape is None or len(shape) < 2:
        return array
    order = np.moveaxis(np.arange(math.prod(shape)).reshape(shape), -1, 0)
    return array[order.ravel()]


_COUNT = "num_batches_tracked"
_BIAS = "bias", Row("bias", _vector)
# Torch has the number of minibatches, which no prediction needs.
_COUNTED = Row(_COUNT, lambda array, leaf: np.array(0))
ROWS: dict[str, list[tuple[str, Row]]] = {
    "Conv2D": [
        ("kernel", Row("weight", partial(_transposed, axes=(3, 2, 0, 1)))),
        _BIAS,
    ],
    "Conv1D": [("kernel", Row("weight", partial(_transposed, axes=(2, 1, 0)))), _BIAS],
    # Keras' layout here, (kh, kw, filters, c), and (c, filters, kh, kw) in torch.
    "Conv2DTranspose": [
        ("kernel", Row("weight", partial(_transposed, axes=(3, 2, 0, 1)))),
        _BIAS,
    ],
    "Conv1DTranspose": [
        ("kernel", Row("weight", partial(_transposed, axes=(2, 1, 0)))),
        _BIAS,
    ],
    "DepthwiseConv2D": [("kernel", Row("weight", _depthwise)), _BIAS],
    "SeparableConv2D": [
        ("depthwise_kernel", Row("depthwise.weight", _depthwise)),
        (
            "pointwise_kernel",
            Row("pointwise.weight", partial(_transposed, axes=(3, 2, 0, 1))),
        ),
        ("bias", Row("pointwise.bias", _vector)),
    ],
    "HandcraftedConv1D": [
        ("kernel", Row("weight", partial(_transposed, axes=(2, 1, 0))))
    ],
    "Dense": [
        ("kernel", Row("weight", _dense)),
        ("bias", Row("bias", lambda bias, leaf: bias)),
    ],
    "BatchNorm": [
        ("gamma", Row("weight", _vector)),
        ("beta", Row("bias", _vector)),
        ("moving_mean", Row("running_mean", _vector)),
        ("moving_variance", Row("running_var", _vector)),
        ("samples", _COUNTED),
    ],
    "LayerNorm": [
        ("gamma", Row("weight", _normalized)),
        ("beta", Row("bias", _normalized)),
    ],
    # A batch norm without weights of its own: BatchNorm2d(c, eps=0, affine=False).
    "Normalization": [
        ("mean", Row("running_mean", _vector)),
        ("scale", Row("running_var", _vector, squared=True)),
        ("scale", _COUNTED),
    ],
    "PReLU": [("alpha", Row("weight", _slopes))],
}
"""Layer -> (weight, `Row`) of each, in the order of torch's modules."""


def to_torch(model: Any, keys: Iterable[str] | None = None) -> dict[str, _Array]:
    """Return the weights of a fitted estimator in the layout of a torch module.

    Parameters
    ----------
    model : ConvNetClassifier or ConvNetRegressor
        Fitted.
    keys : iterable of str, default=None
        Names for the arrays: a module's ``state_dict()``, or its keys, of the same
        layers in the same order. By default a layer's name and torch's name for the
        weight, ``conv1.weight``, ``bn1.running_mean``.

    Returns
    -------
    state : dict of str to ndarray
        ``module.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})``.
        Arrays are copies.

    Raises
    ------
    TypeError
        If it is another estimator, such as a pipeline: pass its step.
    ValueError
        If a layer has weights and no counterpart in torch, or the number of keys is
        wrong.

    See Also
    --------
    from_torch : Take the weights of a torch module.

    Notes
    -----
    To predict the same, a module needs the same padding (``padding="same"`` with a
    stride pads more at the bottom and right here, torch's numbers pad all sides), the
    `epsilon` of the layer (``BatchNorm2d(c, eps=1e-3)``; its ``momentum=0.01`` is
    ``momentum=0.99`` here) and, for two classes, one output followed by a sigmoid. A
    `Normalization`, the first layer of the default network, is
    ``BatchNorm2d(c, eps=0, affine=False)`` in torch, in `eval` mode. A `Reshape` takes
    and makes samples with the channels last: in torch ``x.movedim(1, -1)`` is due
    before it and ``x.movedim(-1, 1)`` after it. A regressor's predictions are
    ``outputs * reg.target_scale_ + reg.target_center_``, of ``exp(outputs)`` for
    ``loss="poisson"``; for several quantiles, sorted, and for "gaussian" the outputs
    0, 2, ... are means, and `skconv.ops.gaussian_std` of the others times the scale is
    the deviation.

    Examples
    --------
    >>> import numpy as np
    >>> import skconv
    >>> X, y = np.random.default_rng(0).random((20, 8, 8)), np.arange(20) % 2
    >>> clf = skconv.ConvNetClassifier(filters=4, max_iter=1).fit(X, y)
    >>> for key, array in skconv.to_torch(clf).items():
    ...     print(key, array.shape)
    normalization.running_mean (1,)
    normalization.running_var (1,)
    normalization.num_batches_tracked ()
    conv1.weight (4, 1, 3, 3)
    conv1.bias (4,)
    dense1.weight (128, 64)
    dense1.bias (128,)
    output.weight (1, 128)
    output.bias (1,)
    """
    check_estimator(model, "to_torch")
    check_is_fitted(model)
    arrays: dict[str, _Array] = model.network_.arrays
    state: dict[str, _Array] = {}
    for name, key, row, leaf in _match(model.network_):
        state[key] = np.array(row.convert(arrays[name], leaf))
        if row.squared:
            state[key] = _squared(state[key], name)
    if keys is None:
        return state
    keys = list(keys)
    if len(keys) != len(state):
        raise ValueError(
            f"keys must name {len(state)} arrays, {', '.join(state)}, got {len(keys)}: "
            f"{', '.join(keys)}"
        )
    return dict(zip(keys, state.values(), strict=True))


def from_torch(model: Model, state: Mapping[str, ArrayLike]) -> Model:
    """Give a fitted estimator the weights of a torch module of the same layers.

    The solver's moments are reset. After an error nothing has changed.

    Parameters
    ----------
    model : ConvNetClassifier or ConvNetRegressor
        Fitted, so that its layers have shapes: one epoch on a few samples is enough.
    state : dict of str to array-like
        Of ``module.state_dict()``: ``{k: v.numpy() for k, v in ...}``, in the order of
        the layers. Names are ignored.

    Returns
    -------
    model

    Raises
    ------
    TypeError
        If `model` is another estimator, such as a pipeline: pass its step.
    ValueError
        If the number of arrays is wrong, one has another shape or is not finite, or a
        layer has no counterpart in torch.

    See Also
    --------
    to_torch : Return the weights; see its notes.
    """
    check_estimator(model, "from_torch")
    check_is_fitted(model)
    arrays = model.network_.arrays
    rows = [match for match in _match(model.network_) if match[2].name != _COUNT]
    given = {
        key: value for key, value in state.items() if key.rpartition(".")[2] != _COUNT
    }
    if len(given) != len(rows):
        raise ValueError(
            f"state must hold {len(rows)} arrays, "
            f"{', '.join(key for _, key, *_ in rows)}, got {len(given)}: "
            f"{', '.join(given)}"
        )
    new = {}
    for (name, _, row, leaf), (key, value) in zip(rows, given.items(), strict=True):
        # Where each value must be put: places are converted as values are.
        places = np.arange(arrays[name].size).reshape(arrays[name].shape)
        places = row.convert(places, leaf)
        check = check_scale if row.squared else check_weight
        value = check(
            value, places.shape, f"{key!r}, for weight {name!r},", arrays[name].dtype
        )
        new[name] = np.empty_like(arrays[name])
        new[name].reshape(-1)[places] = value
    return model._replace_network(replace_arrays(model.network_, new))


def _squared(scale: _Array, name: str) -> _Array:
    """Return the variance, which torch's dtype may not hold."""
    variance = np.square(scale.astype(np.float64))
    limits = np.finfo(scale.dtype)
    if (variance > limits.max).any() or (variance < limits.tiny).any():
        raise ValueError(
            f"{name} is {scale.min():.3g} to {scale.max():.3g}: its square, "
            f"which torch has, leaves the range of {scale.dtype}: scale X, and fit "
            "again"
        )
    return variance.astype(scale.dtype)


def _match(network: Network) -> Iterator[tuple[str, str, Row, Any]]:
    """Yield (name, torch's key, row, leaf) of each array, in torch's order."""
    for leaf in leaf_layers(network):
        prefix = f"{leaf.path}."
        has = [name for name in network.arrays if name.rpartition(".")[0] == leaf.path]
        rows = ROWS.get(type(leaf.layer).__name__)
        if has and rows is None:
            raise ValueError(
                f"layer {leaf.path!r} ({leaf.layer!r}) has weights, but no counterpart "
                f"in torch; known layers are {', '.join(ROWS)}"
            )
        if has and leaf.grid == ():
            raise ValueError(
                f"layer {leaf.path!r} ({leaf.layer!r}) gets flattened images joined "
                "with other values, which torch has in another order: flatten after "
                "they are joined"
            )
        for name, row in rows or ():
            if prefix + name in network.arrays:
                yield prefix + name, prefix + row.name, row, leaf
