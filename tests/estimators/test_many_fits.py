"""Many fits in one process: what they leave."""

import sys
import warnings
from pathlib import Path

import pytest
from seeds import SEED

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.attacks import fits


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_fits_of_all_kinds_leave_no_memory_files_or_threads(tmp_path):
    """A short run of ``python -m tests.attacks fits``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits.check(fits.attack(6 * len(fits.FITS), SEED, tmp_path), growth=2**18)
