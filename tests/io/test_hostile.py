"""Model files that contradict themselves, or would take too much, are refused."""

import json
import time
import tracemalloc

import numpy as np
import pytest
import small_models
from seeds import SEED
from test_loading import HEADER, edit, framed

from skconv import ConvNetClassifier, ConvNetRegressor, load_model, save_model, zoo
from skconv._utils import documents
from skconv.io.document import build_blank_network
from skconv.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    GlobalAvgPool2D,
    MaxPool2D,
    Normalization,
    Residual,
)
from skconv.layers.initializers import Blank
from skconv.models.network import Network

images, clf, path = small_models.images, small_models.clf, small_models.path


def layer(kind, **params):
    return {"class": kind, "params": params}


def rewrite(path, change):
    """Change a file's document and arrays: ``change(document, arrays)``."""
    with documents.reading(path, "model") as reader:
        arrays, document = reader.empty(reader.parts), reader.document
        reader.read_into(arrays)
    change(document, arrays)
    documents.write(path, "model", document, arrays)


# Contradictions ----------------------------------------------------------------------


def spoil(name, value):
    def change(document, arrays):
        arrays[name].reshape(-1)[0] = value

    return change


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("conv2d_1.kernel", np.nan, "must hold finite numbers, got nan"),
        ("output.bias", np.inf, "must hold finite numbers, got inf"),
        ("output.bias", -np.inf, "must hold finite numbers, got -inf"),
        ("batchnorm_1.moving_variance", -0.5, "must be >= 0, got -0.5"),
        ("batchnorm_1.samples", -1, "must be >= 0, got -1"),
        ("normalization_1.scale", 0, "must be > 0, got 0"),
        ("normalization_1.scale", -1, "must be > 0, got -1"),
    ],
)
def test_weights_out_of_their_range_are_refused(name, value, words, images, path):
    layers = [Normalization(), Conv2D(2), BatchNorm(), Residual([BatchNorm()])]
    save_model(ConvNetClassifier(layers, max_iter=1).fit(*images), path)
    rewrite(path, spoil(name, value))
    with pytest.raises(ValueError, match=rf"array '{name}' {words}"):
        load_model(path)
    inside = "residual_1.batchnorm_1.moving_variance"
    save_model(ConvNetClassifier(layers, max_iter=1).fit(*images), path)
    rewrite(path, spoil(inside, -1))
    with pytest.raises(ValueError, match=rf"array '{inside}' must be >= 0"):
        load_model(path)


def test_weights_of_several_dtypes_are_refused(clf, path):
    def widen(document, arrays):
        arrays["output.bias"] = arrays["output.bias"].astype(np.float64)

    save_model(clf, path)
    rewrite(path, widen)
    with pytest.raises(ValueError, match="its weights must be of one dtype"):
        load_model(path)


def test_largest_weights_of_both_signs_are_finite(clf, path):
    kernel = clf.network_.arrays["conv2d_1.kernel"]
    kernel[...] = np.finfo(np.float32).max * (-1.0) ** np.arange(kernel.shape[-1])
    save_model(clf, path)
    loaded = load_model(path).network_.arrays["conv2d_1.kernel"]
    np.testing.assert_array_equal(loaded, kernel)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"pretrained": "/etc/passwd"}, "must not have the parameters .*pretrained"),
        ({"frozen": ["nowhere"]}, "frozen must name layers .*'conv2d_1'"),
        ({"frozen": 3}, "frozen must be the name of a layer"),
        ({"learning_rate_multipliers": {"dict": [["a", -1]]}}, "finite numbers > 0"),
    ],
)
def test_odd_parameters_of_frozen_layers_are_refused(params, words, clf, path):
    save_model(clf, path)
    rewrite(path, lambda document, _: document["estimator"]["params"].update(params))
    with pytest.raises(ValueError, match=words):
        load_model(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (spoil("conv2d_1.kernel", np.nan), "finite numbers, got nan"),
        (lambda document, _: document.update(layers=3), "cannot be loaded"),
        (lambda document, _: document.update(layers=[[]]), "cannot be loaded"),
    ],
)
def test_weights_of_odd_files_are_refused_as_a_start(change, words, clf, images, path):
    save_model(clf, path)
    rewrite(path, change)
    new = ConvNetClassifier(small_models.LAYERS, pretrained=path, max_iter=1)
    with pytest.raises(ValueError, match=f"pretrained.*{words}"):
        new.fit(*images)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_not_saved(value, images, path):
    clf = ConvNetClassifier(filters=2, max_iter=1).fit(*images)
    clf.network_.values[3] = value
    with pytest.raises(ValueError, match="must hold finite numbers"):
        save_model(clf, path)
    assert not path.exists()


