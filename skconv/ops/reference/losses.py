"""Minibatches, losses with their gradients, and the step that follows them."""

import numpy as np

from .activations import activate

__all__ = [
    "adam_step",
    "gather",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
]


# Parameters that a step takes at a time: its intermediate results stay in cache.
_STEP_LENGTH = 2**15


def gather(x, rows, dtype, scale=1):
    """Take rows of an array as a minibatch: ``x[rows] * scale`` in another dtype.

    Parameters
    ----------
    x : ndarray of shape (n, ...)
        Of any numeric dtype; it may be a memory map.
    rows : slice or ndarray of int
        Of values 0 to n - 1.
    dtype : numpy.dtype
    scale : float, default=1
        For pixels of 0 to 255, say ``1 / 255``.

    Returns
    -------
    batch : ndarray of shape (len(rows), ...)
        C-contiguous; it may be a part of x.

    Examples
    --------
    >>> import numpy as np
    >>> from skconv import ops
    >>> images = np.array([[0, 255], [51, 102], [153, 0]], np.uint8)
    >>> ops.gather(images, np.array([2, 0]), np.dtype("float32"), 1 / 255)
    array([[0.6, 0. ],
           [0. , 1. ]], dtype=float32)
    """
    batch = np.asarray(x[rows], dtype=dtype, order="C")
    return batch if scale == 1 else batch * dtype.type(scale)


def softmax_cross_entropy(logits, codes, weight=None):
    """Mean of ``-log softmax(logits)[codes]``, and its gradient in the logits.

    Parameters
    ----------
    logits : ndarray of shape (n, k)
    codes : ndarray of int, (n,)
        Class of each sample, 0 to k - 1.
    weight : ndarray of shape (n,), optional
        What each sample counts for. The mean divides by ``n`` all the same, so that
        a minibatch of light samples takes a light step.

    Returns
    -------
    loss : float
    dlogits : ndarray of shape (n, k)
        ``(softmax(logits) - onehot(codes)) * weight / n``.
    """
    n = len(logits)
    rows = np.arange(n)
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1)
    losses = np.log(total) - shifted[rows, codes]
    dlogits = exponentials / total[:, None]
    dlogits[rows, codes] -= 1
    return _weighted_mean(losses, dlogits, weight)


def sigmoid_cross_entropy(logits, targets, weight=None):
    """Mean over samples of the binary cross-entropies, summed over their labels.

    Parameters
    ----------
    logits : ndarray of shape (n, k)
    targets : ndarray of shape (n, k)
        0 or 1; of any dtype.
    weight : ndarray of shape (n,), optional
        As in `softmax_cross_entropy`.

    Returns
    -------
    loss : float
        Of ``max(z, 0) - z t + log(1 + exp(-|z|))``, which never overflows.
    dlogits : ndarray of shape (n, k)
        ``(sigmoid(logits) - targets) * weight / n``.
    """
    targets = targets.astype(logits.dtype)
    losses = np.maximum(logits, 0) - logits * targets
    losses += np.log1p(np.exp(-np.abs(logits)))
    dlogits = activate(logits, "sigmoid")
    dlogits -= targets
    return _weighted_mean(losses.sum(axis=1), dlogits, weight)


def _weighted_mean(losses, dlogits, weight):
    if weight is not None:
        losses = losses * weight
        dlogits *= weight[:, None]
    dlogits /= len(losses)
    return float(losses.mean()), dlogits


def adam_step(
    parameters,
    gradient,
    moment_1,
    moment_2,
    *,
    step,
    learning_rate,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-8,
    decay=None,
):
    """One step of Adam, in place on the parameters and both moments.

    Parameters
    ----------
    parameters, gradient, moment_1, moment_2 : ndarray of shape (p,)
    step : int
        1 for the first step.
    learning_rate : float
    beta_1, beta_2 : float
        How much of each moment a step keeps.
    epsilon : float
    decay : ndarray of shape (p,), optional
        Decoupled weight decay: each parameter first shrinks by
        ``learning_rate * decay`` of itself.

    Notes
    -----
    Kingma & Ba, "Adam: a method for stochastic optimization", 2015, in the order of
    the end of its section 2; the decay after Loshchilov & Hutter 2019.
    """
    rate = learning_rate * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    for start in range(0, len(parameters), _STEP_LENGTH):
        part = slice(start, start + _STEP_LENGTH)
        w, g, m, v = parameters[part], gradient[part], moment_1[part], moment_2[part]
        if decay is not None:
            w -= learning_rate * decay[part] * w
        m += (1 - beta_1) * (g - m)
        v += (1 - beta_2) * (g * g - v)
        w -= rate * m / (np.sqrt(v) + epsilon)
