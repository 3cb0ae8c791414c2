"""Loss and score of a network on samples that it is not trained on."""

import inspect
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from .._data.batches import predict_in_batches
from .._data.samples import Samples
from .._utils.floats import quiet
from .._utils.lookup import did_you_mean
from .losses import loss_of
from .pixels import evaluate_pixels

__all__ = ["Validator", "find_scorer"]


# Scores that scikit-learn sets to 0 or 1 where a target is constant.
_UNDEFINED_OF_CONSTANTS = ("r2", "explained_variance", "d2_absolute_error_score")
_METRICS = "sklearn.metrics."
_WAYS_OUT = (
    "Pass other X_val and y_val, hold out more with validation_fraction, or choose "
    "another scoring; None compares epochs by their loss"
)


class Validator:
    """Computes loss and score of an estimator's network, from one prediction.

    Parameters
    ----------
    estimator : estimator
        Its network may be trained between calls.
    samples : Samples
    scoring : None, "loss" or callable ``(estimator, X, y) -> float``
        None is the encoder's score; the score of "loss" is its negative.
    rest : (Network, ndarray), optional
        The last layers of the network, and what reaches them of the samples.
    """

    def __init__(
        self,
        estimator: Any,
        samples: Samples,
        scoring: str | Callable | None = None,
        rest: tuple[Any, NDArray[Any]] | None = None,
    ) -> None:
        self.rest = rest
        if callable(scoring) and samples.rows is not None:
            # A scorer takes an array X that holds these samples and no others.
            samples = replace(samples, X=samples.X[samples.rows], rows=None)
        self.estimator, self.samples, self.scoring = estimator, samples, scoring
        self.loss = loss_of(estimator._encoder)
        self.loss_weight = None
        if samples.sample_weight is not None:
            mean_one = samples.sample_weight / samples.sample_weight.max()
            mean_one /= mean_one.mean()
            self.loss_weight = mean_one.astype(estimator.network_.dtype)
        self._gaps = estimator._encoder.find_gaps(
            samples.targets, samples.sample_weight
        )
        self._has_warned = False

    def __call__(self) -> tuple[float, float]:
        """Return (loss, score); the loss is the plain one, without smoothing.

        The first of either that is not finite gives a warning. Outputs that are not
        finite have no score.
        """
        encoder, samples = self.estimator._encoder, self.samples
        if len(encoder.output_shape) > 1:
            return self._evaluate_pixels()
        with quiet():
            if self.rest is None:
                outputs = samples.predict(self.estimator.network_)
            else:
                outputs = predict_in_batches(*self.rest)
            loss = float(self.loss(outputs, samples.targets, self.loss_weight)[0])
        if self.scoring == "loss":
            score = -loss
        elif not np.isfinite(outputs).all():
            score = math.nan  # the largest of NaN would be a class
        elif callable(self.scoring):
            score = self._ask_scorer(self.scoring, outputs)
        else:
            score = encoder.score(outputs, samples.targets, samples.sample_weight)
        self._warn_if_undefined(loss, score, np.abs(outputs).max())
        return loss, float(score)

    def _evaluate_pixels(self) -> tuple[float, float]:
        """Return (loss, score) of outputs that are images: of some at a time."""
        encoder, network = self.estimator._encoder, self.estimator.network_
        loss, score, largest = evaluate_pixels(
            network, self.samples, encoder, self.loss, self.loss_weight
        )
        if self.scoring == "loss":
            score = -loss
        elif callable(self.scoring) and math.isfinite(largest):
            score = self._ask_scorer(self.scoring, None)
        self._warn_if_undefined(loss, score, largest)
        return loss, score

    def _ask_scorer(
        self, scorer: Callable[..., Any], outputs: NDArray[Any] | None
    ) -> float:
        X, encoder = self.samples.X, self.estimator._encoder
        if self._gaps and self.estimator.scoring in _UNDEFINED_OF_CONSTANTS:
            return math.nan
        weight = {}
        if self.samples.sample_weight is not None and _takes_weight(scorer):
            weight["sample_weight"] = self.samples.sample_weight
        y = self.samples.y
        if y is None:
            y = encoder.inverse_transform(self.samples.targets)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UndefinedMetricWarning)
                score = scorer(
                    _with_outputs(self.estimator, X, outputs), X, y, **weight
                )
        except Exception as error:
            gaps = f" (note that {self._gaps})" if self._gaps else ""
            raise ValueError(
                f"{self._scoring_in_words} cannot be computed of the "
                f"{len(self.samples)} validation samples{gaps}: "
                f"{type(error).__name__}: {str(error).rstrip('.')}. {_WAYS_OUT}"
            ) from error
        if not isinstance(score, Real):
            raise ValueError(
                f"scoring must return one number, got {score!r} from {scorer!r}"
            )
        return float(score)

    @property
    def _scoring_in_words(self) -> str:
        scoring, default = self.estimator.scoring, self.estimator._encoder.score_name
        return default if scoring is None else f"scoring={scoring!r}"

    def _warn_if_undefined(self, loss: float, score: float, largest: float) -> None:
        """Warn once, of the first loss or score that is not a number."""
        if self._has_warned or (math.isfinite(loss) and not math.isnan(score)):
            return
        if not math.isfinite(loss):
            X = self.samples.X
            words = (
                f"the loss of the validation data is {loss}, of outputs up to "
                f"{largest:.3g}, as a network makes them of X between "
                f"{np.min(X):g} and {np.max(X):g}: such epochs count as the worst. "
                "Scale the validation data like the training data"
            )
        elif self.scoring is None and len(self.samples) == 1:
            return  # nobody asked for the R^2 of one sample
        else:
            reason = f", as {self._gaps}" if self._gaps else ""
            words = (
                f"{self._scoring_in_words} of the {len(self.samples)} validation "
                f"samples is NaN{reason}. Epochs without a score are compared by their "
                f"loss. {_WAYS_OUT}"
            )
        self._has_warned = True
        warnings.warn(words, UserWarning, stacklevel=2)


