"""What functions of this room take, and a way out for what they do not."""

from collections.abc import Iterator
from typing import Any

from sklearn.pipeline import Pipeline

from ..estimators import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
)
from ..estimators.base import BaseConvNet

__all__ = ["ESTIMATORS", "check_estimator"]

ESTIMATORS = {
    cls.__name__: cls
    for cls in (
        ConvNetClassifier,
        ConvNetRegressor,
        ConvNetSegmenter,
        ConvNetAutoencoder,
    )
}


def check_estimator(model: Any, function: str, *, subclasses: bool = True) -> None:
    """Raise TypeError unless `model` is one of the estimators.

    Parameters
    ----------
    model : object
    function : str
        The name of the function that takes `model`, for the error.
    subclasses : bool, default=True
        Whether subclasses are estimators, too.
    """
    if isinstance(model, BaseConvNet) if subclasses else _is_own(model):
        return
    kind = type(model).__name__
    *names, last = ESTIMATORS
    words = f"{function} takes a {', '.join(names)} or {last}, got "
    if isinstance(model, type):
        raise TypeError(f"{words}the class {model.__name__}: pass a fitted instance")
    found = [] if _is_own(model) else list(_find_estimators(model, "model"))
    ways = [f"pass {' or '.join(found)}"] if found else []
    if not subclasses:
        what = "custom classes" if isinstance(model, BaseConvNet) else f"a {kind}"
        ways.append(f"save {what} with skops.io.dump or joblib.dump")
    raise TypeError(f"{words}a {kind}{': ' if ways else ''}{', or '.join(ways)}")


def _is_own(model):
    return ESTIMATORS.get(type(model).__name__) is type(model)


def _find_estimators(model: Any, path: str) -> Iterator[str]:
    """Yield the ways to the estimators of skconv within another."""
    if isinstance(model, BaseConvNet):
        if path != "model":
            yield path
    elif isinstance(model, Pipeline):
        for name, step in model.steps:
            yield from _find_estimators(step, f"{path}.named_steps[{name!r}]")
    elif isinstance(getattr(model, "estimators_", None), list):
        for i, each in enumerate(model.estimators_[:1]):
            yield from _find_estimators(each, f"{path}.estimators_[{i}]")
    else:
        for name in ("best_estimator_", "estimator_", "regressor_"):
            if hasattr(model, name):
                yield from _find_estimators(getattr(model, name), f"{path}.{name}")
