"""The state of a fit in progress, as JSON and arrays and back."""

import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Real
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import ops
from .._data.regression_encoder import RegressionEncoder
from .._training.loop import StoppingRule
from .._training.optimizers import OPTIMIZERS
from .._utils.lookup import look_up, shorten
from .._utils.values import check_bool, check_fields, check_integer, decode, encode
from .._version import __version__
from ..layers.bounds import Bounds
from ..layers.initializers import Blank
from ..layers.ranges import check_values
from ..layers.upgrade import upgrade_state
from .fingerprint import (
    Fingerprint,
    diff_fingerprints,
    digest_of_encoder,
    encode_parameters,
)
from .fitted import (
    CURVES,
    check_encoder,
    curves,
    describe_fitted,
    parse_fitted,
    set_curves,
)

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

# The progress of a StoppingRule that is not an array.
_PROGRESS = {
    field.name: field.default
    for field in fields(StoppingRule)
    if field.name in ("best", "idle", "epochs", "ended")
}

# The keys of a document.
_KEYS = (
    *("versions", "fingerprint", "incremental", "fitted", "rng"),
    *("stopping", "solver", "steps"),
)
_SHAPE = "input_shape"


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


class Progress(NamedTuple):
    """The fit that a file has, and its progress; checked."""

    fingerprint: Fingerprint
    incremental: bool
    fitted: dict[str, Any]  # attributes of the estimator
    validated: bool
    stopping: dict[str, Any]  # progress of the StoppingRule

    @property
    def place(self) -> tuple[int, bool]:
        """Return a pair that grows with the fit: epochs, and whether it has ended."""
        return self.stopping["epochs"], self.stopping["ended"]


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
    version: int  # of the format


