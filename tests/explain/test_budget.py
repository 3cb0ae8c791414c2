"""What fits into a page."""

import json
import math
from itertools import islice

import numpy as np
import pytest
from explain.pages import fitted

from skconv._explain.budget import _Choice, _choices, _write, fit_document, unpack
from skconv._explain.samples import Explained

MARGIN = 500  # bytes, that a document keeps free


def test_choices_leave_out_more_and_more():
    found = [tuple(choice) for choice in islice(_choices(5), 99)]
    limits = math.inf, 2**17, 2**16, 2**15
    assert found == [
        (5, True, math.inf),
        *((n, False, limit) for n in (5, 2, 1) for limit in limits),
        *((1, False, 2**power) for power in range(14, 3, -1)),
        (0, False, 1),
    ]


@pytest.fixture(scope="module")
def explained():
    net, X, y = fitted("plain")
    return Explained.find(net, X[:3], y[:3], None, 20)


def size_of(document, numbers):
    return len(numbers) + len(json.dumps(document)) + MARGIN


def test_document_takes_as_many_bytes_as_there_are(explained):
    document, numbers = fit_document(explained, 10**6)
    size = size_of(document, numbers)
    assert document["leftOut"] == []
    assert fit_document(explained, size) == (document, numbers)
    smaller, fewer = fit_document(explained, size - 1)
    assert size_of(smaller, fewer) < size
    gradients = "the gradient of the loss in the values of each layer"
    assert smaller["leftOut"] == [gradients]
    least, _ = _write(explained, _Choice(0, False, 1))
    assert least["leftOut"] == ["what the layers make of any sample", gradients]
    for node in least["layers"]:
        assert not node.keys() & {"values", "gradients"}
        assert node["weights"] == node["pulls"] == {}


def test_bytes_that_are_missing_are_counted(explained):
    with pytest.raises(
        ValueError, match=r"at least [\d,]+ bytes more; pass fewer"
    ) as e:
        fit_document(explained, 100)
    missing = int(
        str(e.value).split("at least ")[1].split(" bytes")[0].replace(",", "")
    )
    fit_document(explained, 100 + missing)
    with pytest.raises(ValueError, match="at least 1 bytes more"):
        fit_document(explained, 99 + missing)
    assert missing > 1000  # with a comma


@pytest.mark.parametrize("n, largest", [(3, 512), (2, 100), (1, 16), (1, 1)])
def test_large_layers_keep_their_first_channels(n, largest):
    net, X, y = fitted("default")
    explained = Explained.find(net, X[:3], y[:3], None, 20)
    whole, numbers = fit_document(explained, 10**7)
    all_arrays = unpack(whole, numbers)
    document, packed = _write(explained, _Choice(n, False, largest))
    arrays, words = unpack(document, packed.as_text()), []
    assert document["detailed"] == n
    for node, before in zip(document["layers"], whole["layers"], strict=True):
        kept = []
        for key in ("values", "kernel", "bias"):
            place, full = node["weights"].get(key), before["weights"].get(key)
            if key == "values":
                place, full = node["values"], before["values"]
            if place is None:
                continue
            got, want = arrays[place], all_arrays[full]
            want = want[:n] if key == "values" else want
            room = (
                largest * want.shape[-1] / (want.size / (n if key == "values" else 1))
            )
            assert got.shape[-1] == min(max(1, int(room)), want.shape[-1])
            np.testing.assert_array_equal(got, want[..., : got.shape[-1]])
            if key != "bias":
                kept.append(got.shape[-1])
        for key, place in node["pulls"].items():
            got, want = arrays[place], all_arrays[before["pulls"][key]][:n]
            np.testing.assert_array_equal(got, want[..., : got.shape[-1]])
        if min(kept) < node["shape"][2]:
            words.append(f"{node['name']} ({min(kept)} of {node['shape'][2]})")
    said = [each for each in document["leftOut"] if each.startswith("values or")]
    if words:
        words = [f"values or kernels of all but some channels: {', '.join(words)}"]
    assert said == words
    if n < 3:
        assert document["leftOut"][0] == f"what the layers make of samples {n + 1} to 3"
