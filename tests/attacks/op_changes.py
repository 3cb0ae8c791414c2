"""Changes that make the arguments of an op awkward or bad."""

import numpy as np

from .op_arguments import F32, one_of


class Subclass(np.ndarray):
    """An array of a class that NumPy's functions keep."""


def unaligned(array):
    buffer = np.empty(array.nbytes + 1, np.uint8)[1:]
    moved = buffer.view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def strided(array):
    wide = np.zeros((*array.shape, 2), array.dtype)
    wide[..., 1] = array
    return wide[..., 1]


def nonfinite(array):
    array = array.copy()
    flat = array.reshape(-1)
    if array.dtype.kind == "f":
        flat[:: max(1, len(flat) // 3)] = np.nan
        flat[1 :: max(1, len(flat) // 2)] = np.inf
    return array


# The same numbers in another form: both twins must take or refuse them alike.
FORMS = {
    **{f"as {d}": lambda a, d=d: a.astype(d) for d in ("f8", ">f4", ">f8", "f2", "g")},
    **{
        f"as {d}": lambda a, d=d: a.astype(d)
        for d in ("i8", "i4", "u1", "u2", ">i8", "?")
    },
    "Fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1].copy()[::-1] if a.ndim else a,
    "strided": strided,
    "unaligned": unaligned,
    "read-only": read_only,
    "subclass": lambda a: a.view(Subclass),
    "transposed": lambda a: a.T.copy().T,
    "as a dtype with metadata": lambda a: a.astype(
        np.dtype(a.dtype.str, metadata={"a": 1})
    ),
}
# Other contents or shapes, some of which are still right.
BREAKS = {
    **{f"as {d}": lambda a, d=d: a.astype(d) for d in ("c8", "O", "S8", "U8")},
    "datetimes": lambda a: np.zeros(a.shape, "M8[s]"),
    "masked": lambda a: np.ma.masked_array(a, a > 0),
    "a list": lambda a: a.tolist(),
    "None": lambda a: None,
    "a number": lambda a: 1.5,
    "a text": lambda a: "relu",
    "a scalar": lambda a: np.float32(2),
    "0-d": lambda a: np.zeros((), a.dtype),
    "flat": lambda a: a.reshape(-1),
    "first": lambda a: a[0] if a.ndim and len(a) else a,
    "another axis": lambda a: a[None],
    "a last axis": lambda a: a[..., None],
    "no rows": lambda a: a[:0] if a.ndim else a,
    "no channels": lambda a: a[..., :0] if a.ndim else a,
    "one row": lambda a: a[:1] if a.ndim else a,
    "one channel": lambda a: a[..., :1] if a.ndim else a,
    "twice": lambda a: np.concatenate([a, a]) if a.ndim else a,
    "more channels": lambda a: np.concatenate([a, a], axis=-1) if a.ndim else a,
    "swapped": lambda a: a.swapaxes(0, -1) if a.ndim else a,
    "negative": lambda a: -a - (a.dtype.kind == "i") if a.dtype.kind in "if" else a,
    "huge": lambda a: a + np.iinfo(a.dtype).max // 2 if a.dtype.kind in "iu" else a,
    "not finite": nonfinite,
}  # fmt: skip
OTHER_VALUES = [
    *(None, True, False, 0, 1, 2, -1, 3, 1.0, 0.5, -0.5, float("nan"), float("inf")),
    *(2**31 - 1, 2**31, 2**40, 2**62, 2**64, 2**70, -(2**40), 10**400, 1e300, "1"),
    *("valid", "same", "causal", "relu", "rellu", "softmax", np.str_("tanh"), b"relu"),
    *((1, 1), [1, 2], (1.0, 1), (True, 1), (0, 1), (2, 2**33), (1, 2, 3), (), (1, "1")),
    *(((0, 1), (1, 0)), ((0, 1), (1.0, 0)), ((2**33, 0), (0, 0)), np.int64(2), {}),
    *(np.array([1, 2]), np.array(2), np.float32(0.5), np.bool_(True), ["relu"], object),
]


def change_shape(shape, rng):
    shape = list(shape)
    at = int(rng.integers(len(shape))) if shape else 0
    match rng.integers(6):
        case 0:
            return shape
        case 1:
            return np.array(shape)
        case 2:
            shape[at] = one_of(rng, 0, -1, 1.0, True, None, 2**40, 2**70, "1")
        case 3:
            del shape[at]
        case 4:
            shape.insert(at, 1)
        case 5:
            shape[at] = one_of(rng, 1, 2, 3, 7)
    return tuple(shape)


def change(arguments, rng):
    """Return arguments with one changed, and a name for the change."""
    name = one_of(rng, *arguments)
    value = arguments[name]
    if (
        isinstance(value, np.ma.MaskedArray)
        or getattr(value, "dtype", F32).kind in "OSUM"
    ):
        return arguments, "nothing more"
    if isinstance(value, np.ndarray):
        kind = one_of(rng, *FORMS) if rng.random() < 0.6 else one_of(rng, *BREAKS)
        with np.errstate(all="ignore"):
            changed = {**FORMS, **BREAKS}[kind](value)
        return {**arguments, name: changed}, f"{name} {kind}"
    if name.endswith("_shape") and isinstance(value, tuple) and rng.random() < 0.7:
        changed = change_shape(value, rng)
    else:
        changed = one_of(rng, *OTHER_VALUES)
    return {**arguments, name: changed}, f"{name}={changed!r:.40}"
