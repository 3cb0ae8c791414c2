"""Transposed convolution and up-sampling: loops, twins, threads, and refusals."""

import inspect

import numpy as np
import oracles
import pytest
from threadpoolctl import threadpool_limits
from tolerances import assert_same

from skconv import ops

# Shape of x, kernel (kh, kw, filters), how it slides, and what is added.
TRANSPOSED = {
    "1x1 kernel": ((2, 4, 5, 3), (1, 1, 4), {}),
    "3x3": ((2, 4, 5, 2), (3, 3, 3), {}),
    "same": ((2, 4, 5, 2), (3, 3, 3), {"padding": "same"}),
    "twice as large": ((2, 4, 3, 2), (2, 2, 3), {"stride": 2, "padding": "same"}),
    "same, overlapping": ((2, 4, 3, 2), (3, 4, 3), {"stride": 2, "padding": "same"}),
    "stride > kernel": ((2, 2, 3, 2), (2, 1, 3), {"stride": 3}),
    "stride > kernel, same": ((2, 2, 3, 2), (2, 1, 3), {"stride": 3, "padding": "same"}),
    "unequal": ((2, 3, 4, 2), (3, 2, 3), {"stride": (2, 1), "dilation": (1, 2)}),
    "dilation, same": ((2, 4, 5, 2), (3, 3, 3), {"dilation": (2, 3), "padding": "same"}),
    "padding": ((2, 4, 3, 2), (4, 3, 3), {"stride": 2, "padding": ((1, 2), (0, 1))}),
    "more": ((2, 4, 3, 2), (3, 3, 2), {"stride": 2, "padding": 1, "output_padding": 1}),
    "less": ((2, 4, 3, 2), (3, 3, 2), {"stride": 2, "padding": "same", "output_padding": 0}),
    "wide": ((2, 6, 7, 17), (3, 3, 33), {"stride": 2, "padding": "same"}),
    "one pixel": ((3, 1, 1, 5), (4, 4, 16), {}),
    "as Winograd's": ((2, 9, 8, 32), (3, 3, 32), {"padding": "same"}),
}  # fmt: skip


