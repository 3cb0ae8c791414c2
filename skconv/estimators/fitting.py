"""The way through `fit`: read, build, train. The estimator adopts the outcome.

Each function takes the draft of an estimator, which becomes the estimator if nothing
fails. A fresh fit, a warm start, a call of `partial_fit` and a fit that a checkpoint
resumes differ in where the draft's network and history come from.
"""

import copy
import math
from dataclasses import replace
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
from .._data.samples import (
    Samples,
    check_sample_weight,
    hold_out,
    weight_of_samples,
)
from .._data.weighing import repeat_by_weight, sort_by_content, weigh
from .._training.front import skip_front
from .._training.interrupts import keeping_what_is_learnt
from .._training.loop import History, NonFiniteLossError, StoppingRule, train
from .._training.outcome import warn_of_outcome
from .._training.step import NEW_STATE, plan_step
from .._training.validation import Validator
from .._utils.floats import quiet
from ..callbacks.protocol import EpochCallbacks
from ..callbacks.state import FitState
from ..layers.marks import is_frozen
from ..models.scale_warning import warn_of_scale
from .building import check_unchanged, sees_pixels, takes_signals
from .pretrained import take_pretrained
from .tuning import check_learns, drawn_and_frozen, frozen_names, warn_if_random

__all__ = [
    "build",
    "continue_last",
    "describe_history",
    "read",
    "read_validation",
    "resume_kept",
    "train_draft",
]


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
    y = draft._targets(X, y)
    check_lengths(X, y)
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
    weight = check_sample_weight(sample_weight, X, pixels=draft._pixels(y))
    draft._encoder = draft._fit_encoder(y, weight, classes, resume, incremental)
    return _encode(draft, X, y, weight, "y")


def read_validation(
    draft: Any, X_val: Any, y_val: Any, sample_weight_val: Any
) -> Samples | None:
    """Return the samples that `fit` was given to validate with, if any."""
    if X_val is None and y_val is None and sample_weight_val is None:
        return None
    for name, given, other in [("X_val", X_val, "y_val"), ("y_val", y_val, "X_val")]:
        if given is None and (name == "X_val" or draft._requires_y):
            raise ValueError(
                f"{name} must be passed with {other} or sample_weight_val: X_val and "
                "y_val are the images and the targets to validate with"
            )
    X_val = check_images(draft, X_val, reset=False, name="X_val")
    check_input_shape(X_val, draft.input_shape_, type(draft).__name__, "X_val")
    y_val = draft._targets(X_val, y_val, "y_val")
    check_lengths(X_val, y_val, ("X_val", "y_val"))
    weight = check_sample_weight(
        sample_weight_val, X_val, "sample_weight_val", draft._pixels(y_val)
    )
    return _encode(draft, X_val, y_val, weight, "y_val")


def _encode(draft: Any, X: Any, y: Any, weight: Any, name: str) -> Samples:
    """Return samples with the targets of a draft's encoder."""
    targets = draft._encode(y, name)
    is_scaled = not len(draft._encoder.classes) and isinstance(targets, np.ndarray)
    return Samples(X, targets, weight, y=y if is_scaled else None)


def resume_kept(
    callbacks: EpochCallbacks,
    state: FitState,
    samples: Samples,
    held_out: Samples | None,
) -> tuple[Samples, Samples | None]:
    """Let callbacks resume a fit; return the samples as its encoder has them."""
    encoder = state.draft._encoder
    callbacks.resume(state)
    resumed = state.draft._encoder
    if resumed is not encoder and not len(resumed.classes):
        samples = replace(samples, targets=resumed.transform(samples.numbers()))
        if held_out is not None:
            targets = resumed.transform(held_out.numbers(), "y_val")
            held_out = replace(held_out, targets=targets)
    return samples, held_out


def build(draft: Any) -> None:
    """Give a draft a new network, a random stream of its own and an empty history."""
    seed = check_random_state(draft.random_state).randint(2**31, size=4)
    draft._rng = np.random.default_rng(seed)
    draft._split_seed = int(draft._rng.integers(2**31))
    draft._build_network(draft._rng)
    draft.pretrained_layers_ = take_pretrained(draft)
    vars(draft).update(NEW_STATE)
    draft._history = History()


