"""Whole fits have the bits of other compilers and machines: a part of `.ci/machines`."""

import platform

import pytest
from whole_fits import digests_of

from skconv import ops

# As `python -m tests.whole_fits avx2` prints them. A change of bits that is meant changes them.
STORED = {
    "convolutions on images": "a232c4602bc44c4c 504a20ab9eba4a95 e240cb5595b8ad7f",
    "depthwise on images": "7e308e6334127c5c d170ab5e7f0d54ad b19b6fd25bea4f56",
    "normalised on images": "4a37f1f74e730dc7 94818d032fbe9be0 ebb25411bdf3a9fa",
    "longer on signals": "f95f7e8f97e36a27 dfbbaeee3e7d25a8 6254150634f5cf11",
    "options": "066464cfb7de24ef 0509a2473f7f83b9 a05f73a1b8d40dee",
}
# Sets with an instruction for a product and a sum: of these all have the same bits.
ARM = platform.machine() in ("aarch64", "arm64")
SETS = {"generic"} if ARM else {"avx512", "avx2"}
IN_USE = [name for name in ops.available() if name in SETS]


@pytest.mark.skipif(not IN_USE, reason="no set of this machine has fused multiply-adds")
@pytest.mark.filterwarnings("ignore")  # of what two epochs reach
@pytest.mark.parametrize("case", STORED)
def test_fit_has_the_stored_bits(case):
    assert digests_of(case, IN_USE[0], 2) == STORED[case].split()
