"""Inspection of fitted networks: displays, and saliency methods as functions.

``Display.from_estimator(estimator, ...)`` computes and draws, like scikit-learn's
displays; the display has what was drawn as attributes, and ``plot(ax=...)`` draws it
again. The estimator may be the last step of a fitted `Pipeline`, or in a search.
Displays need matplotlib: ``pip install skconv[plot]``.

Saliency functions compute how a score of each sample, ``(outputs * direction).sum()``,
depends on the sample's values.
"""

from .feature_map_display import FeatureMapDisplay
from .filter_display import FilterDisplay
from .learning_rate_display import LearningRateDisplay
from .mistakes_display import MistakesDisplay
from .saliency import (
    grad_cam,
    input_gradient,
    occlusion,
    output_gradient,
    smooth_gradient,
)
from .saliency_display import SaliencyDisplay
from .training_curve_display import TrainingCurveDisplay

__all__ = [
    "FeatureMapDisplay",
    "FilterDisplay",
    "LearningRateDisplay",
    "MistakesDisplay",
    "SaliencyDisplay",
    "TrainingCurveDisplay",
    "grad_cam",
    "input_gradient",
    "occlusion",
    "output_gradient",
    "smooth_gradient",
]
