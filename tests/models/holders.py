"""A custom layer of other layers."""

from skconv.layers import Layer


class Holder(Layer):
    """It holds others, is no composite, and does not say how they are joined."""

    def __init__(self, inner):
        self.inner = inner

    def inner_layers(self):
        return self.inner

    def build(self, input_shape, rng, dtype):
        weights = {}
        for name, layer in self.inner:
            weights[name], input_shape = layer.build(input_shape, rng, dtype)
        return weights, input_shape
