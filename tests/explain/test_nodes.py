"""What a page says of layers, so that it can compute their values again."""

import pytest
from explain import documents
from explain.pages import NETWORKS


@pytest.mark.parametrize("name", NETWORKS)
def test_document_is_the_stored_one(name):
    assert documents.structure(name) == documents.stored()[name]
