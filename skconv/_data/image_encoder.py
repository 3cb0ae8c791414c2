"""Images, or signals, as targets of a network, and its outputs as images."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._utils.elementary import exp
from .arrays import count_samples
from .lazy import read_rows, shape_rows
from .regression_encoder import warn_of_distance
from .regression_losses import IMAGE_LOSSES, find_scale
from .samples import pixel_weight

__all__ = ["ImageEncoder", "ScaledImages"]

_Array = NDArray[Any]

# Numbers that are looked at at a time.
_CHUNK = 2**20
# Of this many pixels are the quartiles that are the scale of some losses.
_PIXELS_FOR_QUARTILES = 2**20


@dataclass(frozen=True)
class ImageEncoder:
    """The `TargetEncoder` of a regressor of images, and of an autoencoder.

    Attributes
    ----------
    loss_name : str
        A key of `IMAGE_LOSSES`.
    shape : tuple of int
        Of a sample of `y`, (h, w) or (h, w, c), or as rows of an autoencoder are.
    output_shape : (h, w, c) or (length, channels)
        Of the network's output for one sample.
    dtype : str
        The network's.
    center, scale : tuple of float
        Targets of the loss are ``(y - center) / scale``: a number for each channel.
    """

    loss_name: str
    shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    dtype: str
    center: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)

    classes: ClassVar[Sequence[Any]] = ()
    loss_options: ClassVar[Mapping[str, Any]] = {}
    column_sizes: ClassVar[Sequence[int]] = ()
    has_spread: ClassVar[bool] = False
    has_std: ClassVar[bool] = False
    score_name: ClassVar[str] = "R^2"

    @classmethod
    def fit(
        cls,
        y: _Array,
        loss_name: str,
        dtype: str,
        output_shape: tuple[int, ...],
        sample_weight: _Array | None = None,
    ) -> "ImageEncoder":
        """Return the encoder of numbers `y`, (n, ...), that are images of a shape.

        Raises
        ------
        ValueError
            If the loss is of more than one output for each number.
        """
        if loss_name not in IMAGE_LOSSES:
            raise ValueError(
                f"loss={loss_name!r} is for targets y (n,) or (n, k), got images of "
                f"shape {output_shape}. Use one of {list(IMAGE_LOSSES)}"
            )
        images = shape_rows(y, output_shape)
        center, scale = _find_scale(images, loss_name, sample_weight)
        numbers = tuple(center.tolist()), tuple(scale.tolist())
        return cls(loss_name, y.shape[1:], output_shape, dtype, *numbers)

    def unscaled(self) -> "ImageEncoder":
        """Return an encoder of targets of the same form, without their scale."""
        return replace(self, center=(0.0,), scale=(1.0,))

    def warn_if_far(self, y: _Array) -> None:
        """Warn if later targets are far from those of the first call, in its scale."""
        center, scale = (np.asarray(each) for each in (self.center, self.scale))
        images = shape_rows(y, self.output_shape)
        total = np.zeros(self.n_outputs)
        with np.errstate(over="ignore"):  # transform raises then
            for part in _parts(images):
                rows = read_rows(images, part).reshape(-1, self.n_outputs)
                total += np.abs((rows - center) / scale).sum(axis=0)
        pixels = len(y) * math.prod(self.output_shape[:-1])
        warn_of_distance(total / pixels, center, scale, self.dtype)

    @property
    def n_outputs(self) -> int:
        """Number of outputs for each pixel."""
        return self.output_shape[-1]

    @property
    def n_targets(self) -> int:
        """Number of channels."""
        return self.n_outputs

    @property
    def activation(self) -> str:
        """Name of the function from outputs to predictions."""
        link = IMAGE_LOSSES[self.loss_name].inverse_link
        return "exp" if link is exp else "identity"

    def transform(self, y: _Array, name: str = "y") -> "ScaledImages":
        """Return checked numbers as targets of the loss, scaled when they are read.

        Raises
        ------
        ValueError
            If they have another shape than in `fit`, are negative where the loss
            counts, or out of the dtype's range.
        """
        if y.shape[1:] != self.shape:
            expected = ", ".join(map(str, self.shape))
            raise ValueError(
                f"{name} of shape {y.shape} does not match the targets of the first "
                f"fit, (n, {expected})"
            )
        smallest = IMAGE_LOSSES[self.loss_name].smallest_target
        low, high = float(y.min()), float(y.max())
        if low < smallest:
            raise ValueError(
                f"{name} must be >= {smallest:g} with loss={self.loss_name!r}, got "
                f"{low:g}. Use loss='squared_error' or 'huber'"
            )
        with np.errstate(over="ignore"):
            ends = (np.array([[low], [high]]) - self.center) / self.scale
            in_range = np.isfinite(ends.astype(self.dtype)).all()
        if not in_range:
            raise ValueError(
                f"{name} has values from {low:.3g} to {high:.3g}, out of range for "
                f"{self.dtype}, the network's dtype, in units of the first targets' "
                f"scale, {max(self.scale):.3g}. Begin with such targets, or use "
                "dtype='float64'"
            )
        return ScaledImages(y, self)

    def scaled(self, y: _Array) -> _Array:
        """Return images of `y` as the loss takes them, (n, *output_shape)."""
        images = y.reshape(len(y), *self.output_shape).astype(np.float64)
        images -= self.center
        images /= self.scale
        return images.astype(self.dtype)

    def inverse_transform(self, targets: Any) -> _Array:
        """Return targets in the shape and the units of `y`."""
        if isinstance(targets, ScaledImages):
            return targets.read()
        images = targets.astype(np.float64)
        images *= self.scale
        images += self.center
        return images.reshape(len(targets), *self.shape).astype(self.dtype)

    def predict(self, outputs: _Array) -> _Array:
        """Return predictions, in the network's dtype, of outputs.

        Raises
        ------
        ValueError
            If they leave the dtype's range.
        """
        with np.errstate(over="ignore"):
            y = self.inverse_transform(self._link(outputs))
        if not np.isfinite(y).all():
            found = count_samples(y, lambda part: ~np.isfinite(part))
            raise ValueError(
                f"predictions are too large for {self.dtype} for {found}: the "
                f"network's outputs are up to {np.abs(outputs).max():.3g} with "
                f"loss={self.loss_name!r}. Scale X like the training data, leave such "
                "samples out, or use dtype='float64'"
            )
        return y

    def _link(self, outputs: _Array) -> _Array:
        link = IMAGE_LOSSES[self.loss_name].inverse_link
        return link(outputs.astype(np.float64))

    def tally(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> NDArray[np.float64]:
        """Return what a score needs of some samples: sums, see `score_of`.

        Returns
        -------
        sums : ndarray of shape (4, n_outputs)
            Of each channel: the weight, and the weighted sums of the scaled targets,
            of their squares, and of the squared errors.
        """
        with np.errstate(over="ignore"):
            errors = self._link(outputs) - targets
        rows = targets.astype(np.float64).reshape(-1, self.n_outputs)
        squares = (errors * errors).reshape(rows.shape)
        weight = np.ones((1, len(rows)))
        if sample_weight is not None:
            each = pixel_weight(sample_weight, targets.shape[:-1])
            weight = each.reshape(1, -1).astype(np.float64)
        sums = [np.full((1, self.n_outputs), weight.sum())]
        # No matrix product: BLAS rounds differently on each processor.
        parts = rows, rows * rows, squares
        sums += [(weight.T * part).sum(axis=0, keepdims=True) for part in parts]
        return np.concatenate(sums)

    def score(
        self, outputs: _Array, targets: _Array, sample_weight: _Array | None = None
    ) -> float:
        """Return the score of all samples at once."""
        return self.score_of(self.tally(outputs, targets, sample_weight))

    def score_of(self, total: _Array, force_finite: bool = False) -> float:
        """Return R^2 of the sum of tallies: of all pixels, the mean over channels.

        NaN if a prediction is infinite, or a channel the same everywhere; that has 1 if
        it is predicted exactly, or else 0, with `force_finite`.
        """
        weight, sums, squares, errors = total
        spread = squares - sums * sums / weight
        differs = spread > 1e-12 * squares
        if not (force_finite or differs.all()) or not np.isfinite(errors).all():
            return math.nan
        rest = (errors > 0).astype(np.float64)
        return float(1 - np.divide(errors, spread, out=rest, where=differs).mean())

    def find_gaps(self, targets: Any, sample_weight: _Array | None = None) -> str:
        """Return in words why R^2 is undefined, "" if it is not."""
        low, high = np.inf, -np.inf
        for part in _parts(targets):
            images = targets[part]
            rows = images.reshape(-1, self.n_outputs)
            if sample_weight is not None:
                weight = pixel_weight(sample_weight[part], images.shape[:-1])
                rows = rows[weight.ravel() > 0]
            low = np.minimum(low, rows.min(axis=0, initial=np.inf))
            high = np.maximum(high, rows.max(axis=0, initial=-np.inf))
            if (low < high).all():
                return ""
        return "a channel is the same everywhere"

    def constant_outputs(
        self, targets: Any, sample_weight: _Array | None = None
    ) -> _Array:
        """Return the outputs of a pixel that fit all best if they are the same."""
        if self.activation == "exp":
            total = sum(
                self.tally(
                    np.zeros_like(targets[part]),
                    targets[part],
                    None if sample_weight is None else sample_weight[part],
                )
                for part in _parts(targets)
            )
            weight, sums, *_ = np.asarray(total)
            return np.log(np.maximum(sums / weight, np.finfo(float).tiny))
        return np.zeros(self.n_outputs)  # scaled targets have this center

    def stratify(self, targets: Any) -> None:
        """Return None: numbers have no classes to stratify a split by."""
        return None


@dataclass(frozen=True, eq=False)
class ScaledImages:
    """Images as targets, of which no more than a batch is ever scaled and copied.

    Attributes
    ----------
    y : array of shape (n_rows, ...)
        Of any numeric dtype; it may be a memory map.
    encoder : ImageEncoder
    rows : ndarray of int or None
        Which rows of `y` these are; None is all.
    """

    y: _Array
    encoder: ImageEncoder
    rows: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.y) if self.rows is None else len(self.rows)

    def __getitem__(self, which: Any) -> _Array:
        """Return some of them as the loss takes them."""
        return self.encoder.scaled(read_rows(self.y, self._rows(which)))

    def _rows(self, which: Any) -> Any:
        return which if self.rows is None else self.rows[which]

    def part(self, which: NDArray[np.intp]) -> "ScaledImages":
        """Return some of them, without reading them."""
        return replace(self, rows=self._rows(which))

    def read(self) -> _Array:
        """Return them as `y` has them."""
        return read_rows(self.y, slice(None) if self.rows is None else self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""
        return (len(self), *self.encoder.output_shape)

    @property
    def ndim(self) -> int:
        """As of an array."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of an array."""
        return np.dtype(self.encoder.dtype)


