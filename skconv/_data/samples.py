"""Which samples count, for how much, and which are held out."""

import warnings

import numpy as np
from sklearn.utils.validation import _check_sample_weight

__all__ = ["check_weight", "clip_batch_size", "hold_out", "weigh"]


def check_weight(sample_weight, X, name="sample_weight"):
    """Return weights as float64, or None where there are none.

    Raises
    ------
    ValueError
        If they are not one for each sample, negative, not finite, or all zero.
    """
    if sample_weight is None:
        return None
    if not np.asarray(sample_weight).any():
        raise ValueError(
            f"{name} must be positive for at least one sample, got all zeros"
        )
    return _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )


def weigh(weight, dtype, *, normalize):
    """Return what each sample counts for in the loss.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,) or None
    dtype : numpy.dtype
        What the weights are to be of.
    normalize : bool
        Whether to scale them to a mean of 1.

    Returns
    -------
    weight : ndarray of shape (n_samples,) or None

    Raises
    ------
    ValueError
        If they leave the range of `dtype`.
    """
    if weight is None:
        return None
    given = weight
    if normalize:
        weight = weight / weight.max()  # first, as the sum of large ones overflows
        weight *= np.count_nonzero(weight) / weight.sum()
    with np.errstate(over="ignore"):
        weight = weight.astype(dtype)
    if not weight.any() or not np.isfinite(weight).all():
        raise ValueError(
            f"sample_weight must lie in the range of {dtype}, got values up to "
            f"{np.max(given):g}; scale it to about 1"
        )
    return weight


def hold_out(rows, strata, fraction, seed):
    """Split rows into those to train on and those to validate with.

    Parameters
    ----------
    rows : ndarray of int
    strata : ndarray, one for each of the rows, or None
        Classes that both parts are to have.
    fraction : float
    seed : int

    Returns
    -------
    rows, held_out : ndarray of int

    Raises
    ------
    ValueError
        If there are too few.
    """
    # Here, since importing it takes as long as all the rest.
    from sklearn.model_selection import train_test_split

    try:
        rows, held_out = train_test_split(
            rows, test_size=fraction, stratify=strata, random_state=seed
        )
        if len(held_out) < 2:
            raise ValueError("the held-out samples are too few to validate with")
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True could not set aside validation_fraction={fraction} "
            f"of {len(rows)} samples"
            f"{'' if strata is None else ', stratified by class'}: {error}. Fit more "
            "samples, change validation_fraction, pass X_val and y_val, or use "
            "early_stopping=False"
        ) from None
    return rows, held_out


def clip_batch_size(batch_size, n_samples):
    """Return the size of minibatches of `n_samples`."""
    if batch_size == "auto":
        return min(128, n_samples)
    if batch_size > n_samples:
        warnings.warn(
            f"batch_size={batch_size} is larger than the {n_samples} samples to train "
            "on and is clipped to them",
            stacklevel=2,
        )
    return min(batch_size, n_samples)
