"""Weights, counts, orders and batches of samples, by their limits."""

import numpy as np
import pytest

from skconv import Network
from skconv._data import batches, samples, weighing
from skconv._data.batches import chunk_size, gather, gather_exactly, predict_in_batches
from skconv._data.class_encoder import ClassEncoder
from skconv._data.image_encoder import ImageEncoder
from skconv._data.samples import (
    Samples,
    check_sample_weight,
    hold_out,
    pixel_weight,
    weight_of_samples,
)
from skconv._data.weighing import as_counts, sort_by_content, weigh
from skconv.layers import Dense

COUNTS = {
    "none": (None, None),
    "zeros and ones": ([0.0, 1.0, 2.0], [0, 1, 2]),
    "as much as there may be": ([30.0, 0, 0], [30, 0, 0]),
    "more": ([31.0, 0, 0], None),
    "more in all": ([20.0, 11, 0], None),
    "fractions": ([1.0, 0.5, 1], None),
    "of pixels": ([[1.0], [2], [3]], None),
}


@pytest.mark.parametrize(("weight", "counts"), COUNTS.values(), ids=COUNTS)
def test_whole_weights_are_counts(weight, counts):
    found = as_counts(None if weight is None else np.array(weight))
    assert (found if found is None else found.tolist()) == counts


X = np.arange(12.0).reshape(4, 3)
TARGETS = np.array([0, 1, 0, 1])


def weighed(weight, factors=None, dtype="f4", normalize=True):
    weight = None if weight is None else np.array(weight, float)
    factors = None if factors is None else np.array(factors, float)
    samples = Samples(X, TARGETS, weight)
    return weigh(samples, factors, np.dtype(dtype), normalize=normalize).sample_weight


WEIGHTS = {
    "a mean of 1": ([1, 2, 3, 2], None, True, [0.5, 1, 1.5, 1]),
    "over those that have some": ([1, 0, 3, 0], None, True, [0.5, 0, 1.5, 0]),
    "huge": ([1e308, 1e308, 1e308, 0], None, True, [1, 1, 1, 0]),
    "factors": (None, [1, 3, 1, 3], True, [0.5, 1.5, 0.5, 1.5]),
    "huge with factors": ([1e308] * 4, [1, 3, 1, 3], True, [0.5, 1.5, 0.5, 1.5]),
    "as they are": ([1, 2, 3, 4], None, False, [1, 2, 3, 4]),
    "products": ([1, 2, 3, 4], [1, 2, 1, 2], False, [1, 4, 3, 8]),
}


@pytest.mark.parametrize(("weight", "factors", "normalize", "expected"), WEIGHTS.values(), ids=WEIGHTS)  # fmt: skip
def test_weights_in_the_loss(weight, factors, normalize, expected):
    found = weighed(weight, factors, normalize=normalize)
    np.testing.assert_allclose(found, expected)
    assert found.dtype == np.float32


LARGEST = 1e-4 * np.sqrt(np.finfo("f4").max)


@pytest.mark.parametrize("size", [0.99 * LARGEST, 1.01 / LARGEST])
def test_squares_of_weights_are_in_range(size):
    found = weighed([size, 0, size, size], normalize=False)
    assert found[0] == np.float32(size)


@pytest.mark.parametrize("size", [1.01 * LARGEST, 0.99 / LARGEST, 1e39])
def test_weights_whose_squares_leave_the_range_are_refused(size):
    words = f"range of float32 also when it is squared, got values up to {size:g}"
    with pytest.raises(ValueError, match=words.replace("+", r"\+")):
        weighed([size, 0, 0, 0], normalize=False)
    assert weighed([size, 0, 0, 0], dtype="f8", normalize=False)[0] == size
    with pytest.raises(ValueError, match="got values up to 8e.34"):
        weighed([8e34, 0, 0, 0], normalize=False)


