"""Write a convolutional network, function by function.

Replace each `raise NotImplementedError` by your code, from top to bottom, and run

    python -m skconv.exercises check

in this folder. It compares what your functions return with plain loops and shows the
first number that is off. `python -m skconv.exercises hint conv2d` gives a hint.

All numbers are arrays of float64. Images are (n, h, w, c): samples, rows, columns,
channels. Loops are fine; a function must not change its arguments.
"""

import numpy as np  # noqa: F401


def slide(image, kernel):
    """Slide a kernel (kh, kw) over an image (h, w).

    z[p, q] = sum over i, j of image[p + i, q + j] * kernel[i, j]

    at each place where the whole kernel is on the image.

    Returns z, of shape (h - kh + 1, w - kw + 1).
    """
    raise NotImplementedError


def conv2d(x, kernel, bias, stride):
    """Convolve images (n, h, w, c) with a kernel (kh, kw, c, filters).

    z[n, p, q, f] = bias[f] + sum over i, j, c of
        x[n, p * stride + i, q * stride + j, c] * kernel[i, j, c, f]

    There is no padding: p and q count the places where the whole kernel is on the
    image. bias is (filters,), stride is an int.

    Returns z, of shape (n, (h - kh) // stride + 1, (w - kw) // stride + 1, filters).
    """
    raise NotImplementedError


def conv2d_grad_kernel(dz, x, kernel_shape, stride):
    """Return the gradient of the loss in the kernel.

    dz, of the shape of z, is the gradient of the loss in the output of conv2d.

    dkernel[i, j, c, f] = sum over n, p, q of
        x[n, p * stride + i, q * stride + j, c] * dz[n, p, q, f]

    Returns dkernel, of shape kernel_shape: (kh, kw, c, filters).
    """
    raise NotImplementedError


def conv2d_grad_input(dz, kernel, input_shape, stride):
    """Return the gradient of the loss in the input of conv2d.

    dz[n, p, q, f] reaches each pixel that its window saw:

    dx[n, p * stride + i, q * stride + j, c] += dz[n, p, q, f] * kernel[i, j, c, f]

    for all n, p, q, f, i, j, c. Windows overlap, so a pixel may get several parts.

    Returns dx, of shape input_shape: (n, h, w, c).
    """
    raise NotImplementedError


def max_pool2d(x, size):
    """Take the largest value of each window of size * size pixels.

    The windows lie side by side (the stride is size), each channel is on its own, and
    rows and columns that fill no window are left out.

    Returns y, of shape (n, h // size, w // size, c).
    """
    raise NotImplementedError


def max_pool2d_grad(dy, x, size):
    """Return the gradient of the loss in the input of max_pool2d.

    dy[n, p, q, c] goes to the largest value of its window. If several are equal, the
    first of them gets it: in the first row, and there in the first column.

    Returns dx, of the shape of x; 0 elsewhere.
    """
    raise NotImplementedError


def dense(x, kernel, bias):
    """Compute a dense layer: x (n, features), kernel (features, units), bias (units,).

    y[n, u] = bias[u] + sum over k of x[n, k] * kernel[k, u]

    Returns y, of shape (n, units).
    """
    raise NotImplementedError


def dense_backward(dy, x, kernel):
    """Return the gradients of the loss in the input, the kernel and the bias of dense.

    dx[n, k] = sum over u of dy[n, u] * kernel[k, u]
    dkernel[k, u] = sum over n of x[n, k] * dy[n, u]
    dbias[u] = sum over n of dy[n, u]

    Returns dx, dkernel, dbias.
    """
    raise NotImplementedError


def softmax_cross_entropy(logits, codes):
    """Return the loss of logits (n, classes), and its gradient.

    codes (n,) are the right classes, as ints from 0.

    p[n, k] = exp(logits[n, k]) / sum over j of exp(logits[n, j])
    loss = mean over n of -log(p[n, codes[n]])
    dlogits[n, k] = (p[n, k] - (1 if k == codes[n] else 0)) / number of samples

    Logits may be as large as 1000: exp overflows. The same number subtracted from all
    logits of a sample does not change p.

    Returns loss, a number, and dlogits, of the shape of logits.
    """
    raise NotImplementedError


def batch_norm(x, gamma, beta, epsilon):
    """Normalise each channel of images (n, h, w, c).

    mean[c] = mean of x[..., c] over samples and pixels
    variance[c] = mean of (x[..., c] - mean[c]) ** 2
    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    gamma and beta are (c,).

    Returns y, of the shape of x.
    """
    raise NotImplementedError


def batch_norm_backward(dy, x, gamma, epsilon):
    """Return the gradients of the loss in the input, gamma and beta of batch_norm.

    With u = (x - mean) / sqrt(variance + epsilon), and sums and means over samples and
    pixels of each channel:

    dbeta = sum of dy
    dgamma = sum of dy * u
    dx = gamma / sqrt(variance + epsilon) * (dy - mean of dy - u * mean of (dy * u))

    The last two terms are there because each x moves the mean and the variance, too.

    Returns dx, dgamma, dbeta.
    """
    raise NotImplementedError


def adam(parameters, gradient, m, v, t, learning_rate, beta1, beta2, epsilon):
    """Make step t of Adam; t is 1 in the first step.

    m and v are running means of the gradient and of its square, at first 0:

    m = beta1 * m + (1 - beta1) * gradient
    v = beta2 * v + (1 - beta2) * gradient ** 2
    parameters = parameters - learning_rate * m^ / (sqrt(v^) + epsilon)
        where m^ = m / (1 - beta1 ** t) and v^ = v / (1 - beta2 ** t)

    All arrays have the shape of parameters.

    Returns the new parameters, m and v (not m^ and v^).
    """
    raise NotImplementedError


def network(weights, x, codes):
    """Run a network on images x (n, 8, 8, 1) of digits, forward and backward.

    weights is a dict of the arrays kernel1, bias1, gamma, beta, kernel2, bias2,
    kernel3, bias3. Forward, with your functions:

    conv2d with kernel1, bias1, stride 1
    batch_norm with gamma, beta, epsilon 0.001
    ReLU: np.maximum(z, 0)
    conv2d with kernel2, bias2, stride 1
    ReLU
    max_pool2d of size 2
    each sample as a row: reshape(len(x), -1)
    dense with kernel3, bias3: the logits
    softmax_cross_entropy with codes: the loss

    Backward, from the loss to the first kernel, with your gradients. That of ReLU is
    the gradient in its output where its input is > 0, else 0. That of the bias of a
    convolution is the sum of dz over samples and pixels.

    Returns logits, loss, gradients: a dict with the names of weights.
    """
    raise NotImplementedError


def train(weights, x, codes, batches, learning_rate):
    """Train the network: a step of Adam for each batch.

    batches is a list; each entry is an array of the rows of x and codes that the step
    takes: x[rows], codes[rows]. Each of the weights has its own m and v, at first 0,
    which remain from step to step. beta1 is 0.9, beta2 is 0.999, epsilon is 1e-8, and t
    is 1 in the first step.

    Returns the new weights, a dict. The given ones do not change.
    """
    raise NotImplementedError
