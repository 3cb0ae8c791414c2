"""Write the page: a document of what a network computes, in a file that opens alone."""

import html
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from .._utils.files import as_path, check_takes_files, replacing, writing
from .._version import __version__
from ..ops import positive_int

__all__ = ["explain", "fill_template"]

_MOST_SAMPLES = 20
_PARTS = Path(__file__).parent / "parts"
_SCRIPTS = ("numbers", "compute", "draw", "inspect", "maps", "main")


def explain(
    estimator: Any,
    X: ArrayLike,
    path: str | os.PathLike[str],
    *,
    y: ArrayLike | None = None,
    display_labels: Iterable[object] | None = None,
    max_bytes: int = 1_000_000,
) -> None:
    """Write a page that shows what a fitted network computes of a few samples.

    The page is one file. It opens in a browser without a server and without network.
    It shows what each layer makes of each sample, opens any value into the window, the
    kernel, the bias and the activation that make it, and shows where the loss of a
    sample pulls each kernel.

    Parameters
    ----------
    estimator : estimator
        A fitted `ConvNetClassifier`, `ConvNetRegressor`, `ConvNetSegmenter` or
        `ConvNetAutoencoder`, alone, as the last step of a `Pipeline`, or in a search.
    X : array-like of shape (n, h, w, c), (n, h, w), (n, length, channels) or (n, k)
        Up to 20 samples.
    path : path-like
        Of the file, such as ``"net.html"``. One that exists is replaced.
    y : array-like of shape (n,), (n, k), (n, h, w) or (n, h, w, c), default=None
        The targets that the loss is taken of. None: what a classifier or a segmenter
        predicts. A regressor then has no loss, so gradients are left out. Those of an
        autoencoder are X itself.
    display_labels : list of str, default=None
        Texts for `classes_`, in their order; of several columns one after the other.
    max_bytes : int, default=1_000_000
        How large the file may be. If not everything fits, the page says what was left
        out: first gradients of values, then filters of the largest layers, then layers
        of all samples but the first ones.

    Raises
    ------
    TypeError
        If there is no network in the estimator, or `path` is no path.
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If X or y does not match the network, there are too many samples, or `max_bytes`
        is too small for any of them.
    OSError
        If the file cannot be written; an older one remains unchanged.

    Notes
    -----
    All numbers in the file were computed by this package; ``script`` elements hold
    them: a description in JSON, and the arrays, compressed. The page computes sums from
    them, to show how a value comes about, and compares each with the package's.

    Layers act as in prediction and are computed one by one. An estimator fuses some of
    them, which changes the last digit; the outputs in the page are the estimator's.

    Examples
    --------
    >>> import os, tempfile
    >>> import skconv
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = skconv.ConvNetClassifier(filters=4, max_iter=2, random_state=0)
    >>> clf = clf.fit(X[:100], y[:100])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "net.html")
    ...     skconv.explain(clf, X[:3], path, y=y[:3])
    ...     os.path.getsize(path) < 1_000_000
    True
    """
    # Imported here: no fit needs it.
    from .budget import fit_document
    from .samples import Explained

    path = as_path(path)
    max_bytes = positive_int(max_bytes, "max_bytes")
    with writing(path, "page"):
        check_takes_files(path)
        frame = len(fill_template("", "{}", "").encode())
    explained = Explained.find(estimator, X, y, display_labels, _MOST_SAMPLES)
    document, numbers = fit_document(explained, max_bytes - frame)
    document["version"] = __version__
    with writing(path, "page"):
        page = fill_template(document["title"], _as_json(document), numbers).encode()
        with replacing(path) as file:
            file.write(page)


def fill_template(title: str, document: str, numbers: str) -> str:
    """Return the page around a document and its numbers, both in scripts."""
    page = (_PARTS / "page.html").read_text(encoding="utf-8")
    scripts = [(_PARTS / f"{n}.js").read_text(encoding="utf-8") for n in _SCRIPTS]
    parts = {
        "title": html.escape(title),
        "style": (_PARTS / "page.css").read_text(encoding="utf-8"),
        "document": document,
        "numbers": numbers,
        "script": "\n".join(scripts),
    }
    first, *rest = page.split("{{")
    pieces = [first]
    for each in rest:  # one pass: no part is searched for the names of others
        name, text = each.split("}}", 1)
        pieces += [parts[name], text]
    return "".join(pieces)


def _as_json(document: dict[str, Any]) -> str:
    """Return JSON that cannot end its script element, by any names in it."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
