"""The compiled ops: their definitions' results, on every instruction set, and no harm."""

import ast
import inspect
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest
from test_ops import POOLS
from threadpoolctl import threadpool_limits
from tolerances import assert_same

import skconv
from skconv import ConvNetClassifier, Network, layers, ops
from skconv.ops import compiled, reference

if compiled is None:
    pytest.skip("the compiled ops were not built", allow_module_level=True)
_kernels = compiled._kernels


@pytest.fixture(params=compiled.instruction_sets())
def each_set(request):
    before = ops.in_use()
    ops.use(request.param)
    yield request.param
    ops.use(before)


@pytest.fixture
def guarded(monkeypatch):
    """Surround every output with guards, and check that nobody wrote there."""
    guard, mark = 64, 0x5A
    buffers = []

    def new(shape, dtype=np.float32):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        buffer = np.full(size + 2 * guard, mark, np.uint8)
        buffers.append((buffer, size))
        return buffer[guard : guard + size].view(dtype).reshape(shape)

    monkeypatch.setattr(compiled, "_new", new)
    yield
    assert buffers
    for buffer, size in buffers:
        assert (buffer[:guard] == mark).all()
        assert (buffer[guard + size :] == mark).all()


# The same as the definitions -----------------------------------------------------------


def that_fit(draw, n, seed=0):
    """Yield what is drawn of shapes, windows and activations, if it fits."""
    rng = np.random.default_rng(seed)
    while n:
        shape, kernel, slide, activation = draw(rng)
        try:
            reference.conv2d(np.zeros(shape), np.zeros(kernel), **slide)
        except ValueError:
            continue
        n -= 1
        yield shape, kernel, slide, activation


