"""Parameters that scikit-learn's constraints cannot check, and options of the loss."""

from typing import Any

from .._training.schedules import check_schedule
from ..augmentation.protocol import name_transforms
from ..augmentation.views import list_views
from .pretrained import check_pretrained
from .tuning import check_tuning

__all__ = ["check_options", "class_loss_options"]


def check_options(params: Any) -> None:
    """Check the parameters of an estimator that do not depend on the data.

    Raises
    ------
    TypeError, ValueError
        If one does not fit.
    """
    check_schedule(params.learning_rate)
    if params.augment is not None:
        name_transforms(params.augment)
    check_tuning(params)
    check_pretrained(params.pretrained)
    views = getattr(params, "tta", None)
    list_views(views, (2, 2, 1))  # of a shape that allows all views


def class_loss_options(params: Any) -> dict[str, float]:
    """Return what an estimator's parameters add to the loss of classes.

    Those of 0 are left out.
    """
    options = {"smoothing": params.label_smoothing, "gamma": params.focal_gamma}
    return {name: float(value) for name, value in options.items() if value}
