"""A short run of ``python -m tests.attacks twins``."""

import pytest
from attacks import twins
from seeds import SEED


@pytest.mark.slow
def test_twins_take_and_refuse_the_same_arguments():
    counts, races = twins.attack(1500, 1, SEED + 1)
    assert counts["result"] > 500
    assert counts["ValueError"] + counts["TypeError"] > 300
    assert min(races.values()) > 0