def any_convolution(rng):
    """Draw of all kinds: many vectors of channels and parts of one, groups, strides."""
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    channels = int(rng.choice([1, 2, 3, 5, 8, 16, 17]))
    filters = int(rng.choice([1, 2, 3, 6, 8, 10, 16, 20, 33, 40, 70]))
    if rng.random() < 0.2:
        groups, channels, filters = int(rng.integers(2, 40)), 1, 1  # depthwise
    x = tuple(map(int, rng.integers(1, [5, 14, 14]))), channels * groups
    kernel = (*map(int, rng.integers(1, 5, 2)), channels, filters * groups)
    paddings = rng.integers(0, 4, (2, 2)).tolist()
    slide = {
        "stride": tuple(map(int, rng.integers(1, 4, 2))),
        "padding": ["same", "valid", paddings][rng.integers(3)],
        "dilation": tuple(map(int, rng.integers(1, 3, 2))),
        "groups": groups,
    }
    activation = rng.choice([None, *sorted(ops.ACTIVATIONS)])
    shape = (*x[0], x[1])
    return shape, kernel, slide, activation


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("activation", [None, "elu", "logistic"])
def test_no_number_of_channels_or_rows_rounds_otherwise(
    width, depthwise, activation, rng
):
    """Tiles of any number of rows, vectors that channels fill in part: the same bits."""
    for channels in [*range(1, 36), 67]:
        groups = channels if depthwise else 1
        kernel = rng.standard_normal(
            (2, width, channels // groups, channels), np.float32
        )
        bias = rng.standard_normal(channels, np.float32)
        x = rng.standard_normal((13, 3, 4, channels), np.float32)
        both = {"groups": groups, "activation": activation}
        for scale in (None, bias):
            together = ops.conv2d(x, kernel, bias, scale, **both)
            for n in range(1, 13):
                alone = ops.conv2d(x[:n], kernel, bias, scale, **both)
                np.testing.assert_array_equal(alone, together[:n])


def wide_depthwise(rng):
    """Draw three or five taps wide, as the kernels for runs of pixels take them."""
    c = int(rng.choice([4, 8, 12, 16, 28, 36, 64, 100]))
    shape = (*map(int, rng.integers(1, [4, 12, 45])), c)
    kernel = int(rng.integers(1, 6)), int(rng.choice([3, 5])), 1, c
    paddings = rng.integers(0, 7, (2, 2)).tolist()
    slide = {
        "stride": (int(rng.integers(1, 4)), int(rng.integers(1, 3))),
        "padding": ["same", "valid", paddings][rng.integers(3)],
        "dilation": (int(rng.integers(1, 3)), 1),
        "groups": c,
    }
    if rng.random() < 0.5:
        slide["stride"] = 1
    activation = rng.choice([None, "relu", "tanh", "gelu"])
    return shape, kernel, slide, activation


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize(
    "case", [*that_fit(any_convolution, 150), *that_fit(wide_depthwise, 80)], ids=str
)
def test_random_convolutions_are_as_defined(case, rng):
    shape, kernel_shape, slide, activation = case
    x, kernel = (rng.standard_normal(s, np.float32) for s in (shape, kernel_shape))
    bias, scale = rng.standard_normal((2, kernel_shape[3]), np.float32)
    for arrays in [
        (x, kernel, bias, scale),
        (x, kernel, None, scale),
        (x, kernel, bias),
    ]:
        y = ops.conv2d(*arrays, activation=activation, **slide)
        double = [a if a is None else a.astype(np.float64) for a in arrays]
        expected = reference.conv2d(*double, activation=activation, **slide)
        assert y.dtype == np.float32
        assert_same(y, expected, np.float32)

        for pool in [(1, 1), (1, 2), (2, 2), (3, 2)]:
            if pool[0] <= y.shape[1] and pool[1] <= y.shape[2]:
                pooled = ops.conv2d_max_pool2d(
                    *arrays, activation=activation, pool_size=pool, **slide
                )
                np.testing.assert_array_equal(pooled, ops.max_pool2d(y, pool))

    derivative_from = ops.find_activation(activation).derivative_from
    kept = y if derivative_from == "output" else ops.conv2d(x, kernel, bias, **slide)
    dy = rng.standard_normal(y.shape, np.float32)
    actual = ops.conv2d_backward(dy, kept, x, kernel, activation=activation, **slide)
    double = [a.astype(np.float64) for a in (dy, kept, x, kernel)]
    expected = reference.conv2d_backward(*double, activation=activation, **slide)
    for ours, theirs in zip(actual, expected, strict=True):
        assert_same(ours, theirs, np.float32)


def random_pools(n, seed=0):
    rng = np.random.default_rng(seed)
    while n:
        shape = tuple(map(int, rng.integers(1, [4, 14, 14])))
        channels = int(rng.choice([1, 2, 3, 5, 6, 8, 10, 16, 17, 32]))
        size = tuple(map(int, rng.integers(1, 5, 2)))
        paddings = [rng.integers(0, k, 2).tolist() for k in size]
        slide = {
            "stride": tuple(map(int, rng.integers(1, 5, 2))),
            "padding": ["same", "valid", paddings][rng.integers(3)],
        }
        try:
            ops.pool_window(shape[1:], size, **slide)
        except ValueError:
            continue  # does not fit
        n -= 1
        yield (*shape, channels), size, slide


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("case", [*random_pools(100), *POOLS.values()], ids=str)
def test_random_pools_are_as_defined(case, ties, rng):
    shape, size, slide = case
    x = rng.standard_normal(shape, np.float32)
    x = np.round(x) if ties else x
    y, argmax = ops.max_pool2d_with_argmax(x, size, **slide)
    expected, expected_argmax = reference.max_pool2d_with_argmax(x, size, **slide)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(argmax, expected_argmax)
    assert argmax.dtype == expected_argmax.dtype
    np.testing.assert_array_equal(ops.max_pool2d(x, size, **slide), expected)
    dy = rng.standard_normal(y.shape, np.float32)
    assert_same(
        ops.max_pool2d_grad(dy, argmax, shape, size, **slide),
        reference.max_pool2d_grad(dy, argmax, shape, size, **slide),
    )
    assert_same(
        ops.avg_pool2d(x, size, **slide), reference.avg_pool2d(x, size, **slide)
    )
    assert_same(
        ops.avg_pool2d_grad(dy, shape, size, **slide),
        reference.avg_pool2d_grad(dy, shape, size, **slide),
    )


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("activation", ops.ACTIVATIONS)
@pytest.mark.parametrize(
    ("n", "features", "units"), [(1, 1, 1), (7, 40, 10), (64, 300, 33)]
)
def test_dense_layers_are_as_defined(n, features, units, activation, rng):
    shapes = (n, features), (features, units), units, (n, units)
    x, kernel, bias, dy = (rng.standard_normal(s, np.float32) for s in shapes)
    kernel /= features**0.5
    y = ops.dense(x, kernel, bias, activation=activation)
    assert_same(y, reference.dense(x, kernel, bias, activation=activation))
    derivative_from = ops.find_activation(activation).derivative_from
    kept = y if derivative_from == "output" else ops.dense(x, kernel, bias)
    for ours, theirs in zip(
        ops.dense_backward(dy, kept, x, kernel, activation=activation),
        reference.dense_backward(dy, kept, x, kernel, activation=activation),
        strict=True,
    ):
        assert_same(ours, theirs)
    assert_same(ops.dense_grad_kernel(dy, x), reference.dense_grad_kernel(dy, x))
    assert_same(ops.dense_grad_input(dy, kernel), dy @ kernel.T)
    assert_same(ops.grad_bias(dy), dy.sum(0))


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_activations_are_close_where_they_are_small_and_large(name):
    tiny = np.logspace(-30, -3, 50)
    z = np.concatenate([-tiny, [0], tiny, np.linspace(-100, 100, 999)])[:, None]
    y = ops.activate(z.astype(np.float32), name)
    exact = reference.activate(z.astype(np.float32).astype(float), name)
    np.testing.assert_allclose(y, exact, rtol=2e-6, atol=1e-37)
    z = z.astype(np.float32)
    kept = y if ops.find_activation(name).derivative_from == "output" else z
    np.testing.assert_allclose(
        ops.activate_grad(np.ones_like(z), kept, name),
        reference.activate_grad(np.ones_like(z), kept, name),
        rtol=1e-5,
        atol=1e-7,
    )


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("name", sorted({*ops.ACTIVATIONS} - {"softmax"}))
def test_a_nan_is_not_hidden(name):
    x = np.ones((1, 4, 4, 3), np.float32)
    x[0, 1, 1, 1] = np.nan
    assert np.isnan(ops.activate(x, name)).sum() == 1
    kernel = np.ones((1, 1, 3, 9), np.float32)
    assert np.isnan(ops.conv2d(x, kernel, activation=name)).sum() == 9
    assert np.isnan(ops.max_pool2d(x)).sum() == 1


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("k", "smoothing"),
    [(1, 0), (2, 0), (10, 0), (17, 0), (1000, 0), (2, 0.1), (17, 0.1), (1000, 0.1)],
)
def test_softmax_cross_entropy_is_as_defined(k, weighted, smoothing, rng):
    logits = 10 * rng.standard_normal((30, k), np.float32)
    codes = rng.integers(0, k, 30)
    weight = rng.uniform(0, 2, 30) if weighted else None
    loss, dlogits = ops.softmax_cross_entropy(logits, codes, weight, smoothing)
    expected, expected_dlogits = reference.softmax_cross_entropy(
        logits.astype(float), codes, weight, smoothing
    )
    assert_same(loss, expected, np.float32)
    assert_same(dlogits, expected_dlogits, np.float32)