def _parts(images: Any) -> Iterator[slice]:
    """Yield slices of some images each."""
    size = max(1, _CHUNK // max(1, math.prod(images.shape[1:])))
    for start in range(0, len(images), size):
        yield slice(start, start + size)


def _find_scale(
    images: _Array, loss_name: str, sample_weight: _Array | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return center and scale of each channel, as `find_scale` does of columns."""
    if loss_name not in ("squared_error", "poisson"):
        return find_scale(*_some_pixels(images, loss_name, sample_weight))
    k = images.shape[-1]
    low, high = np.full(k, np.inf), np.full(k, -np.inf)
    for part in _parts(images):
        rows = read_rows(images, part).reshape(-1, k)
        low, high = (
            np.minimum(low, rows.min(axis=0)),
            np.maximum(high, rows.max(axis=0)),
        )
    size = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    size[size == 0] = 1
    mean = _mean(images, size, np.zeros(k), sample_weight, 1)
    if loss_name == "poisson":
        return np.zeros(k), np.where(mean > 0, mean, 1) * size
    deviation = np.sqrt(_mean(images, size, mean, sample_weight, 2))
    is_constant = (deviation <= 16 * np.finfo(np.float64).eps) | (low == high)
    is_constant |= deviation * size == 0
    center = np.where(is_constant, low, mean * size)
    return center, np.where(is_constant, np.minimum(size, 1), deviation * size)


def _mean(
    images: _Array,
    size: _Array,
    center: _Array,
    sample_weight: _Array | None,
    power: int,
) -> NDArray[np.float64]:
    """Return the weighted mean of ``(images / size - center) ** power``, by channel."""
    total, weights = np.zeros(images.shape[-1]), 0.0
    largest = 1.0 if sample_weight is None else float(sample_weight.max())
    for part in _parts(images):
        pixels = read_rows(images, part)
        rows = pixels.reshape(-1, images.shape[-1]) / size - center
        rows = rows * rows if power == 2 else rows
        if sample_weight is None:
            total += rows.sum(axis=0)
            weights += len(rows)
            continue
        weight = pixel_weight(sample_weight[part] / largest, pixels.shape[:-1])
        total += (rows * weight.reshape(-1, 1)).sum(axis=0)
        weights += float(weight.sum())
    return total / weights


def _some_pixels(
    images: _Array, loss_name: str, sample_weight: _Array | None
) -> tuple[_Array, str, _Array | None]:
    """Return the arguments of `find_scale` for some pixels from all images."""
    n, pixels = len(images), math.prod(images.shape[1:-1])
    which = np.arange(n)[:: math.ceil(n / _PIXELS_FOR_QUARTILES)]
    each = min(pixels, max(1, _PIXELS_FOR_QUARTILES // len(which)))
    places = np.arange(pixels)
    if each < pixels:
        places = np.sort(np.random.default_rng(0).permutation(pixels)[:each])
    rows = np.concatenate([images[i].reshape(pixels, -1)[places] for i in which])
    weight = None
    if sample_weight is not None:
        by_pixel = pixel_weight(sample_weight, images.shape[:-1]).reshape(n, pixels)
        weight = by_pixel[np.ix_(which, places)].ravel()
        if not weight.any():  # so few pixels have a weight that none was drawn
            weight = None
    return rows, loss_name, weight