def continue_last(draft: Any) -> None:
    """Give a draft copies of the last fit's network, random stream and history.

    The fitted network remains in use until this fit succeeds.
    """
    shape = draft.input_shape_
    if draft.input_shape is not None:
        shape = check_shape(draft.input_shape, signals=takes_signals(draft))
    check_unchanged(draft, draft.network_, shape, len(draft._encoder.classes))
    network, frozen = draft.network_, frozen_names(draft)
    is_same = {*frozen} == {*network.frozen}
    draft.network_ = network.copy() if is_same else network.freeze(frozen)
    check_learns(draft, draft.network_)
    for name in ("_rng", *NEW_STATE, "_history"):
        setattr(draft, name, copy.deepcopy(getattr(draft, name)))
    if not is_same:  # the solver's moments are of other parameters
        vars(draft).update(NEW_STATE)


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
    had_ended = stopping.ended  # as a checkpoint says
    samples, held_out = _set_aside(draft, samples, held_out, incremental)
    _adapt(draft, samples, resumed=history.steps > 0)
    trained, features, seen = network, samples, None
    epochs_left = 1 if incremental else draft.max_iter - stopping.epochs
    if draft.augment is None and epochs_left > 1:
        trained, features, seen = skip_front(network, samples, held_out)
    validate = None
    if held_out is not None:
        rest = None if seen is None else (trained, seen)
        validate = Validator(draft, held_out, scorer, rest)
    solver, state = draft._solver_state
    step = plan_step(
        draft,
        trained,
        samples,
        draft._loss(samples, incremental),
        steps=history.steps,
        epochs=None if incremental else stopping.epochs,
        state=state if solver == draft.solver else None,
        average_state=draft._average_state,
    )

    def keep_state() -> None:
        draft._solver_state = draft.solver, step.optimizer.state
        draft._average_state = step.average and step.average.state

    def after_epoch() -> bool:
        keep_state()
        return callbacks.end_epoch(partial(draft._snapshot, held_out is not None))

    with keeping_what_is_learnt(stopping):
        try:
            train(
                trained,
                features,
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
            raise ValueError(*error.args) from None
        warn_of_outcome(
            network, draft._encoder, samples, validate, step, stopping, history
        )
    stopping.restore_best(network)  # if another Ctrl-C kept `train` from it
    ends_now = draft._stops_early(incremental) and not had_ended
    if ends_now and held_out is not None and draft._encoder.has_spread:
        _calibrate(draft, held_out)
    vars(draft).update(NEW_STATE)
    if incremental or draft.warm_start:
        keep_state()
    if draft._stops_early(incremental):
        # The next fit begins from the weights that were restored.
        draft._average_state = None
    draft._publish_history(held_out is not None)


def _calibrate(draft: Any, held_out: Samples) -> None:
    """Move the biases of the output layer so that validation data agree.

    A network is surer of samples that it was trained on than of others. A frozen
    layer keeps its biases.
    """
    network = draft.network_
    name, _ = network.layers[-1]
    if is_frozen(network.weights[name]):
        return
    outputs = held_out.predict(network)
    if not np.isfinite(outputs).all():
        return
    shift = draft._encoder.calibrate(outputs, held_out.targets, held_out.sample_weight)
    network.weights[name]["bias"] += shift.astype(network.dtype)


def _adapt(draft: Any, samples: Samples, *, resumed: bool) -> None:
    """Adapt a network to its first samples; warn if any are on another scale."""
    network = draft.network_
    taken = [] if resumed else draft.pretrained_layers_
    with quiet():  # warnings and errors say it
        if not resumed:
            drawn = drawn_and_frozen(network, taken)
            network.adapt(partial(samples.chunks, network), taken)
            warn_if_random(network, drawn)
        some = samples.some(16 if resumed else 64, network)
        warn_of_scale(network, some, resumed=resumed, taken=taken)


def _set_aside(
    draft: Any, samples: Samples, held_out: Samples | None, incremental: bool
) -> tuple[Samples, Samples | None]:
    """Return the samples to train on, and those to validate with.

    The first have their weights in the loss, the second the weights passed to `fit`.
    """
    samples = repeat_by_weight(samples)
    factors = draft._class_factors(samples, incremental)
    if draft._stops_early(incremental) and held_out is None:
        if not draft.validation_fraction:
            raise ValueError(
                "validation_fraction must be above 0 with early_stopping=True, or "
                "X_val and y_val must be passed to fit, got "
                f"validation_fraction={draft.validation_fraction!r}"
            )
        which, others = hold_out(
            samples, draft._encoder, draft.validation_fraction, draft._split_seed
        )
        samples, held_out = samples.part(which), samples.part(others)
        factors = None if factors is None else factors[which]
    samples = weigh(samples, factors, draft.network_.dtype, normalize=not incremental)
    weight = samples.sample_weight
    if weight is not None:
        used = weight_of_samples(weight) > 0
        if not used.all():
            samples = samples.part(np.flatnonzero(used))
    return sort_by_content(samples) if draft.shuffle else samples, held_out


def describe_history(draft: Any, validated: bool) -> dict[str, Any]:
    """Return the fitted attributes that follow from a draft's history and network."""
    history, stops_early = draft._history, draft._stops_early()
    curve, scores = list(history.loss_curve), list(history.validation_scores)
    best = history.best_score if history.best_score > -math.inf else math.nan
    losses = list(history.validation_losses)
    return {
        "n_iter_": len(curve),
        "t_": history.samples,
        "loss_curve_": curve,
        "learning_rate_curve_": list(history.learning_rates),
        "loss_": curve[-1] if curve else math.nan,
        "best_loss_": None if stops_early else min(curve, default=math.nan),
        "validation_loss_curve_": losses if validated else None,
        "validation_scores_": scores if validated else None,
        "best_validation_score_": best if stops_early and scores else None,
        "n_layers_": len(draft.network_.layers),
        "n_outputs_": draft._encoder.n_outputs,
        "out_activation_": draft._encoder.activation,
    }
