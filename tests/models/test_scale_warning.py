"""One warning where X is far from the scale on which networks learn."""

import re
import warnings

import numpy as np
import pytest
from seeds import SEED
from sklearn.exceptions import ConvergenceWarning

from skconv import ConvNetClassifier, zoo
from skconv.layers import (
    BatchNorm,
    Branches,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    MaxPool2D,
    Normalization,
    Rescaling,
    Residual,
    Sequential,
)

X = np.random.default_rng(SEED).random((40, 8, 8, 2))
Y = np.arange(40) % 2
RNG = np.random.default_rng(SEED + 1)


def warned(layers, X, **params):
    """Return the texts of the warnings of a fit, but for those of what it has reached."""
    clf = ConvNetClassifier(layers, max_iter=1, learning_rate_init=1e-6, **params)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, Y)
    return [str(warning.message) for warning in caught]


LISTED = {
    "convolution": [Conv2D(2)],
    "no weights first": [MaxPool2D(2), Flatten(), Dropout(0.1), Dense(3)],
    "too late": [Conv2D(2, activation="relu"), Normalization()],
    "activation between": [Conv2D(2, activation="relu"), BatchNorm()],
    "inside": [Residual([Conv2D(2)])],
    "only one branch": [Branches([[Conv2D(2)], [Normalization()]])],
    "rescaled too little": [Rescaling(1 / 2), Conv2D(2)],
    "none": [Flatten()],
}
SCALED = {
    "learnt": [Normalization(0.5), Conv2D(2)],
    "learnt after a pool": [MaxPool2D(2), Normalization(), Conv2D(2)],
    "learnt inside": [Sequential([Normalization(), Conv2D(2)])],
    "given": [Rescaling(1 / 100), Conv2D(2)],
    "minibatch": [BatchNorm(), Conv2D(2)],
    "sample": [LayerNorm((1, 2, 3)), Conv2D(2)],
    "after the first weights": [Conv2D(2, use_bias=False), BatchNorm("relu")],
    "a block of the zoo": zoo.resnet((4,)),
}
SCALED["after the first weights"][1] = BatchNorm(activation="relu")


@pytest.mark.parametrize("layers", LISTED.values(), ids=LISTED)
@pytest.mark.parametrize("by", [100, 1e-3])
def test_listed_layers_on_an_odd_scale_give_one_warning(layers, by):
    if by < 1 and layers is LISTED["rescaled too little"]:
        layers = [Rescaling(2.0), Conv2D(2)]
    (words,) = warned(layers, by * X)
    assert "has a root mean square of about" in words
    assert "Put skconv.layers.Normalization(0.5) first in layers" in words
    assert warned(layers, X) == []


@pytest.mark.parametrize("layers", SCALED.values(), ids=SCALED)
def test_layers_that_scale_their_input_give_none(layers):
    assert warned(layers, 100 * X) == []
    assert warned(None, 100 * X) == []


def test_small_values_are_not_scaled_by_layers_with_an_epsilon():
    for layers in (
        SCALED["minibatch"],
        SCALED["sample"],
        SCALED["after the first weights"],
    ):
        (words,) = warned(layers, 1e-3 * X)
        assert "Put skconv.layers.Normalization(0.5) first" in words
    for name in ("learnt", "learnt after a pool", "learnt inside"):
        assert warned(SCALED[name], 1e-3 * X) == []


def test_standardised_and_blank_data_give_none(rng):
    for x in (rng.standard_normal(X.shape), X, X - 0.5, np.zeros_like(X), X > 0.9):
        assert warned([Conv2D(2)], x) == []
    assert warned(None, np.full_like(X, 1e9)) == []


def test_values_far_from_0_give_a_warning():
    (words,) = warned([Conv2D(2)], 20 + X)
    assert re.search(r"about 2[01]\b", words)


def test_a_few_values_far_out_of_range_are_named_as_the_cause():
    outliers = X.copy()
    outliers[3, 2, 2] = 1e6
    (words,) = warned(None, outliers, filters=(2,))
    assert words.startswith("a few values of X are so far from the others")
    assert "np.clip" in words
    assert warned(None, np.minimum(outliers, 30), filters=(2,)) == []


