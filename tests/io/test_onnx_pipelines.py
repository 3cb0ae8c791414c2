"""ONNX models of networks within scikit-learn's estimators: the same, or refused."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_transformer,
)
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC

import skconv
from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.layers import Dense

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")

# Of other packages, in fits.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


def net(**params):
    return ConvNetClassifier(
        **{"filters": 4, "max_iter": 3, "random_state": SEED} | params
    )


def reg(**params):
    return ConvNetRegressor(
        **{"filters": 4, "max_iter": 3, "random_state": SEED} | params
    )


def dense(kind=ConvNetClassifier):
    return kind([Dense(4, "relu")], max_iter=3, random_state=SEED)


def then(*steps, first=reg):
    """Return a network and steps that see its features."""
    return make_pipeline(first(), *steps)


def search(model, cls=GridSearchCV, **params):
    params = params or {"max_iter": [1, 2]}
    options = {"n_iter": 1} if cls is RandomizedSearchCV else {}
    return cls(model, params, cv=2, **options)


def halves(model):
    """Return a model that sees the first half of the columns, and the other half."""
    return make_column_transformer(
        (model, slice(0, 16)), (StandardScaler(), slice(16, 36))
    )


S = StandardScaler
# Classes 0, 1, 2; two classes; numbers; two numbers.
TARGETS = "classes", "two", "numbers", "pairs"
FEATURES = {
    "a linear regression": (then(Ridge()), "numbers"),
    "a linear regression of two targets": (then(Ridge()), "pairs"),
    "a scaler": (then(S()), "classes"),
    "a classifier's features": (then(S(), first=net), "classes"),
    "a forest": (then(RandomForestClassifier(9, random_state=SEED)), "classes"),
    "a forest of numbers": (then(RandomForestRegressor(9, random_state=SEED)), "numbers"),
    "a machine": (then(SVC()), "classes"),
    "a machine of two classes": (then(SVC(), first=net), "two"),
    "a machine of numbers": (then(SVR()), "numbers"),
    "a linear machine": (then(LinearSVC()), "two"),
    "a ridge classifier": (then(RidgeClassifier()), "two"),
    "logistic regression": (then(S(), LogisticRegression(), first=net), "classes"),
    "neighbours": (then(KNeighborsClassifier(), first=net), "classes"),
    "naive Bayes": (then(S(), PCA(3), GaussianNB(), first=net), "classes"),
    "polynomials": (then(SelectKBest(k=4), PolynomialFeatures(2), Ridge()), "numbers"),
    "components": (then(PCA(3)), "numbers"),
    "a network": (then(dense()), "classes"),
    "a network of numbers": (then(S(), PCA(4), dense(ConvNetRegressor)), "numbers"),
    "three networks": (then(reg(), dense(ConvNetRegressor)), "numbers"),
    "clusters": (then(KMeans(3, random_state=SEED)), "numbers"),
    "outliers": (then(IsolationForest(n_estimators=9, random_state=SEED)), "numbers"),
    "a mixture": (then(PCA(3), GaussianMixture(2, random_state=SEED)), "numbers"),
    "another layer": (make_pipeline(reg(transform_layer="conv1"), Ridge()), "numbers"),
    "float64": (make_pipeline(reg(dtype="float64"), Ridge()), "numbers"),
    "scalers around": (
        make_pipeline(MinMaxScaler(), reg(), MinMaxScaler(), Ridge()),
        "numbers",
    ),
    "nested": (make_pipeline(S(), then(PCA(5)), make_pipeline(Ridge())), "numbers"),
    "nested, last": (make_pipeline(make_pipeline(S(), reg()), Ridge()), "numbers"),
    "nested twice": (
        make_pipeline(make_pipeline(make_pipeline(reg())), Ridge()),
        "numbers",
    ),
    "passthrough": (
        Pipeline(
            [("a", "passthrough"), ("b", reg()), ("c", None), ("d", Ridge())]
        ),
        "numbers",
    ),
    "passthrough, last": (
        make_pipeline(make_pipeline(reg(), "passthrough"), Ridge()),
        "numbers",
    ),
    "a search": (make_pipeline(search(reg()), Ridge()), "numbers"),
    "a union": (make_pipeline(make_union(reg(), PCA(3)), Ridge()), "numbers"),
    "a union alone": (make_union(net(), S()), "classes"),
    "a union of pipelines": (
        make_pipeline(make_union(make_pipeline(S(), net()), S()), LogisticRegression()),
        "classes",
    ),
    "a union with weights": (
        make_pipeline(
            FeatureUnion(
                [("a", reg()), ("b", "drop"), ("c", "passthrough")],
                transformer_weights={"a": 2.5},
            ),
            Ridge(),
        ),
        "numbers",
    ),
    "columns": (make_pipeline(halves(reg()), Ridge()), "numbers"),
    "columns alone": (halves(make_pipeline(S(), net())), "classes"),
    "columns left over": (
        ColumnTransformer([("a", net(), list(range(16)))], remainder="passthrough"),
        "classes",
    ),
}  # fmt: skip
PREDICTIONS = {
    "a grid": (search(net()), "classes"),
    "a random search": (
        search(then(Ridge()), RandomizedSearchCV, ridge__alpha=[1, 9]),
        "numbers",
    ),
    "a pipeline with a search": (make_pipeline(S(), search(net())), "classes"),
    "a bagging": (BaggingClassifier(net(), n_estimators=2), "classes"),
    "a bagging of columns": (
        BaggingClassifier(dense(), n_estimators=2, max_features=0.5),
        "classes",
    ),
    "a bagging of pipelines": (
        BaggingClassifier(make_pipeline(S(), net()), n_estimators=2),
        "classes",
    ),
    "a bagging of features": (BaggingRegressor(then(Ridge()), n_estimators=2), "numbers"),
    "a bagging of numbers": (BaggingRegressor(reg(), n_estimators=2), "numbers"),
    "a soft vote": (
        VotingClassifier(
            [("a", net()), ("b", make_pipeline(S(), net()))], voting="soft"
        ),
        "classes",
    ),
    "a hard vote": (
        VotingClassifier([("a", net()), ("b", then(LogisticRegression(), first=net))]),
        "classes",
    ),
    "a mean": (VotingRegressor([("a", then(Ridge())), ("b", reg())]), "numbers"),
    "a stack": (
        StackingClassifier([("a", net()), ("b", then(LogisticRegression(), first=net))], cv=2),
        "classes",
    ),
    "a stack of two classes": (
        StackingClassifier([("a", net())], passthrough=True, cv=2),
        "two",
    ),
    "a stack below a network": (
        StackingClassifier([("a", GaussianNB())], final_estimator=dense(), cv=2),
        "classes",
    ),
    "a stack of numbers": (
        StackingRegressor([("a", then(Ridge())), ("b", reg())], cv=2),
        "numbers",
    ),
    "one against the rest": (OneVsRestClassifier(net()), "classes"),
    "one against the rest, features": (
        OneVsRestClassifier(then(LogisticRegression(), first=net)),
        "classes",
    ),
    "pairs of classes": (OneVsOneClassifier(net()), "classes"),
    "calibration": (CalibratedClassifierCV(net(), cv=2), "classes"),
    "several targets": (MultiOutputRegressor(then(Ridge())), "pairs"),
    "two targets": (make_pipeline(S(), reg()), "pairs"),
}  # fmt: skip
# Models that skl2onnx does not know, or converts to something else.
REFUSED = {
    "calibration of pipelines": (
        CalibratedClassifierCV(make_pipeline(S(), net()), cv=2),
        "classes",
        "because of CalibratedClassifierCV: its ONNX model predicts otherwise",
    ),
    "isotonic calibration": (
        CalibratedClassifierCV(make_pipeline(S(), net()), cv=2, method="isotonic"),
        "classes",
        "because of CalibratedClassifierCV: its ONNX model predicts otherwise",
    ),
    "a threshold": (
        TunedThresholdClassifierCV(net(), scoring="recall", cv=2),
        "two",
        "because of TunedThresholdClassifierCV: its ONNX model predicts otherwise",
    ),
    "discriminants before the last step": (
        then(LinearDiscriminantAnalysis(), LogisticRegression()),
        "classes",
        "because of step 'lineardiscriminantanalysis', LinearDiscriminantAnalysis: its",
    ),
    "clusters before the last step": (
        make_pipeline(S(), make_pipeline(KMeans(3, random_state=SEED), dense())),
        "classes",
        "because of step 'pipeline.kmeans', KMeans: its ONNX model",
    ),
    "a function": (
        make_pipeline(FunctionTransformer(np.sqrt), net()),
        "classes",
        "cannot predict random ones",
    ),
    "bins": (
        then(KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), Ridge()),
        "numbers",
        "because of step 'kbinsdiscretizer', KBinsDiscretizer: skl2onnx cannot convert",
    ),
    "a transformed target": (
        TransformedTargetRegressor(reg(), transformer=S()),
        "numbers",
        "because of TransformedTargetRegressor: skl2onnx cannot convert it",
    ),
    "several classifications": (
        MultiOutputClassifier(then(LogisticRegression())),
        "two of each",
        "because of MultiOutputClassifier: skl2onnx cannot convert it",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(SEED)
    X, classes = rng.random((60, 36)), np.arange(60) % 3
    X[:, :20] += 0.3 * classes[:, np.newaxis]
    two, numbers = classes % 2, X.sum(axis=1)
    return X, {
        "classes": classes,
        "two": two,
        "two of each": np.c_[two, classes == 1].astype(int),
        "numbers": numbers,
        "pairs": np.c_[numbers, 1e3 * X[:, 0]],
    }


def run(onnx_model, X):
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # skl2onnx declares some wrong shapes
    session = runtime.InferenceSession(
        onnx_model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"X": np.asarray(X, np.float32)})


def assert_agrees(model, X, outputs):
    if not hasattr(model, "predict"):
        expected = [model.transform(X)]
    elif is_classifier(model):
        expected = [model.predict(X)]
        if hasattr(model, "predict_proba"):
            expected.append(model.predict_proba(X))
        assert len(outputs) == len(expected)
    else:
        expected = [model.predict(X)]
    for each, output in zip(expected, outputs, strict=False):
        output = output.reshape(each.shape)
        if each.dtype.kind in "iU":
            np.testing.assert_array_equal(output, each)
        else:
            atol = 1e-5 * max(1, np.abs(each).max())
            np.testing.assert_allclose(output, each, rtol=0, atol=atol)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FEATURES, *PREDICTIONS])
def test_onnx_of_networks_within_others_agrees(name, data):
    (X, targets), (model, target) = data, (FEATURES | PREDICTIONS)[name]
    model.fit(X, targets[target])
    onnx_model = skconv.to_onnx(model)
    assert_agrees(model, X, run(onnx_model, X))
    assert_agrees(model, X[:1], run(onnx_model, X[:1]))


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_onnx_that_differs_is_refused(name, data):
    (X, targets), (model, target, words) = data, REFUSED[name]
    model.fit(X, targets[target])
    with pytest.raises(ValueError, match=words):
        skconv.to_onnx(model)


@pytest.mark.parametrize("first", [net, reg])
def test_onnx_of_a_network_before_the_last_step_is_its_features(first, data):
    X, targets = data
    model = make_pipeline(first(), Ridge())
    model.fit(X, targets["classes"])
    (output,) = run(skconv.to_onnx(model), X)
    np.testing.assert_allclose(output[:, 0], model.predict(X), rtol=0, atol=1e-5)


def test_registration_gives_features_to_skl2onnx(data):
    X, targets = data
    skconv.register_with_skl2onnx()
    skconv.register_with_skl2onnx()  # as often as one likes
    model = make_pipeline(reg(), Ridge()).fit(X, targets["numbers"])
    rows = X[:1].astype(np.float32)
    assert_agrees(model, X, run(skl2onnx.to_onnx(model, rows), X))
    only = reg().fit(X, targets["numbers"])
    options = {id(only): {"features": True}}
    (output,) = run(skl2onnx.to_onnx(only, rows, options=options), X)
    np.testing.assert_allclose(output, only.transform(X), rtol=0, atol=1e-5)
    wide = skl2onnx.to_onnx(model, X[:1])  # of float64
    assert wide.graph.output[0].type.tensor_type.elem_type == 11
    model = make_pipeline(search(reg()), Ridge()).fit(X, targets["numbers"])
    with pytest.raises(ValueError, match="replace it by its best_estimator_"):
        skl2onnx.to_onnx(model, rows)


def test_registration_joins_several_inputs(data):
    X, targets = data
    skconv.register_with_skl2onnx()
    model = make_pipeline(net(), S()).fit(X, targets["classes"])
    kind = skl2onnx.common.data_types.FloatTensorType
    onnx_model = skl2onnx.to_onnx(
        model, initial_types=[("a", kind([None, 30])), ("b", kind([None, 6]))]
    )
    session = runtime.InferenceSession(onnx_model.SerializeToString())
    x = X.astype(np.float32)
    (output,) = session.run(None, {"a": x[:, :30], "b": x[:, 30:]})
    scale = model[-1].scale_  # rounding errors of the network are divided by it
    np.testing.assert_allclose(
        output * scale, model.transform(X) * scale, rtol=1e-4, atol=1e-5
    )


def test_onnx_of_columns_with_names(data):
    pandas = pytest.importorskip("pandas")
    X, targets = data
    names = [f"pixel{i}" for i in range(36)]
    frame = pandas.DataFrame(X, columns=names)
    columns = make_column_transformer(
        (reg(), names[:16]), (S(), [names[30], names[20]]), (S(), slice(17, 19))
    )
    model = make_pipeline(columns, Ridge()).fit(frame, targets["numbers"])
    for X_check in (None, frame[:9]):
        outputs = run(skconv.to_onnx(model, X=X_check), X)
        np.testing.assert_allclose(
            outputs[0][:, 0], model.predict(frame), rtol=0, atol=1e-4
        )
