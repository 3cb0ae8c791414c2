"""The seed of all tests: what a test draws, or gives as random_state, adds its own to it.

    SKCONV_TESTS_SEED=7 python -m pytest

The report of a test that fails names it. Two things keep their seed: what is compared with
a stored value, and what a page documents.
"""

import os

SEED = int(os.environ.get("SKCONV_TESTS_SEED", "0"))
