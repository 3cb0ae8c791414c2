"""Each op in JavaScript is that of Python to the bit, over many geometries."""

import json

import numpy as np
import pytest

from skconv import ops

pytestmark = pytest.mark.browser

N = 60  # geometries


@pytest.fixture
def call(wasm, node, tmp_path):
    """Return a function that calls ops in JavaScript: ``[(name, *arguments)]``."""

    def run(calls):
        path = tmp_path / "calls.json"
        path.write_text(json.dumps(calls, default=written))
        return node("call.mjs", path, wasm)

    return run


def written(array):
    return {"shape": array.shape, "data": array.ravel().tolist()}


def assert_same(got, expected):
    assert "error" not in got, got
    assert tuple(got["shape"]) == expected.shape
    bits = expected.view("u4") if expected.dtype == np.float32 else expected
    assert np.array_equal(np.reshape(got["bits"], expected.shape), bits)


def draw(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def geometries(rng):
    """Yield shapes of images and kernels up to 9 x 9, and how these slide."""
    while True:
        h, w, kh, kw = rng.integers(1, 10, 4)
        n, c, f = rng.integers(1, 4), rng.choice([1, 2, 3, 8]), rng.choice([1, 4, 6])
        padding = [
            "valid",
            "same",
            int(rng.integers(3)),
            rng.integers(3, size=(2, 2)).tolist(),
        ][rng.integers(4)]
        slide = {
            "stride": rng.integers(1, 4, 2).tolist(),
            "padding": padding,
            "dilation": rng.integers(1, 3, 2).tolist(),
        }
        shapes = tuple(map(int, (n, h, w, c))), tuple(map(int, (kh, kw, c, f)))
        python = {k: tuple(map(tuple, v)) if isinstance(v, list) and
                  isinstance(v[0], list) else tuple(v) if isinstance(v, list) else v
                  for k, v in slide.items()}  # fmt: skip
        try:
            win = ops.window(shapes[0][1:3], shapes[1][:2], **python)
        except ValueError:
            continue
        yield *shapes, slide, python, win


def test_convolutions(rng, call, generic_ops):
    calls, expected = [], []
    names = [None, "relu", "leaky_relu", "elu", "tanh", "logistic"]
    for i, (x_shape, k_shape, slide, python, win) in zip(
        range(N), geometries(rng), strict=False
    ):
        x, kernel, bias = (
            draw(rng, *x_shape),
            draw(rng, *k_shape),
            draw(rng, k_shape[3]),
        )
        dy = draw(rng, x_shape[0], *win.output, k_shape[3])
        activation = names[i % len(names)]
        options = {**slide, "activation": activation}
        y = ops.conv2d(x, kernel, bias, **python, activation=activation)
        calls.append(("conv2d", x, kernel, bias, options))
        calls.append(("conv2dBackward", dy, y, x, kernel, options))
        calls.append(("conv2dGradKernel", dy, x, k_shape, slide))
        calls.append(("conv2dGradInput", dy, kernel, x_shape, slide))
        expected.append(y)
        expected.append(
            ops.conv2d_backward(dy, y, x, kernel, **python, activation=activation)
        )
        expected.append(ops.conv2d_grad_kernel(dy, x, k_shape, **python))
        expected.append(ops.conv2d_grad_input(dy, kernel, x_shape, **python))
    for got, right in zip(call(calls), expected, strict=True):
        if isinstance(right, tuple):
            for part, array in zip(got.values(), right, strict=True):
                assert_same(part, array)
        else:
            assert_same(got, right)


def test_pools(rng, call, generic_ops):
    calls, expected = [], []
    for _ in range(N):
        size = rng.integers(1, 5, 2).tolist()
        x = draw(rng, 2, *rng.integers(4, 10, 2), int(rng.integers(1, 5)))
        stride = rng.integers(1, 4, 2).tolist()
        python = {"stride": tuple(stride)}
        y, argmax = ops.max_pool2d_with_argmax(x, tuple(size), **python)
        dy = draw(rng, *y.shape)
        options = {"stride": stride}
        calls.append(("maxPool2d", x, size, options))
        calls.append(("avgPool2d", x, size, options))
        calls.append(("avgPool2dGrad", dy, x.shape, size, options))
        average = ops.avg_pool2d_grad(dy, x.shape, tuple(size), **python)
        expected += [y, argmax], [ops.avg_pool2d(x, tuple(size), **python)], [average]
    for got, right in zip(call(calls), expected, strict=True):
        parts = list(got.values()) if len(right) == 2 else [got]
        for part, array in zip(parts, right, strict=True):
            assert_same(part, array)


def test_dense_layers_and_loss(rng, call, generic_ops):
    x, kernel, bias, dz = (draw(rng, *s) for s in [(5, 7), (7, 3), (3,), (5, 3)])
    codes = np.array([0, 2, 1, 1, 0])
    y = ops.dense(x, kernel, bias, activation="tanh")
    value, dlogits = ops.softmax_cross_entropy(dz, codes)
    *grads, got = call(
        [
            ("dense", x, kernel, bias, {"activation": "tanh"}),
            ("denseGradKernel", dz, x),
            ("denseGradInput", dz, kernel),
            ("gradBias", dz),
            ("activateGrad", dz, y, "tanh"),
            ("softmaxCrossEntropy", dz, codes.tolist()),
        ]
    )
    right = [
        y,
        ops.dense_grad_kernel(dz, x),
        ops.dense_grad_input(dz, kernel),
        ops.grad_bias(dz),
        ops.activate_grad(dz, y, "tanh"),
    ]
    for part, array in zip(grads, right, strict=True):
        assert_same(part, array)
    assert got["value"] == value
    assert_same(got["dlogits"], dlogits)


def test_denormals_become_zeros(call, generic_ops):
    z = np.array([[200.0, 100, 0], [0, -90, -100], [1e-39, -1e-39, 0]], np.float32)
    _, dlogits = ops.softmax_cross_entropy(z, np.array([0, 1, 2]))
    tiny = np.array([1e-25, -1e-30, 0, 1e-38], np.float32)
    kernel = np.full((4, 2), 1e-15, np.float32)
    calls = [
        ("softmaxCrossEntropy", z, [0, 1, 2]),
        ("dense", tiny[None], kernel),
    ]
    loss, dense = call(calls)
    assert_same(loss["dlogits"], dlogits)
    assert_same(dense, ops.dense(tiny[None], kernel))


def test_steps_of_adam_correct_the_start(rng, call, generic_ops):
    """The powers in it come from two mathematical libraries."""
    steps = [*range(1, 3000), *range(3000, 200_000, 997)]
    calls, expected = [], []
    for step in steps:
        w, g, m, v = draw(rng, 3), draw(rng, 3), draw(rng, 3), draw(rng, 3) ** 2
        rates = {"step": step, "learningRate": 0.003}
        calls.append(("adamStep", w, g, m, v, rates))
        after = w.copy(), g, m.copy(), v.copy()
        ops.adam_step(*after, step=step, learning_rate=0.003)
        expected.append(after)
    for got, right in zip(call(calls), expected, strict=True):
        for part, array in zip(got.values(), right, strict=True):
            assert_same(part, array)


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("conv2d", [(1, 4, 4, 2), (3, 3, 1, 1)], "do not match a kernel"),
        ("conv2d", [(1, 2, 2, 1), (3, 3, 1, 1)], 'use padding "same"'),
        ("conv2d", [(1, 4, 4, 1), (3, 3, 1, 2), (3,)], "each of 2 filters"),
        ("maxPool2d", [(1, 4, 4, 1), 17], "does not fit"),
        ("softmaxCrossEntropy", [(2, 3), [0, 3]], "from 0 to 2"),
        ("activate", [(2,), "swish"], "activation must be one of"),
        ("array", [[2, -1]], "integers from 0 on"),
    ],
)
def test_errors_say_the_rule(name, args, words, call):
    args = [np.zeros(a, np.float32) if isinstance(a, tuple) else a for a in args]
    assert words in call([(name, *args)])[0]["error"]
