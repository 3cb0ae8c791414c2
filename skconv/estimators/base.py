"""What the estimators share: from whatever a user brings to a trained network."""

import copy
import inspect
import math
import warnings
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import _fit_context, clone
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted

from .._data.batches import in_batches, predict_in_batches
from .._data.inputs import check_images, check_input_shape, find_input_shape
from .._data.samples import check_weight, clip_batch_size, hold_out, weigh
from .._training.loop import History, NonFiniteLossError, Step, StoppingRule, train
from .._training.planning import check_options, make_optimizer, plan_learning_rate
from .._training.reporting import print_epoch
from .._training.validation import Validator, find_scorer
from .._version import __version__
from ..callbacks.fingerprint import fingerprint
from ..callbacks.protocol import CallbackSupportMixin, EpochCallbacks
from ..callbacks.state import FitState
from ..layers import Activation, Dense, Layer
from ..layers.checks import same_configuration
from ..layers.naming import name_layers
from ..models.default import default_layers
from ..models.diagrams import DrawsLayers
from ..models.network import Network
from ..models.summary import GivesSummary
from ..models.weights import HasWeights
from .features import FeaturesMixin
from .parameters import NUMBERS, HasParameters

__all__ = ["BaseConvNet"]

# What a list written for another library may end with.
_OUTPUT_ACTIVATIONS = (None, "identity", "linear", "softmax", "sigmoid", "logistic")


class _Samples(NamedTuple):
    X: Any
    rows: Any
    targets: Any
    sample_weight: Any


