"""Minibatches, losses with their gradients, and the steps that follow them."""

import numpy as np

from .activations import activate

__all__ = [
    "adam_step",
    "gather",
    "huber",
    "poisson",
    "sgd_step",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "squared_error",
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


def softmax_cross_entropy(logits, codes, weight=None, smoothing=0.0):
    """Mean of ``-log softmax(logits)[codes]``, and its gradient in the logits.

    Parameters
    ----------
    logits : ndarray of shape (n, k)
    codes : ndarray of int, (n,)
        Class of each sample, 0 to k - 1.
    weight : ndarray of shape (n,), optional
        What each sample counts for. The mean divides by ``n`` all the same, so that
        a minibatch of light samples takes a light step.
    smoothing : float, default=0.0
        How much of each target its class shares with all k alike: the target is
        ``(1 - smoothing) * onehot(codes) + smoothing / k``.

    Returns
    -------
    loss : float
    dlogits : ndarray of shape (n, k)
        ``(softmax(logits) - target) * weight / n``.

    Notes
    -----
    Smoothing: Szegedy et al., "Rethinking the Inception architecture for computer
    vision", 2016, section 7.
    """
    n, k = logits.shape
    rows = np.arange(n)
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1)
    losses = np.log(total) - shifted[rows, codes]
    dlogits = exponentials / total[:, None]
    dlogits[rows, codes] -= 1
    if smoothing:
        losses += smoothing * (shifted[rows, codes] - shifted.mean(axis=1))
        dlogits[rows, codes] += smoothing
        dlogits -= smoothing / k
    return _weighted_mean(losses, dlogits, weight)


def sigmoid_cross_entropy(logits, targets, weight=None, smoothing=0.0):
    """Mean over samples of the binary cross-entropies, summed over their labels.

    Parameters
    ----------
    logits : ndarray of shape (n, k)
    targets : ndarray of shape (n, k)
        0 or 1; of any dtype.
    weight : ndarray of shape (n,), optional
        As in `softmax_cross_entropy`.
    smoothing : float, default=0.0
        Targets become ``(1 - smoothing) * targets + smoothing / 2``: each label is a
        choice of two.

    Returns
    -------
    loss : float
        Of ``max(z, 0) - z t + log(1 + exp(-|z|))``, which never overflows.
    dlogits : ndarray of shape (n, k)
        ``(sigmoid(logits) - targets) * weight / n``.
    """
    targets = targets.astype(logits.dtype)
    if smoothing:
        targets += smoothing * (0.5 - targets)
    losses = np.maximum(logits, 0) - logits * targets
    losses += np.log1p(np.exp(-np.abs(logits)))
    dlogits = activate(logits, "sigmoid")
    dlogits -= targets
    return _weighted_mean(losses.sum(axis=1), dlogits, weight)


def squared_error(outputs, targets, weight=None):
    """Mean over samples of half the squared errors, summed over their outputs.

    Parameters
    ----------
    outputs : ndarray of shape (n, k)
    targets : ndarray of shape (n, k), or (n,) where k is 1
        Of any real dtype.
    weight : ndarray of shape (n,), optional
        As in `softmax_cross_entropy`.

    Returns
    -------
    loss : float
        Of ``(outputs - targets) ** 2 / 2``.
    doutputs : ndarray of shape (n, k)
        ``(outputs - targets) * weight / n``.

    Notes
    -----
    The gradient is the one that scikit-learn's ``MLPRegressor`` follows; the loss it
    reports is the mean over the outputs.
    """
    errors = outputs - _like(outputs, targets)
    return _weighted_mean((errors * errors).sum(axis=1) / 2, errors, weight)


def huber(outputs, targets, weight=None, delta=1.0):
    """Squared errors that go on in a straight line: an outlier pulls no harder.

    Parameters
    ----------
    outputs, targets, weight
        As in `squared_error`.
    delta : float, default=1.0
        Where the line begins.

    Returns
    -------
    loss : float
        Of ``error ** 2 / 2`` where ``|error| <= delta``, else of
        ``delta * (|error| - delta / 2)``.
    doutputs : ndarray of shape (n, k)
        ``clip(outputs - targets, -delta, delta) * weight / n``.

    Notes
    -----
    Huber, "Robust estimation of a location parameter", 1964.
    """
    errors = outputs - _like(outputs, targets)
    clipped = np.clip(errors, -delta, delta)
    # error ** 2 / 2 where nothing was clipped, as error and clipped are then the same.
    losses = clipped * (errors - clipped / 2)
    return _weighted_mean(losses.sum(axis=1), clipped, weight)


def poisson(outputs, targets, weight=None):
    """Half the Poisson deviance of counts whose expected value is ``exp(outputs)``.

    Parameters
    ----------
    outputs : ndarray of shape (n, k)
        Logarithms of the expected values.
    targets : ndarray of shape (n, k), or (n,) where k is 1
        At least 0; of any real dtype.
    weight : ndarray of shape (n,), optional
        As in `softmax_cross_entropy`.

    Returns
    -------
    loss : float
        Of ``t log(t) - t z - t + exp(z)`` for targets t and outputs z, 0 where the
        expected value is the target; a mean over samples of sums over outputs.
    doutputs : ndarray of shape (n, k)
        ``(exp(outputs) - targets) * weight / n``.

    Notes
    -----
    The loss of scikit-learn's ``MLPRegressor(loss="poisson")``, in the logarithm of
    what is expected; McCullagh & Nelder, "Generalized linear models", 1989, 2.3.
    """
    targets = _like(outputs, targets)
    expected = np.exp(outputs)
    log_targets = np.log(np.where(targets > 0, targets, 1))
    losses = targets * (log_targets - outputs) - targets + expected
    return _weighted_mean(losses.sum(axis=1), expected - targets, weight)


def _like(outputs, targets):
    return np.asarray(targets, outputs.dtype).reshape(outputs.shape)


def _weighted_mean(losses, doutputs, weight):
    if weight is not None:
        losses = losses * weight
        doutputs *= weight[:, None]
    doutputs /= len(losses)
    return float(losses.mean()), doutputs


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


def sgd_step(
    parameters,
    gradient,
    velocity,
    *,
    learning_rate,
    momentum=0.9,
    nesterov=True,
    decay=None,
):
    """One step of gradient descent, in place on the parameters and the velocity.

    Parameters
    ----------
    parameters, gradient, velocity : ndarray of shape (p,)
    learning_rate : float
    momentum : float, default=0.9
        How much of the velocity a step keeps.
    nesterov : bool, default=True
        Whether to move by the velocity that the next step would have, were its
        gradient the same.
    decay : ndarray of shape (p,), optional
        As in `adam_step`.

    Notes
    -----
    Sutskever et al., "On the importance of initialization and momentum in deep
    learning", 2013, in the form of scikit-learn's ``MLPClassifier``; the decay after
    Loshchilov & Hutter 2019.
    """
    for start in range(0, len(parameters), _STEP_LENGTH):
        part = slice(start, start + _STEP_LENGTH)
        w, v, move = parameters[part], velocity[part], learning_rate * gradient[part]
        if decay is not None:
            w -= learning_rate * decay[part] * w
        v *= momentum
        v -= move
        w += momentum * v - move if nesterov else v
