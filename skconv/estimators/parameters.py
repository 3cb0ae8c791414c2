"""The parameters that the estimators share: types, constraints, descriptions."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions

from .._training.optimizers import OPTIMIZERS
from ..layers import Layer
from ..models.autoencoder import autoencoder_layers
from ..models.default import default_layers
from ..models.network import Network
from ..models.unet import unet_layers

__all__ = [
    "CONSTRAINTS",
    "DEFAULT_AUTOENCODER",
    "DEFAULT_NETWORK",
    "DEFAULT_UNET",
    "check_class_weight",
    "checks_parameters",
    "documented",
    "store",
]

DEFAULT_NETWORK: Mapping[str, Any] = default_layers.__kwdefaults__ or {}
"""Parameters that describe the default network -> their defaults."""

DEFAULT_AUTOENCODER: Mapping[str, Any] = autoencoder_layers.__kwdefaults__ or {}
"""The same of the default network of an autoencoder."""

DEFAULT_UNET: Mapping[str, Any] = unet_layers.__kwdefaults__ or {}
"""The same of the default network whose targets are images."""

# Types of parameters -----------------------------------------------------------------

_Named: TypeAlias = tuple[str, Layer | Literal["passthrough"]]
Layers: TypeAlias = Sequence[Layer | Literal["passthrough"] | _Named]
Pair: TypeAlias = int | tuple[int, int]
Shape: TypeAlias = tuple[int, int] | tuple[int, int, int]
Schedule: TypeAlias = (
    Literal["constant", "invscaling", "adaptive", "cosine", "one_cycle"]
    | Callable[[int], float]
)
Scoring: TypeAlias = str | Callable[[Any, Any, Any], float]
# An estimator is any here: one of skconv, or scikit-learn's FrozenEstimator of one.
Pretrained: TypeAlias = str | PathLike[str] | Network | BaseEstimator
View: TypeAlias = Literal["flip", "vertical_flip", "shift"]

# Their values ------------------------------------------------------------------------

CONSTRAINTS: dict[str, Any] = {
    # Layers, shapes and sizes are checked where they are used, by name.
    **dict.fromkeys(("layers", "input_shape", *DEFAULT_NETWORK), "no_validation"),
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "solver": [StrOptions(set(OPTIMIZERS))],
    "learning_rate": "no_validation",  # has an error of its own
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "warmup_steps": [
        Interval(Integral, 0, None, closed="left"),
        Interval(Real, 0, 1, closed="left"),
    ],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "scoring": [str, callable, None],
    "ema_momentum": [Interval(Real, 0, 1, closed="left"), None],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "augment": "no_validation",  # likewise
    "pretrained": "no_validation",  # likewise
    "frozen": "no_validation",  # likewise
    "learning_rate_multipliers": "no_validation",  # likewise
    "tta": "no_validation",  # likewise
    "transform_layer": [str, None],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "dtype": [StrOptions({"float32", "float64"})],
}
"""Parameter -> its constraints, as scikit-learn has them."""


_Method = TypeVar("_Method", bound=Callable[..., Any])


def checks_parameters(method: _Method) -> _Method:
    """Have scikit-learn check the parameters before `fit` or `partial_fit`."""
    return _fit_context(prefer_skip_nested_validation=True)(method)


def check_class_weight(
    class_weight: Mapping[Any, float] | Sequence[Any] | str, incremental: bool
) -> None:
    """Check what scikit-learn's constraints cannot express of `class_weight`.

    Raises
    ------
    ValueError
        If it is "balanced" in `partial_fit`, or a weight is no number.
    """
    if incremental and isinstance(class_weight, str):
        raise ValueError(
            "class_weight='balanced' is not supported for partial_fit, which does "
            "not know how many of each class there will be. Use sklearn.utils."
            "class_weight.compute_class_weight('balanced', classes=classes, y=y) "
            "on a large enough part of y and pass a dict of its result"
        )
    given = class_weight if isinstance(class_weight, list) else [class_weight]
    for weights in given:
        for label, weight in weights.items() if isinstance(weights, Mapping) else ():
            if not isinstance(weight, Real):
                raise ValueError(
                    "class_weight must hold finite numbers >= 0, got "
                    f"{weight!r} for class {label!r}"
                )


def store(estimator: Any, arguments: Mapping[str, Any]) -> None:
    """Set the arguments of ``__init__``, its `locals`, as attributes."""
    vars(estimator).update({k: v for k, v in arguments.items() if k != "self"})


# Their descriptions ------------------------------------------------------------------

_PARAMETERS = """\
layers : list of layers or of (name, layer), default=None
    The hidden layers, exactly; a `Normalization` as the first learns the scale of X.
    Their parameters have names such as ``conv1__kernel_size``.
    Unnamed layers are called ``conv2d_1``, ``conv2d_2``, ``dense_1``, …;
    ``"passthrough"`` in place of a layer leaves it out. None builds the default
    network from `filters` to `activation`, after a `Normalization`.