def test_variance_below_0_is_refused_from_other_libraries(images):
    clf = ConvNetClassifier([Conv2D(2), BatchNorm()], max_iter=1).fit(*images)
    weights = clf.get_weights()
    weights[5] = -weights[5]
    with pytest.raises(ValueError, match="moving_variance' must be >= 0, got -"):
        clf.set_weights(weights)


LABELS = {"classes": [0, 1, 2], "dtype": "int64", "multilabel": False}
NUMBERS = {"loss": "huber", "n_outputs": 3, "flat": False}


@pytest.mark.parametrize(
    ("kind", "encoder", "words"),
    [
        (ConvNetRegressor, LABELS, "one of labels, which a ConvNetRegressor"),
        (ConvNetClassifier, NUMBERS, "one of numbers, which a ConvNetClassifier"),
    ],
)
def test_encoder_of_another_kind_is_refused(kind, encoder, words, images, path):
    X, y = images
    y = np.stack([y, y, y], axis=1) if kind is ConvNetRegressor else y
    save_model(kind(filters=2, max_iter=1).fit(X, y), path)
    rewrite(path, lambda document, _: document["fitted"].update(encoder=encoder))
    with pytest.raises(ValueError, match=f"its encoder is {words} does not predict"):
        load_model(path)


# The cost of a sample ----------------------------------------------------------------


def first(*layers):
    def change(table, document):
        named = [[f"a{i}", each] for i, each in enumerate(layers)]
        document["layers"][:0] = named

    return change


def pool(size, padding, **params):
    return layer("MaxPool2D", pool_size=size, stride=1, padding=padding, **params)


COSTLY = {
    "pools that enlarge": [pool(5000, 4999)] * 16,
    "one that enlarges": [pool(5000, 4999)],
    "taps of a small image": [pool(5000, "same")],
    "taps by steps": [pool(300, "same")] * 100,
    "padding before a stride": [
        layer("AvgPool2D", pool_size=10**4, stride=10**4, padding=9999)
    ],
    "branches that enlarge": [
        layer("Branches", layers=[layer("Dropout", rate=0.5)] * 4)
    ]
    * 16,
    "a window beyond 32 bits": [pool(2**31, "same")],
}


@pytest.mark.parametrize("name", COSTLY)
def test_layers_without_weights_that_take_much_are_refused(name, images, path):
    clf = ConvNetClassifier([GlobalAvgPool2D()], max_iter=1).fit(*images)
    save_model(clf, path)
    edit(path, first(*COSTLY[name]))
    start = time.process_time()
    with pytest.raises(ValueError, match="too large for the|is too large|more weights"):
        load_model(path)
    assert time.process_time() - start < 2


def test_stride_beyond_32_bits_is_one_window(images, path):
    probabilities = []
    for stride in (6, 2**31):
        clf = ConvNetClassifier([GlobalAvgPool2D()], max_iter=1, random_state=SEED)
        save_model(clf.fit(*images), path)
        edit(path, first(layer("AvgPool2D", pool_size=1, stride=stride)))
        probabilities.append(load_model(path).predict_proba(images[0]))
    np.testing.assert_array_equal(*probabilities)


