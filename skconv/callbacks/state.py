"""The state of a fit in progress, as JSON and arrays and back."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import ops
from .._data.image_encoder import ImageEncoder
from .._data.regression_encoder import RegressionEncoder
from .._training.loop import StoppingRule
from .._training.optimizers import OPTIMIZERS
from .._training.step import NEW_STATE
from .._utils.lookup import look_up, shorten
from .._utils.values import check_fields, check_integer, decode, encode
from .._version import __version__
from ..layers.bounds import Bounds
from ..layers.initializers import Blank
from ..layers.ranges import check_values
from ..layers.upgrade import upgrade_state
from .fingerprint import Fingerprint, diff_fingerprints, encode_parameters
from .fitted import CURVES, check_encoder, curves, describe_fitted, set_curves
from .progress import PROGRESS, SHAPE, Progress, parse_progress

__all__ = [
    "FitState",
    "Progress",
    "Saved",
    "diff_estimators",
    "load_state",
    "parse_progress",
    "parse_state",
    "restore_fitted",
    "state_dict",
]

Estimator = TypeVar("Estimator")


class FitState(NamedTuple):
    """A fit in progress.

    Attributes
    ----------
    draft : estimator
        The one that is being fitted.
    stopping : StoppingRule
    validated : bool
        Whether it is validated after each epoch.
    incremental : bool
        Whether it is a call of `partial_fit`.
    fingerprint : dict
        See `skconv.callbacks.fingerprint.fingerprint`.
    """

    draft: Any
    stopping: StoppingRule
    validated: bool
    incremental: bool
    fingerprint: Fingerprint


class Saved(NamedTuple):
    """The state of a fit in a file, checked."""

    progress: Progress
    versions: dict[str, str]  # of skconv, and the ops in use
    rng: np.random.Generator
    solver: str | None
    steps: int  # of the solver
    values: NDArray[Any]  # of the network
    moments: NDArray[Any] | None
    best_values: NDArray[Any] | None
    averaged_steps: int
    trained_values: NDArray[Any] | None  # those that the network's are the average of
    version: int  # of the format


def state_dict(state: FitState) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the document and the arrays from which `parse_state` makes a `Saved`."""
    draft, stopping = state.draft, state.stopping
    solver, solver_state = draft._solver_state
    steps, moments = (0, None) if solver_state is None else solver_state
    averaged_steps, trained_values = draft._average_state or (0, None)
    document = {
        "versions": {"skconv": __version__, "ops": ops.in_use()},
        # The shape of a sample is among what is fitted.
        "fingerprint": {k: v for k, v in state.fingerprint.items() if k != SHAPE},
        "incremental": state.incremental,
        "fitted": describe_fitted(vars(draft), state.validated),
        "rng": encode(draft._rng.bit_generator.state, "rng", _refuse),
        "stopping": {
            name: encode(getattr(stopping, name), name, _refuse) for name in PROGRESS
        },
        "solver": solver,
        "steps": steps,
    }
    if trained_values is not None:
        document["averaged_steps"] = averaged_steps
    arrays = {
        "values": draft.network_.values,
        "moments": moments,
        "best_values": stopping.best_values,
        "trained_values": trained_values,
        **curves(draft._history),
    }
    return document, {name: each for name, each in arrays.items() if each is not None}


def _refuse(value: Any, what: str) -> Any:
    raise ValueError(f"{what} cannot be kept in a checkpoint, got {value!r}")


def parse_state(
    document: Any, arrays: Mapping[str, NDArray[Any]], version: int
) -> Saved:
    """Return the state that a file of a version has; nothing of it is trusted.

    Raises
    ------
    ValueError, TypeError, LookupError, ArithmeticError
        If `state_dict` returns nothing like it, or it contradicts itself.
    """
    known = {"values", "moments", "best_values", "trained_values", *CURVES}
    if "values" not in arrays or not known.issuperset(arrays):
        raise ValueError(f"it must have the arrays {sorted(known)}, got {[*arrays]}")
    values = arrays["values"]
    alike = [arrays.get(name, values) for name in ("best_values", "trained_values")]
    if values.ndim != 1 or any(
        (other.shape, other.dtype) != (values.shape, values.dtype) for other in alike
    ):
        raise ValueError(
            "its values, best_values and trained_values must be vectors of one length"
        )
    progress = parse_progress(document, version, values.dtype.name)
    history = progress.fitted["_history"]
    set_curves(history, arrays)
    n_epochs = progress.fingerprint["epochs_before"] + progress.stopping["epochs"]
    if len(history.loss_curve) != n_epochs:
        raise ValueError(
            f"its curves are of {len(history.loss_curve)} epochs, but it has {n_epochs}"
        )
    _check_solver(document["solver"], arrays.get("moments"), progress)
    averaged_steps = check_integer(document.get("averaged_steps", 0), "averaged_steps")
    _check_average(averaged_steps, "trained_values" in arrays, progress)
    return Saved(
        progress,
        _parse_versions(document["versions"]),
        _parse_rng(document["rng"]),
        document["solver"],
        check_integer(document["steps"], "steps"),
        values,
        arrays.get("moments"),
        arrays.get("best_values"),
        averaged_steps,
        arrays.get("trained_values"),
        version,
    )