def state_dict(state: FitState) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the document and the arrays from which `parse_state` makes a `Saved`."""
    draft, stopping = state.draft, state.stopping
    solver, solver_state = draft._solver_state
    steps, moments = (0, None) if solver_state is None else solver_state
    document = {
        "versions": {"skconv": __version__, "ops": ops.in_use()},
        # The shape of a sample is among what is fitted.
        "fingerprint": {k: v for k, v in state.fingerprint.items() if k != _SHAPE},
        "incremental": state.incremental,
        "fitted": describe_fitted(vars(draft), state.validated),
        "rng": encode(draft._rng.bit_generator.state, "rng", _refuse),
        "stopping": {
            name: encode(getattr(stopping, name), name, _refuse) for name in _PROGRESS
        },
        "solver": solver,
        "steps": steps,
    }
    arrays = {
        "values": draft.network_.values,
        "moments": moments,
        "best_values": stopping.best_values,
        **curves(draft._history),
    }
    return document, {name: each for name, each in arrays.items() if each is not None}


def _refuse(value: Any, what: str) -> Any:
    raise ValueError(f"{what} cannot be kept in a checkpoint, got {value!r}")


def parse_progress(document: Any, version: int, dtype: str = "float32") -> Progress:
    """Return which fit a file of a version has; nothing of it is trusted.

    Raises
    ------
    ValueError, TypeError, LookupError, ArithmeticError
        If `state_dict` returns nothing like it.
    """
    document = check_fields(document, "its state", _KEYS, {})
    fitted, validated = parse_fitted(document["fitted"], dtype)
    fingerprint = _parse_fingerprint(document["fingerprint"], version)
    fingerprint[_SHAPE] = list(fitted["input_shape_"])
    if digest_of_encoder(fitted["_encoder"]) != fingerprint["encoder"]:
        raise ValueError("its encoder is not the one of its fingerprint")
    loss = getattr(fitted["_encoder"], "loss_name", None)
    if fingerprint["parameters"].get("loss", loss) != loss:
        raise ValueError(f"its encoder's loss is {loss!r}, not that of its parameters")
    incremental = check_bool(document["incremental"], "incremental")
    stopping = _parse_stopping(document["stopping"])
    most = 1 if incremental else fingerprint["parameters"].get("max_iter", math.inf)
    if not stopping["idle"] <= stopping["epochs"] <= most:
        raise ValueError(
            f"its idle epochs, {stopping['idle']}, must be at most its epochs, "
            f"{stopping['epochs']}, and these at most {most}, for which it was fitted"
        )
    return Progress(fingerprint, incremental, fitted, validated, stopping)


def parse_state(
    document: Any, arrays: Mapping[str, NDArray[Any]], version: int
) -> Saved:
    """Return the state that a file of a version has; nothing of it is trusted.

    Raises
    ------
    ValueError, TypeError, LookupError, ArithmeticError
        If `state_dict` returns nothing like it, or it contradicts itself.
    """
    known = {"values", "moments", "best_values", *CURVES}
    if "values" not in arrays or not known.issuperset(arrays):
        raise ValueError(f"it must have the arrays {sorted(known)}, got {[*arrays]}")
    values, best_values = arrays["values"], arrays.get("best_values")
    if values.ndim != 1 or (
        best_values is not None
        and (best_values.shape, best_values.dtype) != (values.shape, values.dtype)
    ):
        raise ValueError("its values and best_values must be vectors of one length")
    progress = parse_progress(document, version, values.dtype.name)
    history = progress.fitted["_history"]
    set_curves(history, arrays)
    n_epochs = progress.fingerprint["epochs_before"] + progress.stopping["epochs"]
    if len(history.loss_curve) != n_epochs:
        raise ValueError(
            f"its curves are of {len(history.loss_curve)} epochs, but it has {n_epochs}"
        )
    _check_solver(document["solver"], arrays.get("moments"), progress)
    return Saved(
        progress,
        _parse_versions(document["versions"]),
        _parse_rng(document["rng"]),
        document["solver"],
        check_integer(document["steps"], "steps"),
        values,
        arrays.get("moments"),
        best_values,
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


def _parse_fingerprint(described: Any, version: int) -> Fingerprint:
    keys = "estimator", "parameters", "encoder", "data", "validation", "start"
    fingerprint = check_fields(
        described, "its fingerprint", (*keys, "epochs_before"), {}
    )
    if not isinstance(fingerprint["parameters"], dict):
        raise ValueError("the parameters of its fingerprint must be an object")
    for name in ("estimator", "encoder", "data", "validation", "start"):
        if not isinstance(fingerprint[name], str | None):
            raise ValueError(
                f"the {name} of its fingerprint must be a text, got "
                f"{shorten(fingerprint[name])}"
            )
    check_integer(fingerprint["epochs_before"], "epochs_before")
    parameters = fingerprint["parameters"]
    if version < 3 and parameters.get("layers") is not None:
        parameters.pop("filters", None)  # it had its default, which was another
        _add_deviation(parameters["layers"])
    if version < 3 and parameters.get("early_stopping"):
        # Epochs were then compared by their score if scoring was None.
        named = "accuracy" if fingerprint["estimator"] == "ConvNetClassifier" else "r2"
        scoring = parameters.get("scoring") or named
        fingerprint["parameters"] = {**parameters, "scoring": scoring}
        # They were also drawn in another way, so that such a fit is not resumed.
        fingerprint["validation"] = fingerprint["validation"] or "drawn"
    return fingerprint


def _add_deviation(described: Any) -> None:
    """Give each `Normalization` of version 2 the argument that it has today."""
    if isinstance(described, dict):
        if described.get("class") == "Normalization":
            described["params"] = {"deviation": 1.0}
        described = list(described.values())
    for inner in described if isinstance(described, list) else ():
        _add_deviation(inner)


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


def _parse_stopping(described: Any) -> dict[str, Any]:
    found = check_fields(described, "its stopping", (), _PROGRESS)
    best = decode(found["best"])
    if not isinstance(best, Real) or isinstance(best, bool):
        raise ValueError(f"its best figure must be a number, got {shorten(best)}")
    return {
        "best": best,
        "idle": check_integer(found["idle"], "idle"),
        "epochs": check_integer(found["epochs"], "epochs"),
        "ended": check_bool(found["ended"], "ended"),
    }


# Into an estimator -------------------------------------------------------------------


def load_state(draft: Any, stopping: StoppingRule, saved: Saved) -> None:
    """Bring a draft, whose network is built, to where a file's fit was.

    Raises
    ------
    ValueError
        If the network has other weights.
    """
    network, moments = draft.network_, saved.moments
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
    if isinstance(fitted["_encoder"], RegressionEncoder):
        draft._encoder = fitted["_encoder"]  # with the scale that it began with
    draft._rng = saved.rng
    draft._split_seed = fitted["_split_seed"]
    draft._history = fitted["_history"]
    draft._solver_state = None, None
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
