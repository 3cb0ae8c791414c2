"""What an estimator contains: a summary, its weights, a diagram of its layers."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from .._training.optimizers import OPTIMIZERS
from .._training.step import NEW_STATE
from ..models.diagrams import draw_layers
from ..models.network import Network
from ..models.summary import Summary, summarize
from ..models.weights import get_weights, set_weights
from ..ops import positive_int
from .building import build_unfitted, list_layers, output_layer

__all__ = ["ContentsMixin"]


class ContentsMixin:
    """`summary`, `get_weights` and `set_weights` of an estimator."""

    alpha: float
    batch_size: Any
    ema_momentum: float | None
    solver: str
    network_: Network
    _output_ndim: Any
    _stops_early: Any

    def summary(
        self, *, batch_size: int | None = None, n_outputs: int | None = None
    ) -> Summary:
        """Return a table of the layers: shapes, parameters, MACs, memory.

        After `fit` it is that of the fitted network; before, of the network that `fit`
        would build, for which `input_shape` must be set.

        Parameters
        ----------
        batch_size : int, default=None
            Size of the minibatches that memory is computed for; None is the
            estimator's, and 128, the largest, of "auto".
        n_outputs : int, default=None
            Before `fit`, the number of outputs: of classes (1 for two classes) or of
            targets. None leaves the output layer open.

        Returns
        -------
        summary : Summary
            Prints as a table, appears as one in a notebook, and has `to_frame`.

        Raises
        ------
        ValueError
            If the estimator is not fitted and `input_shape` is None, or a layer does
            not fit.

        Notes
        -----
        Memory is that of a training step at its peak. It has three parts:

        - weights: the parameters times 2 (with their gradient), and 1 more for each of
          the solver's moments (1 of "sgd", else 2), for weight decay if `alpha`
          is not 0, for the best epoch's weights with `early_stopping`, and for the
          average of the weights with `ema_momentum`;
        - forward: the minibatch and the caches of all layers. They are not estimated:
          `forward` runs on one and on two samples, and the arrays that it returns are
          added up, those that neighbours share once;
        - backward: in addition to the caches that are left at a layer, the gradients of
          its output, its input and its weights, and one more of the output's shape
          (before an activation). It is that of the layer where it is largest.

        X, y, Python itself, and the scratch memory of ops (some MB with NumPy ops, for
        the columns of a convolution) come in addition. The measured peak of a step is
        within 15 % and 2 MB of it.
        """
        fitted = hasattr(self, "network_")
        network = self.network_ if fitted else build_unfitted(self, n_outputs)
        if batch_size is None:  # of "auto" the largest
            batch_size = 128 if self.batch_size == "auto" else self.batch_size
        batch_size = positive_int(batch_size, "batch_size")
        moments = OPTIMIZERS[self.solver].n_moments
        others = self.alpha, self._stops_early(), self.ema_momentum is not None
        return summarize(
            network,
            f"{type(self).__name__}: input {network.input_shape}, batches of "
            f"{batch_size}, {network.dtype}, {self.solver}"
            f"{', frozen: ' if network.frozen else ''}{', '.join(network.frozen)}",
            batch_size=batch_size,
            copies=2 + moments + sum(map(bool, others)),
            open_output=not fitted and n_outputs is None,
        )

    def get_weights(self) -> list[NDArray[np.floating[Any]]]:
        """Return copies of all weights, like Keras' method of this name.

        Returns
        -------
        weights : list of ndarray
            Layer by layer as they were built, the output layer last; of each layer
            the trained weights, kernels before biases, then its state. Order and
            shapes are Keras' for the same layers. A regressor's are those of scaled
            targets, see `target_scale_`.

        See Also
        --------
        set_weights : The inverse.
        skconv.to_torch : The same for PyTorch.
        """
        check_is_fitted(self)
        return get_weights(self.network_)

    def set_weights(self, weights: Sequence[ArrayLike]) -> Self:
        """Replace all weights, say by those of a Keras model of the same layers.

        The solver's moments are reset, as they belong to other weights. If anything
        does not fit, nothing changes.

        Parameters
        ----------
        weights : list of array-like
            As returned by `get_weights`, or by ``keras_model.get_weights()``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are more or fewer, or one has another shape or is not finite; the
            message names the layer.
        """
        check_is_fitted(self)
        return self._replace_network(set_weights(self.network_, weights))

    def _replace_network(self, network: Network) -> Self:
        """Predict with, and train further, a network of the same layers."""
        self.network_ = network
        self.__dict__.update(NEW_STATE)
        return self

    def _sk_visual_block_(self) -> Any:
        if hasattr(self, "network_"):
            return draw_layers(self.network_.layers)
        output = type(output_layer(self._output_ndim, 1)).__name__
        return draw_layers([*list_layers(self), ("output", output)])
