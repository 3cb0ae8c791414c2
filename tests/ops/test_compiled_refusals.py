"""What the compiled module refuses, whoever calls it."""

import numpy as np
import pytest

from skconv import ops
from skconv.ops import dispatch
from skconv.ops.compiled import _kernels

WINDOW = ops.Window((3, 3), (1, 1), (1, 1), ((0, 0), (0, 0)), (3, 3))


def arrays():
    x, kernel = np.ones((2, 5, 5, 3), np.float32), np.ones((3, 3, 3, 4), np.float32)
    bias, scale = np.ones((2, 4), np.float32)
    return [x, kernel, bias, scale, np.empty((2, 3, 3, 4), np.float32)]


def read_only(array):
    array.flags.writeable = False
    return array


# What takes the place of an argument: x, kernel, bias, scale or y.
BAD_ARRAYS = {
    "float64": (0, lambda x: x.astype(float)),
    "strided": (0, lambda x: x[:, :, ::-1]),
    "3-D": (0, lambda x: x[0]),
    "None": (0, lambda x: None),
    "a list": (0, lambda x: x.tolist()),
    "another batch": (0, lambda x: x[:1]),
    "other channels": (1, lambda kernel: kernel[:, :, :2].copy()),
    "other filters": (1, lambda kernel: kernel[..., :2].copy()),
    "an empty kernel": (1, lambda kernel: kernel[:0]),
    "a short bias": (2, lambda bias: bias[:3]),
    "a short scale": (3, lambda scale: scale[:3]),
    "a read-only output": (4, read_only),
    "another output": (4, lambda y: y[:, :2].copy()),
}
BAD_WINDOWS = {
    "stride 0": {"stride": (0, 1)},
    "another size": {"size": (3, 2)},
    "huge padding": {"padding": ((2**30, 0), (0, 0))},
    "negative padding": {"padding": ((-1, 0), (0, 0))},
    "huge stride": {"stride": (2**30, 1)},
    "an int of 65 bits": {"stride": (2**64, 1)},
    "a float": {"stride": (1.0, 1)},
    "a list": {"stride": [1, 1]},
    "a size of three": {"size": (3, 3, 3)},
    "padding of two ints": {"padding": (0, 0)},
    "another output": {"output": (2, 3)},
}


def refused(arrays, window=WINDOW, groups=1, activation=0):
    with pytest.raises((TypeError, ValueError, OverflowError)):
        _kernels.conv2d(*arrays, window, groups, activation)


def test_plain_arrays_are_accepted():
    _kernels.conv2d(*arrays(), WINDOW, 1, 0)


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_arrays_that_do_not_fit_are_refused(case):
    place, change = BAD_ARRAYS[case]
    changed = arrays()
    changed[place] = change(changed[place])
    refused(changed)


@pytest.mark.parametrize("case", BAD_WINDOWS)
def test_windows_that_do_not_fit_are_refused(case):
    refused(arrays(), WINDOW._replace(**BAD_WINDOWS[case]))


@pytest.mark.parametrize("window", [None, (), (1, 1, 1, 1, 0, 0, 1), tuple(WINDOW)[:4]])
def test_other_tuples_are_no_windows(window):
    refused(arrays(), window)


def test_groups_and_activations_out_of_range_are_refused():
    for groups in (0, 2, -1):
        refused(arrays(), groups=groups)
    refused(arrays(), activation=99)


def test_windows_out_of_the_image_read_zeros():
    """At any padding and output size, nothing outside of an image is read."""
    x, kernel, bias, *_ = arrays()
    y = np.empty((2, 9, 9, 4), np.float32)
    win = ops.Window((3, 3), (2, 2), (3, 3), ((7, 0), (4, 0)), (9, 9))
    _kernels.conv2d(x, kernel, bias, None, y, win, 1, 0)
    padding = ((7, 20), (4, 20))
    double = (a.astype(float) for a in (x, kernel, bias))
    expected = ops.conv2d(*double, stride=2, dilation=3, padding=padding)
    np.testing.assert_array_equal(y, expected[:, :9, :9])


def test_gradient_in_the_kernel_of_no_images_is_zero():
    x, kernel, bias, _, y = arrays()
    dkernel, db = np.full_like(kernel, np.nan), np.full_like(bias, np.nan)
    none = y[:0], None, x[:0], None
    _kernels.conv2d_backward(*none, None, dkernel, db, WINDOW, 1, 0)
    assert not dkernel.any() and not db.any()


def backward(**changes):
    x, kernel, bias, _, y = arrays()
    given = {"dy": np.ones_like(y), "y": None, "x": x, "kernel": kernel, "dx": x.copy()}
    given |= {"dkernel": kernel.copy(), "db": bias.copy()} | changes
    _kernels.conv2d_backward(**given, window=WINDOW, groups=1, activation=0)
    return given


LACKING = {
    "x": {"x": None},
    "the kernel": {"kernel": None},
    "the sum of the bias": {"db": None},
    "a gradient for that sum": {"dkernel": None},
    "sizes of x": {"x": None, "dx": None},
    "sizes of the kernel": {"kernel": None, "dkernel": None, "db": None},
    "the shape of x": {"dx": np.empty((2, 5, 6, 3), np.float32)},
    "the shape of the kernel": {"dkernel": np.empty((3, 3, 3, 5), np.float32)},
    "the number of filters": {"db": np.empty(5, np.float32)},
    "an axis": {"dy": np.ones((2, 3, 3), np.float32)},
}


