"""Estimators with all that belongs to their network: recipes that are known to work."""

from typing import Any

import numpy as np

from ..augmentation import RandomAffine, RandomFlip, RandomShift
from ..augmentation.checks import check_flag
from ..estimators import ConvNetClassifier
from ..layers import LayerNorm, Normalization
from ..ops import positive_int
from .images import resnet9
from .signals import strided_cnn

__all__ = ["few_images_classifier", "image_classifier", "signal_classifier"]

# One cycle of the rate needs all of its epochs.
_ONE_CYCLE: dict[str, Any] = {
    "learning_rate": "one_cycle",
    "n_iter_no_change": np.inf,
}


def image_classifier(*, mirror: bool = False, **params: Any) -> ConvNetClassifier:
    """Return a classifier that reaches a high accuracy on small images.

    `resnet9` after a `Normalization`, trained with Adam in one cycle of the learning
    rate, with weight decay, smoothed labels and shifted images; its predictions are
    means over shifted or mirrored images, too.
    docs/guide/recipes.md shows what that reaches, and what each part brings.

    Parameters
    ----------
    mirror : bool, default=False
        Whether a mirrored image shows the same class, as of clothes and animals, but
        not of letters and digits.
    **params
        Any parameters of the classifier, instead of the recipe's; also those of its
        parts, such as ``augment__shift__max_shift`` or ``conv1__filters``.

    Returns
    -------
    classifier : ConvNetClassifier
        Not fitted; all that the recipe sets are parameters.

    Raises
    ------
    ValueError
        If a parameter is unknown, or `mirror` is no bool.

    Examples
    --------
    >>> from skconv import zoo
    >>> clf = zoo.image_classifier(max_iter=2, random_state=0)
    >>> clf.get_params()["augment__shift__max_shift"]
    0.08
    """
    mirror = check_flag(mirror, "mirror")
    augment: list[Any] = [("shift", RandomShift(0.08, fill="edge"))]
    if mirror:
        augment.insert(0, ("flip", RandomFlip()))
    recipe = ConvNetClassifier(
        [("normalization", Normalization(0.5)), *resnet9()],
        **_ONE_CYCLE,
        learning_rate_init=1e-2,
        alpha=1e-2,
        label_smoothing=0.1,
        max_iter=20,
        augment=augment,
        tta="flip" if mirror else "shift",
    )
    return recipe.set_params(**params)


def few_images_classifier(*, mirror: bool = False, **params: Any) -> ConvNetClassifier:
    """Return a classifier for some ten to fifty images of each class.

    `image_classifier` with more epochs, and with images that are turned and
    scaled.

    Parameters
    ----------
    mirror : bool, default=False
        As in `image_classifier`.
    **params
        As in `image_classifier`.

    Returns
    -------
    classifier : ConvNetClassifier

    Raises
    ------
    ValueError
        If a parameter is unknown, or `mirror` is no bool.

    Examples
    --------
    >>> from skconv import zoo
    >>> zoo.few_images_classifier(augment__affine__degrees=5).max_iter
    100
    """
    recipe = image_classifier(mirror=mirror, max_iter=100)
    affine = RandomAffine(degrees=10, scale=(0.9, 1.1))
    recipe.augment = [*recipe.augment, ("affine", affine)]
    return recipe.set_params(**params)


def signal_classifier(n_samples: int = 300, **params: Any) -> ConvNetClassifier:
    """Return a classifier for a hundred to some thousand signals, or spectra.

    `strided_cnn`, after a layer that scales each signal by itself, trained with Adam in
    one cycle of the learning rate. Where the size of a signal shows its class,
    ``scale="passthrough"`` leaves that layer out; scale X by a constant then.

    Parameters
    ----------
    n_samples : int, default=300
        About how many signals there are to train on: fewer get more epochs, so that
        there are 1,500 steps, but at least 20 epochs.
    **params
        As in `image_classifier`.

    Returns
    -------
    classifier : ConvNetClassifier

    Raises
    ------
    ValueError
        If a parameter is unknown, or `n_samples` is no positive int.

    Examples
    --------
    >>> from skconv import zoo
    >>> zoo.signal_classifier(100).max_iter, zoo.signal_classifier(5000).max_iter
    (240, 20)
    """
    batch_size, steps = 16, 1500
    epochs = steps * batch_size / positive_int(n_samples, "n_samples")
    scale = LayerNorm((1, 2), center=False, scale=False, epsilon=1e-8)
    recipe = ConvNetClassifier(
        [("scale", scale), *strided_cnn()],
        **_ONE_CYCLE,
        learning_rate_init=1e-2,
        batch_size=batch_size,
        max_iter=max(20, round(epochs)),
    )
    return recipe.set_params(**params)
