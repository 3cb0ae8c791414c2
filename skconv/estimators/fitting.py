"""The way through `fit`: read, build, train. The estimator adopts the outcome.

Each function takes the draft of an estimator, which becomes the estimator if nothing
fails. A fresh fit, a warm start, a call of `partial_fit` and a fit that a checkpoint
resumes differ in where the draft's network and history come from.
"""

import copy
import math
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._data.arrays import check_lengths
from .._data.inputs import (
    check_images,
    check_input_shape,
    check_shape,
    find_input_shape,
)
from .._data.samples import Samples, check_sample_weight, hold_out, weigh
from .._training.loop import History, NonFiniteLossError, StoppingRule, train
from .._training.step import plan_step
from .._training.validation import Validator
from ..callbacks.protocol import EpochCallbacks
from .building import check_unchanged, sees_pixels, takes_signals

__all__ = ["build", "continue_last", "read", "read_validation", "train_draft"]


def read(
    draft: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    classes: Any,
    resume: bool,
    incremental: bool,
) -> Samples:
    """Return the samples to train on; give the draft their encoder and their shape."""
    X = check_images(draft, X, y, reset=not resume)
    y = draft._check_targets(y)
    check_lengths(X, y)
    draft._encoder = draft._fit_encoder(y, classes, resume, incremental)
    if resume:
        check_input_shape(X, draft.input_shape_, type(draft).__name__)
    else:
        draft.input_shape_ = find_input_shape(
            X,
            draft.input_shape,
            signals=takes_signals(draft),
            sees_pixels=sees_pixels(draft),
        )
        draft.n_features_in_ = math.prod(draft.input_shape_)
    targets = draft._encoder.transform(y)
    return Samples(X, targets, check_sample_weight(sample_weight, X))


def read_validation(
    draft: Any, X_val: Any, y_val: Any, sample_weight_val: Any
) -> Samples | None:
    """Return the samples that `fit` was given to validate with, if any."""
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    for name, given, other in [("X_val", X_val, "y_val"), ("y_val", y_val, "X_val")]:
        if given is None:
            raise ValueError(
                f"{name} must be passed with {other} or sample_weight_val: X_val and "
                "y_val are the images and the targets to validate with"
            )
    X_val = check_images(draft, X_val, reset=False, name="X_val")
    check_input_shape(X_val, draft.input_shape_, type(draft).__name__, "X_val")
    y_val = draft._check_targets(y_val, "y_val")
    check_lengths(X_val, y_val, ("X_val", "y_val"))
    targets = draft._encoder.transform(y_val, "y_val")
    weight = check_sample_weight(sample_weight_val, X_val, "sample_weight_val")
    return Samples(X_val, targets, weight)


def build(draft: Any) -> None:
    """Give a draft a new network, a random stream of its own and an empty history."""
    seed = check_random_state(draft.random_state).randint(2**31, size=4)
    draft._rng = np.random.default_rng(seed)
    draft._split_seed = int(draft._rng.integers(2**31))
    draft._build_network(draft._rng)
    draft._solver_state = None, None
    draft._history = History()


def continue_last(draft: Any) -> None:
    """Give a draft copies of the last fit's network, random stream and history.

    The fitted network remains in use until this fit succeeds.
    """
    shape = draft.input_shape_
    if draft.input_shape is not None:
        shape = check_shape(draft.input_shape, signals=takes_signals(draft))
    check_unchanged(draft, draft.network_, shape, len(draft._encoder.classes))
    draft.network_ = draft.network_.copy()
    draft._rng, draft._solver_state, draft._history = copy.deepcopy(
        (draft._rng, draft._solver_state, draft._history)
    )


def train_draft(
    draft: Any,
    samples: Samples,
    held_out: Samples | None,
    scorer: Any,
    stopping: StoppingRule,
    callbacks: EpochCallbacks,
    incremental: bool,
) -> None:
    """Train a draft's network; its history and the solver's state are the draft's."""
    network, history = draft.network_, draft._history
    samples, held_out = _set_aside(draft, samples, held_out, incremental)
    validate = None if held_out is None else Validator(draft, held_out, scorer)
    if not history.steps:
        network.adapt(partial(samples.chunks, network))
    solver, state = draft._solver_state
    step = plan_step(
        draft,
        network,
        samples,
        draft._loss(),
        steps=history.steps,
        epochs=None if incremental else stopping.epochs,
        state=state if solver == draft.solver else None,
    )

    def after_epoch() -> bool:
        draft._solver_state = draft.solver, step.optimizer.state
        return callbacks.end_epoch(partial(draft._snapshot, held_out is not None))

    try:
        train(
            network,
            samples,
            step,
            max_iter=1 if incremental else draft.max_iter,
            rng=draft._rng,
            history=history,
            shuffle=draft.shuffle,
            stopping=stopping,
            validate=validate,
            verbose=draft.verbose,
            after_epoch=after_epoch if callbacks.active else None,
        )
    except NonFiniteLossError as error:
        raise _explained(error, draft, samples) from None
    draft._solver_state = None, None
    if incremental or draft.warm_start:
        draft._solver_state = draft.solver, step.optimizer.state
    draft._publish_history(held_out is not None)


def _explained(error: NonFiniteLossError, draft: Any, samples: Samples) -> ValueError:
    """Return the error for users, which names what may be out of range."""
    return ValueError(
        f"the loss or a weight became infinite or NaN in epoch {error} "
        f"with learning_rate_init={draft.learning_rate_init:g} on X between "
        f"{np.min(samples.X):g} and {np.max(samples.X):g}. Scale X to about [0, 1] "
        "(a StandardScaler or a division) or lower learning_rate_init"
    )


def _set_aside(
    draft: Any, samples: Samples, held_out: Samples | None, incremental: bool
) -> tuple[Samples, Samples | None]:
    """Return the samples to train on, and those to validate with.

    The first have their weights in the loss, the second the weights passed to `fit`.
    """
    factors = draft._class_factors(samples, incremental)
    train_samples = weigh(
        samples, factors, draft.network_.dtype, normalize=not incremental
    )
    if draft.early_stopping and held_out is None:
        if not draft.validation_fraction:
            raise ValueError(
                "validation_fraction must be above 0 with early_stopping=True, or "
                "X_val and y_val must be passed to fit, got "
                f"validation_fraction={draft.validation_fraction!r}"
            )
        which, others = hold_out(
            samples, draft._encoder, draft.validation_fraction, draft._split_seed
        )
        train_samples, held_out = train_samples.part(which), samples.part(others)
    weight = train_samples.sample_weight
    if weight is not None and not weight.all():
        train_samples = train_samples.part(np.flatnonzero(weight))
    return train_samples, held_out
