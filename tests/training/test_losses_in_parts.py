"""Losses of several class columns, of images, and with factors of classes."""

from types import SimpleNamespace

import numpy as np
import pytest

from skconv import ops
from skconv._training.losses import find_loss, loss_of, with_class_factors

RNG = np.random.default_rng(0)
SIZES = 2, 3, 4
ENDS = 2, 5
CODES = np.stack([RNG.integers(0, size, 6) for size in SIZES], axis=1)
WEIGHT = RNG.uniform(0.5, 2, 6)


def encoder(column_sizes=(), **options):
    name = "softmax_cross_entropy"
    return SimpleNamespace(
        loss_name=name, loss_options=options, column_sizes=column_sizes
    )


def same(found, value, gradient):
    assert isinstance(found[0], float)
    assert found[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-12)
    assert found[1].shape == gradient.shape


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("soft", [False, True])
def test_loss_of_columns_is_the_sum_of_theirs(soft, weight):
    logits = RNG.standard_normal((6, 9))
    targets = CODES
    if soft:
        targets = np.hstack([RNG.dirichlet(np.ones(size), 6) for size in SIZES])
    columns = np.split(targets, ENDS, axis=1) if soft else CODES.T
    parts = [
        ops.softmax_cross_entropy(z, t, weight, smoothing=0.1)
        for z, t in zip(np.split(logits, ENDS, axis=1), columns, strict=True)
    ]
    value = sum(part[0] for part in parts)
    gradient = np.hstack([part[1] for part in parts])
    for loss in (
        loss_of(encoder(SIZES, smoothing=0.1)),
        loss_of(encoder(SIZES), smoothing=0.1),
    ):
        same(loss(logits, targets, weight), value, gradient)


def test_parts_of_columns_are_contiguous_for_compiled_ops(monkeypatch):
    seen = []

    def op(logits, targets, weight):
        seen.append((logits, targets))
        return 1.0, logits

    monkeypatch.setattr(ops, "softmax_cross_entropy", op)
    value, _ = loss_of(encoder(SIZES))(RNG.standard_normal((6, 9)), CODES, None)
    assert value == 3
    for array in [array for pair in seen for array in pair]:
        assert array.flags.c_contiguous
    assert [len(logits[0]) for logits, _ in seen] == [*SIZES]


def test_loss_without_columns_is_the_op():
    logits = RNG.standard_normal((6, 4))
    expected = ops.softmax_cross_entropy(logits, CODES[:, 2], WEIGHT, smoothing=0.2)
    same(loss_of(encoder(smoothing=0.2))(logits, CODES[:, 2], WEIGHT), *expected)


@pytest.mark.parametrize("shape", [(2, 3), (6,)])
@pytest.mark.parametrize("weighted", [False, True])
def test_each_pixel_is_a_sample(shape, weighted):
    outputs = RNG.standard_normal((4, *shape, 3))
    weight = WEIGHT[:4] if weighted else None
    repeated = np.repeat(WEIGHT[:4], 6) if weighted else None
    codes, images = RNG.integers(0, 3, (4, *shape)), RNG.random(outputs.shape)
    for name, targets, rows, options in (
        ("softmax_cross_entropy", codes, codes.ravel(), {"smoothing": 0.1}),
        ("squared_error", images, images.reshape(-1, 3), {}),
    ):
        value, gradient = getattr(ops, name)(
            outputs.reshape(-1, 3), rows, repeated, **options
        )
        found = find_loss(name, **options)(outputs, targets, weight)
        same(found, value, gradient.reshape(outputs.shape))


@pytest.mark.parametrize("weighted", [False, True])
def test_pixels_have_the_factors_of_their_classes(weighted):
    factors, shape = np.array([1.0, 3.0, 0.5]), (4, 2, 3)
    outputs = RNG.standard_normal((*shape, 3)).astype(np.float32)
    codes = RNG.integers(0, 3, shape)
    weight = WEIGHT[:4].astype(np.float32) if weighted else None
    loss = find_loss("softmax_cross_entropy")
    found = with_class_factors(loss, factors)(outputs, codes, weight)
    of_pixel = factors[codes] * (WEIGHT[:4, None, None] if weighted else 1)
    expected = ops.softmax_cross_entropy(
        outputs.reshape(-1, 3).astype(float), codes.ravel(), of_pixel.ravel()
    )
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert found[1].dtype == np.float32
    np.testing.assert_allclose(found[1].reshape(-1, 3), expected[1], atol=1e-6)
    one_hot = np.eye(3, dtype=np.float32)[codes]
    soft = with_class_factors(loss, factors)(outputs, one_hot, weight)
    assert soft[0] == pytest.approx(found[0], rel=1e-5)
    np.testing.assert_allclose(soft[1], found[1], atol=1e-6)