def order_of(X, targets=None, weight=None):
    targets = np.zeros(len(X)) if targets is None else targets
    return sort_by_content(Samples(X, targets, weight)).rows.tolist()


@pytest.mark.parametrize("size", [8, 24, 2**19])
def test_samples_are_sorted_by_values_then_targets_then_weights(size, monkeypatch, rng):
    monkeypatch.setattr(weighing, "_CHUNK_BYTES", size)
    single = np.array([[3.0], [1], [2]])
    assert order_of(single) == [1, 2, 0]
    assert order_of(single.astype(np.uint8)) == [1, 2, 0]
    assert order_of(single[:1]) == [0]
    x = rng.integers(3, size=(40, 5)).astype(float)
    targets, weight = rng.integers(2, size=40), rng.integers(2, size=40) + 0.5
    shuffled = rng.permutation(40)

    def rows(which):
        order = which[order_of(x[which], targets[which], weight[which])]
        return np.c_[x, targets, weight][order].tolist()

    assert rows(shuffled) == rows(np.arange(40))
    # Another scale has the same order of what differs in X.
    distinct = rng.permutation(40).astype(float)[:, None] * np.ones(3)
    assert (
        order_of(distinct)
        == order_of(1000 * distinct)
        == np.argsort(distinct[:, 0]).tolist()
    )


def test_equal_samples_are_sorted_together():
    x = np.zeros((6, 40))
    x[:, 39] = [0, 1, 0, 1, 0, 1]
    order = order_of(x)
    assert np.abs(np.diff(x[order, 39])).sum() == 1
    targets = np.array([0, 0, 1, 1, 0, 1.0])
    order = order_of(np.zeros((6, 2)), targets)
    assert np.abs(np.diff(targets[order])).sum() == 1
    weight = np.array([1.0, 2, 1, 2, 1, 2])
    order = order_of(np.zeros((6, 2)), None, weight)
    assert np.abs(np.diff(weight[order])).sum() == 1
    assert order_of(np.array([[0.0], [-0.0], [0.0]]), np.array([2.0, 1, 2]))[1] != 1


def test_columns_that_decide_the_order_are_few_and_keep_small_dtypes():
    wide = np.zeros((2, 1000), np.uint8)
    assert weighing._some_columns(wide).dtype == np.uint8
    assert weighing._some_columns(wide.astype("f8")).dtype == np.float32
    assert 25 < weighing._some_columns(wide).shape[1] <= 32
    assert weighing._some_columns(wide[:, :2]).shape == (2, 2)
    assert weighing._some_columns(np.full((1, 1), 1e300))[0, 0] == np.inf


@pytest.fixture
def network():
    return Network.build([("a", Dense(2)), ("b", Dense(5))], (3,), 0)


def test_batches_of_prediction_are_bounded_by_their_largest_array(network, monkeypatch):
    monkeypatch.setattr(batches, "_BATCH_BYTES", 5 * 4 * 3)
    assert chunk_size(network) == 3
    monkeypatch.setattr(batches, "_BATCH_BYTES", 5 * 4 * 3 - 1)
    assert chunk_size(network) == 2
    monkeypatch.setattr(batches, "_BATCH_BYTES", 1)
    assert chunk_size(network) == 1
    x = X.astype(np.float32)
    expected = network.predict(x)
    np.testing.assert_allclose(predict_in_batches(network, X), expected, rtol=1e-6)
    some = predict_in_batches(network, X, np.array([3, 1]))
    np.testing.assert_allclose(some, expected[[3, 1]], rtol=1e-6)
    hidden = predict_in_batches(network, X, upto="a")
    np.testing.assert_allclose(hidden, network.predict(x, "a"), rtol=1e-6)
    own = predict_in_batches(network, X, predict=lambda x: x[:, :2], shape=(2,))
    np.testing.assert_array_equal(own, X[:, :2])
    assert own.dtype == np.float32


