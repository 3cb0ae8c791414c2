"""Errors of ops name the argument, whichever it is. Checks are made before the twins."""

import inspect
import re

import numpy as np
import pytest
from attacks.op_arguments import GOOD
from seeds import SEED

from skconv import ops


def good(op, draw=0):
    """Return an op, its parameters, and arguments that it takes."""
    arguments = GOOD[op](np.random.default_rng([SEED, draw]))
    if "need_dx" in arguments:
        arguments["need_dx"] = True
    if "pool_size" in arguments and "activation" in arguments:
        arguments["activation"] = "relu"  # others may not be pooled
    return (
        getattr(ops, op),
        [*inspect.signature(getattr(ops, op)).parameters],
        arguments,
    )


@pytest.mark.parametrize("op", GOOD)
def test_argument_of_another_kind_is_named(op):
    function, names, arguments = good(op)
    for name in names:
        if name.startswith("need_") or name == "nesterov":
            continue  # anything is true or false
        with pytest.raises((TypeError, ValueError)) as caught:
            function(**{**arguments, name: "wrong"})
        if (op, name) not in UNNAMED:
            assert re.match(rf"{NAMES.get(name, name)}\b", str(caught.value))


NAMES = {"pool_stride": "stride", "pool_padding": "padding"}  # as other pools have them
# Their errors are NumPy's, or about what another argument must then be.
UNNAMED = {("gather", "dtype"), ("dense_backward", "activation")}
UNNAMED |= {(f"layer_norm{end}", "epsilon") for end in ("", "_with_statistics")}
UNNAMED |= {(f"{op}_backward", "activation") for op in ("conv2d", "conv2d_transpose")}


@pytest.mark.parametrize("op", [op for op in GOOD if op.endswith("_backward")])
def test_gradient_in_x_is_none_where_it_is_not_needed(op, each_ops):
    function, names, arguments = good(op)
    (flag,) = (name for name in names if name.startswith("need_"))
    arguments.pop(flag, None)
    assert function(**arguments)[0] is not None
    assert function(**arguments, **{flag: True})[0] is not None
    assert function(**arguments, **{flag: False})[0] is None


@pytest.mark.parametrize("draw", range(3))
@pytest.mark.parametrize("axes", [0, 3])
@pytest.mark.parametrize("op", GOOD)
def test_array_of_another_shape_is_named(op, axes, draw):
    """Or one that no longer fits it, and what it should be like."""
    function, names, arguments = good(op, draw)
    for name, array in arguments.items():
        if not isinstance(array, np.ndarray):
            continue
        shape = (*array.shape[:-1], array.shape[-1] + (not axes), *[1] * axes)
        try:
            function(**{**arguments, name: np.ones(shape, array.dtype)})
        except ValueError as error:
            first, _, rest = str(error).partition(" ")
            assert first in (*names, "a") or first.isdecimal()
            like = re.match(r"must have the shape of (\w+), \(", rest)
            assert like is None or like[1] in names
            named = first, like and like[1]  # or x, and a vector has not its channels
            is_vector = array.ndim == 1 and not op.endswith("_step") and name != "x"
            assert not is_vector or name in named
            each = re.match(r"must have a value for each of \d+ (\w+)s, ", rest)
            assert each is None or each[1] in (
                "channel",
                "filter",
                "parameter",
                "sample",
                "unit",
            )
