"""Classifiers of aeon and sktime, whose panels have channels first.

They need these packages, which are imported when a name is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .aeon import AeonClassifier
    from .sktime import SktimeClassifier

__all__ = ["AeonClassifier", "SktimeClassifier"]

# Name -> the module, and the package that it needs.
_PLACES = {"AeonClassifier": "aeon", "SktimeClassifier": "sktime"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    package = _PLACES[name]
    try:
        module = importlib.import_module(f".{package}", __name__)
    except ImportError as error:
        raise ImportError(
            f'{name} needs {package}: pip install "skconv[{package}]" ({error})'
        ) from None
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