def test_batches_cannot_be_written_to_and_have_the_networks_dtype(network):
    for found, dtype in [
        (gather(X, slice(1, 3), network), np.float32),
        (gather_exactly(X, np.array([1, 2]), network), np.float64),
    ]:
        assert found.dtype == dtype and not found.flags.writeable
        np.testing.assert_array_equal(found, X[1:3])


def test_values_too_large_for_the_network_are_refused(network):
    large = np.array([[1e39, 0, 0], [1, 2, 3]])
    words = r"^X has values too large for float32, .*or use dtype='float64'"
    for call in (gather, gather_exactly):
        with pytest.raises(ValueError, match=words):
            call(large, np.array([0]), network)
        assert call(large, np.array([1]), network).shape == (1, 3)
    whole = np.array([[2**62, 0, 0]])
    assert gather(whole, slice(None), network)[0, 0] == 2.0**62


PIXELS = (2, 1)
GIVEN = {
    "none": (None, (), None),
    "a number": (2, (), [2, 2, 2, 2]),
    "list": ([0, 1, 2, 3], (), [0, 1, 2, 3]),
    "of samples that are images": ([0, 1, 2, 3], PIXELS, [0, 1, 2, 3]),
    "of pixels": (np.ones((4, 2, 1)), PIXELS, np.ones((4, 2, 1)).tolist()),
}


@pytest.mark.parametrize(("given", "pixels", "weight"), GIVEN.values(), ids=GIVEN)
def test_sample_weights_are_numbers_of_samples_or_pixels(given, pixels, weight):
    found = check_sample_weight(given, X, pixels=pixels)
    assert (found if found is None else found.tolist()) == weight
    if found is not None:
        assert found.dtype == (np.float32 if found.ndim > 1 else np.float64)


REFUSED = {
    "too few": ([1, 2], (), r"^w must hold one number for each of the 4 samples, got an array of shape \(2,\)"),
    "pixels of no images": (np.ones((4, 2)), (), r"samples, got an array of shape \(4, 2\)"),
    "other pixels": (np.ones((4, 1, 2)), PIXELS, r"samples, or for each pixel, \(4, 2, 1\), got an array of shape \(4, 1, 2\)"),
    "negative": ([1, 2, 3, -4], (), "^w must be >= 0 for all samples, got -4"),
    "zeros": ([0] * 4, (), "^w must be positive for at least one sample, got all zeros"),
    "missing": ([1, 2, 3, np.nan], (), "w contains NaN"),
    "text": (["a"] * 4, (), "w"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "pixels", "words"), REFUSED.values(), ids=REFUSED)
def test_other_sample_weights_are_refused_by_name(given, pixels, words):
    with pytest.raises((ValueError, TypeError), match=words):
        check_sample_weight(given, X, "w", pixels)
    with pytest.raises((ValueError, TypeError), match=r"(?<!X)sample_weight"):
        check_sample_weight(given, X, pixels=pixels)


def test_weights_of_samples_and_of_pixels():
    by_pixel = np.array([[[1.0], [3]], [[0], [0]]])
    assert weight_of_samples(by_pixel).tolist() == [2, 0]
    assert weight_of_samples(np.array([1.0, 3])).tolist() == [1, 3]
    spread = pixel_weight(np.array([1.0, 3]), (2, 2, 1))
    assert spread.tolist() == [[[1], [1]], [[3], [3]]]
    assert pixel_weight(by_pixel, (2, 2, 1)).tolist() == by_pixel.tolist()


def test_parts_of_scaled_images_stay_unread(network):
    y = np.arange(16.0).reshape(4, 2, 2)
    encoder = ImageEncoder.fit(y, "squared_error", "float64", (2, 2, 1))
    samples = Samples(X, encoder.transform(y), y=None)
    part = samples.part(np.array([2, 0]))
    np.testing.assert_array_equal(part.numbers(), y[[2, 0]])
    assert part.targets.rows.tolist() == [2, 0] and len(part) == 2
    plain = Samples(X, TARGETS, y=10.0 * TARGETS)
    assert plain.part(np.array([1])).numbers().tolist() == [10]
    assert Samples(X, TARGETS).numbers() is TARGETS


