"""What a fit in progress is made of: as facts and arrays, and back."""

import hashlib
import json
import reprlib
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from .. import ops
from .._data.class_encoder import ClassEncoder
from .._data.regression_encoder import RegressionEncoder
from .._training.loop import History
from .._version import __version__

__all__ = ["Fit", "capture", "differences", "identify", "revive", "take_up"]

# What changes no bit of a fit.
_IMMATERIAL = {"verbose", "transform_layer"}
_CODINGS = {"ClassEncoder": ClassEncoder, "RegressionEncoder": RegressionEncoder}
_PROGRESS = ("best", "idle", "epochs", "ended")
_HASHED_BYTES = 2**24


class Fit(NamedTuple):
    """A fit in progress.

    Attributes
    ----------
    draft : estimator
        What is being fitted.
    stopping : StoppingRule
    validated : bool
        Whether it is validated after each epoch.
    one_pass : bool
        Whether it is a call of `partial_fit`.
    problem : dict
        What `identify` says of it.
    """

    draft: Any
    stopping: Any
    validated: bool
    one_pass: bool
    problem: dict


def identify(draft, samples, held_out, *, go_on):
    """Return what tells a fit from others, as JSON has it.

    Parameters
    ----------
    draft : estimator
        Of which the network is built.
    samples : Samples
    held_out : Samples or None
    go_on : bool
        Whether it is trained on from an earlier fit.
    """
    drawn = not go_on and draft.random_state is None  # then each fit is another one
    rng = json.dumps(draft._rng.bit_generator.state).encode()
    start = draft.network_.values, np.frombuffer(rng, np.uint8)
    return {
        "estimator": type(draft).__name__,
        "parameters": _describe_parameters(draft),
        "coding": _describe(asdict(draft._encoder)),
        "data": _fingerprint(*_arrays(samples)),
        "validation": None if held_out is None else _fingerprint(*_arrays(held_out)),
        "epochs before": len(draft._history.loss_curve),
        "start": None if drawn else _fingerprint(*start),
    }


def differences(here, there):
    """Tell in words how two problems differ.

    Returns
    -------
    differences : list of str
        Empty if they are the same.
    """
    ours, theirs = here["parameters"], there["parameters"]
    found = [
        f"{name}={reprlib.repr(ours.get(name))} here and "
        f"{reprlib.repr(theirs.get(name))} there"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]
    for name in ("estimator", "epochs before"):
        if here[name] != there[name]:
            found.append(f"{name}: {here[name]} here and {there[name]} there")
    if any(here[name] != there[name] for name in ("coding", "data")):
        found.append("other X, y or sample_weight")
    if here["validation"] != there["validation"]:
        found.append("other X_val, y_val or sample_weight_val")
    if not found and here["start"] != there["start"]:
        found.append("other first weights or another random_state")
    return found


def capture(fit):
    """Return the facts and arrays from which `take_up` and `revive` go on."""
    draft, stopping = fit.draft, fit.stopping
    solver, state = draft._solver_state
    coding, named = draft._encoder, getattr(draft, "feature_names_in_", None)
    facts = {
        "skconv": __version__,
        "ops": ops.in_use(),
        "problem": fit.problem,
        "one_pass": fit.one_pass,
        "fitted": {
            "input_shape": draft.input_shape_,
            "n_features": draft.n_features_in_,
            "feature_names": None if named is None else named.tolist(),
            "coding": type(coding).__name__,
            "labels": np.asarray(coding.classes).dtype.str,
            "validated": fit.validated,
        },
        "rng": draft._rng.bit_generator.state,
        "split_seed": draft._split_seed,
        "history": asdict(draft._history),
        "stopping": {name: getattr(stopping, name) for name in _PROGRESS},
        "solver": solver,
        "steps": None if state is None else state[0],
    }
    arrays = {
        "values": draft.network_.values,
        "moments": None if state is None else state[1],
        "best values": stopping.best_values,
    }
    return facts, {name: each for name, each in arrays.items() if each is not None}


def take_up(draft, stopping, contents, path):
    """Bring a draft, of which the network is built, to where a checkpoint was.

    Raises
    ------
    ValueError
        If the network is another one.
    """
    facts, arrays = contents.facts, contents.arrays
    values, kept = draft.network_.values, arrays.get("values")
    if kept is None or (kept.shape, kept.dtype) != (values.shape, values.dtype):
        found = "none" if kept is None else f"{kept.shape} in {kept.dtype}"
        raise ValueError(
            f"checkpoint {path} is of another network: its weights should be "
            f"{values.shape} in {values.dtype}, got {found}. Name another path"
        )
    values[...] = kept
    draft._rng = np.random.default_rng()
    draft._rng.bit_generator.state = facts["rng"]
    draft._split_seed = facts["split_seed"]
    draft._history = History(**facts["history"])
    draft._solver_state = None, None
    if "moments" in arrays:
        draft._solver_state = facts["solver"], (facts["steps"], arrays["moments"])
    for name in _PROGRESS:
        setattr(stopping, name, facts["stopping"][name])
    stopping.best_values = arrays.get("best values")


def revive(draft, contents, path):
    """Make a draft what it would be had the fit ended where the checkpoint was.

    Raises
    ------
    ValueError
        If the checkpoint is of another estimator.
    """
    problem, fitted = contents.facts["problem"], contents.facts["fitted"]
    here = {
        **problem,
        "estimator": type(draft).__name__,
        "parameters": _describe_parameters(draft),
    }
    differing = differences(here, problem)
    if differing:
        raise ValueError(
            f"checkpoint {path} is of another estimator: {'; '.join(differing)}. "
            "Restore it to one with the same parameters"
        )
    coding = dict(problem["coding"])
    if "classes" in coding:
        coding["classes"] = np.array(coding["classes"], fitted["labels"])
        draft.classes_ = coding["classes"]
    draft._encoder = _CODINGS[fitted["coding"]](**coding)
    draft.input_shape_ = tuple(fitted["input_shape"])
    draft.n_features_in_ = fitted["n_features"]
    vars(draft).pop("feature_names_in_", None)
    if fitted["feature_names"] is not None:
        draft.feature_names_in_ = np.array(fitted["feature_names"], object)
    draft._build_network(np.random.default_rng(0))
    stopping = draft._stopping_rule()
    take_up(draft, stopping, contents, path)
    stopping.restore_best(draft.network_)
    draft._publish_history(fitted["validated"])


def _arrays(samples):
    return samples.X, samples.targets, samples.sample_weight


def _fingerprint(*arrays):
    """Return a digest of arrays' values and dtypes; some of them may be None."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        if array is None:
            digest.update(b"none")
            continue
        digest.update(f"{len(array)} {array.dtype.str} ".encode())
        rows = max(1, _HASHED_BYTES // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            digest.update(np.ravel(array[start : start + rows]).view(np.uint8))
    return digest.hexdigest()


def _describe_parameters(estimator):
    parameters = estimator.get_params(deep=False)
    return {
        name: _describe(value)
        for name, value in parameters.items()
        if name not in _IMMATERIAL
    }


def _describe(value):
    """Return what JSON can say of a value, the same in every process."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        parameters = value.get_params(deep=False)
        return [type(value).__qualname__, _describe(parameters)]
    if isinstance(value, dict):
        return {str(key): _describe(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_describe(inner) for inner in value]
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind in "mM":  # dates
            value = value.astype(str)
        return _describe(value.tolist())
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return type(value).__qualname__
