"""The networks of the zoo: as in their papers, and ready to be trained."""

import inspect
import pickle
import re
from pathlib import Path

import numpy as np
import plans
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.datasets import load_digits
from zoo_shapes import MAKE_IMAGES, NETWORKS, SHAPES, SIGNALS

from skconv import ConvNetClassifier, Network, zoo
from skconv.layers import Conv2D, Cropping2D, Dense, ZeroPadding2D
from skconv.models.costs import count_macs

# Of the same plan, but quick to train.
SMALL = {
    "lenet5": {},
    "keras_mnist": {},
    "all_cnn": {"width": 12},
    "resnet": {"filters": (8, 16)},
    "resnet9": {"filters": (4, 8, 8, 16)},
    "compact": {"filters": (8, 16, 16)},
    "unet": {"filters": (4, 8, 8)},
    "autoencoder": {"code": 8, "filters": (4, 8)},
    "signal_fcn": {"filters": (16, 16), "kernel_sizes": (8, 3)},
    "strided_cnn": {"filters": (16, 16), "kernel_sizes": (8, 3)},
    "inception_time": {"filters": 4, "depth": 4, "bottleneck": 8},
    "lite": {"filters": 8},
}


def build(layers, shape, classes=10):
    return Network.build([*layers, ("out", Dense(classes))], shape, 0)


def small(name, **params):
    layers = getattr(zoo, name)(**SMALL[name])
    return ConvNetClassifier(
        layers, batch_size=16, learning_rate_init=5e-3, random_state=SEED, **params
    )


def digits(name, n=64):
    """Zeros and ones, each pixel thrice and a margin; or pixel by pixel, as a signal."""
    X, y = load_digits(n_class=2, return_X_y=True)
    X = X[:n].astype(np.float32) / 16
    if SHAPES[name] is SIGNALS:
        return X[..., None], y[:n]
    X = np.kron(X.reshape(-1, 8, 8), np.ones((3, 3), np.float32))
    return np.pad(X, ((0, 0), (2, 2), (2, 2)))[..., None], y[:n]


def test_tables_have_the_whole_zoo():
    assert set(SHAPES) == set(SMALL) == set(NETWORKS)


@pytest.mark.parametrize(
    "name, shape", [(name, shape) for name in SHAPES for shape in SHAPES[name]]
)
def test_networks_fit_their_input(name, shape):
    layers = getattr(zoo, name)(**SMALL[name])
    network = build(layers, shape)
    x = np.random.default_rng(SEED).random((2, *shape), np.float32)
    y = network.predict(x)
    assert y.shape == (2, 10)
    assert np.isfinite(y).all()


