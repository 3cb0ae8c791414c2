"""The classes that a file may name: known ones, and those that users add."""

import pickle
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from .. import augmentation, layers
from .._data.class_encoder import ClassEncoder
from .._data.image_encoder import ImageEncoder
from .._data.mask_encoder import MaskEncoder
from .._data.multioutput_encoder import MultiOutputEncoder
from .._data.regression_encoder import RegressionEncoder
from .._training.loop import History
from .._utils.lookup import did_you_mean
from .._utils.values import encode_object
from ..estimators import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
)
from ..models.network import Network

__all__ = [
    "Entry",
    "encode_registered",
    "find_class",
    "find_entry",
    "register_layer",
    "registered",
    "trusted_types",
]


class Entry(NamedTuple):
    """A registered class.

    Attributes
    ----------
    cls : type
    onnx : callable or None
        It adds the nodes of ONNX for a layer of the class, see `register_layer`.
    """

    cls: type[Any]
    onnx: Callable[..., Any] | None = None


_OWN = {
    cls.__name__: Entry(cls)
    for module in (layers, augmentation)
    for cls in map(vars(module).get, module.__all__)
    if isinstance(cls, type) and cls is not layers.Layer
}
_ADDED: dict[str, Entry] = {}

Class = TypeVar("Class", bound=type[Any])


def register_layer(cls: Class, *, onnx: Callable[..., str] | None = None) -> Class:
    """Let models with a custom layer be saved, loaded and exported.

    A file names classes and never has code: a class must be registered when a model is
    saved and when it is loaded. This can be used as a decorator.

    Parameters
    ----------
    cls : type
        A class whose ``__init__`` stores its arguments, as `skconv.layers.Layer`
        requires. Transforms of augmentation can be registered, too.
    onnx : callable ``(graph, layer, weights, x, input_shape) -> y``, default=None
        `skconv.to_onnx` calls it for such a layer. ``x`` and ``y`` name tensors, of
        shape (n, c, h, w) for images; ``graph.node(op, *inputs, **attributes)`` adds a
        node and ``graph.constant(array)`` an array, and both return a name.

    Returns
    -------
    cls

    Raises
    ------
    TypeError
        If `cls` is not a class with parameters.
    ValueError
        If another class has its name.

    Examples
    --------
    >>> import skconv
    >>> from skconv.layers import Layer
    >>> @skconv.register_layer
    ... class Double(Layer):
    ...     def predict(self, weights, x):
    ...         return 2 * x
    ...     def backward(self, weights, cache, dy, need_dx=True):
    ...         return 2 * dy, {}
    """
    if not isinstance(cls, type) or not hasattr(cls, "get_params"):
        raise TypeError(
            "register_layer takes a class with get_params, such as a subclass of "
            f"skconv.layers.Layer, got {cls!r}"
        )
    name = cls.__name__
    known = {**_OWN, **_ADDED}.get(name)
    if known and (known.cls.__module__, known.cls.__qualname__) != (
        cls.__module__,
        cls.__qualname__,
    ):
        raise ValueError(
            f"another class {name!r} is registered, "
            f"{known.cls.__module__}.{known.cls.__qualname__}: rename this one"
        )
    _ADDED[name] = Entry(cls, onnx)  # a notebook's cell may run again
    return cls


def trusted_types() -> list[str]:
    """Return the names of all types that a fitted estimator is made of, for skops.

    Their objects hold arrays, plain values and each other: they have no code, and none
    is run when they are loaded.

    Returns
    -------
    names : list of str
        For ``skops.io.load(file, trusted=...)``, with the custom classes that are
        registered (see `register_layer`).

    Examples
    --------
    >>> import skconv
    >>> "skconv.estimators.classifier.ConvNetClassifier" in skconv.trusted_types()
    True
    """
    parts = (
        ConvNetAutoencoder,
        ConvNetClassifier,
        ConvNetRegressor,
        ConvNetSegmenter,
        History,
        ClassEncoder,
        ImageEncoder,
        MaskEncoder,
        Network,
        MultiOutputEncoder,
        RegressionEncoder,
    )
    types = [*parts, *registered().values()]
    return sorted(f"{cls.__module__}.{cls.__qualname__}" for cls in types)


def registered() -> dict[str, type[Any]]:
    """Return all registered classes, as a dict of name to class."""
    return {name: entry.cls for name, entry in {**_OWN, **_ADDED}.items()}


def find_class(name: Any) -> type[Any]:
    """Return the registered class of a name.

    Raises
    ------
    ValueError
        If there is none.
    """
    known = registered()
    if isinstance(name, str) and name in known:
        return known[name]
    raise ValueError(
        f"there is no registered class {name!r}{did_you_mean(name, known)}; if it is a "
        "custom class, call skconv.register_layer(...) with it first"
    )


def find_entry(cls: type[Any]) -> Entry | None:
    """Return the `Entry` of a class, or None if it is not registered."""
    entry = {**_OWN, **_ADDED}.get(cls.__name__)
    return entry if entry and entry.cls is cls else None


def _hint_to_joblib(value: Any) -> str:
    """Return a way to save what a file without code cannot hold, if there is one."""
    try:
        pickle.dumps(value)
    except Exception:  # of a lambda, a generator and others, each its own
        return ""
    return ", or save with joblib, which keeps it"


def encode_registered(value: Any, what: str) -> dict[str, Any]:
    """Return an object of a registered class as JSON.

    Parameters
    ----------
    value : object
    what : str
        Its name, for errors.

    Raises
    ------
    ValueError
        If it is something else, such as a function or an array.
    """
    if not hasattr(value, "get_params") or isinstance(value, type):
        raise ValueError(
            f"{what} must be made of None, bool, numbers, str, lists, tuples, dicts "
            f"and registered layers to be saved, got {value!r}. Set it to something "
            "else first (predictions do not depend on the parameters of training)"
            f"{_hint_to_joblib(value)}"
        )
    if find_entry(type(value)) is None:
        raise ValueError(
            f"{what} is {value!r}, whose class is not registered: call "
            f"skconv.register_layer({type(value).__name__}) before the model is saved, "
            "and before it is loaded"
        )
    return encode_object(value, what, encode_registered)
