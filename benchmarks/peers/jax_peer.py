"""JAX: one jit-compiled step with optax's Adam, one jit-compiled prediction."""

import math
from functools import partial

import jax
import nets
import numpy as np
import optax
from jax import lax
from jax import numpy as jnp
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
    net = nets.NETS[task.net]
    x, codes = map(jnp.asarray, random_batch(net))
    description, weights, moments, infer = start(net)
    adam = optax.adam(LEARNING_RATE)
    state = weights, moments, adam.init(weights), jax.random.key(0)

    def loss(weights, moments, key, x, codes):
        y, moments = outputs(net, weights, moments, x, key)
        losses = optax.softmax_cross_entropy_with_integer_labels(y, codes)
        return losses.mean(), moments

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(weights, moments, adams, key, x, codes):
        key, drawn = jax.random.split(key)
        differentiate = jax.grad(loss, has_aux=True)
        gradient, moments = differentiate(weights, moments, drawn, x, codes)
        updates, adams = adam.update(gradient, adams, weights)
        return optax.apply_updates(weights, updates), moments, adams, key

    def train():
        nonlocal state
        state = step(*state, x, codes)
        return state

    return description, {"train": train, "predict": lambda: infer(*state[:2], x)}


def predict(task):
    _, X, _, y = read_data(task.data)
    description, weights, moments, infer = start(nets.NETS["mnist"])
    images = one_after_another(jnp.asarray(X[..., None]))
    parts = np.split(X[..., None], range(PREDICT_BATCH, len(X), PREDICT_BATCH))

    def many():
        answers = [infer(weights, moments, part).argmax(1) for part in parts]
        return accuracy(np.concatenate(answers), y)

    return description, {
        "network": lambda: infer(weights, moments, next(images)).block_until_ready(),
        "many": many,
    }


def start(net):
    """Return a description, weights, running means and variances, and prediction."""
    shapes = [shape for size in net.sizes() for shape in size.weights]
    keys = jax.random.split(jax.random.key(0), len(shapes))
    weights = [first(*each) for each in zip(keys, shapes, strict=True)]
    description = {
        "what": f"JAX {jax.__version__}, optax {optax.__version__}, jit",
        "parameters": sum(each.size for each in weights),
    }
    moments = [(jnp.zeros(c), jnp.ones(c)) for c in normalised(net.layers, net.shape)]
    infer = jax.jit(lambda weights, moments, x: outputs(net, weights, moments, x)[0])
    return description, weights, moments, infer


def first(key, shape):
    if len(shape) == 1:  # gamma is 1 + weight: it starts at 0 as the others do
        return jnp.zeros(shape)
    return jax.random.normal(key, shape) * math.sqrt(2 / math.prod(shape[:-1]))


def normalised(layers, shape):
    """Yield the number of channels of each normalisation."""
    for layer, (given, _) in zip(layers, nets.walk(layers, shape), strict=True):
        if type(layer) is nets.Norm:
            yield given[-1]
        elif type(layer) is nets.Residual:
            yield from normalised(layer.layers, given)
            yield from normalised(layer.shortcut, given)
        elif type(layer) is nets.Branches:
            for side in layer.layers:
                yield from normalised(side, given)


def outputs(net, weights, moments, x, key=None):
    """Compute the logits of a batch, in training if there is a key.

    Returns
    -------
    y : array
    moments : list
        The running means and variances after it.
    """
    forward = Forward(weights, moments, key)
    return forward.run(net.layers, x), forward.updated


class Forward:
    """One pass through a net, which takes weights and moments in its order."""

    def __init__(self, weights, moments, key):
        self.weights, self.moments = iter(weights), iter(moments)
        self.key, self.updated = key, []

    def run(self, layers, x):
        for layer in layers:
            x = getattr(self, type(layer).__name__.lower())(layer, x)
            x = ACTIVATIONS[getattr(layer, "activation", None)](x)
        return x

    def conv(self, layer, x):
        options = {"groups": layer.groups, "dilation": layer.dilation}
        y = convolve(x, next(self.weights), layer.stride, layer.padding, **options)
        return y + next(self.weights) if layer.bias else y

    def up(self, layer, x):
        kernel = next(self.weights).swapaxes(2, 3)
        y = lax.conv_transpose(x, kernel, (layer.stride,) * 2, "SAME")
        return y + next(self.weights)

    def reshape(self, layer, x):
        return x.reshape(len(x), *layer.shape)

    def separable(self, layer, x):
        depthwise, pointwise = next(self.weights), next(self.weights)
        x = convolve(x, depthwise, layer.stride, layer.padding, groups=x.shape[-1])
        return convolve(x, pointwise, 1, "valid")

    def fixed(self, layer, x):
        kernel = jnp.ones((layer.kernel, x.shape[-1], layer.filters))
        return jax.nn.relu(convolve(x, kernel, 1, "same"))

    def maxofthree(self, layer, x):
        window = (1, 3, 1)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, (1, 1, 1), "SAME")

    def branches(self, layer, x):
        return jnp.concatenate([self.run(side, x) for side in layer.layers], axis=-1)

    def norm(self, layer, x):
        gamma, beta, moments = *map(next, [self.weights] * 2), next(self.moments)
        if self.key is not None:
            axes = tuple(range(x.ndim - 1))
            batch = x.mean(axes), x.var(axes)
            pairs = zip(moments, batch, strict=True)
            self.updated.append(tuple(0.99 * old + 0.01 * new for old, new in pairs))
            moments = batch
        mean, variance = moments
        return (x - mean) * ((1 + gamma) * lax.rsqrt(variance + 1e-3)) + beta

    def maxpool(self, layer, x):
        return reduce_windows(x, -jnp.inf, lax.max)

    def avgpool(self, layer, x):
        return reduce_windows(x, 0.0, lax.add) / 4

    def largest(self, layer, x):
        return x.max(tuple(range(1, x.ndim - 1)))

    def mean(self, layer, x):
        return x.mean(tuple(range(1, x.ndim - 1)))

    def dropout(self, layer, x):
        if self.key is None:
            return x
        self.key, drawn = jax.random.split(self.key)
        mask = jax.random.bernoulli(drawn, 1 - layer.rate, x.shape)
        return jnp.where(mask, x / (1 - layer.rate), 0)

    def dense(self, layer, x):
        return x.reshape(len(x), -1) @ next(self.weights) + next(self.weights)

    def residual(self, layer, x):
        return self.run(layer.layers, x) + self.run(layer.shortcut, x)


ACTIVATIONS = {None: lambda x: x, "relu": jax.nn.relu, "tanh": jnp.tanh}


def convolve(x, kernel, stride, padding, groups=1, dilation=1):
    layout = {3: ("NWC", "WIO", "NWC"), 4: ("NHWC", "HWIO", "NHWC")}[x.ndim]
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride,) * (x.ndim - 2),
        padding.upper(),
        rhs_dilation=(dilation,) * (x.ndim - 2),
        dimension_numbers=layout,
        feature_group_count=groups,
    )


def reduce_windows(x, start, operation):
    window = (1, *[2] * (x.ndim - 2), 1)
    return lax.reduce_window(x, start, operation, window, window, "VALID")


if __name__ == "__main__":
    serve({"steps": steps, "predict": predict}, wait=jax.block_until_ready)
