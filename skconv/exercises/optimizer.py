"""The exercise on Adam, with mistakes that are often made."""

from functools import partial
from typing import Any

import numpy as np

from . import loops
from .exercise import Case, Exercise, Fault, tenths

__all__ = ["EXERCISES"]


def _adam_cases() -> list[Case]:
    rng = np.random.default_rng(5)
    cases = []
    for shape, t in (((2,), 1), ((3,), 2), ((2, 3), 5), ((2, 2, 1, 2), 40)):
        first = t == 1
        arguments = {
            "parameters": tenths(rng, *shape),
            "gradient": tenths(rng, *shape) + 0.05,
            "m": np.zeros(shape) if first else tenths(rng, *shape),
            "v": np.zeros(shape) if first else np.abs(tenths(rng, *shape)) + 0.1,
            "t": t,
            "learning_rate": 0.1,
            "beta1": 0.8,
            "beta2": 0.9,
            "epsilon": 0.1,
        }
        at_first = ", m and v 0" if first else ""
        cases.append(Case(f"parameters of shape {shape}, t = {t}{at_first}", arguments))
    return cases


def _adam_with(
    step: Any = None,
    new_m: Any = None,
    new_v: Any = None,
    *,
    parameters: Any,
    gradient: Any,
    m: Any,
    v: Any,
    t: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
) -> Any:
    """Return Adam with other functions of its parts, in a dict."""
    _, right_m, right_v = loops.adam(
        parameters, gradient, m, v, t, learning_rate, beta1, beta2, epsilon
    )
    parts = {
        "p": parameters,
        "g": gradient,
        "m": right_m,
        "v": right_v,
        "t": t,
        "old_m": m,
        "old_v": v,
        "lr": learning_rate,
        "eps": epsilon,
        "b1": beta1,
        "b2": beta2,
    }
    new = _adam_step(parts, "m^ v^ sqrt") if step is None else step(parts)
    made_m = right_m if new_m is None else new_m(parts)
    return new, made_m, right_v if new_v is None else new_v(parts)


def _adam_step(parts: Any, which: str) -> Any:
    """Make the step with the corrections that `which` names."""
    m, v = parts["m"], parts["v"]
    if "m^" in which:
        m = m / (1 - parts["b1"] ** parts["t"])
    if "v^" in which:
        v = v / (1 - parts["b2"] ** parts["t"])
    with np.errstate(invalid="ignore"):
        divisor = (np.sqrt(v) if "sqrt" in which else v) + parts["eps"]
    return parts["p"] - parts["lr"] * m / divisor


def _corrected(parts: Any, power: Any) -> Any:
    m = parts["m"] / (1 - parts["b1"] ** power)
    v = parts["v"] / (1 - parts["b2"] ** power)
    return parts["p"] - parts["lr"] * m / (np.sqrt(v) + parts["eps"])


ADAM = Exercise(
    "adam",
    "a step of Adam",
    loops.adam,
    ("parameters", "m", "v"),
    _adam_cases,
    (
        Fault(
            "the corrections of m and v are missing: m^ = m / (1 - beta1 ** t), v^ = v "
            "/ (1 - beta2 ** t)",
            partial(_adam_with, lambda p: _adam_step(p, "sqrt")),
        ),
        Fault(
            "the correction of v is missing: v^ = v / (1 - beta2 ** t)",
            partial(_adam_with, lambda p: _adam_step(p, "m^ sqrt")),
        ),
        Fault(
            "the correction of m is missing: m^ = m / (1 - beta1 ** t)",
            partial(_adam_with, lambda p: _adam_step(p, "v^ sqrt")),
        ),
        Fault(
            "the square root of v^ is missing",
            partial(_adam_with, lambda p: _adam_step(p, "m^ v^")),
        ),
        Fault(
            "epsilon is under the square root; it is added to the root",
            partial(
                _adam_with,
                lambda p: (
                    p["p"]
                    - p["lr"]
                    * (p["m"] / (1 - p["b1"] ** p["t"]))
                    / np.sqrt(p["v"] / (1 - p["b2"] ** p["t"]) + p["eps"])
                ),
            ),
        ),
        Fault(
            "the step is added: it goes against the gradient, so subtract it",
            partial(_adam_with, lambda p: 2 * p["p"] - _adam_step(p, "m^ v^ sqrt")),
        ),
        Fault(
            "t is one too large: it is 1 in the first step already",
            partial(_adam_with, lambda p: _corrected(p, p["t"] + 1)),
        ),
        Fault(
            "beta1 ** t is missing: that is corrected as in the first step, by 1 - "
            "beta1",
            partial(_adam_with, lambda p: _corrected(p, 1)),
        ),
        Fault(
            "that is plain gradient descent: the step is m^ / (sqrt(v^) + epsilon)",
            partial(_adam_with, lambda p: p["p"] - p["lr"] * p["g"]),
        ),
        Fault(
            "the learning rate is missing",
            partial(
                _adam_with,
                lambda p: p["p"] + (_adam_step(p, "m^ v^ sqrt") - p["p"]) / p["lr"],
            ),
        ),
        Fault(
            "that is m^; return m itself, which the next step averages further",
            partial(_adam_with, new_m=lambda p: p["m"] / (1 - p["b1"] ** p["t"])),
        ),
        Fault(
            "that is v^; return v itself, which the next step averages further",
            partial(_adam_with, new_v=lambda p: p["v"] / (1 - p["b2"] ** p["t"])),
        ),
        Fault(
            "v averages the gradient; it averages its square",
            partial(
                _adam_with,
                new_v=lambda p: p["b2"] * p["old_v"] + (1 - p["b2"]) * p["g"],
            ),
        ),
        Fault(
            "m gets the whole gradient; it gets a share of 1 - beta1",
            partial(_adam_with, new_m=lambda p: p["b1"] * p["old_m"] + p["g"]),
        ),
        Fault(
            "beta1 and 1 - beta1 are exchanged in m",
            partial(
                _adam_with,
                new_m=lambda p: (1 - p["b1"]) * p["old_m"] + p["b1"] * p["g"],
            ),
        ),
        Fault(
            "beta2 and 1 - beta2 are exchanged in v",
            partial(
                _adam_with,
                new_v=lambda p: (1 - p["b2"]) * p["old_v"] + p["b2"] * p["g"] ** 2,
            ),
        ),
        Fault(
            "v is made with beta1; it has beta2",
            partial(
                _adam_with,
                new_v=lambda p: p["b1"] * p["old_v"] + (1 - p["b1"]) * p["g"] ** 2,
            ),
        ),
    ),
)

EXERCISES = (ADAM,)
