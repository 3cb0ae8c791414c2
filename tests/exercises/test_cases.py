"""Learners get the same numbers and hints in all versions."""

import cases
import pytest

from skconv.exercises.tables import EXERCISES


@pytest.mark.parametrize("name", EXERCISES)
def test_cases_and_mistakes_are_the_stored_ones(name):
    assert cases.plan(name) == cases.stored()[name]
