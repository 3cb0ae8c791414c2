"""`skconv.explain`: every number in a page is the library's."""

import os
import stat

import numpy as np
import pytest
from explain.pages import NETWORKS, fitted, read, samples, scaled
from seeds import SEED
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor, explain, layers
from skconv.layers import Conv2D, SeparableConv2D


def equal(got, want):
    want = np.asarray(want)
    np.testing.assert_array_equal(np.ravel(got), want.ravel())
    assert got.dtype == want.dtype


def weights_of(network, name):
    found = network.weights
    for part in name.split("."):
        found = found[part]
    return found


def as_page_has_it(node, weight):
    """Return a weight; the kernel of a transposed convolution with its filters last."""
    if node.get("transposed") and weight.ndim > 1:
        return weight.swapaxes(-1, -2)
    return weight


def layer_of(network, name):
    found = network.layers
    for part in name.split("."):
        layer = dict(found)[part]
        found = layer.inner_layers()
    return layer


@pytest.fixture(params=NETWORKS)
def page(request, tmp_path):
    net, X, y = fitted(request.param)
    path = tmp_path / "net.html"
    explain(net, X[:3], path, y=y[:3])
    return net, X[:3], y[:3], *read(path)


def test_outputs_of_a_page_are_those_of_the_estimator(page):
    net, X, _, document, arrays = page
    x = X.astype(np.float32).reshape(3, *net.input_shape_)
    equal(arrays[document["input"]["values"]], x)
    equal(arrays[document["outputs"]], net.network_.predict(x))
    if hasattr(net, "classes_"):
        equal(arrays[document["probabilities"]], net.predict_proba(X))
        if net.predict(X).ndim == 1:
            assert [s["predicted"] for s in document["samples"]] == list(
                map(str, net.predict(X))
            )
    assert document["leftOut"] == []
    assert document["detailed"] == 3


def test_values_of_a_page_are_those_of_the_layers(page):
    net, _, _, document, arrays = page
    network, nodes = net.network_, document["layers"]
    names = [name for name, _ in network.layers]
    assert [node["name"] for node in nodes if node["depth"] == 0] == names

    def values(number):
        node = nodes[number] if number >= 0 else document["input"]
        array = arrays[node["values"]]
        if node["form"] == "image":
            return array
        return array[:, 0] if node["form"] == "signal" else array[:, 0, 0]

    for number, node in enumerate(nodes):
        if node["name"].endswith(".depthwise"):
            continue  # half of a layer
        layer = layer_of(network, node["name"])
        weights = weights_of(network, node["name"])
        inputs = [values(i) for i in node["inputs"]]
        if isinstance(layer, SeparableConv2D):
            inputs = [values(i) for i in nodes[node["inputs"][0]]["inputs"]]
        if isinstance(layer, layers.Composite):
            want = layer.join(inputs)[0]
        else:
            want = layer.forward(weights, inputs[0], None)[0]
        equal(values(number), want)
        if node["depth"] == 0:  # fused in prediction: up to rounding
            x = arrays[document["input"]["values"]].reshape(3, *network.input_shape)
            upto = network.predict(x, upto=node["name"])
            np.testing.assert_allclose(
                np.ravel(values(number)), upto.ravel(), rtol=1e-4, atol=1e-5
            )


def test_kernels_of_a_page_are_those_of_the_network(page):
    net, _, _, document, arrays = page
    for node in document["layers"]:
        for name in {"kernel", "bias"} & node["weights"].keys():
            if node["type"] not in ("SeparableConv2D", "DepthwiseConv2D"):
                equal(
                    arrays[node["weights"][name]],
                    as_page_has_it(node, weights_of(net.network_, node["name"])[name]),
                )


def test_gradients_of_a_page_are_those_of_training(page):
    """The gradient of each sample's loss, by the network's own method."""
    net, _, y, document, arrays = page
    network, targets = net.network_, net._encoder.transform(y)
    x = arrays[document["input"]["values"]].reshape(3, *network.input_shape)
    for i in range(3):
        value, gradient = network.loss_and_gradient(
            x[i : i + 1], targets[i : i + 1], None, net._loss(), None
        )
        np.testing.assert_allclose(document["losses"][i], value, rtol=1e-5)
        twin = network.copy()
        twin.values[: len(gradient)] = gradient
        largest = np.abs(gradient).max()
        n = 0
        for node in document["layers"]:
            for name, number in node["pulls"].items():
                own = node["name"].removesuffix(".depthwise")
                found = weights_of(twin, own)
                keys = {
                    "kernel": [
                        "kernel",
                        "depthwise_kernel"
                        if own != node["name"] or node["type"] == "DepthwiseConv2D"
                        else "pointwise_kernel",
                    ]
                }
                key = next(k for k in keys.get(name, [name]) if k in found)
                np.testing.assert_allclose(
                    arrays[number][i].ravel(),
                    as_page_has_it(node, found[key]).ravel(),
                    rtol=1e-3,
                    atol=1e-5 * largest,
                )
                n += 1
            if (
                node["kind"] == "dense" and "bias" in node["pulls"]
            ):  # the page multiplies
                source = (
                    document["layers"][node["inputs"][0]]
                    if node["inputs"][0] >= 0
                    else document["input"]
                )
                product = np.multiply.outer(
                    arrays[source["values"]][i].ravel(),
                    arrays[node["pulls"]["bias"]][i],
                )
                np.testing.assert_allclose(
                    product,
                    weights_of(twin, node["name"])["kernel"],
                    rtol=1e-3,
                    atol=1e-5 * largest,
                )
        assert n


