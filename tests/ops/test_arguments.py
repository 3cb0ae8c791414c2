"""What ops take and refuse, with the NumPy ops and on every instruction set."""

import numpy as np
import pytest
from attacks.op_arguments import GOOD
from attacks.op_changes import FORMS, read_only
from seeds import SEED

from skconv import ops

pytestmark = pytest.mark.usefixtures("each_ops")
F32 = np.float32
X, KERNEL, LOGITS = (
    np.ones((2, 6, 6, 2), F32),
    np.ones((3, 3, 2, 4), F32),
    np.ones((3, 4), F32),
)
ROW = np.ones(4, F32)


def adam(**others):
    arrays = {name: np.ones(4, F32) for name in ("parameters", "moment_1", "moment_2")}
    rates = {"step": 1, "learning_rate": 0.1}
    ops.adam_step(**{**arrays, "gradient": ROW, **rates, **others})


SHARED = np.ones(6, F32)
REFUSED = {
    "x must be a NumPy array of numbers, got list": lambda: ops.conv2d([1.0], KERNEL),
    "x must be a NumPy array of numbers, got NoneType": lambda: ops.avg_pool2d(None),
    "x must be an array of real numbers, got one of dtype complex64": lambda: ops.dense(
        LOGITS.astype("c8"), LOGITS.T
    ),
    "z must be a NumPy array of numbers, got MaskedArray": lambda: ops.activate(
        np.ma.masked_array(ROW, ROW > 0), "relu"
    ),
    "groups must be an int >= 1, got True": lambda: ops.conv2d(X, KERNEL, groups=True),
    "stride must be an int >= 1 .* got .1.0, 1": lambda: ops.conv2d(
        X, KERNEL, stride=(1.0, 1)
    ),
    "an image padded to 1099511627782x1099511627782 is too large": lambda: ops.conv2d(
        X, KERNEL, padding=((2**40, 0), (2**40, 0))
    ),
    "at least one channel and one filter, got 2 and 0": lambda: ops.conv2d(
        X, KERNEL[..., :0]
    ),
    "saved must be an array like dy, as 'tanh'": lambda: ops.activate_grad(
        ROW, None, "tanh"
    ),
    "dz must have the shape of the layer's output": lambda: ops.dense_grad_kernel(
        LOGITS, LOGITS[:1]
    ),
    "dy must have the shape of the pool's output, .1, 3, 3, 1": lambda: (
        ops.avg_pool2d_grad(np.ones((1, 1, 1, 1), F32), (1, 6, 6, 1))
    ),
    "input_shape must be .n, h, w, c., four ints >= 0": lambda: ops.avg_pool2d_grad(
        X, (2, 6.0, 6, 2), 1
    ),
    "argmax must be at least 0 and less than 4, got 4": lambda: ops.max_pool2d_grad(
        X[:, :3, :3], np.full((2, 3, 3, 2), 4, np.uint8), X.shape
    ),
    "targets must be an array of int of shape .3,., got list": lambda: (
        ops.softmax_cross_entropy(LOGITS, ["1", "0", "1"])
    ),
    "targets must be at least 0 and less than 4, got 18446744073709551615": lambda: (
        ops.softmax_cross_entropy(LOGITS, np.full(3, 2**64 - 1, np.uint64))
    ),
    "smoothing must be a number >= 0 and less than 1": lambda: (
        ops.softmax_cross_entropy(LOGITS, np.zeros(3, int), smoothing="0.1")
    ),
    "rows must be at least 0 and less than 3, got 3": lambda: ops.gather(
        LOGITS, np.array([0, 3]), F32
    ),
    "rows must be an array of int": lambda: ops.gather(LOGITS, ROW[:3] > 0, F32),
    "x must be an array of real numbers, got one of dtype <U1": lambda: ops.gather(
        np.array(["1"]), np.array([0]), F32
    ),
    "targets must have the shape of outputs": lambda: ops.squared_error(
        LOGITS, LOGITS.T
    ),
    "matrix must have the shape of .n, 2, 2., a matrix for each image, .2, 2, 2.": (
        lambda: ops.affine_transform(X, np.eye(2), np.zeros((2, 2)))
    ),
    "fill must be a number in the range of float32, got 1e.300": lambda: (
        ops.affine_transform(X, np.ones((2, 2, 2)), np.zeros((2, 2)), 1e300)
    ),
    "smoothing must be a number >= 0 and less than 1, got 1": lambda: (
        ops.sigmoid_cross_entropy(LOGITS, LOGITS, smoothing=1)
    ),
    r"targets must have the shape of one for 2 outputs each, \(3, 2\), got": lambda: (
        ops.gaussian(LOGITS, LOGITS)
    ),
    "step must be an int >= 1, got 0": lambda: adam(step=0),
    "beta_1 must be a number >= 0 and less than 1, got 1": lambda: adam(beta_1=1),
    "gradient must have a value for each of 4 parameters": lambda: adam(
        gradient=ROW[:1]
    ),
    "moment_1 and moment_2 are both written to, but share memory": lambda: adam(
        moment_1=SHARED[:4], moment_2=SHARED[2:]
    ),
    "parameters is written to, but read-only": lambda: adam(parameters=read_only(ROW)),
    "out must have the shape of z": lambda: ops.activate(ROW, "relu", out=LOGITS),
}


