"""Weights as PyTorch has them: plain arrays in and out, no PyTorch needed.

What differs: torch puts channels first, so kernels are ``(filters, c, kh, kw)`` for
``(kh, kw, c, filters)``, and dense ones ``(out, in)`` for ``(in, out)``; and a
flattened image goes channel by channel there and pixel by pixel here, so that the rows
of the first dense kernel behind it, and all else that has a value for each, are in
another order.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..models.weights import (
    affine_shape,
    by_channel,
    check_weight,
    leaves,
    replace_arrays,
)

__all__ = ["from_torch", "to_torch"]


class Row(NamedTuple):
    """A weight of ours, and how torch has it.

    Attributes
    ----------
    name : str
        What torch's module calls it.
    convert : callable ``(array, leaf) -> array``
        The same values in another order and shape, whatever they are.
    """

    name: str
    convert: Callable


def _transposed(*axes):
    return lambda array, leaf: array.transpose(axes)


def _depthwise(array, leaf):
    return by_channel(array)


def _dense(array, leaf):
    shape = leaf.input_shape if len(leaf.input_shape) > 1 else leaf.grid
    return _channels_first(array, shape).T


def _vector(array, leaf):
    """Return one value for each channel, or for each value of a flat sample."""
    return _channels_first(array, leaf.grid)


def _normalized(array, leaf):
    """Return one value for each place along the axes of a LayerNorm."""
    shape = affine_shape(leaf.layer, leaf.input_shape)
    if leaf.grid:
        return _vector(array, leaf)
    whole = len(shape) == len(leaf.input_shape) > 1
    array = array.reshape(shape)
    return np.moveaxis(array, -1, 0) if whole else array


def _slopes(array, leaf):
    shape = affine_shape(leaf.layer, leaf.input_shape)
    if math.prod(shape[:-1]) > 1:
        raise ValueError(
            f"layer {leaf.path!r} ({leaf.layer!r}) has a slope for each pixel, torch's "
            "PReLU one for each channel: use shared_axes"
        )
    return _vector(array, leaf)


def _channels_first(array, shape):
    """Order the first axis, the values of an image of `shape`, channel by channel."""
    if shape is None or len(shape) < 2:
        return array
    order = np.moveaxis(np.arange(math.prod(shape)).reshape(shape), -1, 0)
    return array[order.ravel()]


_BIAS = {"bias": Row("bias", _vector)}
ROWS = {
    "Conv2D": {"kernel": Row("weight", _transposed(3, 2, 0, 1)), **_BIAS},
    "Conv1D": {"kernel": Row("weight", _transposed(2, 1, 0)), **_BIAS},
    "DepthwiseConv2D": {"kernel": Row("weight", _depthwise), **_BIAS},
    "SeparableConv2D": {
        "depthwise_kernel": Row("depthwise.weight", _depthwise),
        "pointwise_kernel": Row("pointwise.weight", _transposed(3, 2, 0, 1)),
        "bias": Row("pointwise.bias", _vector),
    },
    "Dense": {"kernel": Row("weight", _dense), "bias": Row("bias", lambda b, leaf: b)},
    "BatchNorm": {
        "gamma": Row("weight", _vector),
        "beta": Row("bias", _vector),
        "moving_mean": Row("running_mean", _vector),
        "moving_variance": Row("running_var", _vector),
        "samples": None,  # torch counts minibatches, and not for prediction
    },
    "LayerNorm": {
        "gamma": Row("weight", _normalized),
        "beta": Row("bias", _normalized),
    },
    "PReLU": {"alpha": Row("weight", _slopes)},
}
"""Layer -> weight -> `Row`, in the order of torch's modules."""

_COUNT = "num_batches_tracked"


