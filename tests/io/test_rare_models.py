"""Parts of files and of ONNX by themselves: what they refuse."""

import sys

import pytest
from sklearn.preprocessing import FunctionTransformer

from skconv import zoo
from skconv._utils import safetensors
from skconv.io import onnx_check


def test_runtime_that_is_missing_is_noticed(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not onnx_check.has_runtime()


def test_model_that_was_never_fitted_has_no_number_of_features():
    with pytest.raises(
        ValueError, match=r"number of features \(n_features_in_\): pass X"
    ):
        onnx_check.count_features(FunctionTransformer())


def test_json_that_is_no_object_is_refused():
    with pytest.raises(ValueError, match="its JSON is not an object"):
        safetensors.parse_json("[]")


def test_recipe_of_signals_trains_longer_on_fewer():
    few, many = (zoo.signal_classifier(n_samples=n) for n in (24, 240_000))
    assert few.max_iter > many.max_iter == 20
    assert zoo.signal_classifier(n_samples=24, max_iter=3).max_iter == 3