def test_gradients_of_values_are_those_of_saliency(page):
    from skconv.inspection import output_gradient

    net, _, _, document, arrays = page
    x = arrays[document["input"]["values"]].reshape(3, *net.network_.input_shape)
    nodes = [node for node in document["layers"] if node["depth"] == 0]
    direction = arrays[nodes[-1]["gradients"]].reshape(3, -1)
    for node in nodes[:-1]:
        _, found = output_gradient(net.network_, x, direction, node["name"])
        got = arrays[node["gradients"]]
        np.testing.assert_allclose(
            got.ravel(), found.ravel(), rtol=1e-3, atol=1e-5 * np.abs(found).max()
        )


# Targets and texts --------------------------------------------------------------------


def test_loss_without_y_is_that_of_the_prediction(tmp_path):
    net, X, _ = fitted("plain")
    explain(net, X[:2], tmp_path / "a.html")
    explain(net, X[:2], tmp_path / "b.html", y=net.predict(X[:2]))
    a, b = read(tmp_path / "a.html")[0], read(tmp_path / "b.html")[0]
    assert a["losses"] == b["losses"]
    assert "target" in b["samples"][0]
    assert "target" not in a["samples"][0]


def test_regressor_without_y_has_no_gradients(tmp_path):
    net, X, _ = fitted("numbers")
    explain(net, X[:2], tmp_path / "net.html")
    document, _ = read(tmp_path / "net.html")
    assert document["losses"] is None
    assert not any(node["pulls"] or "gradients" in node for node in document["layers"])


def test_pipeline_shows_samples_before_it_and_values_after(tmp_path):
    pipe, X, y = scaled()
    explain(pipe, X[:2], tmp_path / "net.html", y=y[:2])
    document, arrays = read(tmp_path / "net.html")
    equal(arrays[document["shown"]], X[:2])
    scaled_x = pipe[0].transform(X[:2]).astype(np.float32)
    equal(arrays[document["input"]["values"]], scaled_x)


def test_search_is_explained_by_its_best_network(tmp_path):
    X, y = samples("digits")
    clf = ConvNetClassifier([("conv", Conv2D(2))], max_iter=1, random_state=SEED)
    search = GridSearchCV(clf, {"conv__filters": [2, 3]}, cv=2).fit(X, y)
    explain(search, X[:1], tmp_path / "net.html")
    assert (
        read(tmp_path / "net.html")[0]["layers"][0]["shape"][2]
        == search.best_params_["conv__filters"]
    )


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "'\"&amp;",
    "\u2028<!--",
]


def test_texts_of_users_cannot_become_markup(tmp_path):
    net, X, _ = fitted("plain")
    path = tmp_path / "net.html"
    explain(net, X[:1], path, display_labels=HOSTILE)
    page = path.read_text(encoding="utf-8")
    assert page.count("<script") == 3
    assert "alert(1)</" not in page
    assert "<img" not in page
    assert read(path)[0]["classes"] == HOSTILE


def test_layers_of_other_types_are_not_computed_again(tmp_path):
    """A subclass may compute something else."""

    class Twice(Conv2D):
        def predict(self, weights, x):
            return 2 * super().predict(weights, x)

        def forward(self, weights, x, rng):
            y, cache = super().forward(weights, x, rng)
            return 2 * y, cache

    X, y = samples("digits")
    net = ConvNetClassifier([Twice(2)], max_iter=1, random_state=SEED).fit(X, y)
    explain(net, X[:1], tmp_path / "net.html")
    assert read(tmp_path / "net.html")[0]["layers"][0]["kind"] == "other"


# Files --------------------------------------------------------------------------------


