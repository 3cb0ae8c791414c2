"""What the estimators share: from whatever a user brings to a trained network."""

import copy
import inspect
import math
import warnings
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context, clone
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from .architectures import default_layers
from .batches import predict_in_batches
from .images import check_images, check_input_shape, find_input_shape
from .layers import Activation, Dense
from .layers.base import same_recipe
from .layers.naming import HoldsLayers, name_layers
from .network import Network
from .optimizers import Adam
from .parameters import BOUNDS, NUMBERS
from .training import History, NonFiniteLossError, StoppingRule, train
from .version import __version__

__all__ = ["BaseConvNet"]

# What a list written for another library may end with.
_OUTPUT_ACTIVATIONS = (None, "identity", "linear", "softmax", "sigmoid", "logistic")


class BaseConvNet(HoldsLayers):
    """Parameters, fitting and outputs of the estimators.

    A subclass says how its targets are coded: ``_encode(y, classes, go_on, one_pass)``
    returns them for the loss, and sets `_coding` to an object with `n_outputs`,
    `activation`, `loss`, `classes`, `encode`, `decode`, `decide`, `score` and
    `strata`, as `Labels` and `Quantities` have.
    """

    _parameter_constraints: ClassVar[dict] = BOUNDS

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
        alpha=0.0001,
        batch_size="auto",
        learning_rate_init=0.001,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
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
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.dtype = dtype

    def __getstate__(self):
        return {**super().__getstate__(), "_skconv_version": __version__}

    def __setstate__(self, state):
        state = dict(state)
        written_by = state.pop("_skconv_version", "an unknown version")
        if written_by != __version__:
            warnings.warn(
                f"this {type(self).__name__} was saved by skconv {written_by} and is "
                f"loaded by {__version__}: its results may differ. Save it anew with "
                "this version, or load it with that one",
                stacklevel=2,
            )
        super().__setstate__(state)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network.

        If anything fails, an earlier fit stays as it was. Ctrl-C ends training and
        keeps what has been learnt.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)
            Images of any numeric dtype, best scaled to about [0, 1]; a memory map is
            read batch by batch.
        y : array-like of shape (n,), or (n, k)
            Class labels of any type, or a multilabel indicator (n, n_labels) of 0 and
            1; for a regressor numbers, one or several for each sample.
        sample_weight : array-like of shape (n,), default=None
            What each sample counts for.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y, a parameter or a layer does not fit, or the loss leaves the
            finite numbers; the message says which and what to try.
        """
        return self._fit(X, y, sample_weight, go_on=self.warm_start)

    def predict(self, X):
        """Predict labels, or a regressor's quantities.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w) or (n, n_features)

        Returns
        -------
        y : ndarray of shape (n,) or (n, k)
            Of the shape that `fit` was given.
        """
        outputs, coding = self._outputs(X)
        return coding.decide(outputs)

    def _outputs(self, X):
        """Return the network's outputs for X, and the coding that they are in."""
        check_is_fitted(self)
        fitted = vars(self)  # whole, even if a refit in another thread replaces it now
        X = check_images(self, X, reset=False)
        check_input_shape(X, fitted["input_shape_"], type(self).__name__)
        return predict_in_batches(fitted["network_"], X), fitted["_coding"]

    def _fit_one_pass(self, X, y, sample_weight, classes=None):
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it makes one pass. "
                "Use fit, or early_stopping=False"
            )
        return self._fit(
            X, y, sample_weight, go_on=True, classes=classes, one_pass=True
        )

    def _fit(self, X, y, sample_weight, *, go_on, classes=None, one_pass=False):
        """Fit a draft of this estimator and become it: whole, or not at all."""
        draft = object.__new__(type(self))
        vars(draft).update(vars(self))
        go_on = go_on and hasattr(self, "network_")
        X = check_images(draft, X, y, reset=not go_on)
        check_consistent_length(X, y)
        targets = draft._encode(y, classes, go_on, one_pass)
        if go_on:
            draft._continue_network(X)
        else:
            draft._start_network(X)
        rows, weight = draft._weigh(sample_weight, X, normalize=not one_pass)
        draft._train(X, targets, rows, weight, one_pass)
        draft._publish_history()
        self.__dict__ = {**vars(draft), **self.get_params(deep=False)}
        return self

    def _start_network(self, X):
        self.input_shape_ = find_input_shape(X, self.input_shape)
        self.n_features_in_ = math.prod(self.input_shape_)
        seed = check_random_state(self.random_state).randint(2**31, size=4)
        self._rng = np.random.default_rng(seed)
        self._split_seed = int(self._rng.integers(2**31))
        layers = [(name, clone(layer, safe=False)) for name, layer in self._hidden()]
        name = "output"
        while name in dict(layers):
            name += "_"
        layers.append((name, Dense(self._coding.n_outputs)))
        self.network_ = Network.build(layers, self.input_shape_, self._rng, self.dtype)
        self._adam_state = None
        self._history = History()

    def _continue_network(self, X):
        """Go on with copies: the fitted network is in use until this fit succeeds."""
        check_input_shape(X, self.input_shape_, type(self).__name__)
        shape = self.input_shape_
        if self.input_shape is not None:
            shape = find_input_shape(X, self.input_shape)
        for name, now, then in [
            ("layers", self._hidden(), self.network_.layers[:-1]),
            ("dtype", self.dtype, self.network_.dtype.name),
            ("input_shape", shape, self.input_shape_),
        ]:
            if not same_recipe(now, then):
                raise ValueError(
                    f"{name} must be as in the last fit to go on from it, {then}, got "
                    f"{now}. Use warm_start=False and fit to start anew"
                )
        self.network_ = self.network_.copy()
        self._rng, self._adam_state, self._history = copy.deepcopy(
            (self._rng, self._adam_state, self._history)
        )

    def _hidden(self):
        """Name the hidden layers, whichever way they are described."""
        numbers = {name: getattr(self, name) for name in NUMBERS}
        if self.layers is None:
            return default_layers(self.input_shape_, **numbers)
        signature = inspect.signature(BaseConvNet.__init__).parameters
        for name, value in numbers.items():
            if not np.array_equal(value, signature[name].default):
                raise ValueError(
                    f"{name}={value!r} describes the default network, but layers lists "
                    "another: give one or the other (a listed layer's own parameters "
                    f"are called <its name>__{name} or the like)"
                )
        named = name_layers(self.layers, taken=self.get_params(deep=False))
        self._warn_of_second_output_layer(named)
        return named

    def _warn_of_second_output_layer(self, named):
        """Point out an output layer in the list: other libraries want one there."""
        ends = [entry for entry in named if not isinstance(entry[1], Activation)]
        name, last = ends[-1] if ends else named[-1]
        is_output = (
            isinstance(last, Dense)
            and last.units in (self._coding.n_outputs, len(self._coding.classes))
            and last.activation in _OUTPUT_ACTIVATIONS
        )
        if is_output:
            warnings.warn(
                f"{type(self).__name__} adds its own output layer behind those it is "
                f"given; leave out layer {name!r}, {last!r}, if it was to be that, and "
                "what follows it",
                stacklevel=2,
            )

    def _weigh(self, sample_weight, X, *, normalize):
        """Return the rows that count, and what each counts for."""
        n = len(X)
        if sample_weight is None:
            return np.arange(n), None
        if not np.asarray(sample_weight).any():
            raise ValueError(
                "sample_weight must be positive for at least one sample, got all zeros"
            )
        weight = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if normalize:
            weight = weight / weight.max()  # first, as the sum of large ones overflows
            weight *= np.count_nonzero(weight) / weight.sum()
        with np.errstate(over="ignore"):
            weight = weight.astype(self.network_.dtype)
        rows = np.flatnonzero(weight)
        if not len(rows) or not np.isfinite(weight).all():
            raise ValueError(
                f"sample_weight must lie in the range of {self.network_.dtype}, got "
                f"values up to {np.max(sample_weight):g}; scale it to about 1"
            )
        return rows, weight

    def _train(self, X, targets, rows, weight, one_pass):
        network = self.network_
        optimizer = Adam(
            network.parameters,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            decay=network.decayed(self.alpha) if self.alpha else None,
            state=self._adam_state,
        )
        validate = None
        if self.early_stopping:
            rows, held_out = self._hold_out(rows, targets)
            validate = self._validator(X, targets, held_out, weight)
        try:
            train(
                network,
                optimizer,
                self._coding.loss,
                (rows, X, targets, weight),
                max_iter=1 if one_pass else self.max_iter,
                batch_size=self._clip_batch_size(len(rows)),
                learning_rate=float(self.learning_rate_init),
                rng=self._rng,
                history=self._history,
                shuffle=self.shuffle,
                stopping=StoppingRule(self.tol, self.n_iter_no_change),
                validate=validate,
                report=_print_epoch if self.verbose else None,
            )
        except NonFiniteLossError as error:
            raise ValueError(
                f"the loss or a weight became infinite or NaN in epoch {error} "
                f"with learning_rate_init={self.learning_rate_init:g} on X between "
                f"{np.min(X):g} and {np.max(X):g}. Scale X to about [0, 1] (a "
                "StandardScaler or a division) or lower learning_rate_init"
            ) from None
        self._adam_state = optimizer.state if one_pass or self.warm_start else None

    def _hold_out(self, rows, targets):
        """Split rows into those to train on and those to validate with."""
        # Here, since importing it takes as long as all the rest.
        from sklearn.model_selection import train_test_split

        strata = self._coding.strata(targets[rows])
        try:
            rows, held_out = train_test_split(
                rows,
                test_size=self.validation_fraction,
                stratify=strata,
                random_state=self._split_seed,
            )
            if len(held_out) < 2:
                raise ValueError("the held-out samples are too few to validate with")
        except ValueError as error:
            raise ValueError(
                f"early_stopping=True could not set aside validation_fraction="
                f"{self.validation_fraction} of {len(rows)} samples"
                f"{'' if strata is None else ', stratified by class'}: {error}. Fit "
                "more samples, change validation_fraction, or use early_stopping=False"
            ) from None
        return rows, held_out

    def _validator(self, X, targets, rows, weight):
        """Return a function that scores the network on rows of X."""
        targets, weight = targets[rows], None if weight is None else weight[rows]

        def validate():
            outputs = predict_in_batches(self.network_, X, rows)
            return float(self._coding.score(outputs, targets, weight))

        return validate

    def _clip_batch_size(self, n_samples):
        if self.batch_size == "auto":
            return min(128, n_samples)
        if self.batch_size > n_samples:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the {n_samples} samples "
                "to train on and is clipped to them",
                stacklevel=2,
            )
        return min(self.batch_size, n_samples)

    def _publish_history(self):
        curve = list(self._history.loss_curve)
        scores = list(self._history.validation_scores)
        self.n_iter_ = len(curve)
        self.t_ = self._history.samples
        self.loss_curve_ = curve
        self.loss_ = curve[-1] if curve else math.nan
        self.best_loss_ = None if self.early_stopping else min(curve, default=math.nan)
        self.validation_scores_ = scores if self.early_stopping else None
        self.best_validation_score_ = (
            self._history.best_score if self.early_stopping and scores else None
        )
        self.n_layers_ = len(self.network_.layers)
        self.n_outputs_ = self._coding.n_outputs
        self.out_activation_ = self._coding.activation


def _print_epoch(history, seconds):
    line = f"Epoch {len(history.loss_curve):4d}  loss {history.loss_curve[-1]:.6f}"
    if not math.isnan(history.validation_scores[-1]):
        line += f"  validation score {history.validation_scores[-1]:.4f}"
    print(f"{line}  {seconds:.2f} s")
