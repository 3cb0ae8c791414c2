"""The exercises on the network and its training on digits."""

import functools
from functools import partial
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from . import loops
from .exercise import Case, Exercise, Fault

__all__ = ["EXERCISES", "LEARNED"]

LEARNED = 0.85
"""The accuracy on digits that it has not seen that a right network is well above."""

_FILTERS = 4, 8
_TRAINED, _HELD_OUT = 1280, 1500  # how many; from where on
_BATCH = 32
_EPOCHS = 2
_RATE = 0.03


# The network --------------------------------------------------------------------------


@functools.cache
def _digits() -> tuple[Any, Any]:
    """Return scikit-learn's digits, in an order that mixes the writers."""
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    return X[order].reshape(-1, 8, 8, 1) / 16, y[order]


def initial_weights(filters: tuple[int, int] = _FILTERS) -> dict[str, Any]:
    """Draw the weights that training begins with."""
    rng = np.random.default_rng(6)
    first, second = filters
    shapes = {
        "kernel1": (3, 3, 1, first),
        "bias1": (first,),
        "gamma": (first,),
        "beta": (first,),
        "kernel2": (3, 3, first, second),
        "bias2": (second,),
        "kernel3": (4 * second, 10),
        "bias3": (10,),
    }
    weights = {}
    for name, shape in shapes.items():
        limit = np.sqrt(6 / np.prod(shape[:-1])) if name.startswith("kernel") else 0.1
        weights[name] = rng.uniform(-limit, limit, shape)
    weights["gamma"] += 1
    return weights


def _network_cases() -> list[Case]:
    X, y = _digits()
    weights = initial_weights((2, 3))
    return [
        Case(
            f"{n} digit{'s' * (n > 1)}, weights of 2 and 3 filters",
            {"weights": weights, "x": X[:n], "codes": y[:n]},
            {"the number of samples": n},
        )
        for n in (2, 5)
    ]


def _network_with(
    relu: bool = True,
    slope1: Any = None,
    slope2: Any = None,
    *,
    weights: Any,
    x: Any,
    codes: Any,
) -> Any:
    """Return the network without ReLU, or with other derivatives of it."""
    w, g = weights, {}
    act = (lambda z: np.maximum(z, 0)) if relu else (lambda z: z)
    z1 = loops.conv2d(x, w["kernel1"], w["bias1"], 1)
    n1 = loops.batch_norm(z1, w["gamma"], w["beta"], 0.001)
    a1 = act(n1)
    z2 = loops.conv2d(a1, w["kernel2"], w["bias2"], 1)
    pooled = loops.max_pool2d(act(z2), 2)
    flat = pooled.reshape(len(x), -1)
    logits = loops.dense(flat, w["kernel3"], w["bias3"])
    loss, d = loops.softmax_cross_entropy(logits, codes)
    d, g["kernel3"], g["bias3"] = loops.dense_backward(d, flat, w["kernel3"])
    d = loops.max_pool2d_grad(d.reshape(pooled.shape), act(z2), 2)
    d = d * (z2 > 0 if slope2 is None else slope2)
    g["kernel2"] = loops.conv2d_grad_kernel(d, a1, w["kernel2"].shape, 1)
    g["bias2"] = d.sum(axis=(0, 1, 2))
    d = loops.conv2d_grad_input(d, w["kernel2"], a1.shape, 1)
    d = d * (n1 > 0 if slope1 is None else slope1)
    d, g["gamma"], g["beta"] = loops.batch_norm_backward(d, z1, w["gamma"], 0.001)
    g["kernel1"] = loops.conv2d_grad_kernel(d, x, w["kernel1"].shape, 1)
    g["bias1"] = d.sum(axis=(0, 1, 2))
    return logits, loss, {name: g[name] for name in weights}


def _averaged(weights: Any, x: Any, codes: Any) -> Any:
    logits, loss, gradients = loops.network(weights, x, codes)
    return logits, loss, {name: g / len(x) for name, g in gradients.items()}


NETWORK = Exercise(
    "network",
    "a network, forward and backward",
    loops.network,
    ("logits", "loss", "gradients"),
    _network_cases,
    (
        Fault(
            "ReLU is missing: np.maximum(z, 0) after batch_norm, and after the second "
            "convolution",
            partial(_network_with, relu=False),
        ),
        Fault(
            "ReLU is missing: np.maximum(z, 0) after batch_norm, and after the second "
            "convolution",
            partial(_network_with, False, 1, 1),
        ),
        Fault(
            "the derivatives of ReLU are missing: where its input is not above 0, no "
            "gradient passes",
            partial(_network_with, slope1=1, slope2=1),
        ),
        Fault(
            "the derivative of the first ReLU is missing: where the result of "
            "batch_norm is not above 0, no gradient passes",
            partial(_network_with, slope1=1),
        ),
        Fault(
            "the derivative of the second ReLU is missing: where the result of the "
            "second convolution is not above 0, no gradient passes",
            partial(_network_with, slope2=1),
        ),
        Fault(
            "that is divided by the number of samples once more: dlogits contains it",
            _averaged,
        ),
    ),
    uses=(
        *("conv2d", "conv2d_grad_kernel", "conv2d_grad_input", "max_pool2d"),
        *("max_pool2d_grad", "dense", "dense_backward", "softmax_cross_entropy"),
        *("batch_norm", "batch_norm_backward"),
    ),
    seconds=10.0,
)


