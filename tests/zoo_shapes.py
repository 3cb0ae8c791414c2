"""Shapes of inputs that each network of the zoo is tested on."""

from skconv.zoo import images, larger, signals

NETWORKS = [*images.__all__, *larger.__all__, *signals.__all__]
MAKE_IMAGES = larger.__all__
IMAGES = (28, 28, 1), (32, 32, 3)
SIGNALS = (140, 1), (64, 6)
SHAPES = {
    "lenet5": IMAGES,
    "keras_mnist": IMAGES,
    "all_cnn": IMAGES,
    "resnet": IMAGES,
    "resnet9": IMAGES,
    "compact": IMAGES,
    "unet": IMAGES,
    "autoencoder": IMAGES,
    "signal_fcn": SIGNALS,
    "strided_cnn": SIGNALS,
    "inception_time": SIGNALS,
    "lite": SIGNALS,
}
