"""Nested loops straight from the formulas, in float64: trusted by reading.

Padding is ``((top, bottom), (left, right))``; every other size is a pair.
"""

import numpy as np


def _pixels(x, y, stride, dilation, padding, taps):
    """Yield (n, p, q, i, j, row, column) of each tap that falls on the image."""
    n, h, w, _ = x.shape
    for m, p, q in np.ndindex(n, y.shape[1], y.shape[2]):
        for i, j in np.ndindex(*taps):
            row = p * stride[0] + i * dilation[0] - padding[0][0]
            column = q * stride[1] + j * dilation[1] - padding[1][0]
            if 0 <= row < h and 0 <= column < w:
                yield m, p, q, i, j, row, column


def _output(x, kernel_size, stride, dilation, padding, channels):
    sizes = (
        (n + sum(pad) - (k - 1) * d - 1) // s + 1
        for n, pad, k, d, s in zip(
            x.shape[1:3], padding, kernel_size, dilation, stride, strict=True
        )
    )
    return np.zeros((len(x), *sizes, channels))


def conv2d(x, kernel, bias, stride, dilation, padding, groups):
    kh, kw, per_group, filters = kernel.shape
    z = _output(x, (kh, kw), stride, dilation, padding, filters) + bias
    for m, p, q, i, j, r, s in _pixels(x, z, stride, dilation, padding, (kh, kw)):
        for f in range(filters):
            first = f // (filters // groups) * per_group
            z[m, p, q, f] += x[m, r, s, first : first + per_group] @ kernel[i, j, :, f]
    return z


def conv2d_gradients(dz, x, kernel, stride, dilation, padding, groups):
    kh, kw, per_group, filters = kernel.shape
    dx, dkernel, db = np.zeros(x.shape), np.zeros(kernel.shape), np.zeros(filters)
    for m, p, q, i, j, r, s in _pixels(x, dz, stride, dilation, padding, (kh, kw)):
        for f in range(filters):
            seen = slice(
                first := f // (filters // groups) * per_group, first + per_group
            )
            dx[m, r, s, seen] += dz[m, p, q, f] * kernel[i, j, :, f]
            dkernel[i, j, :, f] += dz[m, p, q, f] * x[m, r, s, seen]
    for m, p, q, f in np.ndindex(dz.shape):
        db[f] += dz[m, p, q, f]
    return dx, dkernel, db


def depthwise_conv2d(x, kernel, bias, stride, dilation, padding):
    """Kernel (kh, kw, c, m): channel k has outputs k m ... k m + m - 1."""
    kh, kw, channels, m = kernel.shape
    z = _output(x, (kh, kw), stride, dilation, padding, channels * m) + bias
    for n, p, q, i, j, r, s in _pixels(x, z, stride, dilation, padding, (kh, kw)):
        for k, f in np.ndindex(channels, m):
            z[n, p, q, k * m + f] += x[n, r, s, k] * kernel[i, j, k, f]
    return z


def depthwise_conv2d_gradients(dz, x, kernel, stride, dilation, padding):
    kh, kw, channels, m = kernel.shape
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    for n, p, q, i, j, r, s in _pixels(x, dz, stride, dilation, padding, (kh, kw)):
        for k, f in np.ndindex(channels, m):
            dx[n, r, s, k] += dz[n, p, q, k * m + f] * kernel[i, j, k, f]
            dkernel[i, j, k, f] += dz[n, p, q, k * m + f] * x[n, r, s, k]
    return dx, dkernel


def conv1d(x, kernel, bias, stride, dilation, padding):
    """Signals (n, length, channels), kernel (k, c, filters), padding (left, right)."""
    n, length, _ = x.shape
    taps, _, filters = kernel.shape
    size = (length + sum(padding) - (taps - 1) * dilation - 1) // stride + 1
    z = np.zeros((n, size, filters)) + bias
    for m, p, t, f in np.ndindex(n, size, taps, filters):
        place = p * stride + t * dilation - padding[0]
        if 0 <= place < length:
            z[m, p, f] += x[m, place] @ kernel[t, :, f]
    return z


def conv2d_transpose(x, kernel, bias, output_size, stride, dilation, padding):
    """Kernel (kh, kw, filters, c); what falls outside of the output is cut off."""
    kh, kw, filters, _ = kernel.shape
    z = np.zeros((len(x), *output_size, filters)) + bias
    for n, p, q, i, j, r, s in _pixels(z, x, stride, dilation, padding, (kh, kw)):
        for f in range(filters):
            z[n, r, s, f] += x[n, p, q] @ kernel[i, j, f]
    return z