# Training -----------------------------------------------------------------------------


def _judge_learning(weights: dict[str, Any]) -> tuple[str, str]:
    """Return the verdict on trained weights, by digits that they have not seen."""
    X, y = (each[_HELD_OUT:] for each in _digits())
    logits = loops.forward(weights, X)["logits"]
    accuracy = float((logits.argmax(axis=1) == y).mean())
    words = f"{accuracy:.1%} of {len(y)} digits that it has not seen"
    if accuracy >= LEARNED:
        return "passed", f"Your network reads {words}."
    return "wrong", f"after training, the network reads {words}, should read > 85%"


def _train_cases() -> list[Case]:
    X, y = _digits()
    rng = np.random.default_rng(7)
    few = {"weights": initial_weights((2, 2)), "x": X[:9], "codes": y[:9]}
    small = [rng.permutation(9)[:3] for _ in range(3)]
    epochs = [rng.permutation(_TRAINED) for _ in range(_EPOCHS)]
    batches = [e[i : i + _BATCH] for e in epochs for i in range(0, _TRAINED, _BATCH)]
    digits = {"weights": initial_weights(), "x": X[:_TRAINED], "codes": y[:_TRAINED]}
    real = {**digits, "batches": batches, "learning_rate": _RATE}
    return [
        Case("3 batches of 3 digits", {**few, "batches": small, "learning_rate": 0.1}),
        Case(f"{len(batches)} batches of {_BATCH} digits", real, judge=_judge_learning),
    ]


def _trained_with(
    first: int = 1,
    step: int = 1,
    *,
    weights: Any,
    x: Any,
    codes: Any,
    batches: Any,
    learning_rate: float,
    **options: Any,
) -> Any:
    """Return training with mistakes.

    t begins with `first` and grows by `step`. Options: `each_weight` (t grows with
    each), `momentless` (new moments in each step), `plain` (no Adam), `sign`, `only`
    (one batch, again and again), `every` (a slice of the batches), `all_rows`, `stuck`
    (gradients at the first weights), `betas`.
    """
    new, t = dict(weights), first
    zeros: dict[str, Any] = {name: (np.zeros(w.shape),) * 2 for name, w in new.items()}
    moments = dict(zeros)
    if "only" in options:
        batches = [batches[options["only"]]] * len(batches)
    if "every" in options:
        batches = batches[options["every"]]
    for rows in batches:
        rows = np.arange(len(x)) if options.get("all_rows") else rows
        at = weights if options.get("stuck") else new
        gradients = loops.network(at, x[rows], codes[rows])[2]
        for name, gradient in gradients.items():
            if options.get("plain"):
                new[name] = new[name] - learning_rate * gradient
                continue
            m, v = zeros[name] if options.get("momentless") else moments[name]
            beta1, beta2 = options.get("betas", (0.9, 0.999))
            rates = learning_rate, beta1, beta2, 1e-8
            sign = options.get("sign", 1)
            new[name], *moments[name] = loops.adam(
                new[name], sign * gradient, m, v, t, *rates
            )
            t += bool(options.get("each_weight"))
        t += step
    return new


TRAIN = Exercise(
    "train",
    "a network learns digits",
    loops.train,
    ("weights",),
    _train_cases,
    (
        Fault("t is 0 in the first step; it begins with 1", partial(_trained_with, 0)),
        Fault("t does not grow: add 1 in each step", partial(_trained_with, 1, 0)),
        Fault("t is 2 in the first step; it begins with 1", partial(_trained_with, 2)),
        Fault(
            "t grows with each of the weights; it grows once in each step",
            partial(_trained_with, 1, 0, each_weight=True),
        ),
        Fault(
            "m and v begin with 0 in each step: keep what adam returned for the next",
            partial(_trained_with, momentless=True),
        ),
        Fault(
            "m and v begin with 0 in each step, and t with 1: keep what adam returned",
            partial(_trained_with, 1, 0, momentless=True),
        ),
        Fault(
            "that is plain gradient descent: make the steps with adam",
            partial(_trained_with, plain=True),
        ),
        Fault("the step goes up the gradient", partial(_trained_with, sign=-1)),
        Fault(
            "only the first batch is used, in each step", partial(_trained_with, only=0)
        ),
        Fault(
            "only one step is made, with the first batch",
            partial(_trained_with, every=slice(1)),
        ),
        Fault(
            "the last batch is missing", partial(_trained_with, every=slice(None, -1))
        ),
        Fault(
            "each step takes all rows: x[rows], codes[rows]",
            partial(_trained_with, all_rows=True),
        ),
        Fault(
            "all gradients are taken at the first weights: pass the new ones to "
            "network",
            partial(_trained_with, stuck=True),
        ),
        Fault(
            "beta1 and beta2 are exchanged: 0.9 and 0.999",
            partial(_trained_with, betas=(0.999, 0.9)),
        ),
        Fault(
            "the weights are the first ones: replace them in each step",
            lambda weights, x, codes, batches, learning_rate: weights,
        ),
    ),
    uses=("adam", "network"),
    seconds=170.0,
)

EXERCISES = (NETWORK, TRAIN)
