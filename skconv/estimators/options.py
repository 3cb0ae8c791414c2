"""Checks of parameters that scikit-learn's constraints cannot express."""

from typing import Any

from .._training.schedules import check_schedule
from ..augmentation.protocol import name_transforms
from ..augmentation.views import list_views
from .pretrained import check_pretrained
from .tuning import check_tuning

__all__ = ["check_options"]


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
