"""Convolution against loops, over a zoo of shapes."""

import numpy as np
import oracles
import pytest
from tolerances import assert_same

from skconv import ops

pytestmark = pytest.mark.usefixtures("each_ops")

# x shape, kernel (kh, kw, filters), and how it slides
ZOO = {
    "1x1 kernel": ((2, 4, 5, 3), (1, 1, 4), {}),
    "kernel is the image": ((3, 4, 5, 2), (4, 5, 3), {}),
    "odd kernel": ((2, 6, 7, 2), (3, 3, 4), {}),
    "even kernel, same": ((2, 5, 6, 2), (2, 4, 3), {"padding": "same"}),
    "same, stride 2": ((2, 6, 7, 2), (3, 3, 3), {"padding": "same", "stride": 2}),
    "same, stride 3, small image": ((2, 4, 1, 2), (2, 2, 3), {"padding": "same", "stride": 3}),
    "stride > kernel": ((2, 8, 9, 2), (2, 2, 3), {"stride": 3}),
    "unequal strides": ((2, 7, 6, 2), (3, 2, 3), {"stride": (2, 1), "padding": "same"}),
    "dilation": ((2, 8, 9, 2), (3, 2, 3), {"dilation": 2}),
    "dilation, same": ((2, 5, 6, 2), (3, 3, 3), {"dilation": (2, 3), "padding": "same"}),
    "groups": ((2, 5, 5, 4), (3, 3, 6), {"groups": 2, "padding": "same"}),
    "depthwise": ((2, 5, 5, 3), (3, 3, 3), {"groups": 3, "stride": 2, "padding": 1}),
    "depthwise, two filters each": ((2, 5, 5, 3), (3, 3, 6), {"groups": 3}),
    "batch 1": ((1, 6, 6, 2), (3, 3, 3), {}),
    "one channel": ((3, 6, 6, 1), (3, 3, 5), {"padding": "same"}),
    "17 channels": ((2, 4, 4, 17), (3, 3, 17), {"padding": "same"}),
    "one pixel": ((2, 1, 1, 3), (3, 3, 2), {"padding": "same"}),
    "padding int": ((2, 4, 4, 2), (3, 3, 2), {"padding": 2}),
    "padding pair": ((2, 4, 4, 2), (3, 3, 2), {"padding": (0, 2)}),
    "padding per side": ((2, 4, 4, 2), (3, 3, 2), {"padding": ((0, 1), (2, 0))}),
    "everything": (
        (2, 9, 8, 4),
        (3, 2, 6),
        {"stride": (2, 3), "dilation": (1, 2), "padding": ((1, 2), (0, 3)), "groups": 2},
    ),
}  # fmt: skip

# Awkward arrays: each turns a plain array into one with the same values.
AWKWARD = {
    "plain": lambda a: a,
    "non-contiguous": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "fortran": np.asfortranarray,
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
}


