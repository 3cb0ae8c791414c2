"""The compiled ops in threads and processes: the same bits, and no harm."""

import os
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from seeds import SEED
from threadpoolctl import threadpool_limits

import skconv
from skconv import ConvNetClassifier, Network, layers, ops
from skconv.ops import compiled

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
        clf = ConvNetClassifier(NET, max_iter=2, batch_size=100, random_state=SEED)
        clf.fit(X, y)
    return clf


@pytest.mark.usefixtures("each_set")
def test_fits_do_not_depend_on_the_number_of_threads(rng):
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


def test_ops_do_not_depend_on_the_number_of_threads(rng):
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
        half = ops.conv2d(x, by_channel, stride=2, **slide)
        pooled, argmax = ops.max_pool2d_with_argmax(x)
        moments = np.zeros((3, flat.size), np.float32)
        ops.adam_step(moments[0], flat.ravel(), *moments[1:], step=1, learning_rate=0.1)
        return [
            y,
            *backward,
            depthwise,
            *by_backward,
            *ops.conv2d_backward(half, None, x, by_channel, stride=2, **slide),
            pooled,
            ops.max_pool2d_grad(pooled, argmax, x.shape),
            ops.avg_pool2d(x, 3, stride=2),
            ops.avg_pool2d_grad(pooled, x.shape),
            ops.activate(x, "tanh"),
            ops.activate_grad(x, x, "elu"),
            ops.add(x, x[::-1].copy(), "tanh"),
            ops.grad_bias(flat),
            moments,
        ]

    with threadpool_limits(1):
        expected = everything()
    for threads in (2, 3, 7):
        with threadpool_limits(threads):
            for actual, one in zip(everything(), expected, strict=True):
                np.testing.assert_array_equal(actual, one)


def depthwise_gradients(x, y):
    """Of kernels three and five wide, at strides 1 and 2."""
    kernel = y[0, :5, :5].reshape(5, 5, 1, -1)
    for width in (3, 5):
        for stride in (1, 2):
            slide = {"stride": stride, "padding": "same", "groups": x.shape[3]}
            taps = np.ascontiguousarray(kernel[:, :width])
            dz = ops.conv2d(x, taps, **slide)
            yield from ops.conv2d_backward(dz, None, x, taps, **slide)


def test_avx2_and_avx512_give_the_same_bits(rng):
    """Of ops whose last vector is filled in part, which differs between the two."""
    results = []
    arrays = rng.standard_normal((3, 5, 7, 9, 33), np.float32)
    vectors = rng.standard_normal((4, 33), np.float32)
    kernel = rng.standard_normal((3, 3, 33, 21), np.float32)
    for name in {"avx2", "avx512"} & {*ops.available()}:
        before = ops.in_use()
        ops.use(name)
        found = []
        for c in (1, 3, 8, 17, 33):
            x, y, dy = np.ascontiguousarray(arrays[..., :c])
            mean, inverse, scale, shift = np.ascontiguousarray(vectors[:, :c])
            found += [*ops.channel_moments(x), ops.grad_bias(x), ops.avg_pool2d(x, 3)]
            found += depthwise_gradients(x, y)
            for activation in (None, "relu", "elu", "tanh", "logistic"):
                moments = mean, inverse, scale
                act = {"activation": activation}
                found += [
                    ops.conv2d(x, kernel[:, :, :c], vectors[0, :21], **act),
                    *ops.conv2d_backward(
                        ops.conv2d(dy, kernel[:, :, :c]),
                        ops.conv2d(y, kernel[:, :, :c]),
                        *(x, kernel[:, :, :c]),
                        **act,
                    ),
                    ops.normalize(x, mean, scale, shift, **act),
                    *ops.batch_norm_backward(dy, y, x, *moments, **act),
                    *ops.batch_norm_backward(dy, None, x, *moments, shift, **act),
                    ops.activate_grad(dy, y, activation),
                    ops.add(dy, y, activation),
                ]
        results.append(found)
        ops.use(before)
    for found in results[1:]:
        for ours, theirs in zip(results[0], found, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("each_set")
def test_sample_does_not_depend_on_its_batch(rng):
    network = Network.build([*NET, layers.Dense(10)], (21, 21, 3), 0)
    x = rng.standard_normal((150, 21, 21, 3), np.float32)
    together = network.predict(x)
    for size in (1, 2, 7, 64):
        apart = [network.predict(x[i : i + size]) for i in range(0, len(x), size)]
        np.testing.assert_array_equal(np.concatenate(apart), together)


def test_one_network_predicts_in_several_threads_at_once(rng):
    network = Network.build([*NET, layers.Dense(10)], (21, 21, 3), 0)
    batches = [rng.standard_normal((9, 21, 21, 3), np.float32) for _ in range(40)]
    expected = [network.predict(x) for x in batches]
    with ThreadPoolExecutor(8) as pool:
        for ours, one in zip(pool.map(network.predict, batches), expected, strict=True):
            np.testing.assert_array_equal(ours, one)


def test_ops_copy_no_array(rng):
    """NumPy reports its arrays to tracemalloc: only the results are there."""
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


def test_other_threads_run_during_an_op(rng):
    x = rng.standard_normal((8, 64, 64, 64), np.float32)
    kernel = rng.standard_normal((3, 3, 64, 64), np.float32)
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.001):
            ticks.append(time.perf_counter())

    def longest_pause():
        """The longest time without a tick, as a share of an op's time."""
        start = time.perf_counter()
        ops.conv2d(x, kernel)
        stop = time.perf_counter()
        within = [start, *(t for t in ticks if start < t < stop), stop]
        return np.diff(within).max() / (stop - start)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        with threadpool_limits(1):  # the other core is for the ticks
            # With the lock of the interpreter held it is nearly 1 each time; on a busy
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
def test_forked_child_predicts_and_fits():
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


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "3"])
def test_environment_sets_the_number_of_threads(threads):
    result = run("import skconv; skconv.show_versions()", OMP_NUM_THREADS=threads)
    assert f"\nthreads of ops: {threads}\n" in result.stdout, result.stderr


def test_workers_of_joblib_use_the_threads_they_are_given():
    with joblib.parallel_backend("loky", inner_max_num_threads=1):
        threads = joblib.Parallel(2)(
            joblib.delayed(lambda: skconv.ops.compiled.max_threads())()
            for _ in range(2)
        )
    assert threads == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ops.available())
def test_environment_chooses_the_ops(name):
    result = run("import skconv; skconv.show_versions()", SKCONV_OPS=name)
    assert result.returncode == 0, result.stderr
    assert f" ops: {name} (available: " in result.stdout


@pytest.mark.slow
def test_unknown_ops_are_refused_with_the_available_ones():
    result = run("import skconv", SKCONV_OPS="avx3")
    assert "must be one of " in result.stderr
    assert "'numpy' here, got 'avx3'" in result.stderr


def test_show_versions_prints_the_ops_in_use(capsys):
    skconv.show_versions()
    text = capsys.readouterr().out
    assert f"skconv: {skconv.__version__}" in text
    assert f"ops: {ops.in_use()}" in text
    assert f"threads of ops: {compiled.max_threads()}" in text
    assert "openblas" in text or "thread pools" in text
    assert f"numpy: {np.__version__}" in text
