"""The seam between an op and its twins: which of them runs is decided here alone.

An op has a name, a signature and a docstring in the modules of this folder. It checks
its arguments, resolves sizes to a `Window`, and calls `run`, which calls one of two
twins of that name: the definition in `skconv.ops.reference`, in NumPy, or the compiled
one in `skconv.ops.compiled` or `compiled_upsampling`. Twins take plain positional
arguments, without defaults.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from . import reference

compiled: ModuleType | None
compiled_upsampling: ModuleType | None
try:
    from . import compiled, compiled_upsampling
except ImportError:  # pragma: no cover - not built: tests run it in a copy
    compiled = compiled_upsampling = None

__all__ = ["run", "use_compiled"]

_FLOAT32 = np.dtype(np.float32)
_PLAIN = 0x101  # NumPy's flags of an array that is C-contiguous and aligned
_compiled_twins: dict[str, Callable[..., Any]] = {}  # those in use


def use_compiled(instruction_set: str | None) -> None:
    """Use the compiled twins for an instruction set, or for None the definitions."""
    _compiled_twins.clear()
    if instruction_set is not None:
        assert compiled is not None, "they were not built"
        compiled.use(instruction_set)
        for module in filter(None, (compiled, compiled_upsampling)):
            _compiled_twins.update({op: getattr(module, op) for op in module.__all__})


def run(op: str, arrays: tuple, *arguments: Any) -> Any:
    """Call the twin of an op that is for these arrays.

    Parameters
    ----------
    op : str
    arrays : tuple of ndarray or None
        As `skconv.ops._arguments.floats` returns them. The compiled twin runs where
        all of them are float32 and none is empty. It receives them C-contiguous and
        aligned: in training they are, others are copied. Arrays that an op writes to
        are `arguments`.
    *arguments
        Passed on after the arrays.

    Returns
    -------
    result
        What the twin returns. A compiled twin that has no kernel for its arguments
        returns NotImplemented; a kernel that refuses them raises ValueError, or
        OverflowError where they are too large. Then the definition runs on the arrays
        that were passed, and takes or refuses them.
    """
    twin = _compiled_twins.get(op)
    if twin is not None:
        plain = True
        for array in arrays:
            if array is not None:
                if array.dtype is not _FLOAT32 or not array.size:
                    break
                plain = plain and array.flags.num & _PLAIN == _PLAIN
        else:
            try:
                these = arrays if plain else map(_copy_awkward, arrays)
                result = twin(*these, *arguments)
            # Larger than the kernels' offsets; or numbers that no twin takes, for which
            # the definition has the words.
            except (OverflowError, ValueError):
                result = NotImplemented
            # The definition adds in another order: the bits of a result would depend on
            # the memory that is free.
            except MemoryError as error:
                raise _describe_lack(op, arrays) from error
            if result is not NotImplemented:
                return result
    return getattr(reference, op)(*arrays, *arguments)


def _copy_awkward(array):
    """Return an array that compiled twins take, or None."""
    if array is None or (array.flags.c_contiguous and array.flags.aligned):
        return array
    return np.array(array, order="C")


def _describe_lack(op, arrays):
    """Return the error that there is no memory for an op of these arrays."""
    shapes = ", ".join(str(array.shape) for array in arrays if array is not None)
    return MemoryError(f"there is not enough memory for {op} of arrays of {shapes}")
