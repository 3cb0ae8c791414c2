"""`skconv.explain` for masks, images, several columns of classes and intervals."""

import numpy as np
import pytest
from explain.pages import read, samples
from seeds import SEED

from skconv import (
    ConvNetAutoencoder,
    ConvNetClassifier,
    ConvNetRegressor,
    ConvNetSegmenter,
    explain,
)
from skconv.layers import Conv2D


def small_images():
    X, _ = samples("digits")
    return X[:12, ..., None].astype(np.float32)


def test_masks_have_a_loss_and_no_row_of_probabilities(tmp_path):
    X = small_images()
    y = np.where(X[..., 0] > 0.5, "in", "out")
    net = ConvNetSegmenter(filters=(2, 4), max_iter=1, random_state=SEED).fit(X, y)
    explain(net, X[:2], tmp_path / "net.html", y=y[:2])
    document, arrays = read(tmp_path / "net.html")
    assert document["classes"] == ["in", "out"]
    assert document["samples"][0]["target"] == "an array of 8 by 8"
    assert all(loss > 0 for loss in document["losses"])
    np.testing.assert_array_equal(
        arrays[document["probabilities"]], net.predict_proba(X[:2])
    )
    assert not [node for node in document["layers"] if node["kind"] == "other"]


@pytest.mark.parametrize("shape", [(8, 8, 1), (64,)])
def test_targets_of_an_autoencoder_are_its_samples(tmp_path, shape):
    X = small_images().reshape(-1, *shape)
    net = ConvNetAutoencoder(
        filters=(2, 4), n_components=3, max_iter=1, random_state=SEED
    )
    net.fit(X)
    explain(net, X[:2], tmp_path / "net.html")
    document, arrays = read(tmp_path / "net.html")
    images = net.inverse_transform(net.transform(X[:2]))
    outputs = net._encoder.predict(arrays[document["outputs"]])
    np.testing.assert_allclose(np.ravel(outputs), images.ravel(), rtol=1e-4, atol=1e-6)
    assert all(loss > 0 for loss in document["losses"])
    with pytest.raises(ValueError, match="y must be None: .* are X itself"):
        explain(net, X[:2], tmp_path / "net.html", y=X[:2])


def test_several_columns_of_classes_are_named(tmp_path):
    X, y = small_images(), np.arange(12) % 3
    columns = np.stack([y, np.where(y, "cat", "dog")], axis=1).astype(object)
    net = ConvNetClassifier([Conv2D(2)], max_iter=1, random_state=SEED).fit(X, columns)
    path = tmp_path / "net.html"
    explain(net, X[:2], path, y=columns[:2])
    document, arrays = read(path)
    names = [f"column 0: {k}" for k in range(3)] + ["column 1: cat", "column 1: dog"]
    assert document["classes"] == names
    assert [s["target"] for s in document["samples"]] == ["0, dog", "1, cat"]
    np.testing.assert_array_equal(
        arrays[document["probabilities"]], np.hstack(net.predict_proba(X[:2]))
    )
    explain(net, X[:1], path, display_labels="abcde")
    assert read(path)[0]["classes"] == list("abcde")
    with pytest.raises(ValueError, match="for each of the 5 classes, got 2"):
        explain(net, X[:2], path, display_labels=["a", "b"])


@pytest.mark.parametrize("params", [{"quantile": [0.1, 0.9]}, {"quantile": 0.5}, {}])
def test_intervals_have_a_loss(tmp_path, params):
    X, y = small_images(), np.arange(12.0)
    loss = "quantile" if params else "gaussian"
    net = ConvNetRegressor(
        [Conv2D(2)], loss=loss, max_iter=1, random_state=SEED, **params
    ).fit(X, y)
    explain(net, X[:2], tmp_path / "net.html", y=y[:2])
    document, arrays = read(tmp_path / "net.html")
    assert all(map(np.isfinite, document["losses"]))
    assert arrays[document["outputs"]].shape == (
        2,
        1 if params == {"quantile": 0.5} else 2,
    )
