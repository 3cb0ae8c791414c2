"""What the exercises compute, as plain loops from the formulas."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "adam",
    "batch_norm",
    "batch_norm_backward",
    "conv2d",
    "conv2d_grad_input",
    "conv2d_grad_kernel",
    "dense",
    "dense_backward",
    "forward",
    "max_pool2d",
    "max_pool2d_grad",
    "network",
    "slide",
    "softmax_cross_entropy",
    "train",
]

_Array = NDArray[np.float64]
_Weights = dict[str, _Array]


def slide(image: _Array, kernel: _Array) -> _Array:
    """Sum the products of a kernel and each window of an image."""
    (h, w), (kh, kw) = image.shape, kernel.shape
    z = np.zeros((h - kh + 1, w - kw + 1))
    for p, q in np.ndindex(z.shape):
        for i, j in np.ndindex(kh, kw):
            z[p, q] += image[p + i, q + j] * kernel[i, j]
    return z


def _window(p: int, q: int, stride: int, kernel_shape: Any) -> tuple[slice, slice]:
    top, left = p * stride, q * stride
    return slice(top, top + kernel_shape[0]), slice(left, left + kernel_shape[1])


def conv2d(x: _Array, kernel: _Array, bias: _Array, stride: int) -> _Array:
    """Convolve images (n, h, w, c) with a kernel (kh, kw, c, filters)."""
    (n, h, w, _), (kh, kw, _, filters) = x.shape, kernel.shape
    z = np.zeros((n, (h - kh) // stride + 1, (w - kw) // stride + 1, filters))
    for m, p, q, f in np.ndindex(z.shape):
        seen = x[m, *_window(p, q, stride, kernel.shape)]
        z[m, p, q, f] = np.sum(seen * kernel[:, :, :, f]) + bias[f]
    return z


def conv2d_grad_kernel(
    dz: _Array, x: _Array, kernel_shape: tuple[int, ...], stride: int
) -> _Array:
    """Add what each output hands to the kernel: its gradient times its window."""
    dkernel = np.zeros(kernel_shape)
    for m, p, q, f in np.ndindex(dz.shape):
        seen = x[m, *_window(p, q, stride, kernel_shape)]
        dkernel[:, :, :, f] += dz[m, p, q, f] * seen
    return dkernel


def conv2d_grad_input(
    dz: _Array, kernel: _Array, input_shape: tuple[int, ...], stride: int
) -> _Array:
    """Add what each output hands to its window: its gradient times the kernel."""
    dx = np.zeros(input_shape)
    for m, p, q, f in np.ndindex(dz.shape):
        window = _window(p, q, stride, kernel.shape)
        dx[m, *window] += dz[m, p, q, f] * kernel[:, :, :, f]
    return dx


def max_pool2d(x: _Array, size: int) -> _Array:
    """Take the largest value of each window; windows do not overlap."""
    n, h, w, c = x.shape
    y = np.zeros((n, h // size, w // size, c))
    for m, p, q, k in np.ndindex(y.shape):
        y[m, p, q, k] = x[m, *_window(p, q, size, (size, size)), k].max()
    return y


def max_pool2d_grad(dy: _Array, x: _Array, size: int) -> _Array:
    """Hand each gradient to the first largest value of its window."""
    dx = np.zeros(x.shape)
    for m, p, q, k in np.ndindex(dy.shape):
        seen = x[m, *_window(p, q, size, (size, size)), k]
        i, j = divmod(int(seen.argmax()), size)
        dx[m, p * size + i, q * size + j, k] = dy[m, p, q, k]
    return dx


def dense(x: _Array, kernel: _Array, bias: _Array) -> _Array:
    """Sum the products of each sample and each column of a kernel."""
    y = np.zeros((len(x), kernel.shape[1]))
    for m, u in np.ndindex(y.shape):
        y[m, u] = np.sum(x[m] * kernel[:, u]) + bias[u]
    return y


def dense_backward(
    dy: _Array, x: _Array, kernel: _Array
) -> tuple[_Array, _Array, _Array]:
    """Add what each output hands to the inputs, the kernel and the bias."""
    dx, dkernel, dbias = (np.zeros(s) for s in (x.shape, kernel.shape, dy.shape[1]))
    for m, u in np.ndindex(dy.shape):
        dx[m] += dy[m, u] * kernel[:, u]
        dkernel[:, u] += dy[m, u] * x[m]
        dbias[u] += dy[m, u]
    return dx, dkernel, dbias


def softmax_cross_entropy(
    logits: _Array, codes: NDArray[np.integer[Any]]
) -> tuple[float, _Array]:
    """Return the mean of -log p of the right classes, and its gradient."""
    loss, dlogits = 0.0, np.zeros(logits.shape)
    for m, code in enumerate(codes):
        shifted = logits[m] - logits[m].max()
        total = np.exp(shifted).sum()
        loss -= (shifted[code] - math.log(total)) / len(logits)
        dlogits[m] = np.exp(shifted) / total / len(logits)
        dlogits[m, code] -= 1 / len(logits)
    return float(loss), dlogits


def batch_norm(x: _Array, gamma: _Array, beta: _Array, epsilon: float) -> _Array:
    """Normalise each channel by its mean and variance over samples and pixels."""
    y = np.zeros(x.shape)
    for c in range(x.shape[-1]):
        mean, variance = x[..., c].mean(), x[..., c].var()
        normal = (x[..., c] - mean) / math.sqrt(variance + epsilon)
        y[..., c] = gamma[c] * normal + beta[c]
    return y


def batch_norm_backward(
    dy: _Array, x: _Array, gamma: _Array, epsilon: float
) -> tuple[_Array, _Array, _Array]:
    """Add what each output hands to each input of its channel: the whole Jacobian."""
    dx, dgamma, dbeta = np.zeros(x.shape), np.zeros(gamma.shape), np.zeros(gamma.shape)
    for c in range(x.shape[-1]):
        values, gradients = x[..., c].ravel(), dy[..., c].ravel()
        m, d = len(values), np.zeros(values.shape)
        deviation = math.sqrt(values.var() + epsilon)
        normal = (values - values.mean()) / deviation
        for i in range(m):
            # d normal[i] / d values[j], for all j
            jacobian = (np.arange(m) == i) - 1 / m - normal[i] * normal / m
            d += gradients[i] * gamma[c] * jacobian / deviation
            dgamma[c] += gradients[i] * normal[i]
            dbeta[c] += gradients[i]
        dx[..., c] = d.reshape(x.shape[:-1])
    return dx, dgamma, dbeta


def adam(
    parameters: _Array,
    gradient: _Array,
    m: _Array,
    v: _Array,
    t: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> tuple[_Array, _Array, _Array]:
    """Make step t, which counts from 1, of Adam (Kingma & Ba 2015, algorithm 1)."""
    new, m, v = parameters.copy(), m.copy(), v.copy()
    for i in np.ndindex(new.shape):
        m[i] = beta1 * m[i] + (1 - beta1) * gradient[i]
        v[i] = beta2 * v[i] + (1 - beta2) * gradient[i] ** 2
        first, second = m[i] / (1 - beta1**t), v[i] / (1 - beta2**t)
        new[i] -= learning_rate * first / (math.sqrt(second) + epsilon)
    return new, m, v


def forward(weights: _Weights, x: _Array) -> dict[str, _Array]:
    """Return what each layer of the network makes of images.

    Convolution, batch normalisation, ReLU, convolution, ReLU, pool, dense.
    """
    w = weights
    z1 = conv2d(x, w["kernel1"], w["bias1"], 1)
    n1 = batch_norm(z1, w["gamma"], w["beta"], 0.001)
    a1 = np.maximum(n1, 0)
    z2 = conv2d(a1, w["kernel2"], w["bias2"], 1)
    a2 = np.maximum(z2, 0)
    pooled = max_pool2d(a2, 2)
    flat = pooled.reshape(len(x), -1)
    made = {"z1": z1, "n1": n1, "a1": a1, "z2": z2, "a2": a2, "pooled": pooled}
    return {**made, "flat": flat, "logits": dense(flat, w["kernel3"], w["bias3"])}


def network(
    weights: _Weights, x: _Array, codes: NDArray[np.integer[Any]]
) -> tuple[_Array, float, _Weights]:
    """Return logits, loss and gradients of the network of the exercises."""
    w, made = weights, forward(weights, x)
    loss, d = softmax_cross_entropy(made["logits"], codes)
    g = {}
    d, g["kernel3"], g["bias3"] = dense_backward(d, made["flat"], w["kernel3"])
    d = max_pool2d_grad(d.reshape(made["pooled"].shape), made["a2"], 2)
    d = d * (made["z2"] > 0)
    g["kernel2"] = conv2d_grad_kernel(d, made["a1"], w["kernel2"].shape, 1)
    g["bias2"] = d.sum(axis=(0, 1, 2))
    d = conv2d_grad_input(d, w["kernel2"], made["a1"].shape, 1)
    d = d * (made["n1"] > 0)
    d, g["gamma"], g["beta"] = batch_norm_backward(d, made["z1"], w["gamma"], 0.001)
    g["kernel1"] = conv2d_grad_kernel(d, x, w["kernel1"].shape, 1)
    g["bias1"] = d.sum(axis=(0, 1, 2))
    return made["logits"], loss, {name: g[name] for name in weights}


def train(
    weights: _Weights,
    x: _Array,
    codes: NDArray[np.integer[Any]],
    batches: list[NDArray[np.integer[Any]]],
    learning_rate: float,
) -> _Weights:
    """Make a step of Adam for each batch, a list of rows; return the new weights."""
    weights = dict(weights)
    moments = {
        name: (np.zeros(w.shape), np.zeros(w.shape)) for name, w in weights.items()
    }
    for t, rows in enumerate(batches, start=1):
        _, _, gradients = network(weights, x[rows], codes[rows])
        for name, gradient in gradients.items():
            rates = learning_rate, 0.9, 0.999, 1e-8
            weights[name], *new = adam(
                weights[name], gradient, *moments[name], t, *rates
            )
            moments[name] = new[0], new[1]
    return weights