@pytest.mark.parametrize(
    "layers, shape, parameters",
    [
        # The figure of any LeNet-5 whose second convolution sees all maps; the paper's
        # sees some of them and has 60,000.
        (zoo.lenet5(), (28, 28, 1), 61_706),
        # What model.summary() prints in keras.io/examples/vision/mnist_convnet.
        (zoo.keras_mnist(), (28, 28, 1), 34_826),
        # By the paper's table 1: 3x3 convolutions 3-96-96-96-192-192-192-192, two 1x1.
        (
            zoo.all_cnn(),
            (32, 32, 3),
            9 * (3 * 96 + 2 * 96 * 96 + 96 * 192 + 3 * 192 * 192)
            + (192 * 192 + 192 * 10)
            + (3 * 96 + 5 * 192 + 10),
        ),
        # A depthwise kernel and a pointwise one each; gamma and beta of each filter.
        (
            zoo.compact(),
            (28, 28, 1),
            9 * (1 * 32 + 32 + 64 + 64 + 128)
            + (32 * 64 + 64 * 64 + 64 * 128 + 128 * 128)
            + 2 * (32 + 64 + 64 + 128 + 128)
            + (128 * 10 + 10),
        ),
        (
            zoo.signal_fcn(),
            (140, 1),
            (8 * 1 * 128 + 5 * 128 * 256 + 3 * 256 * 128)
            + 2 * (128 + 256 + 128)
            + (128 * 10 + 10),
        ),
        # Those of aeon 1.6.0, InceptionNetwork and LITENetwork, before an output layer
        # for ten classes; the filters that LITE does not train are not counted.
        (zoo.inception_time(), (128, 1), 421_482),
        (zoo.inception_time(channels=6), (64, 6), 491_914),
        (zoo.inception_time(), (5, 1), 421_482),
        (zoo.lite(), (128, 1), 10_144),
        (zoo.lite(), (64, 6), 21_344),
        (zoo.lite(), (5, 1), 10_144),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else "",
)
def test_networks_have_the_parameters_of_their_papers(layers, shape, parameters):
    assert build(layers, shape).parameters.size == parameters


@pytest.mark.parametrize("call", plans.stored())
def test_layers_and_their_names_are_those_that_are_stored(call):
    assert plans.plan(call) == plans.stored()[call]


def test_unet_keeps_the_size_of_images(rng):
    layers = zoo.unet((4, 6, 8))
    network = Network.build([*layers, ("out", Conv2D(3, 1))], (20, 12, 2), 0)
    assert network.shapes[-1] == (20, 12, 3)
    assert network.predict(rng.random((2, 20, 12, 2), np.float32)).shape[1:3] == (
        20,
        12,
    )
    words = r"'skip.below.skip' .*multiples of .* stride\*\*k: put ZeroPadding2D"
    with pytest.raises(ValueError, match=words):
        Network.build(layers, (18, 12, 2), 0)
    sides = ((0, 2), (0, 0))
    around = [("pad", ZeroPadding2D(sides)), *layers, ("crop", Cropping2D(sides))]
    assert Network.build(around, (18, 12, 2), 0).shapes[-1] == (18, 12, 4)


@pytest.mark.parametrize("size", [(28, 28), (27, 30), (1, 5), (33, 64)])
@pytest.mark.parametrize("filters", [(4,), (4, 6), (2, 3, 4)])
def test_autoencoder_makes_images_of_the_size_of_its_input(size, filters):
    layers = zoo.autoencoder(size, code=5, filters=filters)
    network = Network.build(layers, (*size, 3), 0)
    assert network.shapes[-1] == (*size, filters[0])
    assert network.shapes[len(filters)] == (5,)
    assert [name for name, _ in layers][len(filters)] == "code"


@pytest.mark.parametrize(
    "blocks, millions", [(3, 0.27), (5, 0.46), (7, 0.66), (9, 0.85)]
)
def test_resnet_has_the_parameters_of_the_papers_table_6(blocks, millions):
    layers = zoo.resnet((16, 32, 64), blocks=blocks, pool_size=1)
    # There, shortcuts that change a shape have no weights (option A).
    shortcuts = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    found = build(layers, (32, 32, 3)).parameters.size - shortcuts
    assert round(found / 1e6, 2) == millions


def test_resnet_halves_the_image_at_each_stage_but_the_first():
    network = build(zoo.resnet((4, 8, 16), blocks=2, pool_size=1), (28, 28, 1))
    sizes = {
        name: s for (name, _), s in zip(network.layers, network.shapes, strict=True)
    }
    assert sizes["stage1_block2"] == (28, 28, 4)
    assert sizes["stage2_block1"] == sizes["stage2_block2"] == (14, 14, 8)
    assert sizes["stage3_block2"] == (7, 7, 16)


def test_compact_halves_the_image_where_filters_grow():
    network = build(zoo.compact((4, 8, 8, 12, 6)), (28, 28, 1))
    assert network.shapes[:-2:2] == [
        (28, 28, 4), (14, 14, 8), (14, 14, 8), (7, 7, 12), (7, 7, 6),
    ]  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_networks_learn(name):
    X, y = digits(name)
    clf = small(name, max_iter=8, tol=0)
    rates = [each for each in clf.get_params() if each.endswith("__rate")]
    clf.set_params(**dict.fromkeys(rates, 0.1))  # more is noise in so few steps
    clf.fit(X, y)
    assert np.isfinite(clf.loss_curve_).all()
    assert min(clf.loss_curve_) < 0.8 * clf.loss_curve_[0]  # later steps may be large
    twin = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize(
    "name, parameter, value",
    [
        ("lenet5", "conv1__filters", 8),
        ("keras_mnist", "dropout__rate", 0.25),
        ("all_cnn", "conv8__activation", "gelu"),
        ("resnet", "stage1_block1__conv1__filters", 4),
        ("resnet", "stage2_block1__shortcut__conv__kernel_size", 3),
        ("compact", "conv2__depth_multiplier", 2),
        ("unet", "skip__below__skip__below__up__kernel_size", 3),
        ("unet", "skip__below__conv3__filters", 5),
        ("autoencoder", "code__activation", "tanh"),
        ("signal_fcn", "norm2__momentum", 0.5),
        ("inception_time", "block1__module2__long__convs__conv1__kernel_size", 8),
        ("inception_time", "block1__module2__pooled__pool__pool_size", 5),
        ("inception_time", "module4__long__bottleneck__filters", 4),
        ("lite", "mixed__handcrafted__kernel_sizes", (2, 8, 16, 32, 64, 128)),
        ("lite", "depthwise2__dilation", 3),
    ],
)
def test_names_reach_in(name, parameter, value):
    clf = small(name, max_iter=1)
    assert clf.get_params()[parameter] != value
    twin = clone(clf).set_params(**{parameter: value})
    assert clone(twin).get_params()[parameter] == value
    assert clf.get_params()[parameter] != value
    X, y = digits(name, n=32)
    assert twin.fit(X, y).predict(X).shape == y.shape


def test_each_call_returns_new_layers():
    first, second = zoo.resnet(), zoo.resnet()
    dict(first)["stage1_block1"].set_params(conv1__filters=7)
    assert dict(second)["stage1_block1"].get_params()["conv1__filters"] == 32


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: zoo.resnet(()), "filters must be one int or more in a list, got ()"),
        (lambda: zoo.compact(32), "filters must be one int or more in a list, got 32"),
        (lambda: zoo.compact((8, 0)), "each of filters must be an int >= 1, got 0"),
        (lambda: zoo.unet(()), "filters must be one int or more in a list, got ()"),
        (lambda: zoo.autoencoder(code=0), "code must be an int >= 1, got 0"),
        (
            lambda: zoo.autoencoder((28, 28, 1)),
            "image_size must be an int >= 1 or a pair of them, got (28, 28, 1)",
        ),
        (lambda: zoo.resnet(blocks=0), "blocks must be an int >= 1, got 0"),
        (
            lambda: zoo.resnet9((4, 8)),
            "filters must be four int, got 2: [4, 8]",
        ),
        (
            lambda: zoo.resnet9(4),
            "filters must be one int or more in a list, got 4",
        ),
        (
            lambda: zoo.autoencoder(filters=4),
            "filters must be one int or more in a list, got 4",
        ),
        (lambda: zoo.lite(0), "filters must be an int >= 1, got 0"),
        (
            lambda: zoo.lite(kernel_sizes=4),
            "kernel_sizes must be one int or more in a list, got 4",
        ),
        (lambda: zoo.inception_time(0), "filters must be an int >= 1, got 0"),
        (
            lambda: zoo.inception_time(kernel_sizes=[4, 0]),
            "each of kernel_sizes must be an int >= 1, got 0",
        ),
        (lambda: zoo.inception_time(depth=0), "depth must be an int >= 1, got 0"),
        (
            lambda: zoo.inception_time(bottleneck=0),
            "bottleneck must be an int >= 1, got 0",
        ),
        (
            lambda: zoo.inception_time(channels=0),
            "channels must be an int >= 1, got 0",
        ),
        (lambda: zoo.signal_fcn(8), "filters must be one int or more in a list, got 8"),
        (
            lambda: zoo.strided_cnn(kernel_sizes=3),
            "kernel_sizes must be one int or more in a list, got 3",
        ),
        (
            lambda: zoo.resnet(pool_size="2"),
            "pool_size must be an int >= 1 or a pair of them, got '2'",
        ),
        (
            lambda: zoo.signal_fcn((8, 16)),
            "filters and kernel_sizes must have an entry for each convolution, got 2 "
            "and 3 of them",
        ),
    ],
)
def test_errors_name_the_argument(make, words):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == words


def test_build_refuses_an_image_that_is_too_small():
    with pytest.raises(ValueError, match="layer 'conv2' .*padding='same'"):
        build(zoo.lenet5(), (8, 8, 1))


def test_table_of_networks_in_the_docs_is_right():
    page = (Path(__file__).parents[2] / "docs" / "guide" / "models.md").read_text()
    rows = re.findall(r"^\| `(.*?)` \|.*?\| ([\d,]+) \| ([\d,]+) \|", page, re.M)
    said = {call: tuple(int(n.replace(",", "")) for n in ns) for call, *ns in rows}
    counted = {}
    for name, (shape, *_) in SHAPES.items():
        shape = (128, 1) if shape in SIGNALS else shape
        make = getattr(zoo, name)
        out = Conv2D(1, 1) if name in MAKE_IMAGES else Dense(10)
        layers = [*make(), ("out", out)]
        parameters = inspect.signature(make).parameters.values()
        arguments = ", ".join(f"{each.name}={each.default!r}" for each in parameters)
        counted[f"{name}({arguments})"] = (
            Network.build(layers, shape, 0).parameters.size,
            count_macs(layers, shape),
        )
    assert said == counted
