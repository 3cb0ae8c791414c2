"""Whole fits of every layer: the same bits on AVX2 and AVX-512, and on any threads."""

import numpy as np
import pytest
from whole_fits import CASES, ON_IMAGES, ON_SIGNALS, results_of

from skconv import layers, ops

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