def _check_solver(
    solver: Any, moments: NDArray[Any] | None, progress: Progress
) -> None:
    """Check that a fit in progress has its solver, and this the moments it needs."""
    if (moments is None) != (solver is None):
        raise ValueError("it must have a solver and its moments, or neither")
    epochs, ended = progress.place
    if moments is None:
        if epochs and not ended:
            raise ValueError("it must have a solver and its moments until it has ended")
        return
    look_up(OPTIMIZERS, solver, "its solver")
    of_fit = progress.fingerprint["parameters"].get("solver", solver)
    if solver != of_fit:
        raise ValueError(f"its solver is {solver!r}, but its parameters say {of_fit!r}")
    n = OPTIMIZERS[solver].n_moments
    if moments.ndim != 2 or len(moments) != n:
        raise ValueError(
            f"its moments are of shape {moments.shape}, but {solver!r} has {n} of each "
            "parameter"
        )
    if np.isnan(moments.min(initial=0)) or (n == 2 and moments[1].min(initial=0) < 0):
        raise ValueError("its moments must not be NaN, nor the second ones negative")


def _check_average(steps: int, has_values: bool, progress: Progress) -> None:
    """Check that a fit in progress that averages its weights has both kinds."""
    parameters, (epochs, ended) = progress.fingerprint["parameters"], progress.place
    averages = parameters.get("ema_momentum") is not None
    needs = averages and epochs and not ended
    if has_values != (steps > 0) or (has_values and not averages):
        raise ValueError(
            "it must have averaged_steps and trained_values if its parameters have "
            f"ema_momentum, or neither, got averaged_steps={steps}"
        )
    if needs and not has_values:
        raise ValueError("it must have its trained_values until it has ended")


def _parse_versions(described: Any) -> dict[str, str]:
    versions = check_fields(described, "its versions", ("skconv", "ops"), {})
    for version in versions.values():
        if not isinstance(version, str) or len(version) > 100:
            raise ValueError(
                f"its versions must be short texts, got {shorten(version)}"
            )
    return versions


def _parse_rng(described: Any) -> np.random.Generator:
    rng = np.random.default_rng(0)
    rng.bit_generator.state = decode(described)
    return rng


# Into an estimator -------------------------------------------------------------------


def load_state(draft: Any, stopping: StoppingRule, saved: Saved) -> None:
    """Bring a draft, whose network is built, to where a file's fit was.

    Raises
    ------
    ValueError
        If the network has other weights.
    """
    network, moments = draft.network_, saved.moments
    if saved.trained_values is not None:
        _take(network, saved.trained_values, saved.version)
    if saved.best_values is not None:
        stopping.best_values = _take(network, saved.best_values, saved.version)
    _take(network, saved.values, saved.version)
    if moments is not None and (moments.shape[1:], moments.dtype) != (
        network.parameters.shape,
        network.dtype,
    ):
        raise ValueError(
            f"its moments are of shape {moments.shape} in {moments.dtype}, but the "
            f"network has {network.parameters.size} parameters in {network.dtype}"
        )
    fitted = saved.progress.fitted
    if isinstance(fitted["_encoder"], RegressionEncoder | ImageEncoder):
        draft._encoder = fitted["_encoder"]  # with the scale that it began with
    draft._rng = saved.rng
    draft._split_seed = fitted["_split_seed"]
    draft._history = fitted["_history"]
    vars(draft).update(NEW_STATE)
    if saved.trained_values is not None:
        draft._average_state = saved.averaged_steps, saved.trained_values
    if moments is not None:
        draft._solver_state = saved.solver, (saved.steps, moments)
    for name, value in saved.progress.stopping.items():
        setattr(stopping, name, value)


def _take(network: Any, values: NDArray[Any], version: int) -> NDArray[Any]:
    """Let a network have the values of a file of a version; return them as of today."""
    network.adopt(values)
    upgrade_state(network, version)
    check_values(network)
    return values


def restore_fitted(estimator: Estimator, saved: Saved) -> Estimator:
    """Return an estimator as if its fit had ended where the file's fit was.

    Parameters
    ----------
    estimator : estimator
        It stays unchanged.
    saved : Saved
        Of an estimator with the same parameters, see `diff_estimators`.

    Raises
    ------
    ValueError
        If the network has other weights.
    """
    draft: Any = object.__new__(type(estimator))
    vars(draft).update(vars(estimator))
    vars(draft).pop("feature_names_in_", None)
    fitted, n = saved.progress.fitted, saved.values.size
    check_encoder(estimator, fitted["_encoder"])
    vars(draft).update(fitted)
    # Only shapes are needed, and no more weights than the file has.
    draft._build_network(Blank(n, Bounds(fitted["input_shape_"], n)))
    stopping = StoppingRule(0.0, 0.0)
    load_state(draft, stopping, saved)
    stopping.restore_best(draft.network_)
    draft._publish_history(saved.progress.validated)
    return draft


def diff_estimators(estimator: Any, saved: Saved) -> list[str]:
    """Return in words how an estimator's parameters differ from those of a file."""
    there = saved.progress.fingerprint
    here = {
        **there,
        "estimator": type(estimator).__name__,
        "parameters": encode_parameters(estimator),
    }
    return diff_fingerprints(estimator, here, there)
