"""The exercises on pooling, dense layers, the loss and batch normalisation."""

from functools import partial
from typing import Any

import numpy as np

from . import loops
from .exercise import Case, Exercise, Fault, tenths

__all__ = ["EXERCISES"]

_AVERAGED = (
    "that is divided by the number of samples: the loss divides by it already, so dy "
    "contains it. Here, sum"
)


# Pooling ------------------------------------------------------------------------------


def _pool_cases(*names: str) -> list[Case]:
    rng = np.random.default_rng(1)
    shapes = [(1, 4, 4, 1, 2), (2, 4, 6, 2, 2), (2, 5, 7, 3, 2), (2, 6, 7, 2, 3)]
    cases = []
    for n, h, w, c, size in shapes:
        x = tenths(rng, n, h, w, c)
        x[0, 0, :2] = 0.5  # equal values: the first of them counts
        x[-1] -= 2  # all negative
        arrays = {"x": x, "dy": tenths(rng, n, h // size, w // size, c), "size": size}
        words = f"{n} image{'s' * (n > 1)} {h} x {w} with {c} channel{'s' * (c > 1)}"
        sizes = {"the pixels of a window": size**2}
        given = {name: arrays[name] for name in names}
        cases.append(Case(f"{words}, windows {size} x {size}", given, sizes))
    return cases


def _pooled(x: Any, size: int, reduce: Any) -> Any:
    """Pool with another function of a window, (size, size)."""
    n, h, w, c = x.shape
    y = np.zeros((n, h // size, w // size, c))
    for m, p, q, k in np.ndindex(y.shape):
        window = x[m, p * size : (p + 1) * size, q * size : (q + 1) * size, k]
        y[m, p, q, k] = reduce(window)
    return y


def _overlapping(x: Any, size: int) -> Any:
    n, h, w, c = x.shape
    y = np.zeros((n, h - size + 1, w - size + 1, c))
    for m, p, q, k in np.ndindex(y.shape):
        y[m, p, q, k] = x[m, p : p + size, q : q + size, k].max()
    return y


def _handed(dy: Any, x: Any, size: int, share: Any) -> Any:
    """Hand gradients on by a function of a window: the share of each pixel."""
    dx = np.zeros(x.shape)
    for m, p, q, k in np.ndindex(dy.shape):
        at = m, slice(p * size, (p + 1) * size), slice(q * size, (q + 1) * size), k
        dx[at] = share(x[at]) * dy[m, p, q, k]
    return dx


def _last_of_equal(window: Any) -> Any:
    share = np.zeros(window.size)
    share[np.flatnonzero(window == window.max())[-1]] = 1
    return share.reshape(window.shape)


MAX_POOL = Exercise(
    "max_pool2d",
    "max pooling",
    loops.max_pool2d,
    ("y",),
    lambda: _pool_cases("x", "size"),
    (
        Fault(
            "that is the mean of each window; a max pool takes the largest value",
            lambda x, size: _pooled(x, size, np.mean),
        ),
        Fault(
            "that is the smallest value of each window",
            lambda x, size: _pooled(x, size, np.min),
        ),
        Fault(
            "that is the sum of each window; a max pool takes the largest value",
            lambda x, size: _pooled(x, size, np.sum),
        ),
        Fault(
            "a maximum that begins with 0 misses windows of negative numbers: begin "
            "with -np.inf, or with the window's first value",
            lambda x, size: np.maximum(loops.max_pool2d(x, size), 0),
        ),
        Fault(
            "that is the largest absolute value; signs count",
            lambda x, size: _pooled(x, size, lambda w: np.abs(w).max()),
        ),
        Fault(
            "the windows move by 1 pixel; they lie side by side and move by size",
            _overlapping,
        ),
        Fault(
            "the windows move by 1 pixel; the one at [p, q] begins at p * size, q * "
            "size",
            lambda x, size: _overlapping(x, size)[
                :, : x.shape[1] // size, : x.shape[2] // size
            ],
        ),
        Fault(
            "the largest value of all channels: each channel is on its own",
            lambda x, size: np.repeat(
                loops.max_pool2d(x.max(axis=-1, keepdims=True), size), x.shape[-1], -1
            ),
        ),
        Fault(
            "that is the first pixel of each window, not its largest",
            lambda x, size: _pooled(x, size, lambda w: w[0, 0]),
        ),
        Fault(
            "all images have the numbers of the first: take x[n], not x[0]",
            lambda x, size: loops.max_pool2d(np.broadcast_to(x[:1], x.shape), size),
        ),
    ),
)

MAX_POOL_GRAD = Exercise(
    "max_pool2d_grad",
    "the gradient of max pooling",
    loops.max_pool2d_grad,
    ("dx",),
    lambda: _pool_cases("dy", "x", "size"),
    (
        Fault(
            "each of several equal values gets the gradient: only the first of them "
            "does",
            lambda dy, x, size: _handed(dy, x, size, lambda w: w == w.max()),
        ),
        Fault(
            "equal values share the gradient: the first of them gets all of it",
            lambda dy, x, size: _handed(
                dy, x, size, lambda w: (w == w.max()) / (w == w.max()).sum()
            ),
        ),
        Fault(
            "of several equal values the last gets the gradient: the first of them "
            "does",
            lambda dy, x, size: _handed(dy, x, size, _last_of_equal),
        ),
        Fault(
            "every pixel of a window gets the gradient: only the largest does",
            lambda dy, x, size: _handed(dy, x, size, np.ones_like),
        ),
        Fault(
            "that is the gradient of a mean: only the largest pixel gets it, and all",
            lambda dy, x, size: _handed(dy, x, size, lambda w: 0 * w + 1 / w.size),
        ),
        Fault(
            "the largest pixels get 1: they get the dy of their window",
            lambda dy, x, size: loops.max_pool2d_grad(np.ones(dy.shape), x, size),
        ),
        Fault(
            "the gradient is multiplied by the value: it goes to the largest pixel "
            "unchanged",
            lambda dy, x, size: x * loops.max_pool2d_grad(dy, x, size),
        ),
        Fault(
            "the smallest pixel gets the gradient: the largest does",
            lambda dy, x, size: loops.max_pool2d_grad(dy, -x, size),
        ),
        Fault(
            "the first pixel of each window gets the gradient: the largest does",
            lambda dy, x, size: loops.max_pool2d_grad(dy, 0 * x, size),
        ),
        Fault(
            "the sign is turned: a step of training subtracts the gradient, later",
            lambda dy, x, size: loops.max_pool2d_grad(-dy, x, size),
        ),
        Fault(
            "values that are not above 0 get none: that is the gradient of ReLU, too, "
            "which is not part of the pool",
            lambda dy, x, size: loops.max_pool2d_grad(dy, x, size) * (x > 0),
        ),
    ),
)


# Dense --------------------------------------------------------------------------------


def _dense_cases(*names: str) -> list[Case]:
    rng = np.random.default_rng(2)
    cases = []
    for n, features, units in ((1, 2, 2), (3, 4, 2), (4, 3, 3), (5, 6, 4)):
        arrays = {
            "x": tenths(rng, n, features),
            "kernel": tenths(rng, features, units),
            "bias": np.resize([1.0, -2.0, 3.0], units),
            "dy": tenths(rng, n, units),
        }
        sizes = {
            "the number of samples": n,
            "the number of features": features,
            "the number of units": units,
        }
        plural = "s" * (n > 1)
        words = f"{n} sample{plural} of {features} features, {units} units"
        cases.append(Case(words, {name: arrays[name] for name in names}, sizes))
    return cases


def _backward_with(*, dy: Any, x: Any, kernel: Any, **changes: Any) -> Any:
    """Return `loops.dense_backward` with other functions of its results."""
    names = "dx", "dkernel", "dbias"
    found = dict(zip(names, loops.dense_backward(dy, x, kernel), strict=True))
    for name, change in changes.items():
        found[name] = change(found[name], dy, x, kernel)
    return tuple(found.values())


DENSE = Exercise(
    "dense",
    "a dense layer",
    loops.dense,
    ("y",),
    lambda: _dense_cases("x", "kernel", "bias"),
    (
        Fault("the bias is missing", lambda x, kernel, bias: x @ kernel),
        Fault("the bias is added twice", lambda x, kernel, bias: x @ kernel + 2 * bias),
        Fault(
            "the bias is added once for each feature; it belongs outside of the sum",
            lambda x, kernel, bias: x @ kernel + len(kernel) * bias,
        ),
        Fault(
            "the bias is subtracted; it is added",
            lambda x, kernel, bias: x @ kernel - bias,
        ),
        Fault(
            "that is the mean over the features; the formula has the sum",
            lambda x, kernel, bias: x @ kernel / len(kernel) + bias,
        ),
        Fault(
            "negative numbers are 0, as after ReLU; the dense layer ends before it",
            lambda x, kernel, bias: np.maximum(x @ kernel + bias, 0),
        ),
        Fault(
            "only the first feature is counted: the sum is over k",
            lambda x, kernel, bias: x[:, :1] * kernel[0] + bias,
        ),
        Fault(
            "only the last feature is counted: add with +=",
            lambda x, kernel, bias: x[:, -1:] * kernel[-1] + bias,
        ),
        Fault(
            "all samples have the numbers of the first: take x[n], not x[0]",
            lambda x, kernel, bias: loops.dense(
                np.broadcast_to(x[:1], x.shape), kernel, bias
            ),
        ),
    ),
)

DENSE_BACKWARD = Exercise(
    "dense_backward",
    "the gradients of a dense layer",
    loops.dense_backward,
    ("dx", "dkernel", "dbias"),
    lambda: _dense_cases("dy", "x", "kernel"),
    (
        Fault(
            _AVERAGED,
            partial(
                _backward_with,
                dx=lambda d, dy, x, kernel: d / len(x),
                dkernel=lambda d, dy, x, kernel: d / len(x),
                dbias=lambda d, dy, x, kernel: d / len(x),
            ),
        ),
        Fault(
            "the sign is turned: a step of training subtracts the gradient, later",
            partial(
                _backward_with,
                dx=lambda d, dy, x, kernel: -d,
                dkernel=lambda d, dy, x, kernel: -d,
                dbias=lambda d, dy, x, kernel: -d,
            ),
        ),
        Fault(
            "the gradients are in another order: return dx, dkernel, dbias",
            lambda dy, x, kernel: (x.T @ dy, dy @ kernel.T, dy.sum(axis=0)),
        ),
        Fault(
            "the gradients are in another order: return dx, dkernel, dbias",
            lambda dy, x, kernel: (x.T @ dy, dy.sum(axis=0), dy @ kernel.T),
        ),
        Fault(
            "dkernel has rows and columns exchanged: it has the shape of kernel, as "
            "x.T @ dy has, and dbias sums over the samples",
            partial(
                _backward_with,
                dkernel=lambda d, dy, x, kernel: dy.T @ x,
                dbias=lambda d, dy, x, kernel: dy.sum(axis=1),
            ),
        ),
        Fault(
            "the sum over the samples is missing: sum over axis 0",
            partial(
                _backward_with,
                dkernel=lambda d, dy, x, kernel: x[:, :, None] * dy[:, None],
                dbias=lambda d, dy, x, kernel: dy,
            ),
        ),
        Fault(
            "that is the sum of all numbers of dy; each unit has a bias of its own",
            partial(_backward_with, dbias=lambda d, dy, x, kernel: dy.sum()),
        ),
        Fault(
            "only the last sample is counted: add the samples with +=",
            partial(
                _backward_with,
                dkernel=lambda d, dy, x, kernel: x[-1][:, None] * dy[-1],
                dbias=lambda d, dy, x, kernel: dy[-1],
            ),
        ),
        Fault(
            "only the first unit is counted: the sum is over u",
            partial(
                _backward_with, dx=lambda d, dy, x, kernel: dy[:, :1] * kernel[:, 0]
            ),
        ),
    ),
)

EXERCISES = (MAX_POOL, MAX_POOL_GRAD, DENSE, DENSE_BACKWARD)
