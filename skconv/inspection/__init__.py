"""Pictures of networks, after the pattern of scikit-learn's displays.

``Display.from_estimator(estimator, ...)`` computes and draws; the display holds what
was drawn as attributes, and ``plot(ax=...)`` draws it again. An estimator may be the
last step of a fitted `Pipeline`, or a search's best. They need matplotlib, which ``pip
install skconv[plot]`` brings.
"""

from .curves import TrainingCurveDisplay
from .feature_maps import FeatureMapDisplay
from .filters import FilterDisplay
from .mistakes import MistakesDisplay
from .saliency_display import SaliencyDisplay

__all__ = [
    "FeatureMapDisplay",
    "FilterDisplay",
    "MistakesDisplay",
    "SaliencyDisplay",
    "TrainingCurveDisplay",
]