def problem(case, rng, dtype=np.float64):
    x_shape, (kh, kw, filters), slide = ZOO[case]
    groups = slide.get("groups", 1)
    x = rng.standard_normal(x_shape).astype(dtype)
    kernel = rng.standard_normal((kh, kw, x_shape[3] // groups, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    for array in (x, kernel, bias):
        array.flags.writeable = False
    return x, kernel, bias, slide


def loop_arguments(x, kernel, slide):
    """The arguments that the loops take, with the padding worked out."""
    sizes = {key: slide.get(key, 1) for key in ("stride", "dilation")}
    pairs = {key: ops.pair(value, key) for key, value in sizes.items()}
    padding = slide.get("padding", "valid")
    win = ops.window(x.shape[1:3], kernel.shape[:2], padding=padding, **pairs)
    return {**pairs, "padding": win.padding, "groups": slide.get("groups", 1)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", ZOO)
def test_convolution_and_gradients_are_those_of_the_loops(case, dtype, rng):
    x, kernel, bias, slide = problem(case, rng, dtype)
    loops = loop_arguments(x, kernel, slide)
    z = ops.conv2d(x, kernel, bias, **slide)
    assert_same(z, oracles.conv2d(x, kernel, bias, **loops), dtype)

    dz = rng.standard_normal(z.shape).astype(dtype)
    dx, dkernel, db = oracles.conv2d_gradients(dz, x, kernel, **loops)
    assert_same(ops.conv2d_grad_input(dz, kernel, x.shape, **slide), dx, dtype)
    assert_same(ops.conv2d_grad_kernel(dz, x, kernel.shape, **slide), dkernel, dtype)
    assert_same(ops.grad_bias(dz), db, dtype)


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("case", ["same, stride 2", "groups", "17 channels"])
def test_awkward_arrays_give_the_same_results(case, kind, rng):
    x, kernel, bias, slide = problem(case, rng)
    twist = AWKWARD[kind]
    z = ops.conv2d(x, kernel, bias, **slide)
    dz = rng.standard_normal(z.shape)
    assert_same(ops.conv2d(twist(x), kernel, bias, **slide), z)
    for actual, expected in [
        (
            ops.conv2d_grad_input(twist(dz), kernel, x.shape, **slide),
            ops.conv2d_grad_input(dz, kernel, x.shape, **slide),
        ),
        (
            ops.conv2d_grad_kernel(twist(dz), twist(x), kernel.shape, **slide),
            ops.conv2d_grad_kernel(dz, x, kernel.shape, **slide),
        ),
        (ops.grad_bias(twist(dz)), ops.grad_bias(dz)),
    ]:
        assert_same(actual, expected)


def test_convolution_of_float32_is_float32(rng):
    x, kernel, bias, slide = problem("everything", rng, np.float32)
    z = ops.conv2d(x, kernel, bias, **slide)
    assert z.dtype == np.float32
    assert ops.conv2d_grad_input(z, kernel, x.shape, **slide).dtype == np.float32
    assert ops.conv2d_grad_kernel(z, x, kernel.shape, **slide).dtype == np.float32


def test_large_batches_are_cut_into_bounded_chunks(rng):
    """Columns of the whole batch would take 9 times the batch; a chunk's do not."""
    import tracemalloc

    x = rng.standard_normal((256, 32, 32, 16), dtype=np.float32)
    kernel = rng.standard_normal((3, 3, 16, 4), dtype=np.float32)
    whole = ops.conv2d(x, kernel, padding="same")
    tracemalloc.start()
    ops.conv2d(x, kernel, padding="same")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < whole.nbytes + 2**24 < 9 * x.nbytes
    for i in (0, 100, 255):
        one = ops.conv2d(x[i : i + 1], kernel, padding="same")
        assert_same(whole[i : i + 1], one)


@pytest.mark.parametrize("activation", ops.ACTIVATIONS)
def test_activation_is_applied_to_the_result(activation, rng):
    x, kernel, bias, slide = problem("same, stride 2", rng)
    z = ops.conv2d(x, kernel, bias, **slide)
    y = ops.conv2d(x, kernel, bias, activation=activation, **slide)
    assert_same(y, ops.activate(z, activation))
    scale = rng.standard_normal(bias.shape)
    y = ops.conv2d(x, kernel, bias, scale, activation=activation, **slide)
    scaled = scale * ops.conv2d(x, kernel, **slide) + bias
    assert_same(y, ops.activate(scaled, activation))


# Derivations by hand -------------------------------------------------------------------


def same_by_hand(x, kernel, stride):
    """The padding with which "same" keeps the size at any stride."""
    (h, w), (kh, kw), (sh, sw) = x.shape[1:3], kernel.shape[:2], stride
    return -(-((sh - 1) * h - sh + kh) // 2), -(-((sw - 1) * w - sw + kw) // 2)


BY_HAND = {
    # image, kernel, the derivation's padding, stride, and ours for the same numbers
    "valid": ((5, 6), (3, 3), "valid", (1, 1), lambda *_: "valid"),
    "valid, stride": ((7, 6), (2, 3), "valid", (2, 3), lambda *_: "valid"),
    "same": ((5, 6), (3, 5), "same", (1, 1), lambda *_: "same"),
    "same, 1x1 kernel": ((4, 4), (1, 1), "same", (1, 1), lambda *_: "same"),
    "same, stride 2": ((5, 6), (3, 3), "same", (2, 2), same_by_hand),
    "same, unequal strides": ((6, 5), (2, 3), "same", (2, 3), same_by_hand),
    "a pad of 0": ((5, 6), (1, 3), "same", (1, 2), same_by_hand),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_convolution_gives_the_numbers_of_derivations_by_hand(case, rng):
    image, kernel_size, theirs, stride, ours = BY_HAND[case]
    A_prev = rng.standard_normal((2, *image, 3))
    W = rng.standard_normal((*kernel_size, 3, 4))
    b = rng.standard_normal((1, 1, 1, 4))
    slide = {"stride": stride, "padding": ours(A_prev, W, stride)}

    Z = oracles.conv_forward_by_hand(A_prev, W, b, theirs, stride)
    A = ops.conv2d(A_prev, W, b.ravel(), activation="tanh", **slide)
    assert_same(A, np.tanh(Z))

    dZ = rng.standard_normal(Z.shape)
    expected = oracles.conv_backward_by_hand(dZ, A_prev, W, theirs, stride)
    actual = (
        ops.conv2d_grad_input(dZ, W, A_prev.shape, **slide),
        ops.conv2d_grad_kernel(dZ, A_prev, W.shape, **slide),
        ops.grad_bias(dZ).reshape(b.shape),
    )
    for ours_, theirs_ in zip(actual, expected, strict=True):
        assert_same(ours_, theirs_)


# Geometry ------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_is_as_in_keras(n, size, stride, dilation):
    win = ops.window((n, n), size, stride=stride, padding="same", dilation=dilation)
    assert win.output == (-(-n // stride),) * 2
    (before, after), _ = win.padding
    assert after - before in (0, 1), "the odd zero is at the bottom right"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 0}, "kernel_size must be an int >= 1 or a pair of them, got 0"),
        ({"size": 2.5}, "kernel_size must be an int >= 1 or a pair of them, got 2.5"),
        ({"size": (3, 3, 3)}, r"kernel_size must be .* got \(3, 3, 3\)"),
        ({"stride": 0}, "stride must be an int >= 1 or a pair of them, got 0"),
        ({"stride": True}, "stride must be an int >= 1 or a pair of them, got True"),
        ({"dilation": (1, -1)}, r"dilation must be an int >= 1 .* got \(1, -1\)"),
        (
            {"padding": "sam"},
            "padding must be 'valid', 'same', an int >= 0, .* got 'sam'",
        ),
        ({"padding": -1}, "padding must be .* got -1"),
        ({"padding": ((1, 2), (3, -4))}, "padding must be .* got "),
        (
            {"size": 5},
            "kernel_size 5x5 does not fit its input 3x4; "
            "use padding='same' or a smaller kernel_size",
        ),
        (
            {"size": 3, "dilation": 3, "padding": 1},
            r"kernel_size 3x3 \(dilated to 7x7\) does not fit its input 3x4, "
            "padded to 5x6",
        ),
    ],
)
def test_impossible_windows_are_refused_with_the_reason(arguments, words):
    with pytest.raises(ValueError, match=words):
        ops.window((3, 4), **{"size": 2, **arguments})


def test_gradients_of_another_shape_are_refused():
    x, kernel = np.zeros((3, 5, 5, 2)), np.zeros((3, 3, 2, 4))
    for dz in (np.zeros((2, 3, 3, 4)), np.zeros((3, 5, 5, 4))):
        with pytest.raises(ValueError, match=r"dz must have .* \(3, 3, 3, 4\), got"):
            ops.conv2d_grad_input(dz, kernel, x.shape)
        with pytest.raises(ValueError, match=r"dz must have .* \(3, 3, 3, 4\), got"):
            ops.conv2d_grad_kernel(dz, x, kernel.shape)
    for name in ("bias", "scale"):
        with pytest.raises(ValueError, match=rf"{name} must have .* each of 4 filters"):
            ops.conv2d(x, kernel, **{name: np.zeros(3)})


def test_convolution_of_no_images_is_empty():
    x, kernel = np.zeros((0, 5, 5, 2)), np.ones((3, 3, 2, 4))
    z = ops.conv2d(x, kernel, kernel[0, 0, 0])
    assert z.shape == (0, 3, 3, 4)
    assert not ops.conv2d_grad_kernel(z, x, kernel.shape).any()
    assert ops.conv2d_grad_input(z, kernel, x.shape).shape == x.shape


def test_shapes_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="takes x .n, h, w, c. and kernel"):
        ops.conv2d(np.zeros((3, 3)), np.zeros((1, 1, 1, 1)))
    with pytest.raises(
        ValueError, match="2 channels and 4 filters in groups=1 do not match"
    ):
        ops.conv2d(np.zeros((1, 3, 3, 2)), np.zeros((1, 1, 1, 4)))
