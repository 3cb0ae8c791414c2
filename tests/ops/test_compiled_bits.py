"""Whole fits of every layer: the same bits on AVX2 and AVX-512, and on any threads."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from whole_fits import CASES, ON_IMAGES, ON_SIGNALS, results_of

from skconv import layers, ops
from skconv._utils import elementary

SETS = [name for name in ("avx2", "avx512") if name in ops.available()]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(len(SETS) < 2, reason="the processor has no AVX-512"),
]


def test_fits_have_every_layer():
    def types(chain):
        for layer in chain:
            layer = layer[1] if isinstance(layer, tuple) else layer
            yield type(layer).__name__
            yield from types(layer.inner_layers())

    listed = [*ON_IMAGES.values(), *ON_SIGNALS.values()]
    found = {name for chain in listed for name in types(chain)}
    assert {*layers.__all__} - found == {"Composite", "Layer"}


@pytest.mark.filterwarnings("ignore")  # of what two epochs reach
@pytest.mark.parametrize("case", CASES)
def test_fits_give_the_same_bits(case):
    expected = results_of(case, "avx2", 1)
    for use, threads in [("avx2", 3), ("avx512", 1), ("avx512", 2)]:
        for theirs, ours in zip(expected, results_of(case, use, threads), strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{use}, {threads}")


# The names that NumPy had up to version 2.3, and those that it has now.
AVX512 = (
    "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4"
)
AVX2 = "AVX2 FMA3 X86_V3"


def print_digests_of_losses():
    """In a process of its own: NumPy chooses its code at import."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((5000, 4), np.float32)
    shares = rng.dirichlet([1] * 4, 5000).astype(np.float32)
    found = [
        ops.sigmoid_cross_entropy(z, z > 0),
        ops.sigmoid_cross_entropy(z, z > 0, gamma=1.7),
        ops.softmax_cross_entropy(z, shares),
        ops.softmax_cross_entropy(z, shares, gamma=1.7),
        ops.poisson(z, shares),
        ops.gaussian(z, shares[:, :2]),
        (ops.activate(z, "gelu"), ops.activate_grad(z, z, "gelu")),
        (ops.activate(z, "softmax"), ops.softmax_cross_entropy(z, shares)[1]),
        (elementary.exp(z), elementary.log(shares)),
        (elementary.exp(z.astype(float)), elementary.log(shares.astype(float))),
    ]
    for pair in found:
        print(
            *(hashlib.sha256(np.asarray(each).tobytes()).hexdigest() for each in pair)
        )


def test_losses_have_the_same_bits_where_numpy_has_no_code_for_the_processor():
    """What NumPy computes of a fit, on AVX2 and on arm64."""
    command = "import test_compiled_bits; test_compiled_bits.print_digests_of_losses()"
    found = [
        subprocess.run(
            [sys.executable, "-c", command],
            env=os.environ | {
                "NPY_DISABLE_CPU_FEATURES": disabled,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True, text=True, check=True,
        ).stdout
        for disabled in ("", AVX512, f"{AVX512} {AVX2}")
    ]  # fmt: skip
    assert found[0] == found[1] == found[2]
    assert len(found[0]) > 1000