@pytest.mark.usefixtures("each_set")
@pytest.mark.parametrize("decayed", [False, True])
def test_adam_step_is_as_defined(decayed, rng):
    size = 20_001  # more than one task takes
    ours = [rng.standard_normal(size, np.float32) for _ in range(4)]
    ours[3] = ours[3] ** 2
    theirs = [a.astype(float) for a in ours]
    decay = rng.random(size, np.float32) if decayed else None
    for step in (1, 2, 3):
        rates = {"step": step, "learning_rate": 0.01, "decay": decay}
        ops.adam_step(*ours, **rates)
        reference.adam_step(*theirs, **rates)
    for a, b in zip(ours, theirs, strict=True):
        assert_same(a, b, np.float32)


def check_gathering(dtype, scale, rng):
    X = rng.integers(0, 2 if dtype == "bool" else 256, (50, 3, 4)).astype(dtype)
    rows = rng.integers(0, 50, 70)
    batch = ops.gather(X, rows, np.dtype(np.float32), scale)
    expected = X[rows].astype(np.float32) * np.float32(scale)
    np.testing.assert_array_equal(batch, expected)
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous


@pytest.mark.usefixtures("each_set", "guarded")
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("scale", [1, 1 / 255])
def test_gathering_is_indexing(dtype, scale, rng):
    check_gathering(dtype, scale, rng)