def test_convolution_with_much_padding_is_refused(images, path):
    clf = ConvNetClassifier([Conv2D(2), GlobalAvgPool2D()], max_iter=1).fit(*images)
    save_model(clf, path)

    def change(table, document):
        document["layers"][0][1]["params"]["padding"] = 10_000

    edit(path, change)
    words = r"layer 'conv2d_1'.*with an input of shape \(6, 6, 1\) it takes .* sample"
    with pytest.raises(ValueError, match=words):
        load_model(path)


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ([Conv2D(64, 7), Conv2D(64), MaxPool2D(3, stride=1), GlobalAvgPool2D()], (512, 512, 3)),
        ([MaxPool2D(9, stride=1, padding="same"), GlobalAvgPool2D()], (2048, 2048, 3)),
        ([Conv2D(3, 31, padding="same"), GlobalAvgPool2D()], (1024, 1024, 1)),
        ([Dense(4000), Dense(4000)], (64, 64, 3)),
    ],
)  # fmt: skip
def test_networks_of_large_images_are_within_the_bounds(layers, shape):
    network = Network.build([*layers, Dense(10)], shape, Blank())
    named, n = network.layers, network.values.size
    assert build_blank_network(named, shape, np.dtype("f4"), n).values.size == n


def test_zoo_is_within_the_bounds():
    for name in (*zoo.images.__all__, *zoo.signals.__all__):
        made = getattr(zoo, name)()
        signals = [(128, 1), (4096, 12)]
        images = [(32, 32, 3), (224, 224, 3)]
        for shape in signals if name in zoo.signals.__all__ else images:
            network = Network.build([*made, ("out", Dense(10))], shape, Blank())
            build_blank_network(
                network.layers, shape, np.dtype("f4"), network.values.size
            )


# Names, nesting, width ---------------------------------------------------------------

LONG = "x" * 1_900_000


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["estimator"].update({"class": LONG}),
        lambda document: document["estimator"]["params"].update(solver=LONG),
        lambda document: document["estimator"]["params"].update({LONG: 1}),
        lambda document: document["layers"][0].__setitem__(0, LONG),
        lambda document: document["layers"][0][1].update({"class": LONG}),
        lambda document: document["layers"][0][1]["params"].update(activation=LONG),
        lambda document: document["layers"][0][1]["params"].update({LONG: 1}),
        lambda document: document["layers"][0][1].update({LONG: 1}),
        lambda document: document["fitted"]["encoder"].update(dtype=LONG),
        lambda document: document["fitted"].update(split_seed=LONG),
        lambda document: document.update({LONG: 1}),
    ],
)
def test_long_name_is_refused_in_little_memory(change, clf, path):
    save_model(clf, path)
    edit(path, lambda table, document: change(document))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="cannot be loaded") as caught:
            load_model(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 4000
    assert peak < path.stat().st_size + HEADER


def test_long_version_and_array_are_refused(path):
    for header in (
        {"__metadata__": {"format": "skconv model", "format_version": "9" * 10**6}},
        {"a" * 10**6: {}},
        {"a": {"dtype": "F" * 10**6, "shape": [], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1] * 10**5, "data_offsets": [0, 4]}},
    ):
        path.write_bytes(framed(json.dumps(header).encode()))
        with pytest.raises(ValueError, match="cannot be loaded") as caught:
            load_model(path)
        assert len(str(caught.value)) < 1500


def test_long_names_are_not_saved(images, path):
    clf = ConvNetClassifier([("a" * 2000, Dense(4))], max_iter=1).fit(*images)
    with pytest.raises(
        ValueError, match="the name of a layer must be a text of at most"
    ):
        save_model(clf, path)
    clf = ConvNetClassifier(filters=2, max_iter=1, random_state=SEED).fit(*images)
    with pytest.raises(ValueError, match="parameter transform_layer must have at most"):
        save_model(clf.set_params(transform_layer="a" * 20_000), path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Residual", "Sequential"])
def test_thousands_of_inner_layers_are_loaded(kind, images, path):
    clf = ConvNetClassifier([GlobalAvgPool2D()], max_iter=1).fit(*images)
    save_model(clf, path)
    inner = [layer("Activation", activation=None)] * 5000
    edit(path, first(layer(kind, layers=inner)))
    start = time.process_time()
    load_model(path).predict(images[0][:1])
    assert time.process_time() - start < 5
