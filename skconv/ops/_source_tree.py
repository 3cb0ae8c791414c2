"""A word to those who run the source tree, in which no ops were compiled."""

import multiprocessing
import warnings
from pathlib import Path

__all__ = ["warn_if_not_built"]


def warn_if_not_built(chosen: str | None, folder: Path = Path(__file__).parent) -> None:
    """Warn that everything runs on NumPy ops, if this is a source tree.

    An installed package has no sources of the ops: there the compiler was missing, or
    was not asked, and the install has said so. Workers of a search say nothing: the
    process that started them has.

    Parameters
    ----------
    chosen : str or None
        The ops that the user has chosen; then there is nothing to say.
    folder : Path
        Of `skconv.ops`.
    """
    is_source = (folder / "src" / "CMakeLists.txt").exists()
    if not is_source or chosen or multiprocessing.parent_process() is not None:
        return
    root = folder.parents[1]
    warnings.warn(
        f"skconv was imported from its source tree, {root}, in which the compiled ops "
        "were not built: it runs on NumPy, three to five times slower. To build them "
        f"(with GCC or Clang): pip install -e {root}. To use an installed skconv, "
        "start Python in another folder. To stay with NumPy, set SKCONV_OPS=numpy",
        stacklevel=2,
    )