@pytest.mark.parametrize(("count", "firsts"), [(1, [0]), (2, [0, 2]), (3, [0, 2]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])])  # fmt: skip
def test_some_samples_are_from_all_over_x(network, count, firsts):
    found = list(Samples(X, TARGETS).some(count, network))
    assert [len(x) for x in found] == [1] * len(firsts)
    assert [int(x[0, 0]) for x in found] == [3 * i for i in firsts]


def test_chunks_take_an_eighth_of_a_batch(network, monkeypatch):
    for n_bytes, lengths in [(5 * 4 * 16, [2, 2]), (5 * 4 * 8, [1] * 4), (1, [1] * 4)]:
        monkeypatch.setattr(batches, "_BATCH_BYTES", n_bytes)
        found = list(Samples(X, TARGETS).chunks(network))
        assert [len(x) for x, _ in found] == lengths
        assert all(weight is None and x.dtype == np.float64 for x, weight in found)


def test_held_out_parts_have_at_least_a_sample_each():
    encoder = ClassEncoder.fit(np.array([[1, 1], [0, 1]]))
    targets = np.ones((10, 2))
    for fraction, n in [(0.01, 1), (0.1, 1), (0.11, 2), (0.99, 9), (1.0, 9)]:
        train, held_out = hold_out(
            Samples(np.zeros((10, 1)), targets), encoder, fraction, 0
        )
        assert (len(train), len(held_out)) == (10 - n, n)
        assert sorted([*train, *held_out]) == list(range(10))
        assert train.tolist() == sorted(train) and held_out.tolist() == sorted(held_out)
    pixels = np.zeros((10, 2, 2))
    pixels[:7, 0, 0] = 1  # the others have no pixel with a weight
    samples = Samples(np.zeros((10, 1)), targets, pixels)
    assert sorted(np.concatenate(hold_out(samples, encoder, 0.5, 0))) == list(range(7))


def test_columns_decide_in_their_order_before_hashes(rng):
    x = rng.integers(3, size=(200, 4)).astype(float)
    rows = [tuple(row) for row in weighing._some_columns(x)[order_of(x)]]
    assert rows == sorted(rows)
    for column in range(4):
        one = np.zeros((30, 4), np.int32)
        one[:, column] = rng.permutation(30)
        assert order_of(one) == order_of(7 * one) == np.argsort(one[:, column]).tolist()
    assert weighing._some_columns(one).dtype == np.float32


def test_targets_that_hardly_differ_have_an_order():
    small = 1e-20 * np.arange(1, 7)
    first, again = (small[each][order_of(np.zeros((6, 2)), small[each])] for each in (slice(None), slice(None, None, -1)))  # fmt: skip
    assert first.tolist() == again.tolist()


SHARES = {
    "by remainders": (3, [5, 4, 1], [2, 1, 0]),
    "the largest of them": (3, [7, 3], [2, 1]),
    "one class has them all": (4, [5, 1, 1, 1, 1, 1], [4, 0, 0, 0, 0, 0]),
    "as many as there are to spare": (9, [4, 3], [3, 2]),
}


@pytest.mark.parametrize(("wanted", "sizes", "shares"), SHARES.values(), ids=SHARES)
def test_held_out_samples_are_shared_out_by_size(wanted, sizes, shares):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert samples._share_out(wanted, np.array(sizes), rng).tolist() == shares


def test_ranks_count_within_a_class_in_the_given_order(rng):
    codes = rng.integers(2, size=1000)
    expected = [int((codes[:i] == code).sum()) for i, code in enumerate(codes)]
    assert samples._rank(codes, np.bincount(codes)).tolist() == expected
