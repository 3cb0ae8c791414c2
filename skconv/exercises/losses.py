"""The exercises on the loss and on batch normalisation."""

from functools import partial
from typing import Any

import numpy as np

from . import loops
from .exercise import Case, Exercise, Fault, tenths

__all__ = ["EXERCISES"]


# The loss -----------------------------------------------------------------------------


def _loss_cases() -> list[Case]:
    rng = np.random.default_rng(3)
    cases = []
    for n, k, scale in ((1, 2, 1.0), (4, 3, 1.0), (3, 5, 4.0), (2, 3, 1000.0)):
        logits = tenths(rng, n, k) * scale
        if scale > 100:
            logits[0] = 1000.0, 999.0, 998.0
            logits[1] = -1000.0, -1001.0, -1000.5
        sizes = {"the number of samples": n, "the number of classes": k}
        size = f", of about {scale:g}" if scale > 1 else ""
        words = f"{n} sample{'s' * (n > 1)} of {k} logits{size}"
        codes = rng.integers(0, k, n)
        cases.append(Case(words, {"logits": logits, "codes": codes}, sizes))
    return cases


def _softmax(logits: Any, axis: int = 1) -> Any:
    shifted = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return shifted / shifted.sum(axis=axis, keepdims=True)


def _loss_with(
    loss: Any = None, dlogits: Any = None, *, logits: Any, codes: Any
) -> Any:
    """Return the loss, with other functions of (right result, p, codes)."""
    found = list(loops.softmax_cross_entropy(logits, codes))
    for i, change in enumerate((loss, dlogits)):
        if change is not None:
            found[i] = change(found[i], _softmax(logits), codes)
    return tuple(found)


def _one_hot(p: Any, codes: Any) -> Any:
    return np.arange(p.shape[1]) == codes[:, None]


def _by_column(logits: Any, codes: Any) -> Any:
    p, n = _softmax(logits, axis=0), len(logits)
    loss = -np.log(p[np.arange(n), codes]).mean()
    return loss, (p - _one_hot(p, codes)) / n


def _overflowing(logits: Any, codes: Any) -> Any:
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(p)), codes]).mean()
    return loss, (p - _one_hot(p, codes)) / len(p)


SOFTMAX = Exercise(
    "softmax_cross_entropy",
    "the loss of classes, and its gradient",
    loops.softmax_cross_entropy,
    ("loss", "dlogits"),
    _loss_cases,
    (
        Fault(
            "exp overflows for large logits, or becomes 0 for all of a sample: "
            "subtract the largest logit of each sample before exp",
            _overflowing,
        ),
        Fault(
            "that is the sum over the samples; the loss is their mean",
            partial(_loss_with, lambda loss, p, codes: loss * len(p)),
        ),
        Fault(
            "the loss is a mean over samples, so its gradient is divided by their "
            "number, too",
            partial(_loss_with, dlogits=lambda d, p, codes: d * len(p)),
        ),
        Fault(
            "the loss has the wrong sign: -log(p) is above 0",
            partial(_loss_with, lambda loss, p, codes: -loss),
        ),
        Fault(
            "the sign is turned: the gradient is p - 1 for the right class and p for "
            "the others",
            partial(_loss_with, dlogits=lambda d, p, codes: -d),
        ),
        Fault(
            "the 1 of the right class is not subtracted: those are the probabilities",
            partial(_loss_with, dlogits=lambda d, p, codes: p / len(p)),
        ),
        Fault(
            "the 1 of the right class is not subtracted, and the number of samples is "
            "missing: those are the probabilities",
            partial(_loss_with, dlogits=lambda d, p, codes: p),
        ),
        Fault(
            "1 is subtracted from all classes; only from the right one",
            partial(_loss_with, dlogits=lambda d, p, codes: (p - 1) / len(p)),
        ),
        Fault(
            "that is a logarithm of base 2; np.log is the natural one",
            partial(_loss_with, lambda loss, p, codes: loss / np.log(2)),
        ),
        Fault(
            "that is a mean over samples and classes; the loss is one over samples",
            partial(
                _loss_with,
                lambda loss, p, codes: loss / p.shape[1],
                lambda d, p, codes: d / p.shape[1],
            ),
        ),
        Fault(
            "the softmax is over the samples; it is over the classes of each sample, "
            "axis 1",
            _by_column,
        ),
        Fault(
            "that is the mean of 1 - p; the loss is -log(p)",
            partial(
                _loss_with,
                lambda loss, p, codes: 1 - p[np.arange(len(p)), codes].mean(),
            ),
        ),
        Fault(
            "that is p (1 - p), the derivative of a sigmoid; with the logarithm of the "
            "loss, p - 1 and p remain",
            partial(_loss_with, dlogits=lambda d, p, codes: p * (1 - p) / len(p)),
        ),
        Fault(
            "the logarithm of all classes is summed; only the right class counts",
            partial(_loss_with, lambda loss, p, codes: -np.log(p).sum() / len(p)),
        ),
    ),
)


