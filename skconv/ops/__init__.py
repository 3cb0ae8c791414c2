"""Array functions: all the arithmetic of the package, and nothing but arithmetic.

The modules of this folder hold the ops as users call them: signatures, docstrings and
checks. `skconv.ops.reference` defines in NumPy what they compute; `skconv.ops.compiled`
has faster twins of most of them, where it was built. `use` chooses which of both run.
"""

import os
import types

from . import _memory as _memory
from . import reference as reference
from ._source_tree import warn_if_not_built as _warn_if_not_built
from .activations import *
from .convolution import *
from .dense import *
from .dispatch import compiled as compiled
from .dispatch import use_compiled as _use_compiled
from .geometry import *
from .losses import *
from .normalization import *
from .pooling import *
from .reference.scaling import *
from .resampling import *
from .training import *
from .transposed import *
from .upsampling import *

_ENVIRONMENT = "SKCONV_OPS"
_in_use = "numpy"


def available() -> list[str]:
    """Return the ops that can be used on this machine, the fastest first.

    Returns
    -------
    names : list of str
        The instruction sets that both the compiled ops and this machine have
        ("avx512", "avx2", "generic"), then "numpy".
    """
    return [*(compiled.instruction_sets() if compiled else []), "numpy"]


def in_use() -> str:
    """Return which of the `available` ops are in use."""
    return _in_use


def use(name: str) -> None:
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
    _use_compiled(None if name == "numpy" else name)
    _in_use = name


use(os.environ.get(_ENVIRONMENT) or available()[0])
if compiled is None:  # pragma: no cover - not built: tests run it in a copy
    _warn_if_not_built(chosen=os.environ.get(_ENVIRONMENT))

__all__ = sorted(
    name
    for name, value in vars().items()
    if not name.startswith("_") and not isinstance(value, types.ModuleType | type(None))
)
