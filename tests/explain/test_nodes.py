"""What a page says of layers, so that it can compute their values again."""

import pytest
from explain import documents
from explain.pages import NETWORKS, read, samples
from seeds import SEED

from skconv import ConvNetClassifier, explain
from skconv.layers import DepthwiseConv2D, Residual, SeparableConv2D


@pytest.mark.parametrize("name", NETWORKS)
def test_document_is_the_stored_one(name):
    assert documents.structure(name) == documents.stored()[name]


def test_layer_called_depthwise_is_no_half_of_another(tmp_path):
    separable = SeparableConv2D(1, activation="relu")
    layers = [
        ("one", Residual([("depthwise", separable)])),
        ("two", Residual([("depthwise", DepthwiseConv2D(3, activation="tanh"))])),
    ]
    X, y = samples("digits")
    net = ConvNetClassifier(layers, max_iter=1, random_state=SEED).fit(X, y)
    explain(net, X[:1], tmp_path / "net.html", y=y[:1])
    document, arrays = read(tmp_path / "net.html")
    half, whole, _, other, *_ = document["layers"]
    assert [half["name"], whole["name"]] == ["one.depthwise.depthwise", "one.depthwise"]
    assert half["text"] == "its first half: a kernel for each channel"
    assert "activation" not in half
    assert whole["text"] == repr(separable)
    assert (whole["activation"], other["activation"]) == ("relu", "tanh")
    assert arrays[whole["weights"]["kernel"]].shape == (1, 1, 1, 1)
    assert arrays[whole["pulls"]["kernel"]].shape == (1, 1, 1, 1, 1)