input_shape : (h, w), (h, w, c) or (length, channels), default=None
    Shape of one image, for X of flat rows. By default rows are square images of
    one channel or, if their length is no square, of one row: ``(1, length, 1)``.
    If `layers` has layers on signals, such as `Conv1D`, two axes are those of a
    signal, ``(length, channels)``, and by default rows are signals of one channel.

filters : tuple of int or "auto", default="auto"
    Default network: filters of each convolution. "auto" is (32, 64) for images of up
    to 32 x 32. Larger ones get another convolution and pool each time the side
    doubles, (32, 64, 64), (16, 32, 64, 64) and so on, so that at most 64 positions are
    left for the dense layers.

kernel_size : int or (kh, kw), default=3
    Default network: kernel size of every convolution.

stride : int or (sh, sw), default=1
    Default network: stride of every convolution.

pool_size : int or (ph, pw), default=2
    Default network: size of the max pooling after every convolution; 1 for none.
    The pool is never larger than the image that is left.

hidden_layer_sizes : tuple of int, default=(128,)
    Default network: units of each dense layer.

activation : str, default="relu"
    Default network: activation of every layer, a name in
    `skconv.ops.ACTIVATIONS`.

solver : {"adam", "sgd", "muon"}, default="adam"
    The optimizer, which turns gradients into steps. "muon" makes the steps of hidden
    layers' kernels orthogonal, and is Adam for all else.

alpha : float, default=0.0001
    Strength of the decoupled weight decay. Before each step, kernels are multiplied
    by ``1 - alpha * learning_rate``; biases are not.

batch_size : int or "auto", default="auto"
    Size of the minibatches; "auto" is the largest power of two from 8 to 128 that
    makes 64 steps an epoch (8 where none does).

learning_rate : str or callable, default="constant"
    Schedule of the learning rate: "constant"; "invscaling", divided by
    ``step ** power_t``; "adaptive", divided by 5 each time training would have
    stopped, until it is below 1e-6; "cosine", half a cosine down to 0 over the
    `max_iter` epochs; "one_cycle", up to `learning_rate_init` in the first 30 % of
    them and down again; or a function of the step, from 1 on, that returns the rate.

learning_rate_init : float, default=0.001
    The learning rate that the schedule varies.

power_t : float, default=0.5
    Exponent of "invscaling".

warmup_steps : int or float, default=0
    Number of first steps, or share of all steps, over which the learning rate grows
    from 0 to that of the schedule.

max_iter : int, default=200
    Maximum number of epochs.

shuffle : bool, default=True
    Whether each epoch takes the samples in a new order.

random_state : int, RandomState instance or None, default=None
    Seed of the initial weights, the order of samples, augmentation, dropout and the
    validation split. With an int, two fits have the same bits.

tol : float, default=1e-4
    Smallest improvement that counts: of the training loss, or with `early_stopping` of
    what epochs are compared by, see `scoring`. A classifier also stops once the
    training loss is below 0.001 and ``10 * tol`` (unless `n_iter_no_change` is
    infinite): nothing is left to learn.

verbose : bool or int, default=False
    Whether to print a line for each epoch; 2 adds the learning rate.

warm_start : bool, default=False
    Whether `fit` continues the last fit, with its weights, the solver's moments, the
    schedule and the random stream. X, the targets and the layers must have the same
    form.

momentum : float, default=0.9
    Share of the last step that "sgd", and "muon" for kernels, adds to each step.

nesterovs_momentum : bool, default=True
    Whether "sgd" and "muon" use Nesterov's momentum.

early_stopping : bool or "auto", default=[early_stopping]
    Whether to stop when validation data are predicted better no more, and restore the
    weights of the best epoch. Epochs are compared by the loss of these data, or by
    `scoring`; with `warm_start` also with the network that the call began with. The
    data are `X_val` and `y_val` if they are passed to `fit`, else `validation_fraction`
    of the training data, in proportion of each class as far as possible (a class of
    one sample is only trained on). Otherwise training stops when the training loss
    improves no more. "auto" is True for the losses "quantile" and "gaussian", as a
    network that knows its training data by heart finds them surer than others.

validation_fraction : float, default=0.1
    Share of the training data to hold out with `early_stopping`, at least one sample;
    `early_stopping` needs a share above 0, or `X_val`.

scoring : str, callable or None, default=None
    The score of validation data, by which `early_stopping` compares epochs; of equal
    scores the one with the lower loss is better. A str is one of
    `sklearn.metrics.get_scorer_names`, a callable is called as ``scoring(estimator,
    X_val, y_val)``. None compares epochs by their loss, and computes accuracy or R^2
    for `validation_scores_`. "loss" does so with the negative loss as the score.

n_iter_no_change : int, default=10
    Number of epochs in a row that may improve by less than `tol`.

