"""Samples: batches, parts, chunks and weights, without a copy of X."""

from dataclasses import replace

import numpy as np
import pytest
from seeds import SEED

from skconv import Network
from skconv._data import batches
from skconv._data.class_encoder import ClassEncoder
from skconv._data.samples import Samples, hold_out
from skconv._data.weighing import repeat_by_weight, sort_by_content, weigh
from skconv.layers import Dense

X = np.arange(60, dtype=np.uint8).reshape(20, 3)
TARGETS = np.arange(20) % 2
WEIGHT = np.arange(20.0)


@pytest.fixture
def network():
    return Network.build([Dense(2)], (3, 1, 1), 0)


@pytest.fixture
def samples():
    return Samples(X, TARGETS, WEIGHT)


def test_batch_is_rows_of_x_in_the_networks_shape_and_dtype(samples, network):
    which = np.array([7, 2])
    x, targets, weight = samples.batch(which, network)
    assert (x.shape, x.dtype) == ((2, 3, 1, 1), np.float32)
    np.testing.assert_array_equal(x.reshape(2, 3), X[which])
    np.testing.assert_array_equal(targets, [1, 0])
    np.testing.assert_array_equal(weight, [7, 2])


def test_part_of_a_part_refers_to_the_same_x(samples, network):
    part = samples.part(np.array([9, 4, 6])).part(np.array([2, 0]))
    assert part.X is X
    assert len(part) == 2
    np.testing.assert_array_equal(part.rows, [6, 9])
    np.testing.assert_array_equal(part.sample_weight, [6, 9])
    x, targets, _ = part.batch(np.array([1]), network)
    np.testing.assert_array_equal(x.ravel(), X[9])
    assert targets == [1]
    np.testing.assert_array_equal(
        part.predict(network), samples.predict(network)[[6, 9]]
    )


def test_chunks_are_in_the_order_of_the_samples(samples, network, monkeypatch):
    monkeypatch.setattr(batches, "_BATCH_BYTES", 8 * 24)  # two samples
    chunks = list(samples.part(np.array([5, 1, 3])).chunks(network))
    assert [len(x) for x, _ in chunks] == [2, 1]
    np.testing.assert_array_equal(
        np.concatenate([x for x, _ in chunks]).reshape(3, 3), X[[5, 1, 3]]
    )
    np.testing.assert_array_equal(np.concatenate([w for _, w in chunks]), [5, 1, 3])


def test_samples_without_weights_have_none(network):
    samples = Samples(X, TARGETS)
    assert samples.part(np.array([1])).sample_weight is None
    assert samples.batch(np.array([1]), network)[2] is None
    assert weigh(samples, None, np.dtype("f4"), normalize=True) is samples


def test_weighed_samples_have_a_mean_of_one_over_those_with_weight(samples):
    samples = replace(samples, sample_weight=WEIGHT / 3)
    weighed = weigh(samples, None, np.dtype("f4"), normalize=True)
    assert weighed.sample_weight.dtype == np.float32
    assert weighed.sample_weight.sum() == pytest.approx(19)
    factors = np.where(TARGETS, 2.0, 0.0)
    weighed = weigh(samples, factors, np.dtype("f8"), normalize=False)
    np.testing.assert_array_equal(weighed.sample_weight, WEIGHT / 3 * factors)


COUNTS = {
    "whole": ([2.0, 0.0, 1.0], [0, 0, 2]),
    "halves": ([0.5, 1.0, 1.5], None),
    "too large": ([31.0, 0.0, 0.0], None),
    "an overflow": ([1e308] * 3, None),
}


@pytest.mark.parametrize("name", COUNTS)
def test_whole_weights_are_counts_unless_an_epoch_became_too_long(name):
    weight, rows = COUNTS[name]
    samples = Samples(X[:3], TARGETS[:3], np.array(weight))
    weighed = repeat_by_weight(samples)
    assert (weighed.sample_weight is None) == (rows is not None)
    np.testing.assert_array_equal(
        weighed.rows_of(np.arange(len(weighed))), rows or [0, 1, 2]
    )


