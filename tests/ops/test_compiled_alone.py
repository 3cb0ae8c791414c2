"""Compiled ops compute what they have a kernel for: no definition steps in, unseen."""

import numpy as np
import pytest
from attacks.op_arguments import GOOD
from seeds import SEED

from skconv import ops
from skconv.ops import dispatch

TWINS = [*ops.compiled.__all__, *ops.compiled_upsampling.__all__]
DRAWS = 12
WITHOUT_KERNEL = None, "identity", "linear", "gelu", "softmax"


def has_kernel(op, arguments):
    arrays = [each for each in arguments.values() if isinstance(each, np.ndarray)]
    if not all(each.size for each in arrays) or arguments.get("gamma"):
        return False
    if op in ("activate", "activate_grad"):
        return arguments["activation"] not in WITHOUT_KERNEL
    if op == "conv2d_max_pool2d_backward":
        return arguments["groups"] == 1
    if op == "gather":
        return arguments["x"].dtype != np.float16
    return True


class NoDefinitions:
    """What stands in the place of the definitions, and has none."""


@pytest.mark.parametrize("op", TWINS)
def test_compiled_op_needs_no_definition(op, each_set, monkeypatch):
    monkeypatch.setattr(dispatch, "reference", NoDefinitions())
    count = 0
    for draw in range(DRAWS):
        arguments = GOOD[op](np.random.default_rng([SEED, draw]))
        if "pool_size" in arguments and "activation" in arguments:
            arguments["activation"] = "relu"  # others may not be pooled
        if op == "gather":
            arguments |= {"rows": np.arange(len(arguments["x"])), "dtype": "f4"}
        if has_kernel(op, arguments):
            getattr(ops, op)(**arguments)
            count += 1
    assert count
