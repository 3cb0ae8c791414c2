"""What the encoders of targets have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

__all__ = ["TargetEncoder"]


class TargetEncoder(Protocol):
    """From targets as users have them to those of a loss, and from outputs back.

    `ClassEncoder`, `RegressionEncoder`, `MaskEncoder` and `ImageEncoder` are made by
    ``fit(y, ...)`` from checked targets.
    """

    @property
    def classes(self) -> NDArray[Any] | Sequence[Any]:
        """The classes; none of a regressor."""

    @property
    def n_outputs(self) -> int:
        """Number of outputs that a network needs."""

    @property
    def activation(self) -> str:
        """Name of the function from outputs to predictions or probabilities."""

    @property
    def loss_name(self) -> str:
        """Name of the op that is the loss of outputs and targets."""

    @property
    def loss_options(self) -> Mapping[str, Any]:
        """Further arguments of that op."""

    @property
    def column_sizes(self) -> Sequence[int]:
        """Of several class columns, how many classes each has; else none."""

    @property
    def has_spread(self) -> bool:
        """Whether outputs say how far targets spread: `calibrate` corrects it then."""

    @property
    def has_std(self) -> bool:
        """Whether outputs say standard deviations, too."""

    @property
    def score_name(self) -> str:
        """Name of what `score` returns."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the network's output for one sample."""

    def transform(self, y: NDArray[Any], name: str = "y") -> Any:
        """Return checked `y` as targets of the loss: an array, or `ScaledImages`."""

    def inverse_transform(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Return targets of the loss as `y` has them."""

    def predict(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return predictions, as `y` has them, from the network's outputs."""

    def score(
        self,
        outputs: NDArray[Any],
        targets: NDArray[Any],
        sample_weight: NDArray[Any] | None = None,
    ) -> float:
        """Return the estimator's default score of outputs."""

    def constant_outputs(
        self, targets: NDArray[Any], sample_weight: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return the outputs that fit all samples best if they are the same for all."""

    def find_gaps(
        self, targets: NDArray[Any], sample_weight: NDArray[Any] | None = None
    ) -> str:
        """Return in words why some scores of these targets are undefined, or ""."""

    def stratify(self, targets: NDArray[Any]) -> NDArray[Any] | None:
        """Return the classes to stratify a split of targets by, if any."""
