"""One estimator in several threads."""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from seeds import SEED

from tests.attacks import threads


def test_sixteen_threads_fit_predict_and_save_one_estimator(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = threads.attack(150, SEED, tmp_path)
    assert outcomes.total() == 150
