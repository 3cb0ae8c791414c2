"""The parameters that the estimators share, and their bounds."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, Options, RealNotInt, StrOptions

from .._training.optimizers import OPTIMIZERS
from .._utils.params import NestedParamsMixin

__all__ = ["BOUNDS", "NUMBERS", "HasParameters"]

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
    "solver": [StrOptions(set(OPTIMIZERS))],
    "learning_rate": "no_validation",  # has an error of its own
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "warmup_steps": [
        Interval(Integral, 0, None, closed="left"),
        Interval(RealNotInt, 0, 1, closed="neither"),
    ],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "scoring": [str, callable, None],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "augment": "no_validation",  # likewise
    "transform_layer": [str, None],
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


class HasParameters(NestedParamsMixin):
    """The parameters, whose names reach into layers and into transforms of `augment`.

    One transform's are ``augment__degrees``; of a list, the transform's name is in
    between, ``augment__randomflip_1__vertical``.
    """

    _parameter_constraints: ClassVar[dict] = BOUNDS
    _components: ClassVar[dict] = {"layers": "layer", "augment": "transform"}

    def __init__(
        self,
        layers=None,
        *,
        input_shape=None,
        filters=(32, 64),
        kernel_size=3,
        stride=1,
        pool_size=2,
        hidden_layer_sizes=(128,),
        activation="relu",
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        warmup_steps=0,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        clip_norm=None,
        augment=None,
        transform_layer=None,
        dtype="float32",
    ):
        self.layers = layers
        self.input_shape = input_shape
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.pool_size = pool_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.warmup_steps = warmup_steps
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.clip_norm = clip_norm
        self.augment = augment
        self.transform_layer = transform_layer
        self.dtype = dtype
