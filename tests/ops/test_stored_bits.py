"""Whole fits have the bits of other compilers and machines: a part of `.ci/machines`."""

import platform

import pytest
from whole_fits import digests_of

from skconv import ops

# As `python -m tests.whole_fits avx2` prints them. A change of bits that is meant changes them.
STORED = {
    "convolutions on images": "f16dcafcc57b99e8 3dd0adc6e212e58d 54d1f53dfbecc94a",
    "depthwise on images": "7f624e241db5ce5e d9ff030c751babe0 cf6729a1b62b3a9d",
    "normalised on images": "d59b6e7f505f3c5a 592f5858aaa78421 251c0694de3ee69e",
    "longer on signals": "3fce14089d6b1a29 70e8ad0981981e56 58a3b74d515a32c3",
    "options": "cf73923ba253e02c 10ed72737f0c6e93 ff927b72fe9fe838",
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
