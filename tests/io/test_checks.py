"""What saving and exporting say about models that they do not take."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skconv
from skconv import ConvNetClassifier

FUNCTIONS = {
    "to_torch": skconv.to_torch,
    "from_torch": lambda model: skconv.from_torch(model, {}),
    "save_model": lambda model: skconv.save_model(model, "never.safetensors"),
}
STEP = "named_steps['convnetclassifier']"


@pytest.fixture(scope="module")
def models():
    X, y = np.random.default_rng(SEED).random((30, 6, 6)), np.arange(30) % 2
    rows, net = X.reshape(30, -1), ConvNetClassifier(filters=2, max_iter=1)
    pipeline = make_pipeline(StandardScaler(), net).fit(rows, y)
    search = GridSearchCV(pipeline, {}, cv=2).fit(rows, y)
    return {
        "a Pipeline": (pipeline, f"pass model.{STEP}"),
        "a GridSearchCV": (search, f"pass model.best_estimator_.{STEP}"),
        "a BaggingClassifier": (
            BaggingClassifier(net, n_estimators=2).fit(rows, y),
            r"pass model.estimators_[0]",
        ),
        "a LogisticRegression": (LogisticRegression().fit(rows, y), ""),
        "the class ConvNetClassifier": (ConvNetClassifier, "pass a fitted instance"),
        "a Network": (net.fit(X, y).network_, ""),
        "a NoneType": (None, ""),
    }


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "kind",
    [
        "a Pipeline",
        "a GridSearchCV",
        "a BaggingClassifier",
        "a LogisticRegression",
        "the class ConvNetClassifier",
        "a Network",
        "a NoneType",
    ],
)
def test_other_models_are_refused_with_a_way_out(function, kind, models):
    model, way = models[kind]
    with pytest.raises(TypeError) as caught:
        FUNCTIONS[function](model)
    words = str(caught.value)
    assert words.startswith(
        f"{function} takes a ConvNetClassifier, ConvNetRegressor, ConvNetSegmenter or "
        f"ConvNetAutoencoder, got {kind}"
    )
    assert way in words
    if function == "save_model" and kind.startswith("a "):
        assert words.endswith(f"save {kind} with skops.io.dump or joblib.dump")