def problem(case, rng, dtype):
    shape, (kh, kw, filters), slide = TRANSPOSED[case]
    x = rng.standard_normal(shape).astype(dtype)
    kernel = rng.standard_normal((kh, kw, filters, shape[3])).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    size = ops.transposed_size(shape[1:3], (kh, kw), **slide)
    slide = {key: value for key, value in slide.items() if key != "output_padding"}
    return x, kernel, bias, size, slide


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", TRANSPOSED)
def test_transposed_convolution_is_that_of_the_loops(case, dtype, rng):
    x, kernel, bias, size, slide = problem(case, rng, dtype)
    win = ops.window(size, kernel.shape[:2], **slide)
    loops = {
        "stride": win.stride,
        "dilation": win.dilation,
        "padding": win.padding,
    }
    expected = oracles.conv2d_transpose(x, kernel, bias, size, **loops)
    z = ops.conv2d_transpose(x, kernel, bias, output_size=size, **slide)
    assert z.dtype == dtype
    assert_same(z, expected, dtype)
    plain = ops.conv2d_transpose(x, kernel, output_size=size, **slide)
    assert_same(plain, expected - bias, dtype, scale=2)
    dz = rng.standard_normal(z.shape).astype(dtype)
    loops = oracles.conv2d_transpose_gradients(dz, x, kernel, **loops)
    gradients = ops.conv2d_transpose_backward(dz, None, x, kernel, **slide)
    for ours, theirs in zip(gradients, loops, strict=True):
        assert_same(ours, theirs, dtype)
    none, *others = ops.conv2d_transpose_backward(
        dz, None, x, kernel, need_dx=False, **slide
    )
    assert none is None
    for one, other in zip(others, gradients[1:], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("activation", [None, *ops.ACTIVATIONS])
@pytest.mark.parametrize("with_bias", [True, False])
def test_transposed_convolution_is_activated(activation, with_bias, rng):
    x, kernel, bias, size, slide = problem("same, overlapping", rng, np.float32)
    bias = bias if with_bias else None
    arrays = x, kernel, bias
    z = ops.conv2d_transpose(*arrays, output_size=size, **slide)
    y = ops.conv2d_transpose(*arrays, output_size=size, activation=activation, **slide)
    np.testing.assert_allclose(y, ops.activate(z, activation), rtol=1e-6, atol=1e-7)
    dy = rng.standard_normal(y.shape, np.float32)
    from_output = ops.find_activation(activation).derivative_from == "output"
    saved = y if from_output else z
    dz = ops.activate_grad(dy, saved, activation)
    expected = ops.conv2d_transpose_backward(dz, None, x, kernel, **slide)
    actual = ops.conv2d_transpose_backward(
        dy, saved, x, kernel, activation=activation, **slide
    )
    for ours, theirs in zip(actual, expected, strict=True):
        assert_same(ours, theirs)


@pytest.mark.usefixtures("each_ops")
def test_transposed_convolution_is_the_adjoint_of_the_convolution(rng):
    """<conv2d(u), x> = <u, conv2d_transpose(x)> for any u and x."""
    for case in TRANSPOSED:
        x, kernel, _, size, slide = problem(case, rng, np.float64)
        y = ops.conv2d_transpose(x, kernel, output_size=size, **slide)
        u = rng.standard_normal(y.shape)
        there = ops.conv2d(u, kernel, **slide)
        np.testing.assert_allclose(np.vdot(there, x), np.vdot(u, y), rtol=1e-10)


@pytest.mark.parametrize("axes", [1, 2])
def test_transposed_size_is_one_that_a_convolution_undoes(axes, rng):
    found = 0
    while found < 300:
        shape = tuple(map(int, rng.integers(1, 8, axes)))
        draw = lambda most: int(rng.integers(1, most))  # noqa: E731
        slide = {"stride": draw(5), "dilation": draw(4)}
        slide["padding"] = ["same", "valid", draw(4) - 1][rng.integers(3)]
        size = draw(6)
        for more in (None, *range(5)):
            try:
                made = ops.transposed_size(shape, size, **slide, output_padding=more)
            except ValueError:
                # Without padding by numbers, one size is always there.
                assert more is not None or isinstance(slide["padding"], int)
                continue
            assert ops.window(made, size, **slide).output == shape
            found += 1
        if slide["padding"] == "same":
            by = slide["stride"]
            assert ops.transposed_size(shape, size, **slide) == tuple(
                n * by for n in shape
            )


SIZES = [(1, 1), (2, 2), (3, 2), (1, 4), (5, 3)]


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", ops.INTERPOLATIONS)
@pytest.mark.parametrize("size", SIZES)
def test_upsampling_is_that_of_the_loops(size, how, dtype, rng):
    for shape in [(2, 1, 1, 3), (2, 4, 5, 1), (1, 3, 1, 17), (3, 2, 3, 16)]:
        x = rng.standard_normal(shape).astype(dtype)
        y = ops.upsample2d(x, size, how)
        dy = rng.standard_normal(y.shape).astype(dtype)
        expected, dx = oracles.upsample2d(x, dy, size, how)
        assert y.dtype == dtype
        assert_same(y, expected, dtype)
        assert_same(ops.upsample2d_grad(dy, size, how), dx, dtype)
        if how == "nearest":
            np.testing.assert_array_equal(y, expected.astype(dtype))


@pytest.mark.usefixtures("each_ops")
@pytest.mark.parametrize("how", ops.INTERPOLATIONS)
def test_constant_images_stay_constant_to_the_bit(how):
    for value in (0.1, 1 / 3, 1e30, -7e-20):
        x = np.full((2, 3, 4, 5), value, np.float32)
        assert (ops.upsample2d(x, (3, 2), how) == x.flat[0]).all()


@pytest.mark.usefixtures("each_ops")
def test_upsampling_takes_no_images():
    for how in ops.INTERPOLATIONS:
        for shape in [(0, 3, 4, 2), (2, 3, 4, 0)]:
            y = ops.upsample2d(np.ones(shape, np.float32), 2, how)
            assert y.shape == (shape[0], 6, 8, shape[3])
            assert ops.upsample2d_grad(y, 2, how).shape == shape


def test_ops_of_larger_images_do_not_depend_on_threads_or_batch(each_ops, rng):
    """Large enough for several tasks each."""
    x = rng.standard_normal((32, 14, 14, 20), np.float32)
    kernel = rng.standard_normal((3, 3, 24, 20), np.float32)
    bias = rng.standard_normal(24, np.float32)
    slide = {"stride": 2, "padding": "same"}

    def forward(x):
        to = {"output_size": 2 * x.shape[1], "activation": "elu"}
        yield ops.conv2d_transpose(x, kernel, bias, **to, **slide)
        for how in ops.INTERPOLATIONS:
            yield ops.upsample2d(x, (2, 3), how)

    def backward():
        y, *enlarged = forward(x)
        yield from ops.conv2d_transpose_backward(y, None, x, kernel, **slide)
        for how, each in zip(ops.INTERPOLATIONS, enlarged, strict=True):
            yield ops.upsample2d_grad(each, (2, 3), how)

    with threadpool_limits(1):
        expected = [*forward(x), *backward()]
    for part in (slice(0, 1), slice(5, 12)):
        for alone, together in zip(forward(x[part]), expected, strict=False):
            np.testing.assert_array_equal(alone, together[part])
    for threads in (2, 3, 7) if each_ops != "numpy" else ():
        with threadpool_limits(threads):
            for ours, theirs in zip([*forward(x), *backward()], expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(not ops.compiled, reason="the compiled ops were not built")
def test_compiled_twins_of_larger_images_take_their_definitions_arguments():
    from skconv.ops import compiled_upsampling as twins

    for name in twins.__all__:
        twin, definition = (getattr(m, name) for m in (twins, ops.reference))
        assert [*inspect.signature(twin).parameters] == [
            *inspect.signature(definition).parameters
        ]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, k: ops.conv2d_transpose(x, k, output_size=(9, 6), stride=2), "of 9x6 makes 4x2, not x's 3x2"),
        (lambda x, k: ops.conv2d_transpose(x, k[..., :1], output_size=5), "filters, c"),
        (lambda x, k: ops.conv2d_transpose(x[0], k, output_size=5), r"x \(n, h, w, c\)"),
        (lambda x, k: ops.conv2d_transpose(x, k, k[0, 0, :1, 0], output_size=(5, 4)), "bias must have a value for each of 4"),
        (lambda x, k: ops.conv2d_transpose_backward(x, None, x, k), "does not fit|makes"),
        (lambda x, k: ops.transposed_size((3, 2), 3, padding="causal"), "'valid', 'same' or numbers, got 'causal'"),
        (lambda x, k: ops.transposed_size((3,), 3, output_padding=(1, 1)), r"output_padding must be an int >= 0, got \(1, 1\)"),
        (lambda x, k: ops.transposed_size((3, 2), 3, padding=9), "would make -13x-14 pixels; use less padding"),
        (lambda x, k: ops.transposed_size((3, 2), 3, stride=2**40), "use a smaller stride or kernel"),
        (lambda x, k: ops.transposed_size((3, 2), 3, stride=2, output_padding=2), "output_padding=2 does not fit .* would make 9x7 .* makes 4x3, not the 3x2"),
        (lambda x, k: ops.upsample2d(x, 0), "size must be an int >= 1 or a pair .* got 0"),
        (lambda x, k: ops.upsample2d(x, 2, "cubic"), "interpolation must be 'nearest' or 'bilinear', got 'cubic'"),
        (lambda x, k: ops.upsample2d(x[0], 2), "x must be .n, h, w, c."),
        (lambda x, k: ops.upsample2d_grad(x, 2), "images of a multiple of 2x2 pixels"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused(call, words):
    x, kernel = np.ones((2, 3, 2, 5), np.float32), np.ones((3, 3, 4, 5), np.float32)
    with pytest.raises(ValueError, match=words):
        call(x, kernel)