def find_scorer(scoring: Any) -> Any:
    """Return `scoring` as `Validator` takes it: names become scorers.

    Raises
    ------
    ValueError
        If there is no scorer of that name, or it is a metric of scikit-learn.
    """
    if callable(scoring):
        if inspect.isfunction(scoring) and scoring.__module__.startswith(_METRICS):
            name = scoring.__name__
            raise ValueError(
                "scoring must be a callable (estimator, X, y) -> float, got the metric "
                f"{name}. Use sklearn.metrics.make_scorer({name})"
            )
        return scoring
    if scoring is None or scoring == "loss":
        return scoring
    # Here, since importing it takes as long as all the rest.
    from sklearn.metrics import get_scorer, get_scorer_names

    names = ["loss", *get_scorer_names()]
    if scoring not in names:
        raise ValueError(
            "scoring must be 'loss', None, a callable (estimator, X, y) -> float or "
            f"one of sklearn.metrics.get_scorer_names(), got {scoring!r}"
            f"{did_you_mean(scoring, names)}"
        )
    return get_scorer(scoring)


def _with_outputs(estimator: Any, X: NDArray[Any], outputs: NDArray[Any] | None) -> Any:
    """Return a copy of a fitted estimator that has its outputs for this array X.

    If there are none, as they would be too large, it computes them.
    """
    copy = estimator._draft()
    vars(copy).pop("feature_names_in_", None)  # X is an array by now
    copy.tta = None  # as for the loss of these data
    compute = copy._outputs
    if outputs is None:
        return copy

    def look_up_or_compute(asked: Any) -> tuple[NDArray[Any], Any]:
        return (outputs, estimator._encoder) if asked is X else compute(asked)

    copy._outputs = look_up_or_compute
    return copy


def _takes_weight(scorer: Callable[..., Any]) -> bool:
    """Return whether a scorer takes sample_weight: not all metrics do."""
    if hasattr(scorer, "_accept_sample_weight"):  # one of scikit-learn's
        return scorer._accept_sample_weight()
    return "sample_weight" in inspect.signature(scorer).parameters
