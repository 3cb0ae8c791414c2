"""What the ablation tries and the package leaves out, as it brought nothing."""

from dataclasses import replace as change

import numpy as np

from skconv._training.optimizers import Adam
from skconv.layers import BatchNorm, Conv2D


class Lookahead(Adam):
    """Adam, which every five steps returns half of the way.

    Zhang, Lucas, Hinton & Ba, "Lookahead optimizer: k steps forward, 1 step back",
    2019. It has no state that could be continued.
    """

    slow = None

    def step(self, parameters, gradient, learning_rate):
        if self.slow is None:
            self.slow = parameters.copy()
        super().step(parameters, gradient, learning_rate)
        if self.steps % 5 == 0:
            self.slow += 0.5 * (parameters - self.slow)
            parameters[...] = self.slow


class ZeroBatchNorm(BatchNorm):
    """Begins with gamma 0: a residual block that ends with it begins as its shortcut.

    Goyal et al., "Accurate, large minibatch SGD", 2017, section 5.1.
    """

    def build(self, *arguments):
        weights, shape = super().build(*arguments)
        weights["gamma"] = np.zeros_like(weights["gamma"])
        return weights, shape


class IdentityConv2D(Conv2D):
    """Begins by passing channels on: the first filters are ones at their centre."""

    def build(self, *arguments):
        weights, shape = super().build(*arguments)
        kernel = np.array(weights["kernel"])
        rows, columns, c, filters = kernel.shape
        first = np.arange(min(c, filters))
        kernel[..., first] = 0
        kernel[(rows - 1) // 2, (columns - 1) // 2, first, first] = 1
        return {**weights, "kernel": kernel}, shape


class AlternatingFlip:
    """Mirrors an image in every second epoch; half of them begin with it.

    Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.6.
    """

    def transform_batch(self, batch, rng):
        first = np.random.default_rng(0).integers(2, size=batch.indices.max() + 1)
        chosen = first[batch.indices] != batch.epoch % 2
        x = batch.x.copy()
        x[chosen] = x[chosen, :, ::-1]
        return change(batch, x=x)


def replace(layers, name, kind):
    """Return layers where those of a name, also in blocks, are of another class."""
    replaced = []
    for key, layer in layers:
        if hasattr(layer, "layers"):
            arguments = layer.get_params(deep=False)
            inner = replace(layer.layers, name, kind)
            layer = type(layer)(**{**arguments, "layers": inner})
        elif key == name:
            layer = kind(**layer.get_params())
        replaced.append((key, layer))
    return replaced
