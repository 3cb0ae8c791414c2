"""The base class of the estimators: `fit` and the fitted network."""

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._data.samples import Samples
from .._training.interrupts import keeping_what_is_learnt
from .._training.loop import History, StoppingRule
from .._training.losses import Loss, loss_of
from .._training.validation import find_scorer
from .._utils.params import NestedParamsMixin
from .._version import DOCUMENTATION, __version__
from ..augmentation.views import list_views
from ..callbacks.fingerprint import fingerprint
from ..callbacks.protocol import CallbackSupportMixin, EpochCallbacks
from ..callbacks.state import FitState
from ..models.network import Network
from .building import build_network
from .contents import ContentsMixin
from .fitting import (
    build,
    continue_last,
    describe_history,
    read,
    read_validation,
    resume_kept,
    train_draft,
)
from .hooks import TargetHooks
from .options import check_options
from .parameters import CONSTRAINTS, checks_parameters
from .prediction import FeaturesMixin

__all__ = ["BaseConvNet"]


class BaseConvNet(
    TargetHooks, CallbackSupportMixin, FeaturesMixin, ContentsMixin, NestedParamsMixin
):
    """Base class of the estimators, which has everything but their targets.

    A subclass adds parameters, `_fit_encoder` and what `TargetHooks` lists.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = CONSTRAINTS
    _components: ClassVar[dict[str, str]] = {"layers": "layer", "augment": "transform"}
    _doc_link_module = "skconv"
    _doc_link_template = f"{DOCUMENTATION}/api/skconv.{{estimator_name}}.html"

    network_: Network
    input_shape_: tuple[int, ...]
    n_features_in_: int
    n_iter_: int
    loss_curve_: list[float]
    learning_rate_curve_: list[float]
    loss_: float
    best_loss_: float | None
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    t_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    pretrained_layers_: list[str]

    _encoder: Any  # a TargetEncoder, or that of images or masks
    _history: History
    _average_state: tuple[int, NDArray[Any]] | None = None

    @checks_parameters
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network.

        If anything fails, an earlier fit remains unchanged. Ctrl-C ends training and
        keeps what has been learnt, with a warning. It raises KeyboardInterrupt, and
        changes nothing, before the first epoch has ended, and in a fit that is one of
        many, as in a search.

        Parameters
        ----------
        X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or \
                (n, n_features)
            Images of any numeric dtype and, for the default network, of any scale; a
            memory map is read batch by batch. With layers for signals, signals
            (n, length) or (n, length, channels).
        y : array-like of shape (n,), (n, k), (n, h, w) or (n, h, w, c)
            Class labels of any type, or columns of them, or a multilabel indicator of
            0 and 1; for a regressor numbers, or images; for a segmenter masks
            (n, h, w).
        sample_weight : array-like of shape (n,), default=None
            Weight of each sample; of masks and images also of each pixel, (n, h, w).
            Whole numbers are counts: a sample of weight 3 is the same as three equal
            samples, unless an epoch became more than ten times as long.
        X_val, y_val : array-like, default=None
            Data to validate with after each epoch, in the form of X and y. They
            replace the held-out part of X if `early_stopping`, else they are only for
            the curves. In a Pipeline, ``transform_input=["X_val"]`` transforms X_val
            as X.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weight of each of these samples.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y, a parameter or a layer does not fit, or the loss becomes infinite
            or NaN; the message says which and what to try.
        """
        validation = X_val, y_val, sample_weight_val
        return self._fit(
            X, y, sample_weight, validation=validation, resume=self.warm_start
        )

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        validation: tuple[Any, Any, Any] = (None, None, None),
        classes: Any = None,
        resume: bool,
        incremental: bool = False,
    ) -> Self:
        """Read, build and train a draft of this estimator; adopt it, or change nothing.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        validation : (X_val, y_val, sample_weight_val)
        classes : array-like, optional
            All classes of a classifier.
        resume : bool
            Whether to continue the last fit, if there is one.
        incremental : bool, default=False
            Whether to train for one epoch only, on a part of all data.
        """
        self._check_options()
        scorer = find_scorer(self.scoring)
        resume = resume and hasattr(self, "network_")
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        given = {"X": X, "y": y, "metadata": metadata}
        n_epochs = 1 if incremental else self.max_iter
        with EpochCallbacks(self, given, n_epochs) as callbacks:
            draft = self._draft()
            samples = read(draft, X, y, sample_weight, classes, resume, incremental)
            list_views(getattr(draft, "tta", None), draft.input_shape_)
            held_out = read_validation(draft, *validation)
            if resume:
                continue_last(draft)
            else:
                build(draft)
            stopping = draft._stopping_rule()
            validated = draft._stops_early(incremental) or held_out is not None
            if callbacks.keeps_fits:
                found = fingerprint(draft, samples, held_out, resumed=resume)
                state = FitState(draft, stopping, validated, incremental, found)
                samples, held_out = resume_kept(callbacks, state, samples, held_out)
            callbacks.begin()
            train_draft(
                draft, samples, held_out, scorer, stopping, callbacks, incremental
            )
            with keeping_what_is_learnt(stopping):
                callbacks.end(draft._snapshot)
            self._adopt(draft)
        return self

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None
    ) -> Self:
        if self.early_stopping is True:
            raise ValueError(
                "partial_fit does not support early_stopping=True: it makes one pass. "
                "Use fit, or early_stopping=False"
            )
        return self._fit(
            X, y, sample_weight, classes=classes, resume=True, incremental=True
        )

    def _draft(self) -> Self:
        """Return a shallow copy, whose attributes can be replaced."""
        draft = object.__new__(type(self))
        draft.__dict__.update(self.__dict__)
        return draft

    def _adopt(self, draft: Self) -> None:
        """Become a draft, whole, but keep parameters that were set in the meantime."""
        self.__dict__ = {**vars(draft), **self.get_params(deep=False)}

    def _check_options(self) -> None:
        """Check parameters that scikit-learn's constraints cannot express."""
        check_options(self)

    def _build_network(self, rng: np.random.Generator) -> None:
        n_classes = len(self._encoder.classes)
        self.network_ = build_network(
            self,
            self.input_shape_,
            self._encoder.output_shape,
            rng,
            n_classes=n_classes,
        )

    def _stops_early(self, incremental: bool = False) -> bool:
        """Return whether validation data decide when training stops."""
        return bool(self.early_stopping) and not incremental

    def _stopping_rule(self) -> StoppingRule:
        by_score = self.scoring not in (None, "loss")
        limits = self.tol, self.n_iter_no_change
        return StoppingRule(*limits, self._stops_early(), by_score)

    # Hooks of subclasses.

    def _fit_encoder(
        self,
        y: NDArray[Any],
        sample_weight: NDArray[np.float64] | None,
        classes: Any,
        resume: bool,
        incremental: bool,
    ) -> Any:
        """Return the encoder of checked targets, if `resume` one like the last."""
        raise NotImplementedError

    def _encode(self, y: NDArray[Any], name: str) -> Any:
        """Return checked targets as the loss takes them."""
        return self._encoder.transform(y, name)

    def _class_factors(self, samples: Samples, incremental: bool) -> Any:
        """Return the factors of sample weights that classes give, or None."""
        return None

    def _loss(self, samples: Samples | None = None, incremental: bool = False) -> Loss:
        """Return the training loss, of samples with the factors of their classes."""
        return loss_of(self._encoder)

    # The fitted state.

    def _snapshot(self, validated: bool | None = None) -> dict[str, Any]:
        """Return the fitted attributes at this moment, safe from further training."""
        if validated is not None:
            self._publish_history(validated)
        names = [name for name in vars(self) if name.endswith("_")]
        fitted = {name: vars(self)[name] for name in [*names, "_encoder"]}
        return {**fitted, "network_": self.network_.copy()}

    def _publish_history(self, validated: bool) -> None:
        self.__dict__.update(describe_history(self, validated))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_skconv_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        written_by = state.pop("_skconv_version", "an unknown version")
        if written_by != __version__:
            warnings.warn(
                f"this {type(self).__name__} was saved by skconv {written_by} and is "
                f"loaded by {__version__}: its results may differ. Save it again with "
                "this version, or load it with that one",
                stacklevel=2,
            )
        super().__setstate__(state)
