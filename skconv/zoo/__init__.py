"""Networks and estimators that are known to work.

Functions for networks return hidden layers; an estimator adds the output layer. The
size of a network is an argument; the rest can be set by name, ``conv1__filters``.
docs/guide/models.md shows the costs and the accuracy of each.

Functions for estimators, recipes, return a network with all that belongs to it:
augmentation, schedule, epochs. docs/guide/recipes.md shows what they reach.
"""

from .images import all_cnn, compact, keras_mnist, lenet5, resnet, resnet9
from .larger import autoencoder, unet
from .recipes import few_images_classifier, image_classifier, signal_classifier
from .signals import inception_time, lite, signal_fcn, strided_cnn

__all__ = [
    "all_cnn",
    "autoencoder",
    "compact",
    "few_images_classifier",
    "image_classifier",
    "inception_time",
    "keras_mnist",
    "lenet5",
    "lite",
    "resnet",
    "resnet9",
    "signal_classifier",
    "signal_fcn",
    "strided_cnn",
    "unet",
]