def test_one_value_among_few_samples_or_in_one_channel_is_named():
    for place, x in [(0, X[..., :1]), (0, X), (1, X)]:
        outliers = x.copy()
        outliers[3, :, :, place] *= 1e9
        (words,) = warned(None, outliers, filters=(2,))
        assert words.startswith("a few values of X are so far from the others")
        assert f"in channel {place} most vary by" in words


ODD = {
    "sparse": RNG.random(X.shape) > 0.995,
    "one channel for few samples": np.where(np.arange(40)[:, None, None, None] == 3, X, [0, 1] * X),
    "mostly blank": np.where(np.arange(40)[:, None, None, None] < 5, X, 0),
    "heavy tails": np.exp(2 * RNG.standard_normal(X.shape)),
    "constant channel": [1, 0] * X + [0, 1e9],
    "channels of several sizes": X * [1e9, 1e-9],
    "one sample far away": X + 30 * (np.arange(40) == 3)[:, None, None, None],
}  # fmt: skip


@pytest.mark.parametrize("x", ODD.values(), ids=ODD)
def test_odd_data_that_normalization_scales_give_none(x):
    assert warned(None, x, filters=(2,)) == []


def test_odd_deviations_and_scales_after_normalization_are_named():
    for layers in ([Normalization(100)], [Normalization(1e-9)], [Normalization(), Rescaling(1e-3)]):  # fmt: skip
        (words,) = warned([*layers, Conv2D(2)], X)
        assert f"Use Normalization(0.5) in place of {layers[0]!r}" in words
    assert warned([Normalization(2), Rescaling(0.25), Conv2D(2)], X) == []


def resume(first, later, layers=None):
    params = {"filters": (2,)} if layers is None else {"layers": layers}
    clf = ConvNetClassifier(learning_rate_init=1e-6, random_state=SEED, **params)
    clf.partial_fit(first, Y, classes=[0, 1])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.partial_fit(later, Y)
    return [str(warning.message) for warning in caught]


def test_later_calls_on_another_scale_give_a_warning():
    for first, later in [(X, 255 * X), (255 * X, X), (X, X + 100), (0 * X, 255 * X)]:
        (words,) = resume(first, later)
        assert words.startswith("X is on another scale than in the first call")
        assert "layer 'normalization' keeps" in words
    for later in (X, X[::-1] ** 2, 2 * X, X / 4, np.full_like(X, 0.5)):
        assert resume(X, later) == []
    assert resume(X[:40] * 0 + 3, X + 3) == []


def test_a_later_call_of_partial_fit_gives_none():
    clf = ConvNetClassifier([Conv2D(2)], learning_rate_init=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)  # it has learnt nothing
        with pytest.warns(UserWarning, match="root mean square"):
            clf.partial_fit(100 * X, Y, classes=[0, 1])
        clf.partial_fit(100 * X, Y)


def test_the_warning_reads_few_rows_of_a_memory_map(monkeypatch):
    from skconv._data import samples

    rows = []
    real = samples.gather

    def gather(X, which, network):
        rows.append(len(which))
        return real(X, which, network)

    monkeypatch.setattr(samples, "gather", gather)
    many = np.repeat(X, 100, axis=0)
    with pytest.warns(UserWarning, match="root mean square"):
        ConvNetClassifier([Conv2D(2)], batch_size=4000, max_iter=1).fit(
            1e-3 * many, np.repeat(Y, 100)
        )
    assert sum(rows) - 4000 <= 64


def test_layer_norm_of_single_values_gives_a_warning():
    (words,) = warned([LayerNorm(), Conv2D(2)], X[..., :1])
    assert "LayerNorm(axis=-1) makes each value 0" in words
    assert "Normalise along all, axis=(1, 2, 3)" in words
    for layers in ([LayerNorm((1, 2, 3)), Conv2D(2), LayerNorm()], [Flatten(), LayerNorm((1,)), Dense(3)]):  # fmt: skip
        assert warned(layers, X[..., :1]) == []
