"""What estimators share whose targets are images or masks."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from .._data.arrays import check_lengths
from .._data.samples import check_sample_weight

__all__ = ["score_images"]


def score_images(
    estimator: Any, X: Any, y: Any, sample_weight: Any, encoder: Any = None
) -> float:
    """Return the score of a fitted estimator, of some samples at a time.

    Parameters
    ----------
    estimator : estimator with `FeaturesMixin`
    X : array-like
    y : ndarray
        Checked.
    sample_weight : array-like of shape (n,) or (n, h, w), or None
    encoder : MaskEncoder or ImageEncoder, default=None
        Of these targets; None is the estimator's.
    """
    check_is_fitted(estimator)
    fitted = vars(estimator)  # whole, even if another thread refits now
    encoder = encoder or fitted["_encoder"]
    check_lengths(X, y)
    targets, total = encoder.transform(y), 0.0
    pixels = encoder.output_shape[:-1]
    weight = check_sample_weight(sample_weight, y, pixels=pixels)
    for part, outputs in estimator._predict_in_parts(fitted, X):
        some = None if weight is None else weight[part]
        total = total + encoder.tally(outputs, targets[part], some)
    return float(encoder.score_of(total))
