"""The parameters that the estimators share: their bounds, and what is said of them."""

import inspect
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

__all__ = ["BOUNDS", "NUMBERS", "adds_parameters", "documented"]

# The arguments of `default_layers`; their defaults stand in the estimators' signature.
NUMBERS = (
    "filters",
    "kernel_size",
    "stride",
    "pool_size",
    "hidden_layer_sizes",
    "activation",
)

BOUNDS = {
    # Layers, shapes and sizes are checked where they are used, by name.
    **dict.fromkeys(("layers", "input_shape", *NUMBERS), "no_validation"),
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "dtype": [StrOptions({"float32", "float64"})],
}

_PARAMETERS = """\
layers : list of layers or of (name, layer), default=None
    The hidden layers. Names reach into them: ``conv1__kernel_size``. Unnamed
    layers are called ``conv2d_1``, ``conv2d_2``, ``dense_1``, …; ``"passthrough"``
    in a layer's place leaves it out. None builds the default network from the
    next six parameters.

input_shape : (h, w) or (h, w, c), default=None
    Shape of one image, for X of flat rows. By default rows are square images of
    one channel or, where their length is no square, signals ``(1, length, 1)``.

filters : tuple of int, default=(32, 64)
    Default network: filters of each convolution.

kernel_size : int or (kh, kw), default=3
    Default network: kernel size of every convolution.

stride : int or (sh, sw), default=1
    Default network: stride of every convolution.

pool_size : int or (ph, pw), default=2
    Default network: size of the max pooling behind every convolution; 1 for none.
    Where less of the image is left, the pool is what is left.

hidden_layer_sizes : tuple of int, default=(128,)
    Default network: units of each dense layer.

activation : str, default="relu"
    Default network: activation of every layer, a name in
    `skconv.ops.ACTIVATIONS`.

alpha : float, default=0.0001
    Strength of the weight decay. Before each step, kernels shrink by
    ``learning_rate_init * alpha`` of themselves; biases do not.

batch_size : int or "auto", default="auto"
    Size of the minibatches; "auto" is ``min(128, n_samples)``.

learning_rate_init : float, default=0.001
    Step size of Adam.

max_iter : int, default=200
    Most epochs to train.

shuffle : bool, default=True
    Whether each epoch goes through the samples in a new order.

random_state : int, RandomState instance or None, default=None
    Draws the first weights, the order of samples, dropout and the validation
    split. An int makes fits the same to the bit.

tol : float, default=1e-4
    Least improvement of the loss, or with `early_stopping` of the score, that
    counts as one.

verbose : bool, default=False
    Whether to print a line an epoch.

warm_start : bool, default=False
    Whether `fit` goes on from the last fit: with its weights, Adam's moments and
    the random stream. X, the targets and the layers must be of the same kind.

early_stopping : bool, default=False
    Whether to set aside `validation_fraction` of the training data (a classifier
    stratified, unless multilabel), stop when its score improves no more, and restore
    the weights of the best epoch (with `warm_start`, of all calls). Otherwise
    training stops when the training loss improves no more.

validation_fraction : float, default=0.1
    Share of the data to set aside if `early_stopping`.

n_iter_no_change : int, default=10
    How many epochs in a row may fail to improve by `tol`.

beta_1, beta_2 : float, default=0.9, 0.999
    How much Adam keeps of the mean gradient and of its square in each step.

epsilon : float, default=1e-8
    Adam's guard against division by zero.

dtype : {"float32", "float64"}, default="float32"
    What the network computes and answers in, whatever X is.
"""

_ATTRIBUTES = """\
network_ : Network
    The trained layers and their weights.

input_shape_ : (h, w, c)
    Shape of one image.

n_features_in_ : int
    Values of one image, ``h * w * c``.

feature_names_in_ : ndarray of shape (n_features_in_,)
    Names of X's columns, where X is a data frame with names of str.

n_iter_ : int
    Epochs trained, all calls that went on from each other together.

loss_curve_ : list of float, of length n_iter_
    Mean training loss of each epoch.

loss_ : float
    The last of them; NaN where Ctrl-C came before the first.

best_loss_ : float or None
    The least of them; None with `early_stopping`.

validation_scores_ : list of float or None
    Score of the data set aside after each epoch; None without `early_stopping`.

best_validation_score_ : float or None
    The largest of them, whose weights were restored.

t_ : int
    Number of training samples seen.

n_layers_ : int
    Number of layers, the output layer included.

n_outputs_ : int
    Number of outputs.

out_activation_ : str
    What turns outputs into predictions: "softmax" or "logistic" of a classifier,
    "identity" or "exp" of a regressor.
"""


def adds_parameters(base):
    """Have an ``__init__(self, ..., **shared)`` show `base`'s parameters as its own.

    scikit-learn reads an estimator's parameters from its signature, and so do
    notebooks: written out in every estimator they would be the same forty lines.
    """

    def decorate(init):
        own = inspect.signature(init).parameters
        shared = inspect.signature(base.__init__).parameters
        merged = {**shared, **own}
        merged.pop("shared")
        init.__signature__ = inspect.Signature(list(merged.values()))
        return init

    return decorate


def documented(cls):
    """Fill in what the class's docstring says of shared parameters and attributes."""
    text = inspect.cleandoc(cls.__doc__ or "")
    for mark, shared in [
        ("[shared parameters]", _PARAMETERS),
        ("[shared attributes]", _ATTRIBUTES),
    ]:
        text = text.replace(mark, shared.strip())
    cls.__doc__ = text
    return cls