def conv2d_transpose_gradients(dz, x, kernel, stride, dilation, padding):
    kh, kw, filters, _ = kernel.shape
    dx, dkernel, db = np.zeros(x.shape), np.zeros(kernel.shape), np.zeros(filters)
    for n, p, q, i, j, r, s in _pixels(dz, x, stride, dilation, padding, (kh, kw)):
        for f in range(filters):
            dx[n, p, q] += dz[n, r, s, f] * kernel[i, j, f]
            dkernel[i, j, f] += dz[n, r, s, f] * x[n, p, q]
    for n, r, s, f in np.ndindex(dz.shape):
        db[f] += dz[n, r, s, f]
    return dx, dkernel, db


def upsample2d(x, dy, size, interpolation):
    """Value and gradient, each output from up to four pixels."""
    n, h, w, c = x.shape
    y, dx = np.zeros((n, h * size[0], w * size[1], c)), np.zeros(x.shape)
    for p, q in np.ndindex(y.shape[1:3]):
        for i, down in _shares(p, size[0], h, interpolation).items():
            for j, right in _shares(q, size[1], w, interpolation).items():
                y[:, p, q] += down * right * x[:, i, j]
                dx[:, i, j] += down * right * dy[:, p, q]
    return y, dx


def _shares(p, factor, n, interpolation):
    """Return the pixels that output p consists of, each with its share."""
    if interpolation == "nearest":
        return {p // factor: 1.0}
    place = min(max((p + 0.5) / factor - 0.5, 0), n - 1)
    return {i: 1 - abs(place - i) for i in range(n) if abs(place - i) < 1}


def layer_norm(x, gamma, beta, epsilon, dy):
    """Rows (n, m) of values that belong together; gradients by the whole Jacobian."""
    y, dx = np.zeros(x.shape), np.zeros(x.shape)
    dgamma, dbeta = np.zeros(gamma.shape), np.zeros(beta.shape)
    for n in range(len(x)):
        m = x.shape[1]
        mean = sum(x[n]) / m
        deviation = np.sqrt(sum((x[n] - mean) ** 2) / m + epsilon)
        z = (x[n] - mean) / deviation
        y[n] = z * gamma + beta
        for i, j in np.ndindex(m, m):
            dz_dx = ((i == j) - 1 / m - z[i] * z[j] / m) / deviation
            dx[n, i] += dy[n, j] * gamma[j] * dz_dx
        dgamma += dy[n] * z
        dbeta += dy[n]
    return y, dx, dgamma, dbeta


def prelu(z, alpha, dy):
    """Rows (n, m), a slope for each column."""
    y, dz, dalpha = np.zeros(z.shape), np.zeros(z.shape), np.zeros(alpha.shape)
    for n, j in np.ndindex(z.shape):
        slope = 1 if z[n, j] > 0 else alpha[j]
        y[n, j], dz[n, j] = slope * z[n, j], slope * dy[n, j]
        dalpha[j] += 0 if z[n, j] > 0 else z[n, j] * dy[n, j]
    return y, dz, dalpha


def max_pool2d(x, dy, pool_size, stride, padding):
    """Value and gradient; of equal values the first in row order has it."""
    y = _output(x, pool_size, stride, (1, 1), padding, x.shape[3]) - np.inf
    source = np.zeros((*y.shape, 2), int)
    for m, p, q, _, _, r, s in _pixels(x, y, stride, (1, 1), padding, pool_size):
        for c in range(x.shape[3]):
            if x[m, r, s, c] > y[m, p, q, c]:
                y[m, p, q, c], source[m, p, q, c] = x[m, r, s, c], (r, s)
    dx = np.zeros(x.shape)
    for m, p, q, c in np.ndindex(y.shape):
        dx[m, *source[m, p, q, c], c] += dy[m, p, q, c]
    return y, dx


def avg_pool2d(x, dy, pool_size, stride, padding):
    y = _output(x, pool_size, stride, (1, 1), padding, x.shape[3])
    count = np.zeros(y.shape[1:3])
    for m, p, q, _, _, r, s in _pixels(x, y, stride, (1, 1), padding, pool_size):
        y[m, p, q] += x[m, r, s]
        count[p, q] += m == 0
    dx = np.zeros(x.shape)
    for m, p, q, _, _, r, s in _pixels(x, y, stride, (1, 1), padding, pool_size):
        dx[m, r, s] += dy[m, p, q] / count[p, q]
    return y / count[:, :, None], dx


def conv_forward_by_hand(A_prev, W, b, padding, stride):
    """A convolutional layer as derivations by hand define it (before its activation).

    "same" makes the output as large as the input, at any stride.
    """
    (m, h, w, _), (kh, kw, _, c_new), (sh, sw) = A_prev.shape, W.shape, stride
    ph = int(np.ceil(((sh - 1) * h - sh + kh) / 2)) if padding == "same" else 0
    pw = int(np.ceil(((sw - 1) * w - sw + kw) / 2)) if padding == "same" else 0
    A_pad = np.pad(A_prev, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    Z = np.zeros((m, (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1, c_new))
    for i, p, q, c in np.ndindex(Z.shape):
        seen = A_pad[i, p * sh : p * sh + kh, q * sw : q * sw + kw]
        Z[i, p, q, c] = np.sum(seen * W[..., c]) + b[0, 0, 0, c]
    return Z


def conv_backward_by_hand(dZ, A_prev, W, padding, stride):
    (_, h, w, _), (kh, kw, _, _), (sh, sw) = A_prev.shape, W.shape, stride
    ph = int(np.ceil(((sh - 1) * h - sh + kh) / 2)) if padding == "same" else 0
    pw = int(np.ceil(((sw - 1) * w - sw + kw) / 2)) if padding == "same" else 0
    A_pad = np.pad(A_prev, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    dA_pad, dW = np.zeros(A_pad.shape), np.zeros(W.shape)
    for i, p, q, c in np.ndindex(dZ.shape):
        seen = (i, slice(p * sh, p * sh + kh), slice(q * sw, q * sw + kw))
        dA_pad[seen] += dZ[i, p, q, c] * W[..., c]
        dW[..., c] += dZ[i, p, q, c] * A_pad[seen]
    db = dZ.sum(axis=(0, 1, 2), keepdims=True)
    return dA_pad[:, ph : ph + h, pw : pw + w], dW, db


def mean_over_samples(loss, outputs, targets, sample_weight):
    """Mean over samples of the losses of their outputs, summed."""
    total = 0.0
    for i, j in np.ndindex(outputs.shape):
        total += sample_weight[i] * loss(float(outputs[i, j]), float(targets[i, j]))
    return total / len(outputs)


def softmax_cross_entropy(logits, codes, smoothing):
    total, k = 0.0, logits.shape[1]
    for z, code in zip(logits, codes, strict=True):
        p = np.exp(z) / np.exp(z).sum()
        for j in range(k):
            target = (1 - smoothing) * (j == code) + smoothing / k
            total -= target * np.log(p[j])
    return total / len(logits)


def interpolate(image, row, column, fill):
    """Value of an image (h, w) between its pixels."""
    value = 0.0
    for r in (int(np.floor(row)), int(np.floor(row)) + 1):
        for c in (int(np.floor(column)), int(np.floor(column)) + 1):
            inside = 0 <= r < image.shape[0] and 0 <= c < image.shape[1]
            near = (1 - abs(row - r)) * (1 - abs(column - c))
            value += near * (image[r, c] if inside else fill)
    return value


def batch_norm(x, gamma, beta, epsilon, dz):
    """Output and gradients, of each value in each other: (y, dx, dgamma, dbeta)."""
    m, y, dx = x.shape[0], np.zeros(x.shape), np.zeros(x.shape)
    dgamma, dbeta = np.zeros(gamma.shape), np.zeros(beta.shape)
    for c in range(x.shape[1]):
        mean = sum(x[:, c]) / m
        deviation = np.sqrt(sum((x[:, c] - mean) ** 2) / m + epsilon)
        u = (x[:, c] - mean) / deviation
        for i in range(m):
            y[i, c] = gamma[c] * u[i] + beta[c]
            dgamma[c] += dz[i, c] * u[i]
            dbeta[c] += dz[i, c]
            for j in range(m):
                du = ((i == j) - 1 / m - u[i] * u[j] / m) / deviation
                dx[j, c] += dz[i, c] * gamma[c] * du
    return y, dx, dgamma, dbeta
