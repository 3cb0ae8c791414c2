"""Right solutions of the exercises, as a good learner may write them."""

import numpy as np


def slide(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    z = np.zeros((h - kh + 1, w - kw + 1))
    for p in range(h - kh + 1):
        for q in range(w - kw + 1):
            z[p, q] = np.sum(image[p : p + kh, q : q + kw] * kernel)
    return z


def conv2d(x, kernel, bias, stride):
    n, h, w, _ = x.shape
    kh, kw, _, filters = kernel.shape
    oh, ow = (h - kh) // stride + 1, (w - kw) // stride + 1
    z = np.zeros((n, oh, ow, filters))
    for p in range(oh):
        for q in range(ow):
            top, left = p * stride, q * stride
            window = x[:, top : top + kh, left : left + kw]
            z[:, p, q] = np.tensordot(window, kernel, 3)
    return z + bias


def conv2d_grad_kernel(dz, x, kernel_shape, stride):
    kh, kw = kernel_shape[:2]
    dkernel = np.zeros(kernel_shape)
    for p in range(dz.shape[1]):
        for q in range(dz.shape[2]):
            top, left = p * stride, q * stride
            window = x[:, top : top + kh, left : left + kw]
            dkernel += np.tensordot(window, dz[:, p, q], ([0], [0]))
    return dkernel


def conv2d_grad_input(dz, kernel, input_shape, stride):
    kh, kw = kernel.shape[:2]
    dx = np.zeros(input_shape)
    for p in range(dz.shape[1]):
        for q in range(dz.shape[2]):
            top, left = p * stride, q * stride
            part = np.tensordot(dz[:, p, q], kernel, ([1], [3]))
            dx[:, top : top + kh, left : left + kw] += part
    return dx


def max_pool2d(x, size):
    n, h, w, c = x.shape
    y = np.zeros((n, h // size, w // size, c))
    for p in range(h // size):
        for q in range(w // size):
            window = x[:, p * size : (p + 1) * size, q * size : (q + 1) * size]
            y[:, p, q] = window.max(axis=(1, 2))
    return y


def max_pool2d_grad(dy, x, size):
    dx = np.zeros(x.shape)
    for n, p, q, c in np.ndindex(dy.shape):
        top, left = p * size, q * size
        window = x[n, top : top + size, left : left + size, c]
        i, j = divmod(window.argmax(), size)
        dx[n, top + i, left + j, c] = dy[n, p, q, c]
    return dx


def dense(x, kernel, bias):
    return x @ kernel + bias


def dense_backward(dy, x, kernel):
    return dy @ kernel.T, x.T @ dy, dy.sum(axis=0)


def softmax_cross_entropy(logits, codes):
    n = len(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(n), codes].mean()
    dlogits = np.exp(log_p)
    dlogits[np.arange(n), codes] -= 1
    dlogits /= n
    return loss, dlogits


def batch_norm(x, gamma, beta, epsilon):
    axes = (0, 1, 2)
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def batch_norm_backward(dy, x, gamma, epsilon):
    axes = (0, 1, 2)
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    deviation = np.sqrt(variance + epsilon)
    u = (x - mean) / deviation
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * u).sum(axis=axes)
    dx = gamma / deviation * (dy - dy.mean(axis=axes) - u * (dy * u).mean(axis=axes))
    return dx, dgamma, dbeta


def adam(parameters, gradient, m, v, t, learning_rate, beta1, beta2, epsilon):
    m = beta1 * m + (1 - beta1) * gradient
    v = beta2 * v + (1 - beta2) * gradient**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    parameters = parameters - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return parameters, m, v


def network(weights, x, codes):
    w, g = weights, {}
    z1 = conv2d(x, w["kernel1"], w["bias1"], 1)
    n1 = batch_norm(z1, w["gamma"], w["beta"], 0.001)
    a1 = np.maximum(n1, 0)
    z2 = conv2d(a1, w["kernel2"], w["bias2"], 1)
    a2 = np.maximum(z2, 0)
    pooled = max_pool2d(a2, 2)
    flat = pooled.reshape(len(x), -1)
    logits = dense(flat, w["kernel3"], w["bias3"])
    loss, d = softmax_cross_entropy(logits, codes)

    d, g["kernel3"], g["bias3"] = dense_backward(d, flat, w["kernel3"])
    d = max_pool2d_grad(d.reshape(pooled.shape), a2, 2)
    d = d * (z2 > 0)
    g["kernel2"] = conv2d_grad_kernel(d, a1, w["kernel2"].shape, 1)
    g["bias2"] = d.sum(axis=(0, 1, 2))
    d = conv2d_grad_input(d, w["kernel2"], a1.shape, 1)
    d = d * (n1 > 0)
    d, g["gamma"], g["beta"] = batch_norm_backward(d, z1, w["gamma"], 0.001)
    g["kernel1"] = conv2d_grad_kernel(d, x, w["kernel1"].shape, 1)
    g["bias1"] = d.sum(axis=(0, 1, 2))
    return logits, loss, g


def train(weights, x, codes, batches, learning_rate):
    weights = dict(weights)
    m = {name: np.zeros(w.shape) for name, w in weights.items()}
    v = {name: np.zeros(w.shape) for name, w in weights.items()}
    for t, rows in enumerate(batches, start=1):
        _, _, gradients = network(weights, x[rows], codes[rows])
        for name in weights:
            weights[name], m[name], v[name] = adam(
                weights[name], gradients[name], m[name], v[name], t,
                learning_rate, 0.9, 0.999, 1e-8,
            )  # fmt: skip
    return weights