@pytest.mark.parametrize("words", REFUSED)
def test_error_names_argument_rule_and_value(words):
    with pytest.raises((TypeError, ValueError), match=words):
        REFUSED[words]()


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_an_array_are_taken(form):
    x = np.round(np.random.default_rng(SEED).random((3, 6, 6, 2), F32) * 4)
    changed = FORMS[form](x)
    same = changed.astype(float)
    for op in (ops.conv2d, ops.conv2d_max_pool2d):
        np.testing.assert_allclose(
            op(x=changed, kernel=KERNEL), op(x=same, kernel=KERNEL)
        )
    np.testing.assert_array_equal(ops.max_pool2d(changed), ops.max_pool2d(same))
    np.testing.assert_allclose(ops.grad_bias(dz=changed), same.sum((0, 1, 2)))


@pytest.mark.parametrize("shift", [-16, -1, 0, 1, 16])
@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_activation_into_overlapping_memory_is_as_apart(name, shift, rng):
    buffer = rng.standard_normal(20_000).astype(F32)
    z = buffer[16:-16]
    out = buffer[16 + shift :][: len(z)]
    expected = ops.activate(z.copy(), name)
    assert ops.activate(z, name, out=out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-12)


def test_gradient_that_is_updated_itself_is_as_apart(rng):
    start, moments = rng.standard_normal(100).astype(F32), np.zeros((2, 100), F32)
    for step in (ops.adam_step, ops.sgd_step):
        n, numbers = (2, {"step": 1}) if step is ops.adam_step else (1, {})
        rates = {"learning_rate": 0.1, "decay": abs(start), **numbers}
        apart, alias = start.copy(), start.copy()
        step(apart, start, *moments.copy()[:n], **rates)
        step(alias, alias, *moments.copy()[:n], **rates)
        np.testing.assert_allclose(alias, apart, rtol=1e-6, atol=1e-7)  # steps are 0.1


@pytest.mark.parametrize("channels", [1, 16])
def test_first_nan_of_a_window_is_its_maximum(channels):
    x = np.zeros((1, 2, 4, channels), F32)
    x[0, 0, 1], x[0, 1, 0], x[0, 1, 2], x[0, 1, 3] = [np.nan] * 4
    argmax = ops.max_pool2d_with_argmax(x)[1]
    assert argmax[0, 0, :, 0].tolist() == [1, 2]


def test_infinite_gradients_stay_where_they_belong():
    x = np.arange(4, dtype=F32).reshape(1, 2, 2, 1)
    y, argmax = ops.max_pool2d_with_argmax(x)
    dx = ops.max_pool2d_grad(np.full_like(y, np.inf), argmax, x.shape)
    assert dx.ravel().tolist() == [0, 0, 0, np.inf]
    dz = ops.activate_grad(np.full(2, np.inf, F32), np.array([0, 1], F32), "relu")
    assert dz.tolist() == [0, np.inf]


def test_pools_of_more_than_65536_pixels():
    x = np.zeros((1, 300, 300, 1), F32)
    x[0, 259, 259] = 1
    y, argmax = ops.max_pool2d_with_argmax(x, 260)
    assert argmax.dtype == np.uint32
    assert argmax.item() == 260**2 - 1
    assert ops.max_pool2d_grad(y, argmax, x.shape, 260)[0, 259, 259] == 1
    pixel, pool = np.ones((1, 1, 1, 1), F32), {"pool_size": 260}
    y, argmax = ops.conv2d_max_pool2d_with_argmax(x, pixel, **pool)
    dx, *_ = ops.conv2d_max_pool2d_backward(y, y, argmax, x, pixel, **pool)
    assert dx[0, 259, 259] == dx.sum() == 1


@pytest.mark.parametrize("far", [2**31, 2**40, 2**61])
def test_strides_beyond_32_bits(far):
    expected = ops.conv2d(X[:, :3, :3], KERNEL)
    np.testing.assert_array_equal(ops.conv2d(X, KERNEL, stride=far), expected)
    dilated = ops.conv2d(X, KERNEL[:1, :1], dilation=far)
    np.testing.assert_array_equal(dilated, ops.conv2d(X, KERNEL[:1, :1]))
    np.testing.assert_array_equal(ops.max_pool2d(X, 3, stride=far), X[:, :1, :1])


def test_arguments_are_drawn_for_every_op():
    others = {"ActivationFunction", "Window", "available", "find_activation", "in_use"}
    others |= {
        "ACTIVATIONS",
        "INTERPOLATIONS",
        "margins",
        "pair",
        "pool_window",
        "positive_int",
        "transposed_size",
        "use",
    }
    others |= {"window"}
    assert {*GOOD} == {*ops.__all__} - others