def test_sorted_samples_are_the_same_of_any_order_and_dtype():
    """Equal rows are sorted by their targets, and then by their weights."""
    x = np.array([[1, 2], [0, 1], [1, 2], [1, 2], [-0.0, 1]])
    targets, weight = np.array([1, 0, 0, 1, 2]), np.array([0.5, 1, 1, 0.2, 1])
    order = np.array([4, 2, 0, 1, 3])

    def contents(samples):
        rows = sort_by_content(samples).rows
        part = sort_by_content(samples)
        return (
            samples.X[rows].tolist(),
            part.targets.tolist(),
            part.sample_weight.tolist(),
        )

    expected = contents(Samples(x, targets, weight))
    for dtype in ("f4", "f8", "i8"):
        other = Samples(x[order].astype(dtype), targets[order], weight[order])
        assert contents(other) == expected


def test_held_out_samples_take_their_repetitions_along():
    samples = Samples(X, TARGETS).part(np.repeat(np.arange(20), 3))
    encoder = ClassEncoder(np.array(["a", "b"]), multilabel=False)
    train, held_out = hold_out(samples, encoder, 0.25, seed=0)
    assert len(held_out) == 3 * 5
    assert not set(samples.rows[train]) & set(samples.rows[held_out])
    assert len(train) + len(held_out) == 60


def test_held_out_samples_are_stratified_and_have_weight(samples):
    encoder = ClassEncoder(np.array(["a", "b"]), multilabel=False)
    train, held_out = hold_out(samples, encoder, 0.25, seed=SEED)
    assert sorted([*train, *held_out]) == list(range(1, 20))
    assert abs(TARGETS[held_out].mean() - 0.5) <= 0.1


def split(codes, fraction=0.1, seed=0):
    encoder = ClassEncoder(np.unique(codes), multilabel=False)
    targets = encoder.transform(np.asarray(codes))
    samples = Samples(np.zeros((len(codes), 1)), targets)
    return hold_out(samples, encoder, fraction, SEED + seed)


SIZES = {
    "a single": [15, 12, 1],
    "twenty classes": [3] * 20,
    "rare": [811, 30],
    "more than are wanted": [2] * 50,
    "ten": [5, 5],
    "three": [2, 1],
    "even": [100, 100, 100],
}


@pytest.mark.parametrize("case", SIZES)
@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.99])
def test_held_out_samples_leave_each_class_one_to_train_on(case, fraction):
    sizes = np.array(SIZES[case])
    codes = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(3):
        train, held_out = split(codes, fraction, seed)
        taken = np.bincount(codes[held_out], minlength=len(sizes))
        wanted = min(max(1, np.ceil(fraction * len(codes))), (sizes - 1).sum())
        assert len(held_out) == wanted
        assert (taken <= sizes - 1).all()
        if fraction * len(codes) >= 1:
            assert (np.abs(taken - wanted * sizes / len(codes)) < 2).all()
        assert (np.diff(train) > 0).all()
        assert (np.diff(held_out) > 0).all()
        assert len({*train, *held_out}) == len(codes)


def test_held_out_samples_depend_on_the_seed():
    codes = np.repeat([0, 1], 50)
    splits = [tuple(split(codes, seed=seed)[1]) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def test_single_samples_of_all_classes_give_a_warning():
    with pytest.warns(UserWarning, match="each of the 12 classes has one sample only"):
        train, held_out = split(np.arange(12))
    assert (len(train), len(held_out)) == (10, 2)


def test_two_samples_are_split_and_one_is_refused():
    with pytest.warns(UserWarning, match="one sample only"):
        assert [len(part) for part in split([0, 1])] == [1, 1]
    encoder = ClassEncoder(np.arange(2), multilabel=False)
    one = Samples(np.zeros((3, 1)), np.array([0, 1, 0]), np.array([0.0, 2.0, 0.0]))
    with pytest.raises(
        ValueError, match="to validate with, got 1 sample with a weight"
    ):
        hold_out(one, encoder, 0.1, 0)
