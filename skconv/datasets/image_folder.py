"""Images of a folder that has a folder for each class."""

import os
import warnings
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._utils.lookup import did_you_mean, shorten
from .image_files import (
    MODES,
    RESIZE,
    BadImageError,
    ImageFiles,
    find_size,
    require_pillow,
)

__all__ = ["load_image_folder"]

_Array = NDArray[Any]

# What a file of an image ends with. Others are ignored.
_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm", ".png"),
    *(".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
# Parts of a data set, which are no classes.
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation"}
_LARGE = 2**30  # bytes
_NAMED = 5  # how many files an error names


@validate_params(
    {
        "path": [str, os.PathLike],
        "image_size": [
            Interval(Integral, 1, None, closed="left"),
            tuple,
            list,
            None,
        ],
        "mode": [StrOptions(set(MODES))],
        "resize": [StrOptions(set(RESIZE))],
        "categories": ["array-like", None],
        "lazy": ["boolean", StrOptions({"auto"})],
        "on_bad_file": [StrOptions({"error", "warn"})],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_image_folder(
    path: str | os.PathLike[str],
    *,
    image_size: int | tuple[int, int] | None = None,
    mode: str = "RGB",
    resize: str = "crop",
    categories: Sequence[str] | None = None,
    lazy: bool | str = "auto",
    on_bad_file: str = "error",
    return_X_y: bool = False,
) -> Any:
    """Load the images of a folder that has a folder for each class.

    The folders' names are the labels. Images may be in folders within these. The order
    is that of the paths, on any system. Hidden files, files that are no images by the
    end of their name, and files beside the classes' folders are ignored. It needs
    Pillow: ``pip install "skconv[images]"``.

    Parameters
    ----------
    path : str or path-like
        The folder.
    image_size : int or (height, width), default=None
        To which images are resized. None: all images must have one size.
    mode : {"RGB", "L", "RGBA", "I;16", "F"}, default="RGB"
        Pillow's name of what images are converted to: colours, brightness, colours
        with opacity, 16 bits, float32. Images of more than 8 bits need one of the last
        two.
    resize : {"crop", "pad", "stretch"}, default="crop"
        What happens to images of other proportions: their margins are cut off, they get
        margins, or their proportions change.
    categories : list of str, default=None
        The folders to read; None is all.
    lazy : bool or "auto", default="auto"
        Whether X remains in the files, and images are read when they are needed. "auto"
        does so where X would take more than 1 GiB.
    on_bad_file : {"error", "warn"}, default="error"
        What happens to files that cannot be read: an error, or a warning and they are
        left out. The message names them. With ``lazy=True`` and "error" a file that is
        cut off is found only when it is read; "warn" reads all files first.
    return_X_y : bool, default=False
        Whether to return X and y instead of a `Bunch`.

    Returns
    -------
    data : Bunch
        With the attributes

        - data : ndarray or lazy array of shape (n, height, width, channels), of
          uint8, uint16 ("I;16") or float32 ("F");
        - target : ndarray of str of shape (n,), the folders' names;
        - target_names : list of str, in order;
        - filenames : ndarray of str of shape (n,).
    (X, y) : tuple if `return_X_y`
        The data and the target.

    Raises
    ------
    ValueError
        If a folder has no images, a file cannot be read, or sizes differ.
    FileNotFoundError, NotADirectoryError
        If there is no such folder.
    ImportError
        If there is no Pillow.

    Notes
    -----
    Photographs are turned upright as their Exif data say. Of several images in a file
    the first is read. A lazy X is selected by slices, lists and arrays without reading,
    so it works in `train_test_split`, cross-validation and searches; ``X[0]`` reads an
    image and ``np.asarray(X)`` all. `fit` and `predict` read a batch at a time.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from PIL import Image
    >>> from skconv.datasets import load_image_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, value in {"dark": 30, "light": 220}.items():
    ...         Path(folder, name).mkdir()
    ...         pixels = np.full((10, 12, 3), value, np.uint8)
    ...         Image.fromarray(pixels).save(Path(folder, name, "1.png"))
    ...     X, y = load_image_folder(folder, image_size=8, return_X_y=True)
    >>> X.shape, y.tolist()
    ((2, 8, 8, 3), ['dark', 'light'])
    """
    require_pillow()
    path = os.fspath(path)
    names = _find_folders(path, categories)
    paths, target = _find_files(path, names)
    size = _check_size(image_size)
    images, is_good = _read(paths, size, mode, resize, lazy, on_bad_file)
    if return_X_y:
        return images, target[is_good]
    return Bunch(
        data=images,
        target=target[is_good],
        target_names=names,
        filenames=paths[is_good],
    )


def _find_folders(path: str, categories: Any) -> list[str]:
    """Return the names of the classes' folders, in order."""
    with os.scandir(path) as entries:
        found = sorted(e.name for e in entries if e.is_dir() and e.name[0] != ".")
    if categories is not None:
        names = [str(name) for name in categories]
        for name in names:
            if name not in found:
                raise ValueError(
                    f"categories must name folders in {path}, which has "
                    f"{shorten(found)}, got {name!r}{did_you_mean(name, found)}"
                )
        found = sorted(set(names))
    if not found:
        raise ValueError(
            f"{path} must have a folder of images for each class, got no folder. "
            "Images without classes are read with Pillow: "
            "np.stack([np.asarray(Image.open(path)) for path in paths])"
        )
    if (
        categories is None
        and len(found) > 1
        and _PARTS.issuperset(map(str.lower, found))
    ):
        raise ValueError(
            f"{path} must have a folder for each class, got parts of a data set, "
            f"{found}. Load each of them, as {os.path.join(path, found[0])!r}, or pass "
            "the names as categories, if they are classes"
        )
    return found


def _find_files(path: str, names: list[str]) -> tuple[_Array, _Array]:
    """Return the paths of all images, and the names of their classes."""
    by_class = {name: list(_walk(os.path.join(path, name))) for name in names}
    if empty := [name for name, files in by_class.items() if not files]:
        raise ValueError(
            f"each folder of {path} must have images ({' '.join(_SUFFIXES)}), got none "
            f"in {shorten(empty)}. Remove the folder, or pass the others as categories"
        )
    target = np.repeat(names, [len(by_class[name]) for name in names])
    return np.array([file for name in names for file in by_class[name]]), target


def _walk(folder: str, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the paths of images in a folder and in those within it, in order."""
    real = os.path.realpath(folder)
    if real in above:  # a link to where it is
        return
    with os.scandir(folder) as entries:
        visible = sorted((e for e in entries if e.name[0] != "."), key=lambda e: e.name)
    for entry in visible:
        if entry.is_dir():
            yield from _walk(entry.path, (*above, real))
        # To read a pipe would wait for ever. A link that leads nowhere is a bad file.
        elif entry.name.lower().endswith(_SUFFIXES) and (
            entry.is_file() or not os.path.exists(entry.path)
        ):
            yield entry.path


def _check_size(image_size: Any) -> tuple[int, int] | None:
    if image_size is None:
        return None
    if isinstance(image_size, Integral):
        return int(image_size), int(image_size)
    if len(image_size) == 2 and all(
        isinstance(each, Integral) and int(each) > 0 for each in image_size
    ):
        return int(image_size[0]), int(image_size[1])
    raise ValueError(
        "image_size must be a positive whole number, (height, width) or None, got "
        f"{image_size!r}"
    )


def _read(
    paths: _Array,
    size: tuple[int, int] | None,
    mode: str,
    resize: str,
    lazy: bool | str,
    on_bad_file: str,
) -> tuple[Any, NDArray[np.bool_]]:
    """Return the images, and which of the files are good."""
    bad: dict[int, BadImageError] = {}
    how = None if size is None else resize
    size = size or _size_of_first(paths)
    files = ImageFiles(paths, size, mode, how)
    if lazy == "auto":
        lazy = files.nbytes > _LARGE
    images = None if lazy else np.empty(files.shape, files.dtype)
    for i, path in enumerate(paths):
        try:
            if images is not None:
                images[i] = files[i]
            elif on_bad_file == "warn":
                files[i]
            elif find_size(str(path)) != size and how is None:
                files[i]  # which says it
        except BadImageError as error:
            bad[i] = error
    is_good = np.ones(len(paths), bool)
    is_good[list(bad)] = False
    if bad:
        _report(list(bad.values()), len(paths), on_bad_file)
    if images is None:
        return files[is_good], is_good
    return (images if is_good.all() else images[is_good]), is_good


def _size_of_first(paths: _Array) -> tuple[int, int]:
    """Return the size of the first image that has one."""
    for path in paths:
        try:
            return find_size(str(path))
        except BadImageError:
            continue
    return 1, 1  # no file is good, which the report says


def _report(bad: list[BadImageError], n_files: int, on_bad_file: str) -> None:
    """Name the files that cannot be read, in an error or in a warning."""
    words = "; ".join(map(str, bad[:_NAMED]))
    if len(bad) > _NAMED:
        words += f"; and {len(bad) - _NAMED} more"
    words = f"{len(bad)} of {n_files} files: {words}"
    if on_bad_file == "warn" and len(bad) < n_files:
        warnings.warn(f"left out {words}", stacklevel=5)
        return
    way_out = ". on_bad_file='warn' leaves such files out" if len(bad) < n_files else ""
    raise ValueError(words + way_out) from bad[0]
