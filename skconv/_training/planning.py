"""From an estimator's parameters to how training goes."""

from functools import partial
from numbers import Integral

from ..augmentation.protocol import name_transforms
from .optimizers import OPTIMIZERS
from .schedules import check_schedule, learning_rate_at

__all__ = ["check_options", "make_optimizer", "plan_learning_rate"]

# Solver -> its optimizer's arguments and the parameters that they come from.
_SOLVER_ARGUMENTS = {
    "adam": {"beta_1": "beta_1", "beta_2": "beta_2", "epsilon": "epsilon"},
    "sgd": {"momentum": "momentum", "nesterov": "nesterovs_momentum"},
}


def check_options(params):
    """Check what scikit-learn's table of bounds cannot say, once a fit.

    Parameters
    ----------
    params : estimator

    Raises
    ------
    ValueError
        If there is no such schedule or transform.
    """
    check_schedule(params.learning_rate)
    if params.augment is not None:
        name_transforms(params.augment)


def make_optimizer(params, network, state=None):
    """Return the optimizer of `network` that parameters ask for.

    Parameters
    ----------
    params : estimator
    network : Network
    state : tuple, optional
        Of the optimizer to go on from.
    """
    arguments = _SOLVER_ARGUMENTS[params.solver].items()
    return OPTIMIZERS[params.solver](
        network.parameters,
        decay=network.decayed(params.alpha) if params.alpha else None,
        state=state,
        **{argument: getattr(params, name) for argument, name in arguments},
    )


def plan_learning_rate(params, total_steps):
    """Return the schedule, ``(step, adaptive_factor=...) -> learning rate``.

    Parameters
    ----------
    params : estimator
    total_steps : int
        How many steps there will be, those of earlier calls among them.
    """
    warmup = params.warmup_steps
    if not isinstance(warmup, Integral):
        warmup = round(warmup * total_steps)
    return partial(
        learning_rate_at,
        params.learning_rate,
        learning_rate_init=float(params.learning_rate_init),
        total_steps=total_steps,
        warmup_steps=warmup,
        power_t=params.power_t,
    )