@pytest.mark.parametrize("changes", LACKING.values(), ids=LACKING)
def test_gradients_without_what_they_need_are_refused(changes):
    with pytest.raises(ValueError):
        backward(**changes)


def test_gradients_are_computed_where_there_is_an_array():
    both = backward()
    alone = backward(dx=None, kernel=None) | {
        "dx": backward(dkernel=None, db=None, x=None)["dx"]
    }
    for name in ("dx", "dkernel", "db"):
        np.testing.assert_array_equal(alone[name], both[name])


def test_matrices_are_images_of_one_pixel():
    one = ops.Window((1, 1), (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1))
    x, kernel = np.ones((4, 3), np.float32), np.ones((3, 5), np.float32)
    y = np.empty((4, 5), np.float32)
    _kernels.conv2d(x, kernel, None, None, y, one, 1, 0)
    assert (y == 3).all()
    for place in range(3):
        changed = [x, kernel, y]
        changed[place] = changed[place][None]
        with pytest.raises(ValueError, match="must be"):
            _kernels.conv2d(*changed[:2], None, None, changed[2], one, 1, 0)


def test_unknown_instruction_sets_are_refused():
    before = _kernels.instruction_set()
    with pytest.raises(ValueError, match="no such instruction set on this machine"):
        _kernels.use("abacus")
    assert _kernels.instruction_set() == before


def test_definitions_run_where_arrays_are_too_large_for_kernels(monkeypatch):
    x, kernel, *_ = arrays()
    expected = ops.conv2d(x, kernel)
    calls = []

    def too_large(*args):
        calls.append(args)
        raise OverflowError("images are too large")

    monkeypatch.setattr(_kernels, "conv2d", too_large)
    np.testing.assert_array_equal(ops.conv2d(x, kernel), expected)
    assert (len(calls) == 1) == (ops.in_use() != "numpy")
    with pytest.raises(OverflowError, match="images are too large"):
        win = ops.pool_window((2, 2), 2)
        far = ((2**16, 0), (2**16, 0)), (2**17, 2**17)
        win = win._replace(padding=far[0], size=far[1], stride=far[1], output=(1, 1))
        _kernels.avg_pool(x[:, :2, :2].copy(), np.empty((2, 1, 1, 3), np.float32), win)


def test_indices_are_checked():
    f32 = np.float32
    X, out = np.ones((5, 3), f32), np.empty((1, 3), f32)
    for row in (-1, 5):
        with pytest.raises(ValueError, match="rows must be rows of x"):
            _kernels.gather(X, np.array([row]), out)
    logits = np.ones((1, 3), f32)
    for code in (-1, 3):
        with pytest.raises(ValueError, match="codes must be 0 to k - 1"):
            _kernels.softmax_cross_entropy(logits, np.array([code]), None, 0.0, out)
    x, y = np.ones((1, 4, 4, 2), f32), np.empty((1, 2, 2, 2), f32)
    win = ops.pool_window((4, 4), 2)
    argmax = np.empty((1, 2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match="argmax must have y's shape"):
        _kernels.max_pool(x, y, argmax, win)
    with pytest.raises(ValueError, match="argmax is too small"):
        _kernels.max_pool(x, y, argmax[..., :2].copy(), win._replace(size=(20, 20)))
    with pytest.raises(ValueError, match="each window must hold a pixel"):
        _kernels.avg_pool(x, y, win._replace(stride=(9, 9)))
    with pytest.raises(ValueError, match="must be aligned"):
        buffer = np.zeros(33, np.uint8)[1:].view(f32)
        _kernels.activate(buffer, buffer, 1)


def test_enlarged_images_of_another_size_are_refused():
    x = np.ones((2, 3, 4, 5), np.float32)
    shapes = [(2, 7, 8, 5), (2, 6, 9, 5), (1, 6, 8, 5), (2, 6, 8, 4), (2, 2, 4, 5)]
    for shape in [*shapes, (2, 0, 8, 5)]:
        y = np.ones(shape, np.float32)
        for op, arrays in (_kernels.upsample, (x, y)), (_kernels.upsample_grad, (y, x)):
            with pytest.raises(ValueError, match="multiple of x's size|must not be"):
                op(*arrays, True)
    with pytest.raises(TypeError):
        _kernels.upsample(x, np.ones((2, 6, 8, 5)), True)


@pytest.mark.slow
def test_more_channels_than_kernels_count():
    x = np.broadcast_to(np.float32(2), (1, 2**25)).copy()
    mean, variance = ops.channel_moments(x)
    assert (mean[-1], variance[-1]) == (2, 0)


def test_memory_that_lacks_is_an_error_and_not_another_twin(monkeypatch):
    """The definition, in its place, would give other bits."""

    def lack(*arguments):
        raise MemoryError

    monkeypatch.setattr(dispatch, "_compiled_twins", {"dense": lack})
    x = np.ones((2, 3), np.float32)
    with pytest.raises(MemoryError, match=r"not enough memory for dense of arrays of"):
        ops.dense(x, np.ones((3, 4), np.float32), np.zeros(4, np.float32))
