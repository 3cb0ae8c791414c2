"""Array functions: all the arithmetic of the package, and nothing but arithmetic.

`skconv.ops.reference` defines every op in NumPy; `skconv.ops.compiled`, where it was
built, has faster twins of them. Callers write ``ops.conv2d(...)``, by attribute: this
module is the one seam at which a twin is laid over its definition.
"""

import os
import types

from . import reference
from ._source_tree import warn_if_not_built as _warn_if_not_built
from .geometry import *
from .reference import *

try:
    from . import compiled
except ImportError:  # not built: see the README
    compiled = None

from .article import *  # isort: skip  # written in terms of the ops above

_ENVIRONMENT = "SKCONV_OPS"


def available():
    """Return the ops that can be used here, the best first.

    Returns
    -------
    names : list of str
        The instruction sets that both the compiled ops and this machine have
        ("avx512", "avx2", "generic"), then "numpy".
    """
    return [*(compiled.instruction_sets() if compiled else []), "numpy"]


def in_use():
    """Return which of the `available` ops are in use."""
    return _in_use


def use(name):
    """Choose the ops for this process: at import, or in tests.

    Elsewhere set the environment variable ``SKCONV_OPS``, which child processes
    inherit. Results of different ops differ by rounding.

    Parameters
    ----------
    name : str
        One of `available`.

    Raises
    ------
    ValueError
        If it is not available.

    Examples
    --------
    >>> from skconv import ops
    >>> before = ops.in_use()
    >>> ops.use("numpy")
    >>> ops.in_use()
    'numpy'
    >>> ops.use(before)
    """
    global _in_use
    if name not in available():
        raise ValueError(
            f"the ops (or {_ENVIRONMENT}, where it is set) must be one of "
            f"{', '.join(map(repr, available()))} here, got {name!r}"
        )
    if compiled:
        twins = reference if name == "numpy" else compiled.use(name)
        globals().update({op: getattr(twins, op) for op in compiled.__all__})
    _in_use = name


use(os.environ.get(_ENVIRONMENT) or available()[0])
if compiled is None:
    _warn_if_not_built(chosen=os.environ.get(_ENVIRONMENT))

__all__ = sorted(
    name
    for name, value in vars().items()
    if not name.startswith("_") and not isinstance(value, types.ModuleType | type(None))
)
