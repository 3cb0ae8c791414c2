"""Whole fits have the bits of other compilers and machines: a part of `.ci/machines`."""

import platform

import pytest
from whole_fits import digests_of

from skconv import ops

# As `python -m tests.whole_fits avx2` prints them. A change of bits that is meant changes them.
STORED = {
    "convolutions on images": "de0f268051e642a1 7fa8cb07e1928ede 764eabfe69520dd4",
    "depthwise on images": "c4df4cdda06c3e66 322606f5fb35b0b2 1509461977657054",
    "normalised on images": "12d5cb2e42a5a939 961f400dd93007f3 4495d0cdbe5a75b4",
    "longer on signals": "f95f7e8f97e36a27 dfbbaeee3e7d25a8 6254150634f5cf11",
    "options": "25f2265e2ef62c59 f6fba4040fcdbde0 aa5094c81722c5e8",
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
