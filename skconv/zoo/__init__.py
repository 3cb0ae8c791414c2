"""Networks that are known to work, as functions that return their hidden layers.

An estimator adds the output layer. The size of a network is an argument; the rest can
be set by name, ``conv1__filters``. docs/guide/models.md shows the costs and the
accuracy of each.
"""

from .images import all_cnn, compact, keras_mnist, lenet5, resnet, resnet9
from .signals import inception_time, lite, signal_fcn

__all__ = [
    "all_cnn",
    "compact",
    "inception_time",
    "keras_mnist",
    "lenet5",
    "lite",
    "resnet",
    "resnet9",
    "signal_fcn",
]