def test_page_asks_for_nothing(tmp_path):
    net, X, _ = fitted("plain")
    explain(net, X[:1], tmp_path / "net.html")
    page = (tmp_path / "net.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    for word in ("http:", "https:", "src=", "@import", "fetch(", "<link"):
        assert word not in page, word


@pytest.mark.parametrize("max_bytes", [70_000, 90_000, 150_000, 400_000])
def test_file_is_no_larger_than_it_may_be(tmp_path, max_bytes):
    net, X, y = fitted("default")
    path = tmp_path / "net.html"
    explain(net, X[:6], path, y=y[:6], max_bytes=max_bytes)
    assert path.stat().st_size <= max_bytes
    document, arrays = read(path)
    assert document["leftOut"]
    equal(
        arrays[document["outputs"]],
        net.network_.predict(arrays[document["input"]["values"]]),
    )
    for node in document["layers"]:
        if "values" in node:
            assert arrays[node["values"]].shape[0] == document["detailed"]


def test_file_is_replaced_whole(tmp_path):
    net, X, _ = fitted("plain")
    path = tmp_path / "net.html"
    path.write_text("old")
    path.chmod(0o640)
    with pytest.raises(ValueError, match="at most 20 samples"):
        explain(net, np.repeat(X, 2, axis=0), path)
    assert path.read_text() == "old"
    explain(net, X[:1], str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["net.html"]
    first = path.read_bytes()
    explain(net, X[:1], path)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda net, X, y: {"estimator": ConvNetClassifier()}, NotFittedError, "not fitted"),
        (lambda net, X, y: {"estimator": "net"}, TypeError, "explain takes a fitted ConvNetClassifier"),
        (lambda net, X, y: {"X": X[:2, :5]}, ValueError, "features|shape"),
        (lambda net, X, y: {"X": X[0]}, ValueError, "shape|features"),
        (lambda net, X, y: {"X": X[:0]}, ValueError, "0 sample"),
        (lambda net, X, y: {"X": X}, ValueError, "X must have at most 20 samples, .* got 40; pass some of them, X\\[:5\\]"),
        (lambda net, X, y: {"X": X[:2] * np.nan}, ValueError, "NaN"),
        (lambda net, X, y: {"y": y[:3]}, ValueError, "y must have a target for each of the 2 samples of X, got 3"),
        (lambda net, X, y: {"y": [7, 7]}, ValueError, "not in classes_: \\[7\\]"),
        (lambda net, X, y: {"display_labels": ["a"]}, ValueError, "display_labels must have a text for each of the 4"),
        (lambda net, X, y: {"path": 3}, TypeError, "path must be a str"),
        (lambda net, X, y: {"path": "/nowhere/net.html"}, FileNotFoundError, "nowhere"),
        (lambda net, X, y: {"path": "/"}, IsADirectoryError, "directory"),
        (lambda net, X, y: {"max_bytes": 0}, ValueError, "max_bytes must be an int >= 1, got 0"),
        (lambda net, X, y: {"max_bytes": 1000}, ValueError, "max_bytes must leave room for the page and its samples"),
    ],
)  # fmt: skip
def test_argument_that_does_not_fit_is_named(tmp_path, change, kind, words):
    net, X, y = fitted("plain")
    arguments = {"estimator": net, "X": X[:2], "path": tmp_path / "net.html"}
    with pytest.raises(kind, match=words):
        explain(**{**arguments, **change(net, X, y)})
    assert not list(tmp_path.iterdir())


def test_targets_in_other_units_are_refused(tmp_path):
    X, y = samples("numbers")
    net = ConvNetRegressor([Conv2D(2)], max_iter=1, random_state=SEED)
    outer = TransformedTargetRegressor(
        net, func=np.cbrt, inverse_func=lambda v: v**3
    ).fit(X, y)
    for estimator in (outer, make_pipeline(outer)):
        with pytest.raises(ValueError, match="y is in other units"):
            explain(estimator, X[:1], tmp_path / "net.html", y=y[:1])
    explain(outer, X[:1], tmp_path / "net.html")


def test_labels_of_a_regressor_are_refused(tmp_path):
    net, X, _ = fitted("numbers")
    with pytest.raises(ValueError, match="display_labels are texts for classes"):
        explain(net, X[:1], tmp_path / "net.html", display_labels=["a"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chain", "shape"),
    [
        (None, (8, 8)), (None, (28, 28)), (skconv.zoo.lenet5(), (28, 28)),
        (skconv.zoo.keras_mnist(), (28, 28)), (skconv.zoo.compact(), (20, 20)),
        (skconv.zoo.strided_cnn(), (96, 2)), (skconv.zoo.lite(), (96, 2)),
    ],
)  # fmt: skip
def test_small_networks_of_the_zoo_take_less_than_a_megabyte(tmp_path, chain, shape):
    rng = np.random.default_rng(SEED)
    X, y = rng.random((20, *shape)), np.arange(20) % 10
    net = ConvNetClassifier(chain, max_iter=1, random_state=SEED).fit(X, y)
    path = tmp_path / "net.html"
    explain(net, X[:1], path, y=y[:1])
    assert path.stat().st_size < 1_000_000
    kept = [
        w for w in read(path)[0]["leftOut"] if "gradient" not in w and "dense1" not in w
    ]
    assert not kept
