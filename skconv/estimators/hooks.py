"""What estimators do each in their way with targets and the network's end."""

from collections.abc import Mapping
from typing import Any, ClassVar

from numpy.typing import NDArray

from ..layers.typing import Chain
from ..models.default import default_layers
from .parameters import DEFAULT_NETWORK

__all__ = ["TargetHooks"]


class TargetHooks:
    """Hooks of `BaseConvNet`, as an estimator of labels or numbers has them.

    Attributes
    ----------
    _encoders : tuple of type
        The encoders that an estimator may have.
    _requires_y : bool
        Whether there are targets besides X.
    _network_numbers : dict
        Parameters that describe the default network -> their defaults.
    _target_words : (str, str)
        Of targets that are images: what they are called in an error about their size,
        and the way out.
    """

    _encoders: ClassVar[tuple[type, ...]] = ()
    _requires_y: ClassVar[bool] = True
    _network_numbers: ClassVar[Mapping[str, Any]] = DEFAULT_NETWORK
    _target_words: ClassVar[tuple[str, str]] = ("y", "Pass other layers")

    def _check_targets(self, y: Any, name: str = "y") -> NDArray[Any]:
        """Return `y` as an array that an encoder takes."""
        raise NotImplementedError

    def _targets(self, X: NDArray[Any], y: Any, name: str = "y") -> NDArray[Any]:
        """Return what to predict of checked X: `y`, checked."""
        return self._check_targets(y, name)

    def _pixels(self, y: NDArray[Any]) -> tuple[int, ...]:
        """Return the size of the images that are targets; () if they are none."""
        return ()

    @property
    def _output_ndim(self) -> int:
        """Axes of the output for one sample, as far as is known before a fit."""
        return 1

    def _default_layers(
        self, input_shape: tuple[int, ...], output_ndim: int, numbers: dict[str, Any]
    ) -> Chain:
        """Return the default network's hidden layers."""
        return default_layers(input_shape, **numbers)