# Batch normalisation ------------------------------------------------------------------


def _norm_cases(*names: str) -> list[Case]:
    rng = np.random.default_rng(4)
    cases, shapes = [], ((2, 1, 2, 1, 0.1), (3, 2, 2, 2, 0.5), (4, 3, 2, 3, 0.001))
    for n, h, w, c, epsilon in shapes:
        arrays = {
            "x": tenths(rng, n, h, w, c) + np.arange(1, c + 1),
            "dy": tenths(rng, n, h, w, c),
            "gamma": np.arange(2.0, c + 2) / 2 + 1,
            "beta": np.arange(1.0, c + 1),
            "epsilon": epsilon,
        }
        sizes = {
            "the number of samples": n,
            "the number of pixels": h * w,
            "the number of samples and pixels": n * h * w,
        }
        words = (
            f"{n} images {h} x {w} with {c} channel{'s' * (c > 1)}, epsilon {epsilon}"
        )
        cases.append(Case(words, {name: arrays[name] for name in names}, sizes))
    return cases


def _norm(x: Any, gamma: Any, beta: Any, epsilon: float, axes: Any = (0, 1, 2)) -> Any:
    mean, variance = (f(x, axis=axes, keepdims=True) for f in (np.mean, np.var))
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def _norm_by(divisor: Any, *, x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """Return batch normalisation with another divisor, of (variance, epsilon, m)."""
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    m = x[..., 0].size
    return gamma * (x - mean) / divisor(variance, epsilon, m) + beta


BATCH_NORM = Exercise(
    "batch_norm",
    "batch normalisation",
    loops.batch_norm,
    ("y",),
    lambda: _norm_cases("x", "gamma", "beta", "epsilon"),
    (
        Fault(
            "the variance is the unbiased one, divided by one less than the number of "
            "values; here it is the mean (ddof=0)",
            partial(_norm_by, lambda v, eps, m: np.sqrt(v * m / (m - 1) + eps)),
        ),
        Fault(
            "epsilon is added to the square root; it belongs under it, to the variance",
            partial(_norm_by, lambda v, eps, m: np.sqrt(v) + eps),
        ),
        Fault("epsilon is missing", partial(_norm_by, lambda v, eps, m: np.sqrt(v))),
        Fault(
            "the square root is missing: that is divided by the variance",
            partial(_norm_by, lambda v, eps, m: v + eps),
        ),
        Fault(
            "nothing divides x - mean: the standard deviation is missing",
            partial(_norm_by, lambda v, eps, m: 1),
        ),
        Fault(
            "each pixel has a mean of its own: a channel has one, over samples and "
            "pixels, axes (0, 1, 2)",
            lambda x, gamma, beta, epsilon: _norm(x, gamma, beta, epsilon, (0,)),
        ),
        Fault(
            "each sample has a mean of its own: a channel has one, over samples and "
            "pixels, axes (0, 1, 2)",
            lambda x, gamma, beta, epsilon: _norm(x, gamma, beta, epsilon, (1, 2)),
        ),
        Fault(
            "all channels have one mean: each has its own, over axes (0, 1, 2)",
            lambda x, gamma, beta, epsilon: _norm(x, gamma, beta, epsilon, None),
        ),
        Fault(
            "that is normalised over the channels of each pixel: layer normalisation",
            lambda x, gamma, beta, epsilon: _norm(x, gamma, beta, epsilon, (3,)),
        ),
        Fault(
            "gamma is missing",
            lambda x, gamma, beta, epsilon: _norm(x, 1, beta, epsilon),
        ),
        Fault(
            "beta is missing",
            lambda x, gamma, beta, epsilon: _norm(x, gamma, 0, epsilon),
        ),
        Fault(
            "beta is subtracted; it is added",
            lambda x, gamma, beta, epsilon: _norm(x, gamma, -beta, epsilon),
        ),
        Fault(
            "gamma and beta are exchanged",
            lambda x, gamma, beta, epsilon: _norm(x, beta, gamma, epsilon),
        ),
        Fault(
            "the mean is not subtracted",
            lambda x, gamma, beta, epsilon: (
                gamma * x / np.sqrt(x.var(axis=(0, 1, 2)) + epsilon) + beta
            ),
        ),
        Fault(
            "beta is multiplied by gamma: it is added after gamma",
            lambda x, gamma, beta, epsilon: _norm(x, gamma, gamma * beta, epsilon),
        ),
    ),
)


def _norm_backward_with(
    dx: Any = None,
    dgamma: Any = None,
    dbeta: Any = None,
    *,
    dy: Any,
    x: Any,
    gamma: Any,
    epsilon: float,
) -> Any:
    """Return the gradients with other functions of (right result, parts)."""
    found = list(loops.batch_norm_backward(dy, x, gamma, epsilon))
    axes = (0, 1, 2)
    deviation = np.sqrt(x.var(axis=axes) + epsilon)
    u = (x - x.mean(axis=axes)) / deviation
    parts = {
        "dy": dy,
        "x": x,
        "u": u,
        "gamma": gamma,
        "deviation": deviation,
        "mean": dy.mean(axis=axes),
        "slope": (dy * u).mean(axis=axes),
        "m": x[..., 0].size,
        "axes": axes,
        "n": len(x),
    }
    for i, change in enumerate((dx, dgamma, dbeta)):
        if change is not None:
            found[i] = change(found[i], parts)
    return tuple(found)


BATCH_NORM_BACKWARD = Exercise(
    "batch_norm_backward",
    "the gradients of batch normalisation",
    loops.batch_norm_backward,
    ("dx", "dgamma", "dbeta"),
    lambda: _norm_cases("dy", "x", "gamma", "epsilon"),
    (
        Fault(
            "mean and variance are taken for constants: each x moves both, which gives "
            "the last two terms of the formula",
            partial(
                _norm_backward_with, lambda d, p: p["gamma"] / p["deviation"] * p["dy"]
            ),
        ),
        Fault(
            "the variance is taken for a constant: the term u * mean of (dy * u) is "
            "missing",
            partial(
                _norm_backward_with,
                lambda d, p: p["gamma"] / p["deviation"] * (p["dy"] - p["mean"]),
            ),
        ),
        Fault(
            "the mean is taken for a constant: the term mean of dy is missing",
            partial(
                _norm_backward_with,
                lambda d, p: (
                    p["gamma"] / p["deviation"] * (p["dy"] - p["u"] * p["slope"])
                ),
            ),
        ),
        Fault(
            "the last two terms have sums in place of means",
            partial(
                _norm_backward_with,
                lambda d, p: (
                    p["gamma"]
                    / p["deviation"]
                    * (p["dy"] - p["m"] * (p["mean"] + p["u"] * p["slope"]))
                ),
            ),
        ),
        Fault(
            "gamma is missing",
            partial(_norm_backward_with, lambda d, p: d / p["gamma"]),
        ),
        Fault(
            "the division by the standard deviation is missing",
            partial(_norm_backward_with, lambda d, p: d * p["deviation"]),
        ),
        Fault(
            "that is divided by the variance: the square root is missing",
            partial(_norm_backward_with, lambda d, p: d / p["deviation"]),
        ),
        Fault(
            "that is a mean; dgamma and dbeta are sums over samples and pixels",
            partial(
                _norm_backward_with,
                None,
                lambda d, p: d / p["m"],
                lambda d, p: d / p["m"],
            ),
        ),
        Fault(
            "that is divided by the number of samples: the loss divides by it already, "
            "so dy contains it. Here, sum",
            partial(
                _norm_backward_with,
                lambda d, p: d / p["n"],
                lambda d, p: d / p["n"],
                lambda d, p: d / p["n"],
            ),
        ),
        Fault(
            "dy is multiplied by x; dgamma sums dy * u, of the normalised x",
            partial(
                _norm_backward_with,
                None,
                lambda d, p: (p["dy"] * p["x"]).sum(axis=p["axes"]),
            ),
        ),
        Fault(
            "the sum over the pixels is missing: sum over axes (0, 1, 2)",
            partial(
                _norm_backward_with,
                None,
                lambda d, p: (p["dy"] * p["u"]).sum(axis=0),
                lambda d, p: p["dy"].sum(axis=0),
            ),
        ),
        Fault(
            "dgamma and dbeta are exchanged: return dx, dgamma, dbeta",
            partial(
                _norm_backward_with,
                None,
                lambda d, p: p["m"] * p["mean"],
                lambda d, p: p["m"] * p["slope"],
            ),
        ),
        Fault(
            "the sign is turned: a step of training subtracts the gradient, later",
            partial(
                _norm_backward_with, lambda d, p: -d, lambda d, p: -d, lambda d, p: -d
            ),
        ),
    ),
)

EXERCISES = (SOFTMAX, BATCH_NORM, BATCH_NORM_BACKWARD)
