"""JAX: one jit-compiled step with optax's Adam, one jit-compiled prediction."""

import math
from functools import partial

import jax
import numpy as np
import optax
from jax import lax
from jax import numpy as jnp
from nets import NETS, sizes
from protocol import (
    LEARNING_RATE,
    PREDICT_BATCH,
    accuracy,
    one_after_another,
    random_batch,
    read_data,
    serve,
)


def steps(task):
    net = NETS[task.net]
    x, codes = map(jnp.asarray, random_batch(net))
    description, weights, infer = start(net)
    adam = optax.adam(LEARNING_RATE)
    state = weights, adam.init(weights)

    def loss(weights, x, codes):
        losses = optax.softmax_cross_entropy_with_integer_labels
        return losses(outputs(net, weights, x), codes).mean()

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(weights, moments, x, codes):
        gradient = jax.grad(loss)(weights, x, codes)
        updates, moments = adam.update(gradient, moments, weights)
        return optax.apply_updates(weights, updates), moments

    def train():
        nonlocal state
        state = step(*state, x, codes)
        return state

    return description, {"train": train, "predict": lambda: infer(state[0], x)}


def predict(task):
    _, X, _, y = read_data(task.data)
    description, weights, infer = start(NETS["mnist"])
    images = one_after_another(jnp.asarray(X[..., None]))
    parts = np.split(X[..., None], range(PREDICT_BATCH, len(X), PREDICT_BATCH))

    def many():
        answers = [infer(weights, part).argmax(1) for part in parts]
        return accuracy(np.concatenate(answers), y)

    return description, {
        "network": lambda: infer(weights, next(images)).block_until_ready(),
        "many": many,
    }


def start(net):
    description = {"what": f"JAX {jax.__version__}, optax {optax.__version__}, jit"}
    kernels = [size.kernel for size in sizes(net) if size.kernel]
    keys = jax.random.split(jax.random.key(0), len(kernels))
    weights = [
        (he_normal(key, kernel), jnp.zeros(kernel[-1]))
        for key, kernel in zip(keys, kernels, strict=True)
    ]
    return description, weights, jax.jit(partial(outputs, net))


def he_normal(key, kernel):
    return jax.random.normal(key, kernel) * math.sqrt(2 / math.prod(kernel[:-1]))


def outputs(net, weights, x):
    """Compute the logits of a batch; every layer but the last has a ReLU."""
    apply = {"conv": conv, "dense": dense}
    left = list(weights)
    for kind, *arguments in net.layers:
        if kind == "pool":
            x = pool(x)
            continue
        kernel, bias = left.pop(0)
        x = apply[kind](x, kernel, *arguments[2:]) + bias
        x = jax.nn.relu(x) if left else x
    return x


def conv(x, kernel, padding):
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, kernel, (1, 1), padding.upper(), dimension_numbers=layout
    )


def pool(x):
    window = (1, 2, 2, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def dense(x, kernel):
    return x.reshape(len(x), -1) @ kernel


if __name__ == "__main__":
    serve({"steps": steps, "predict": predict}, wait=jax.block_until_ready)
