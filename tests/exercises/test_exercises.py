"""Exercises: right solutions pass, wrong ones get a message that helps."""

import inspect
import types

import numpy as np
import pytest
import solutions
from seeds import SEED
from wrong import WRONG

from skconv import ops
from skconv.exercises import compare, loops, stubs, training
from skconv.exercises.check import judge
from skconv.exercises.compare import matches
from skconv.exercises.hints import HINTS
from skconv.exercises.tables import EXERCISES
from skconv.exercises.worker import _tree, call

SOURCE = inspect.getsource(solutions)
# One case of training takes a second; its first case shows the mistakes.
CASES = {
    name: each.cases()[: 1 if name == "train" else None]
    for name, each in EXERCISES.items()
}


def verdict_on(name, module):
    function, exercise = getattr(module, name), EXERCISES[name]
    with np.errstate(all="ignore"):
        results = [
            call(function, case.arguments, "exercises.py") for case in CASES[name]
        ]
    return judge(exercise, CASES[name], {"results": results})


def changed(name, old, new):
    """Return the solutions with one function changed."""
    function = inspect.getsource(getattr(solutions, name))
    assert old in function, (name, old)
    source = SOURCE.replace(function, function.replace(old, new))
    source = (
        source.replace(
            "    weights = dict(weights)\n",
            "    first = weights\n    weights = dict(weights)\n",
        )
        if name == "train" and "first" in new
        else source
    )
    module = types.ModuleType("exercises")
    exec(compile(source, "exercises.py", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("name", EXERCISES)
def test_right_solution_passes(name):
    assert verdict_on(name, solutions).status == "passed"


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [(name, *row) for name, rows in WRONG.items() for row in rows],
)
def test_wrong_solution_gets_words_that_help(name, old, new, words):
    verdict = verdict_on(name, changed(name, old, new))
    assert not verdict.passed
    assert verdict.message.startswith(name)
    assert any(some in verdict.message for some in words.split("|")), verdict.message


def test_changed_shape_of_an_argument_is_named():
    def function(x):
        x.resize(2, 3, refcheck=False)

    change = call(function, {"x": np.zeros(6)}, "exercises.py")["changed"]
    assert change["words"] == "x had the shape (6,) and has (2, 3) now"


def test_numbers_are_written_with_the_digits_that_differ():
    assert compare._numbers(0.25, 0.5) == ("0.25", "0.5")
    assert compare._numbers(1.000002, 1.0000035) == ("1.000002", "1.0000035")


def test_network_that_has_not_learnt_is_wrong():
    case = EXERCISES["train"].cases()[1]
    status, words = case.judge(case.arguments["weights"])
    assert status == "wrong"
    assert "of 297 digits that it has not seen, should read > 85%" in words


@pytest.mark.parametrize("name", EXERCISES)
def test_exercise_has_a_dozen_wrong_solutions(name):
    assert len(WRONG[name]) >= 12


@pytest.mark.parametrize("name", EXERCISES)
def test_mistakes_of_an_exercise_give_wrong_numbers(name):
    exercise = EXERCISES[name]
    for fault in exercise.faults:
        assert fault.hint == fault.hint.strip(" .")
        with np.errstate(all="ignore"):
            pairs = [
                (
                    exercise.outputs(function, case),
                    exercise.outputs(exercise.function, case),
                )
                for case in CASES[name]
                for function in [fault.function]
            ]
        same = [matches(_tree(made[k]), want[k]) for made, want in pairs for k in want]
        assert not all(same), fault.hint


@pytest.mark.parametrize("name", EXERCISES)
def test_stub_has_the_arguments_of_the_exercise(name):
    given = list(inspect.signature(getattr(stubs, name)).parameters)
    assert given == list(inspect.signature(EXERCISES[name].function).parameters)
    for case in EXERCISES[name].cases():
        assert list(case.arguments) == given
    assert verdict_on(name, stubs).status == "not started"


def test_stubs_and_hints_are_in_the_order_of_exercises():
    written = [n for n, f in vars(stubs).items() if inspect.isfunction(f)]
    assert written == list(EXERCISES) == list(HINTS)
    assert {len(hints) for hints in HINTS.values()} == {3}


# The loops ----------------------------------------------------------------------------


@pytest.fixture
def arrays():
    rng = np.random.default_rng(SEED)
    x, kernel = rng.normal(size=(2, 7, 6, 3)), rng.normal(size=(3, 2, 3, 4))
    return x, kernel, rng.normal(size=4), rng.normal(size=(2, 3, 3, 4))


def test_loops_of_convolution_are_those_of_ops(arrays):
    x, kernel, bias, dz = arrays
    options = {"stride": 2, "padding": "valid"}
    same = np.testing.assert_allclose
    same(loops.conv2d(x, kernel, bias, 2), ops.conv2d(x, kernel, bias, **options))
    found = ops.conv2d_grad_kernel(dz, x, kernel.shape, **options)
    same(loops.conv2d_grad_kernel(dz, x, kernel.shape, 2), found)
    found = ops.conv2d_grad_input(dz, kernel, x.shape, **options)
    same(loops.conv2d_grad_input(dz, kernel, x.shape, 2), found)


def test_loops_of_pooling_are_those_of_ops(arrays):
    x = arrays[0].round(0)  # with equal values
    y, argmax = ops.max_pool2d_with_argmax(x, pool_size=2)
    np.testing.assert_array_equal(loops.max_pool2d(x, 2), y)
    dx = ops.max_pool2d_grad(y + 1, argmax, x.shape, pool_size=2)
    np.testing.assert_array_equal(loops.max_pool2d_grad(y + 1, x, 2), dx)


def test_loops_of_the_loss_are_those_of_ops():
    logits, codes = np.array([[1.0, 2, 0], [900, 100, -900]]), np.array([2, 1])
    loss, dlogits = loops.softmax_cross_entropy(logits, codes)
    want, gradient = ops.softmax_cross_entropy(logits, codes, None)
    np.testing.assert_allclose(loss, want)
    np.testing.assert_allclose(dlogits, gradient, atol=1e-12)


@pytest.mark.parametrize(
    ("zero", "without"),
    [(("kernel2", "bias2"), "kernel2"), (("gamma", "beta"), "gamma")],
)
def test_relu_of_0_passes_no_gradient(zero, without):
    arguments = EXERCISES["network"].cases()[0].arguments
    weights = arguments["weights"]
    weights = {**weights, **{name: 0 * weights[name] for name in zero}}
    _, _, gradients = loops.network(**{**arguments, "weights": weights})
    assert not gradients[without].any()


@pytest.mark.parametrize(
    ("n_right", "status"), [(297, "passed"), (253, "passed"), (252, "wrong")]
)
def test_network_has_learnt_if_it_reads_85_percent(monkeypatch, n_right, status):
    case = EXERCISES["train"].cases()[1]
    y = training._digits()[1][1500:]
    read = np.where(np.arange(297) < n_right, y, (y + 1) % 10)
    monkeypatch.setattr(
        loops, "forward", lambda weights, x: {"logits": np.eye(10)[read]}
    )
    found, words = case.judge({})
    assert found == status
    part = f"{n_right / 297:.1%} of 297 digits that it has not seen"
    assert (
        words
        == {
            "passed": f"Your network reads {part}.",
            "wrong": f"after training, the network reads {part}, should read > 85%",
        }[status]
    )


@pytest.mark.parametrize("name", ["batch_norm_backward", "dense_backward", "network"])
def test_gradients_of_loops_are_those_of_differences(name):
    rng = np.random.default_rng(SEED)
    if name == "network":
        arguments = EXERCISES["network"].cases()[0].arguments
        weights = arguments["weights"]
        gradients = loops.network(**arguments)[2]
        pairs = [(weights[key], gradients[key]) for key in weights]

        def loss():
            return loops.network(**arguments)[1]
    else:
        case = EXERCISES[name].cases()[1].arguments
        dy, x, third = (
            case["dy"],
            case["x"].copy(),
            next(v for k, v in case.items() if k in ("gamma", "kernel")),
        )
        third, last = third.copy(), np.zeros(dy.shape[-1])
        rest = (case["epsilon"],) if "epsilon" in case else ()
        forward = getattr(loops, name.removesuffix("_backward"))
        pairs = zip(
            (x, third, last), getattr(loops, name)(dy, x, third, *rest), strict=True
        )

        def loss():
            return np.sum(forward(x, third, last, *rest) * dy)

    for array, gradient in pairs:
        place = tuple(rng.integers(0, size) for size in array.shape)
        before = array[place]
        values = []
        for step in (1e-5, -1e-5):
            array[place] = before + step
            values.append(loss())
        array[place] = before
        np.testing.assert_allclose(
            (values[0] - values[1]) / 2e-5, gradient[place], rtol=1e-4, atol=1e-7
        )