class BaseConvNet(
    CallbackSupportMixin,
    FeaturesMixin,
    GivesSummary,
    DrawsLayers,
    HasWeights,
    HasParameters,
):
    """Fitting and outputs of the estimators.

    A subclass says how its targets are coded: ``_encode(y, classes, go_on, one_pass)``
    returns them for the loss, and sets `_encoder` to an object with `n_outputs`,
    `activation`, `loss`, `classes`, `encode`, `decode`, `decide`, `score` and
    `strata`, as `ClassEncoder` and `RegressionEncoder` have.
    """

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
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
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
        X_val, y_val : array-like, default=None
            Data to validate with after each epoch, of the form of X and y: instead
            of a part of X if `early_stopping`, else for the curves alone. In a
            Pipeline, ``transform_input=["X_val"]`` has X_val transformed as X is.
        sample_weight_val : array-like of shape (n_val,), default=None
            What each of these samples counts for.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y, a parameter or a layer does not fit, or the loss leaves the
            finite numbers; the message says which and what to try.
        """
        return self._fit(
            X,
            y,
            sample_weight,
            validation=(X_val, y_val, sample_weight_val),
            go_on=self.warm_start,
        )

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
        return self._predict_to(fitted, X), fitted["_encoder"]

    def _predict_to(self, fitted, X, layer=None):
        """Return what a layer, by default the last, of a fitted state puts out."""
        X = check_images(self, X, reset=False)
        check_input_shape(X, fitted["input_shape_"], type(self).__name__)
        return predict_in_batches(fitted["network_"], X, upto=layer)

    def _fit_one_pass(self, X, y, sample_weight, classes=None):
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it makes one pass. "
                "Use fit, or early_stopping=False"
            )
        return self._fit(
            X, y, sample_weight, go_on=True, classes=classes, one_pass=True
        )

    def _fit(self, X, y, sample_weight, *, one_pass=False, **how):
        """Fit a draft of this estimator and become it: whole, or not at all."""
        check_options(self)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        data = {"X": X, "y": y, "metadata": metadata}
        with EpochCallbacks(self, data, 1 if one_pass else self.max_iter) as callbacks:
            draft = object.__new__(type(self))
            vars(draft).update(vars(self))
            draft._fit_draft(callbacks, X, y, sample_weight, one_pass=one_pass, **how)
            callbacks.end(draft._snapshot)
            self.__dict__ = {**vars(draft), **self.get_params(deep=False)}
        return self

    def _fit_draft(
        self,
        callbacks,
        X,
        y,
        sample_weight,
        *,
        go_on,
        validation=(None, None, None),
        classes=None,
        one_pass=False,
    ):
        scoring = find_scorer(self.scoring)
        go_on = go_on and hasattr(self, "network_")
        X = check_images(self, X, y, reset=not go_on)
        check_consistent_length(X, y)
        targets = self._encode(y, classes, go_on, one_pass)
        if go_on:
            self._continue_network(X)
        else:
            self._start_network(X)
        weight = check_weight(sample_weight, X)
        held_out = self._check_validation(*validation)
        stopping = self._stopping_rule()
        validated = self.early_stopping or held_out is not None
        if callbacks.keeps_fits:
            identity = fingerprint(
                self,
                _Samples(X, None, targets, weight),
                held_out and _Samples(*held_out),
                resumed=go_on,
            )
            callbacks.resume(FitState(self, stopping, validated, one_pass, identity))
        callbacks.begin()
        rows, held_out = self._set_aside(X, targets, weight, held_out)
        counted, weight = self._weigh(weight, targets, rows, one_pass)
        if not go_on and not stopping.epochs:  # nor taken up where it was killed
            self.network_.adapt(
                partial(in_batches, self.network_, X, np.sort(counted), weight)
            )
        validate = Validator(self, held_out, scoring) if held_out else None
        data = counted, X, targets, weight
        self._train(data, validate, stopping, one_pass, callbacks)
        self._publish_history(validated)

    def _start_network(self, X):
        self.input_shape_ = find_input_shape(
            X, self.input_shape, signals=self._is_for_signals()
        )
        self.n_features_in_ = math.prod(self.input_shape_)
        seed = check_random_state(self.random_state).randint(2**31, size=4)
        self._rng = np.random.default_rng(seed)
        self._split_seed = int(self._rng.integers(2**31))
        self._build_network(self._rng)
        self._solver_state = None, None
        self._history = History()

    def _build_network(self, rng):
        layers = [(name, clone(layer, safe=False)) for name, layer in self._hidden()]
        name = "output"
        while name in dict(layers):
            name += "_"
        layers.append((name, Dense(self._encoder.n_outputs)))
        self.network_ = Network.build(layers, self.input_shape_, rng, self.dtype)

    def _continue_network(self, X):
        """Go on with copies: the fitted network is in use until this fit succeeds."""
        check_input_shape(X, self.input_shape_, type(self).__name__)
        shape = self.input_shape_
        if self.input_shape is not None:
            shape = find_input_shape(
                X, self.input_shape, signals=self._is_for_signals()
            )
        for name, now, then in [
            ("layers", self._hidden(), self.network_.layers[:-1]),
            ("dtype", self.dtype, self.network_.dtype.name),
            ("input_shape", shape, self.input_shape_),
        ]:
            if not same_configuration(now, then):
                raise ValueError(
                    f"{name} must be as in the last fit to go on from it, {then}, got "
                    f"{now}. Use warm_start=False and fit to start anew"
                )
        self.network_ = self.network_.copy()
        self._rng, self._solver_state, self._history = copy.deepcopy(
            (self._rng, self._solver_state, self._history)
        )

    def _is_for_signals(self):
        """Tell what two axes of a sample are: its layers say that."""
        nested = self.get_params(deep=True).values()
        return any(isinstance(value, Layer) and value.ndim == 1 for value in nested)

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
            and last.units in (self._encoder.n_outputs, len(self._encoder.classes))
            and last.activation in _OUTPUT_ACTIVATIONS
        )
        if is_output:
            warnings.warn(
                f"{type(self).__name__} adds its own output layer behind those it is "
                f"given; leave out layer {name!r}, {last!r}, if it was to be that, and "
                "what follows it",
                stacklevel=2,
            )

    def _set_aside(self, X, targets, weight, held_out):
        """Return the rows of X to train on, and the data to validate with or None."""
        counted = np.arange(len(X)) if weight is None else np.flatnonzero(weight)
        if held_out is not None or not self.early_stopping:
            return counted, held_out
        rows, held_out = hold_out(
            counted,
            self._encoder.strata(targets[counted]),
            self.validation_fraction,
            self._split_seed,
        )
        held_out_weight = None if weight is None else weight[held_out]
        return rows, (X, held_out, targets[held_out], held_out_weight)

    def _check_validation(self, X_val, y_val, sample_weight_val):
        """Return the data to validate with as `Validator` wants them, if any."""
        if X_val is None and y_val is None and sample_weight_val is None:
            return None
        for name, given, other in [
            ("X_val", X_val, "y_val"),
            ("y_val", y_val, "X_val"),
        ]:
            if given is None:
                raise ValueError(
                    f"{name} must be passed, too, where {other} or sample_weight_val "
                    "is: they are the images and the targets to validate with"
                )
        X_val = check_images(self, X_val, reset=False, name="X_val")
        check_input_shape(X_val, self.input_shape_, type(self).__name__, "X_val")
        check_consistent_length(X_val, y_val)
        targets = self._encoder.encode(self._check_targets(y_val, "y_val"), "y_val")
        weight = check_weight(sample_weight_val, X_val, "sample_weight_val")
        return X_val, None, targets, weight

    def _weigh(self, weight, targets, rows, one_pass):
        """Return which of the rows count in training, and what each sample does."""
        n, dtype = len(targets), self.network_.dtype
        factors = self._class_factors(targets, weight, one_pass)
        if factors is not None:
            if weight is None:
                weight = np.ones(n)
            elif not one_pass:
                weight = weight / weight.max()  # so that no product overflows
            weight = weight * factors
        weight = weigh(weight, dtype, normalize=not one_pass)
        return rows if weight is None else rows[weight[rows] > 0], weight

    def _class_factors(self, targets, weight, one_pass):
        """Return what `class_weight` multiplies sample weights by, or None."""
        return None

    def _loss(self):
        return self._encoder.loss

    def _snapshot(self, validated=None):
        """Return the fitted attributes as they are now: training goes on from them."""
        if validated is not None:
            self._publish_history(validated)
        names = [name for name in vars(self) if name.endswith("_")]
        fitted = {name: vars(self)[name] for name in [*names, "_encoder"]}
        return {**fitted, "network_": self.network_.copy()}

    def _stopping_rule(self):
        return StoppingRule(self.tol, self.n_iter_no_change, self.early_stopping)

    def _reporter(self, validated, optimizer, callbacks):
        """Return what is to be done after each epoch, or None."""
        if not (self.verbose or callbacks.active):
            return None

        def report(epoch):
            if self.verbose:
                print_epoch(epoch, self.verbose)
            if callbacks.active:
                self._solver_state = self.solver, optimizer.state
                snapshot = partial(self._snapshot, validated)
                return callbacks.end_epoch(snapshot)
            return False

        return report

    def _train(self, data, validate, stopping, one_pass, callbacks):
        batch_size = clip_batch_size(self.batch_size, len(data[0]))
        steps_per_epoch = math.ceil(len(data[0]) / batch_size)
        total_steps = self.max_iter * steps_per_epoch
        if not one_pass:  # in which max_iter counts calls, not epochs from here on
            total_steps += self._history.steps - stopping.epochs * steps_per_epoch
        if self.learning_rate != "adaptive":
            self._history.slowdown = 1.0
        solver, state = self._solver_state
        step = Step(
            make_optimizer(
                self, self.network_, state if solver == self.solver else None
            ),
            self._loss(),
            plan_learning_rate(self, total_steps),
            batch_size,
            adaptive=self.learning_rate == "adaptive",
            clip_norm=self.clip_norm,
            augment=self.augment,
        )
        try:
            train(
                self.network_,
                data,
                step,
                max_iter=1 if one_pass else self.max_iter,
                rng=self._rng,
                history=self._history,
                shuffle=self.shuffle,
                stopping=stopping,
                validate=validate,
                report=self._reporter(validate is not None, step.optimizer, callbacks),
            )
        except NonFiniteLossError as error:
            X = data[1]
            raise ValueError(
                f"the loss or a weight became infinite or NaN in epoch {error} "
                f"with learning_rate_init={self.learning_rate_init:g} on X between "
                f"{np.min(X):g} and {np.max(X):g}. Scale X to about [0, 1] (a "
                "StandardScaler or a division) or lower learning_rate_init"
            ) from None
        kept = one_pass or self.warm_start
        self._solver_state = (
            (self.solver, step.optimizer.state) if kept else (None, None)
        )

    def _publish_history(self, validated):
        history = self._history
        curve = list(history.loss_curve)
        scores = list(history.validation_scores)
        self.n_iter_ = len(curve)
        self.t_ = history.samples
        self.loss_curve_ = curve
        self.learning_rate_curve_ = list(history.learning_rates)
        self.loss_ = curve[-1] if curve else math.nan
        self.best_loss_ = None if self.early_stopping else min(curve, default=math.nan)
        self.validation_loss_curve_ = (
            list(history.validation_losses) if validated else None
        )
        self.validation_scores_ = scores if validated else None
        self.best_validation_score_ = (
            history.best_score if self.early_stopping and scores else None
        )
        self.n_layers_ = len(self.network_.layers)
        self.n_outputs_ = self._encoder.n_outputs
        self.out_activation_ = self._encoder.activation