beta_1 : float, default=0.9
    Decay of "adam"'s mean gradient in each step; as all numbers of "adam", also of
    "muon".

beta_2 : float, default=0.999
    Decay of "adam"'s mean squared gradient in each step.

epsilon : float, default=1e-8
    Number that keeps "adam" from dividing by zero.

clip_norm : float or None, default=None
    Largest Euclidean norm of a gradient; larger ones are scaled down to it.

ema_momentum : float in [0, 1) or None, default=None
    If a number, the network that validates and predicts has the exponential moving
    average of the weights over the steps, of which each step leaves this share: 0.99
    averages over some hundred steps. Training itself takes no notice of the average.

pretrained : path-like, Network or fitted estimator, default=None
    Weights to begin with, of a model file (`save_model`), of `network_` of a fitted
    estimator, or of a fitted estimator, which only a ``FrozenEstimator`` keeps fitted
    in a search. A layer gets the weights, and the state, of the layer of its name there
    if all their shapes agree; `adapt` then leaves it alone. The output layer gets
    those of the same classes, else it is new. Only a new fit reads it: `warm_start`
    and `partial_fit` continue with what they have. Model files do not keep it.

frozen : str, list of str or None, default=None
    Names of layers that training leaves alone, with all layers inside of them:
    ``"block1"``, or ``"block1__conv1"`` for one inside. They act as in prediction, so
    that running statistics stay and dropout is off, and have no weight decay, penalties
    or moments. `warm_start` and `partial_fit` may change it, which resets the solver's
    moments.

learning_rate_multipliers : dict of str to float or None, default=None
    By names of layers, as in `frozen`, what multiplies their learning rate, and so
    their weight decay; 1 for all others. Of several names, the innermost counts.

augment : transform, list of transforms or None, default=None
    What varies the minibatches of training, see `skconv.augmentation`: callables
    ``(x, rng) -> x``, and transforms that see targets, too. Their parameters have names
    such as ``augment__degrees``.

tta : {"flip", "vertical_flip", "shift"}, list of them or None, default=None
    Test-time augmentation: predictions are the mean of the network's outputs for each
    image and views of it: mirrored left and right (or in time), top and bottom, and
    shifted by a pixel to two opposite corners. Of several, each is combined with each:
    ``["flip", "shift"]`` takes the time of six predictions. `fit` does not use it.

transform_layer : str or None, default=None
    Name of the layer whose output `transform` returns; None is the last hidden layer.

dtype : {"float32", "float64"}, default="float32"
    The network's dtype, of its weights and outputs, for any dtype of X.
"""

_ATTRIBUTES = """\
network_ : Network
    The trained layers and their weights.

input_shape_ : (h, w, c) or (length, channels)
    Shape of one image or signal.

n_features_in_ : int
    Number of values of one image, ``h * w * c``, or of one signal, ``l * c``.

feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of X's columns, if X is a data frame whose names are str.

n_iter_ : int
    Epochs trained, in all calls that continued one another (with `warm_start`, too).

loss_curve_ : list of float, of length `n_iter_`
    Mean training loss of each epoch; of a regressor in units of its scaled targets.

learning_rate_curve_ : list of float
    Learning rate at the end of each epoch.

loss_ : float
    The last loss.

best_loss_ : float or None
    The smallest loss; None with `early_stopping`.

validation_loss_curve_ : list of float or None
    Loss of the validation data after each epoch; None if there were none.

validation_scores_ : list of float or None
    Their score after each epoch, the larger the better (see `scoring`); NaN where it
    is undefined.

best_validation_score_ : float or None
    The score of the weights that were restored: those of the best epoch, or with
    `warm_start` those that the last call began with. None without `early_stopping`.

t_ : int
    Number of training samples seen.

n_layers_ : int
    Number of layers, the output layer included.

n_outputs_ : int
    Number of outputs; where they are images, of each pixel.

pretrained_layers_ : list of str
    Names of the layers that began with weights of `pretrained`.

out_activation_ : str
    Function from outputs to predictions: "softmax" or "logistic" of a classifier,
    "identity" or "exp" of a regressor.
"""

_Class = TypeVar("_Class", bound=type)


def documented(cls: _Class) -> _Class:
    """Fill the shared parameters and attributes into a class's docstring.

    Not those that its ``__init__`` lacks, nor those that it describes itself.
    """
    text = inspect.cleandoc(cls.__doc__ or "")
    takes = inspect.signature(cls).parameters
    described = [
        block
        for block in _PARAMETERS.split("\n\n")
        if (name := block.partition(" :")[0]) in takes and f"\n{name} :" not in text
    ]
    text = text.replace("[shared parameters]", "\n\n".join(described).strip())
    text = text.replace("[shared attributes]", _ATTRIBUTES.strip())
    default = takes["early_stopping"].default
    words = str(default) if isinstance(default, bool) else f'"{default}"'
    cls.__doc__ = text.replace("[early_stopping]", words)
    return cls
