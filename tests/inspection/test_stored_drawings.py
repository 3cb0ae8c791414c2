"""Displays draw what they drew in earlier versions, down to the style."""

import drawings
import pytest


@pytest.mark.parametrize("name", drawings.DRAWN)
def test_drawing_is_the_stored_one(name):
    assert drawings.drawing(name) == drawings.stored()[name]