def to_torch(model, keys=None):
    """Return the weights of a fitted estimator as a torch module has them.

    Parameters
    ----------
    model : ConvNetClassifier or ConvNetRegressor
        Fitted.
    keys : iterable of str, default=None
        The names to give them: a module's ``state_dict()``, or its keys, of the same
        layers in the same order. By default a layer's name and torch's for the weight,
        ``conv1.weight``, ``bn1.running_mean``.

    Returns
    -------
    state : dict of str to ndarray
        ``module.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})``.
        Arrays are copies.

    Raises
    ------
    ValueError
        If a layer has weights and no counterpart in torch, or there are more keys or
        fewer.

    See Also
    --------
    from_torch : The way back.

    Notes
    -----
    A module that predicts the same pads alike (``padding="same"`` with a stride pads
    more at the bottom and right here; torch's numbers on all sides), has the
    `epsilon` of the layer (``BatchNorm2d(c, eps=1e-3)``; its ``momentum=0.01`` is
    ``momentum=0.99`` here) and, for two classes, one output that a sigmoid follows.

    Examples
    --------
    >>> import numpy as np
    >>> import skconv
    >>> X, y = np.random.default_rng(0).random((20, 8, 8)), np.arange(20) % 2
    >>> clf = skconv.ConvNetClassifier(filters=4, max_iter=1).fit(X, y)
    >>> for key, array in skconv.to_torch(clf).items():
    ...     print(key, array.shape)
    conv1.weight (4, 1, 3, 3)
    conv1.bias (4,)
    dense1.weight (128, 64)
    dense1.bias (128,)
    output.weight (1, 128)
    output.bias (1,)
    """
    check_is_fitted(model)
    arrays, state = model.network_.arrays, {}
    for name, key, row, leaf in _match(model.network_, counts=True):
        state[key] = (
            np.array(0) if row is None else np.array(row.convert(arrays[name], leaf))
        )
    if keys is None:
        return state
    keys = list(keys)
    if len(keys) != len(state):
        raise ValueError(
            f"keys must name {len(state)} arrays, {', '.join(state)}, got {len(keys)}: "
            f"{', '.join(keys)}"
        )
    return dict(zip(keys, state.values(), strict=True))


def from_torch(model, state):
    """Give a fitted estimator the weights of a torch module of the same layers.

    The solver's moments start anew. If anything does not fit, nothing changes.

    Parameters
    ----------
    model : ConvNetClassifier or ConvNetRegressor
        Fitted, if only for an epoch on a few samples: so its layers have shapes.
    state : dict of str to array-like
        As ``module.state_dict()``: ``{k: v.numpy() for k, v in ...}``. Names do not
        matter, the order does: that of the layers.

    Returns
    -------
    model

    Raises
    ------
    ValueError
        If there are more arrays or fewer, or one has another shape or is not finite;
        the message names both sides. Or if a layer has no counterpart in torch.

    See Also
    --------
    to_torch : The way back, and what to mind.
    """
    check_is_fitted(model)
    arrays = model.network_.arrays
    rows = list(_match(model.network_, counts=False))
    given = {key: v for key, v in state.items() if key.rpartition(".")[2] != _COUNT}
    if len(given) != len(rows):
        raise ValueError(
            f"state must hold {len(rows)} arrays, "
            f"{', '.join(key for _, key, *_ in rows)}, got {len(given)}: "
            f"{', '.join(given)}"
        )
    new = {}
    for (name, _, row, leaf), (key, value) in zip(rows, given.items(), strict=True):
        # Where each value comes from: what is done to places undoes what was to values.
        places = np.arange(arrays[name].size).reshape(arrays[name].shape)
        places = row.convert(places, leaf)
        value = check_weight(
            value, places.shape, f"{key!r}, for weight {name!r},", arrays[name].dtype
        )
        new[name] = np.empty_like(arrays[name])
        new[name].reshape(-1)[places] = value
    return model._replace_network(replace_arrays(model.network_, new))


def _match(network, counts):
    """Yield (our name, torch's key, row, leaf) of each array, in torch's order."""
    for leaf in leaves(network):
        prefix = f"{leaf.path}."
        has = [name for name in network.arrays if name.rpartition(".")[0] == leaf.path]
        rows = ROWS.get(type(leaf.layer).__name__)
        if has and rows is None:
            raise ValueError(
                f"layer {leaf.path!r} ({leaf.layer!r}) has weights, but no counterpart "
                f"in torch that is known here: known are {', '.join(ROWS)}"
            )
        for key, row in (rows or {}).items():
            if row is not None and prefix + key in network.arrays:
                yield prefix + key, prefix + row.name, row, leaf
        if counts and has and "samples" in (rows or {}):
            yield prefix + _COUNT, prefix + _COUNT, None, leaf
