"""Which fit a checkpoint has, and how far it is: read from JSON, and checked."""

import math
from dataclasses import fields
from numbers import Real
from typing import Any, NamedTuple

from .._training.loop import StoppingRule
from .._utils.lookup import shorten
from .._utils.values import check_bool, check_fields, check_integer, decode
from .fingerprint import Fingerprint, digest_of_encoder
from .fitted import parse_fitted

__all__ = ["PROGRESS", "SHAPE", "Progress", "parse_progress"]

# The progress of a StoppingRule that is not an array.
PROGRESS = {
    field.name: field.default
    for field in fields(StoppingRule)
    if field.name in ("best", "idle", "epochs", "ended")
}

# The keys of a document.
_KEYS = (
    *("versions", "fingerprint", "incremental", "fitted", "rng"),
    *("stopping", "solver", "steps"),
)
_OPTIONAL = {"averaged_steps": 0}
SHAPE = "input_shape"


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


def parse_progress(document: Any, version: int, dtype: str = "float32") -> Progress:
    """Return which fit a file of a version has; nothing of it is trusted.

    Raises
    ------
    ValueError, TypeError, LookupError, ArithmeticError
        If `state_dict` returns nothing like it.
    """
    document = check_fields(document, "its state", _KEYS, _OPTIONAL)
    fitted, validated = parse_fitted(document["fitted"], dtype)
    fingerprint = _parse_fingerprint(document["fingerprint"], version)
    fingerprint[SHAPE] = list(fitted["input_shape_"])
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


def _parse_fingerprint(described: Any, version: int) -> Fingerprint:
    keys = "estimator", "parameters", "encoder", "data", "validation", "start"
    fingerprint = check_fields(
        described, "its fingerprint", (*keys, "epochs_before"), {"pretrained": None}
    )
    if not isinstance(fingerprint["parameters"], dict):
        raise ValueError("the parameters of its fingerprint must be an object")
    texts = "estimator", "encoder", "data", "validation", "start", "pretrained"
    for name in texts:
        if not isinstance(fingerprint[name], str | None):
            raise ValueError(
                f"the {name} of its fingerprint must be a text, got "
                f"{shorten(fingerprint[name])}"
            )
    check_integer(fingerprint["epochs_before"], "epochs_before")
    if version < 4:
        fingerprint["start"] = None  # output layers began in another way
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


def _parse_stopping(described: Any) -> dict[str, Any]:
    found = check_fields(described, "its stopping", (), PROGRESS)
    best = decode(found["best"])
    if not isinstance(best, Real) or isinstance(best, bool):
        raise ValueError(f"its best figure must be a number, got {shorten(best)}")
    return {
        "best": best,
        "idle": check_integer(found["idle"], "idle"),
        "epochs": check_integer(found["epochs"], "epochs"),
        "ended": check_bool(found["ended"], "ended"),
    }