@pytest.mark.parametrize("dtype", ["float16", "bool", ">f8"])
def test_gathering_of_other_dtypes_is_left_to_numpy(dtype, rng):
    check_gathering(dtype, 1 / 255, rng)


def test_float64_is_left_to_the_definitions(rng):
    x, kernel = rng.standard_normal((2, 5, 5, 3)), rng.standard_normal((3, 3, 3, 4))
    np.testing.assert_array_equal(ops.conv2d(x, kernel), reference.conv2d(x, kernel))
    mixed = ops.conv2d(x.astype(np.float32), kernel)
    assert mixed.dtype == np.float64


def test_awkward_float32_arrays_give_the_same(rng):
    x = rng.standard_normal((2, 6, 6, 4), np.float32)
    kernel = rng.standard_normal((3, 3, 4, 5), np.float32)
    expected = ops.conv2d(x, kernel)
    unaligned = np.empty(x.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(x.shape)
    unaligned[...] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    twisted = x[::-1, ::-1].copy()[::-1, ::-1]
    for awkward in (unaligned, read_only, twisted, np.asfortranarray(x)):
        np.testing.assert_array_equal(ops.conv2d(awkward, kernel), expected)
    swapped = x.astype(">f4")
    assert_same(ops.conv2d(swapped, kernel), expected, np.float32)


def signatures(path):
    """Name -> arguments and defaults, as they are written, of a module's functions."""
    tree = ast.parse(Path(path).read_text())
    return {
        node.name: ast.unparse(node.args)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def test_twins_have_their_definitions_signatures_and_docstrings():
    folder = Path(reference.__file__).parent
    definitions = {}
    for path in folder.glob("*.py"):
        definitions |= signatures(path)
    twins = signatures(compiled.__file__)
    for name in compiled.__all__:
        assert twins[name] == definitions[name], name
        assert inspect.getdoc(getattr(compiled, name)) == inspect.getdoc(
            getattr(reference, name)
        )


# Bits: no thread, no neighbour in the batch makes a difference ---------------------------

NET = [
    layers.Conv2D(8, 3, activation="relu"),
    layers.MaxPool2D(2),
    layers.DepthwiseConv2D(3, activation="elu"),
    layers.Conv2D(20, 3, stride=2, activation="tanh"),
    layers.AvgPool2D(2, padding="same"),
    layers.Dense(30, "relu"),
    layers.Dropout(0.2),
]


def fit_on_threads(threads, X, y):
    with threadpool_limits(threads):
        assert compiled.max_threads() == threads
        clf = ConvNetClassifier(NET, max_iter=2, batch_size=100, random_state=0)
        clf.fit(X, y)
    return clf


@pytest.mark.usefixtures("each_set")
def test_any_number_of_threads_gives_the_same_bits(rng):
    X = rng.standard_normal((400, 20, 20)).astype(np.float32)
    y = rng.integers(0, 10, 400)
    expected = fit_on_threads(1, X, y)
    for threads in (2, 3, 7):
        clf = fit_on_threads(threads, X, y)
        np.testing.assert_array_equal(
            clf.network_.parameters, expected.network_.parameters
        )
        assert clf.loss_curve_ == expected.loss_curve_
        with threadpool_limits(threads):
            np.testing.assert_array_equal(
                clf.predict_proba(X), expected.predict_proba(X)
            )


def test_every_op_uses_threads_and_gives_the_same_bits(rng):
    """Large enough for several tasks each, which the network above may not be."""
    x = rng.standard_normal((64, 28, 28, 16), np.float32)
    kernel = rng.standard_normal((3, 3, 16, 24), np.float32)
    by_channel = rng.standard_normal((3, 3, 1, 16), np.float32)
    flat = rng.standard_normal((4000, 70), np.float32)

    def everything():
        y = ops.conv2d(x, kernel, padding="same", activation="relu")
        backward = ops.conv2d_backward(
            y, y, x, kernel, padding="same", activation="relu"
        )
        slide = {"padding": "same", "groups": 16}
        depthwise = ops.conv2d(x, by_channel, **slide)
        by_backward = ops.conv2d_backward(
            x, x, x, by_channel, activation="elu", **slide
        )
        pooled, argmax = ops.max_pool2d_with_argmax(x)
        moments = np.zeros((3, flat.size), np.float32)
        ops.adam_step(moments[0], flat.ravel(), *moments[1:], step=1, learning_rate=0.1)
        return [
            y,
            *backward,
            depthwise,
            *by_backward,
            pooled,
            ops.max_pool2d_grad(pooled, argmax, x.shape),
            ops.avg_pool2d(x, 3, stride=2),
            ops.avg_pool2d_grad(pooled, x.shape),
            ops.activate(x, "tanh"),
            ops.activate_grad(x, x, "elu"),
            ops.grad_bias(flat),
            moments,
        ]

    with threadpool_limits(1):
        expected = everything()
    for threads in (2, 3, 7):
        with threadpool_limits(threads):
            for actual, one in zip(everything(), expected, strict=True):
                np.testing.assert_array_equal(actual, one)


@pytest.mark.usefixtures("each_set")
def test_a_sample_does_not_depend_on_its_batch(rng):
    network = Network.build([*NET, layers.Dense(10)], (21, 21, 3), 0)
    x = rng.standard_normal((150, 21, 21, 3), np.float32)
    together = network.predict(x)
    for size in (1, 2, 7, 64):
        apart = [network.predict(x[i : i + size]) for i in range(0, len(x), size)]
        np.testing.assert_array_equal(np.concatenate(apart), together)


def test_threads_may_predict_with_one_model_at_once(rng):
    network = Network.build([*NET, layers.Dense(10)], (21, 21, 3), 0)
    batches = [rng.standard_normal((9, 21, 21, 3), np.float32) for _ in range(40)]
    expected = [network.predict(x) for x in batches]
    with ThreadPoolExecutor(8) as pool:
        for ours, one in zip(pool.map(network.predict, batches), expected, strict=True):
            np.testing.assert_array_equal(ours, one)


def test_no_array_is_copied_on_the_way(rng):
    """NumPy reports its arrays to tracemalloc: there are those asked for, and no others."""
    x = rng.standard_normal((64, 28, 28, 16), np.float32)
    kernel = rng.standard_normal((3, 3, 16, 24), np.float32)

    def peak(op, *args, **kwargs):
        tracemalloc.start()
        try:
            results = op(*args, **kwargs)
            return results, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    y, used = peak(ops.conv2d, x, kernel, padding="same", activation="tanh")
    assert used < y.nbytes * 1.01
    same = {"padding": "same", "activation": "tanh"}
    _, used = peak(ops.conv2d_backward, y, y, x, kernel, **same)
    assert used < (x.nbytes + kernel.nbytes) * 1.01
    pooled, used = peak(ops.max_pool2d, x)
    assert used < pooled.nbytes * 1.01


def test_other_threads_run_while_an_op_does(rng):
    x = rng.standard_normal((8, 64, 64, 64), np.float32)
    kernel = rng.standard_normal((3, 3, 64, 64), np.float32)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    def longest_pause():
        """The longest that no tick came, as a share of an op's time."""
        start = time.perf_counter()
        ops.conv2d(x, kernel)
        stop = time.perf_counter()
        within = [start, *(t for t in ticks if start < t < stop), stop]
        return np.diff(within).max() / (stop - start)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        with threadpool_limits(1):  # a core is left for the ticks
            # With the interpreter's lock held it is nearly 1 each time; on a busy
            # machine it may be so at times.
            assert any(longest_pause() < 0.8 for _ in range(100))
    finally:
        done.set()
        thread.join()


# Processes -----------------------------------------------------------------------------


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_predicts_and_fits():
    code = """if True:
        import os, numpy as np
        from skconv import ConvNetClassifier, ops
        X = np.random.default_rng(0).standard_normal((400, 20, 20)).astype(np.float32)
        y = np.arange(400) % 10
        clf = ConvNetClassifier(max_iter=2, random_state=0).fit(X, y)
        assert ops.compiled.max_threads() == 2
        expected = clf.predict_proba(X)
        child = os.fork()
        if child == 0:
            right = ops.compiled.max_threads() == 1
            right &= np.array_equal(clf.predict_proba(X), expected)
            again = ConvNetClassifier(max_iter=2, random_state=0).fit(X, y)
            right &= np.array_equal(again.predict_proba(X), expected)
            os._exit(0 if right else 1)
        _, status = os.waitpid(child, 0)
        assert np.array_equal(clf.predict_proba(X), expected)
        print("child:", os.waitstatus_to_exitcode(status))
    """
    result = run(code, OMP_NUM_THREADS="2")
    assert result.stdout == "child: 0\n", result.stderr


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_environment_sets_the_threads(threads):
    result = run("import skconv; skconv.show_versions()", OMP_NUM_THREADS=threads)
    assert f"\nthreads of ops: {threads}\n" in result.stdout, result.stderr


def test_workers_of_joblib_have_the_threads_they_are_given():
    with joblib.parallel_backend("loky", inner_max_num_threads=1):
        threads = joblib.Parallel(2)(
            joblib.delayed(lambda: skconv.ops.compiled.max_threads())()
            for _ in range(2)
        )
    assert threads == [1, 1]


@pytest.mark.parametrize("name", ops.available())
def test_the_environment_chooses_the_ops(name):
    result = run("import skconv; skconv.show_versions()", SKCONV_OPS=name)
    assert result.returncode == 0, result.stderr
    assert f" ops: {name} (available: " in result.stdout


def test_a_wrong_choice_says_what_there_is():
    result = run("import skconv", SKCONV_OPS="avx3")
    assert "must be one of " in result.stderr
    assert "'numpy' here, got 'avx3'" in result.stderr


def test_show_versions_tells_what_runs(capsys):
    skconv.show_versions()
    text = capsys.readouterr().out
    assert f"skconv: {skconv.__version__}" in text
    assert f"ops: {ops.in_use()}" in text
    assert f"threads of ops: {compiled.max_threads()}" in text
    assert "openblas" in text or "thread pools" in text
    assert f"numpy: {np.__version__}" in text


# What the module refuses ---------------------------------------------------------------

SLIDE = (1, 1, 1, 1, 0, 0, 1, 0)


def arrays():
    x, kernel = np.ones((2, 5, 5, 3), np.float32), np.ones((3, 3, 3, 4), np.float32)
    bias, scale = np.ones((2, 4), np.float32)
    return x, kernel, bias, scale, np.empty((2, 3, 3, 4), np.float32)


REFUSED = {
    "float64": lambda x, k, b, s, y: (x.astype(float), k, b, s, y, *SLIDE),
    "strided": lambda x, k, b, s, y: (x[:, :, ::-1], k, b, s, y, *SLIDE),
    "3-D": lambda x, k, b, s, y: (x[0], k, b, s, y, *SLIDE),
    "None": lambda x, k, b, s, y: (None, k, b, s, y, *SLIDE),
    "a list": lambda x, k, b, s, y: (x.tolist(), k, b, s, y, *SLIDE),
    "another batch": lambda x, k, b, s, y: (x[:1], k, b, s, y, *SLIDE),
    "other channels": lambda x, k, b, s, y: (x, k[:, :, :2].copy(), b, s, y, *SLIDE),
    "other filters": lambda x, k, b, s, y: (x, k[..., :2].copy(), b, s, y, *SLIDE),
    "a short bias": lambda x, k, b, s, y: (x, k, b[:3], s, y, *SLIDE),
    "a short scale": lambda x, k, b, s, y: (x, k, b, s[:3], y, *SLIDE),
    "an empty kernel": lambda x, k, b, s, y: (x, k[:0], b, s, y, *SLIDE),
    "stride 0": lambda x, k, b, s, y: (x, k, b, s, y, 0, *SLIDE[1:]),
    "negative padding": lambda x, k, b, s, y: (
        x,
        k,
        b,
        s,
        y,
        *SLIDE[:4],
        -1,
        *SLIDE[5:],
    ),
    "2 groups": lambda x, k, b, s, y: (x, k, b, s, y, *SLIDE[:6], 2, 0),
    "0 groups": lambda x, k, b, s, y: (x, k, b, s, y, *SLIDE[:6], 0, 0),
    "huge padding": lambda x, k, b, s, y: (x, k, b, s, y, *SLIDE[:4], 2**30, 0, 1, 0),
    "huge stride": lambda x, k, b, s, y: (x, k, b, s, y, 2**30, *SLIDE[1:]),
    "an unknown activation": lambda x, k, b, s, y: (x, k, b, s, y, *SLIDE[:7], 99),
    "a read-only output": lambda x, k, b, s, y: (x, k, b, s, read_only(y), *SLIDE),
}


def read_only(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case):
    _kernels.conv2d(*arrays(), *SLIDE)
    with pytest.raises((TypeError, ValueError)):
        _kernels.conv2d(*REFUSED[case](*arrays()))


def test_windows_out_of_the_image_read_zeros():
    """Whatever the padding and the output, nothing outside of an image is read."""
    x, kernel, bias, *_ = arrays()
    y = np.empty((2, 9, 9, 4), np.float32)
    _kernels.conv2d(x, kernel, bias, None, y, 2, 2, 3, 3, 7, 4, 1, 0)
    win_padding = ((7, 20), (4, 20))
    expected = reference.conv2d(
        x, kernel, bias, stride=2, dilation=3, padding=win_padding
    )
    np.testing.assert_array_equal(y, expected[:, :9, :9])


def test_indices_are_checked():
    f32 = np.float32
    X, out = np.ones((5, 3), f32), np.empty((1, 3), f32)
    for row in (-1, 5):
        with pytest.raises(ValueError, match="rows must be rows of x"):
            _kernels.gather(X, np.array([row]), 1.0, out)
    logits = np.ones((1, 3), f32)
    for code in (-1, 3):
        with pytest.raises(ValueError, match="codes must be 0 to k - 1"):
            _kernels.softmax_cross_entropy(logits, np.array([code]), None, 0.0, out)
    x, y = np.ones((1, 4, 4, 2), f32), np.empty((1, 2, 2, 2), f32)
    argmax = np.empty((1, 2, 2, 3), np.uint8)
    with pytest.raises(ValueError, match="argmax must have y's shape"):
        _kernels.max_pool(x, y, argmax, 2, 2, 2, 2, 0, 0)
    with pytest.raises(ValueError, match="argmax is too small"):
        _kernels.max_pool(x, y, argmax[..., :2].copy(), 20, 20, 2, 2, 0, 0)
    with pytest.raises(ValueError, match="each window must hold a pixel"):
        _kernels.avg_pool(x, y, 2, 2, 9, 9, 0, 0)
    with pytest.raises(ValueError, match="must be aligned"):
        buffer = np.zeros(33, np.uint8)[1:].view(f32)
        _kernels.activate(buffer, buffer, 1)
