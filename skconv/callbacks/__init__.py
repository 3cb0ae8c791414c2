"""Callbacks on scikit-learn's protocol: checkpoints, loggers, pruning."""

from .checkpoint import Checkpoint
from .json_logger import JSONLogger
from .mlflow_logger import MLflowLogger
from .pruning import OptunaPruning
from .tensorboard_logger import TensorBoardLogger

__all__ = [
    "Checkpoint",
    "JSONLogger",
    "MLflowLogger",
    "OptunaPruning",
    "TensorBoardLogger",
]
