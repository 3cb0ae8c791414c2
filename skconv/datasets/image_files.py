"""Files of images, read with Pillow."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.lazy import LazyArray

__all__ = [
    "MODES",
    "RESIZE",
    "BadImageError",
    "ImageFiles",
    "find_size",
    "require_pillow",
]

_Array = NDArray[Any]

# Pillow's name of a kind of image -> its channels and its dtype.
MODES: dict[str, tuple[int, type]] = {
    "L": (1, np.uint8),
    "RGB": (3, np.uint8),
    "RGBA": (4, np.uint8),
    "I;16": (1, np.uint16),
    "F": (1, np.float32),
}

# How an image gets another size -> the function of PIL.ImageOps, if it is one.
RESIZE = {"crop": "fit", "pad": "pad", "stretch": None}

# Modes of images whose values need more than a byte: a byte would cut them off.
_DEEP = ("I", "F")


class BadImageError(ValueError):
    """A file cannot be read as the image that is needed."""


class ImageFiles(LazyArray):
    """Images in files of one shape, which are read when they are needed.

    Parameters
    ----------
    paths : ndarray of str of shape (n,)
    size : (height, width)
        Images of another size are resized.
    mode : str
        One of `MODES`.
    resize : str or None
        One of `RESIZE`; None refuses images of another size.
    """

    def __init__(
        self, paths: _Array, size: tuple[int, int], mode: str, resize: str | None
    ) -> None:
        channels, dtype = MODES[mode]
        super().__init__(paths, (*size, channels), dtype)
        self._mode, self._resize = mode, resize

    def _read(self, row: Any) -> _Array:
        path = str(row)
        height, width = size = self._row_shape[0], self._row_shape[1]
        with _naming(path):
            image = _open(path, self._mode)
            if image.size != (width, height) and self._resize is None:
                raise ValueError(
                    f"it has {image.height}x{image.width} pixels, other images "
                    f"{height}x{width}. Pass image_size=(height, width), to which "
                    "all are resized"
                )
            values = np.asarray(_resized(image, size, self._resize))
            if values.dtype != self.dtype:  # it was resized as floats
                values = values.round().clip(0, np.iinfo(self.dtype).max)
            if not np.isfinite(values).all():
                raise ValueError("it holds NaN or infinity")
        return values.astype(self.dtype, copy=False).reshape(self._row_shape)


class _naming:
    """Names the file in an error of any kind, of Pillow or of this module."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, Exception):
            reason = str(error).replace(repr(self.path), "it") or kind.__name__
            raise BadImageError(
                f"image {self.path} cannot be read: {reason}"
            ) from error


def require_pillow() -> None:
    """Raise ImportError, with a way out, if there is no Pillow."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise ImportError(
            'reading images needs Pillow: pip install "skconv[images]"'
        ) from None


def find_size(path: str) -> tuple[int, int]:
    """Return (height, width) of an upright image, from the header of its file.

    Raises
    ------
    BadImageError
        If the file is not an image.
    """
    from PIL import Image

    with _naming(path), Image.open(path) as image:
        width, height = image.size
        # Of some formats the whole file is read for it.
        turned = width != height and image.getexif().get(_ORIENTATION, 1) >= 5
    return (width, height) if turned else (height, width)


_ORIENTATION = 0x0112  # of Exif: 5 to 8 are turned by a quarter


def _open(path: str, mode: str) -> Any:
    """Return an upright image of a mode, with its pixels."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
    is_deep = upright.mode.startswith(_DEEP)
    if mode in ("I;16", "F"):
        if len(upright.getbands()) > 1 or upright.mode in ("P", "1"):
            raise ValueError(
                f"its mode is {upright.mode!r}, but mode={mode!r} reads images of one "
                "channel"
            )
        if mode == "I;16" and not upright.mode.startswith("I"):
            raise ValueError(
                f"its mode is {upright.mode!r}, but mode='I;16' reads images of 16 bits"
            )
        extrema: Any = upright.getextrema()
        low, high = extrema
        if mode == "I;16" and (low < 0 or high > 65535):
            raise ValueError(
                f"its values are between {low} and {high}, but mode='I;16' "
                "reads those from 0 to 65535. Pass mode='F'"
            )
        return upright.convert("F")  # which holds 16 bits exactly, and can be resized
    if is_deep:
        raise ValueError(
            f"its values have more than 8 bits (mode {upright.mode!r}), which "
            f"mode={mode!r} would cut off. Pass mode='I;16' for 16 bits, or mode='F'"
        )
    if upright.mode == mode:
        return upright
    if "transparency" in upright.info:  # of a palette, which only this converts
        upright = upright.convert("RGBA")
    return upright.convert(mode)


def _resized(image: Any, size: tuple[int, int], resize: Any) -> Any:
    """Return an image of a size; Pillow's default is bicubic interpolation."""
    from PIL import ImageOps

    width_height = size[::-1]
    if image.size == width_height:
        return image
    function = RESIZE[resize]
    if function is None:
        return image.resize(width_height)
    return getattr(ImageOps, function)(image, width_height)
