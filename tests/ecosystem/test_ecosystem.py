"""A real use of packages that users of scikit-learn reach for, with our estimators.

`.ci/ecosystem` installs them; docs/guide/ecosystem.md has the table.
"""

import numpy as np
import pytest
from seeds import SEED
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline


def test_mapie_gives_conformal_sets_and_intervals(small, clf, reg):
    classification = pytest.importorskip("mapie.classification")
    from mapie.regression import SplitConformalRegressor

    X, y, X_test, y_test = small
    conformal = classification.SplitConformalClassifier(
        clf.fit(X[:250], y[:250]), confidence_level=0.9, prefit=True
    )
    conformal.conformalize(X[250:], y[250:])
    _, sets = conformal.predict_set(X_test)
    codes = np.searchsorted(clf.classes_, y_test)
    assert 0.8 < sets[np.arange(len(y_test)), codes, 0].mean() <= 1
    ink, ink_test = X.sum(axis=1), X_test.sum(axis=1)
    intervals = SplitConformalRegressor(
        reg.fit(X[:250], ink[:250]), confidence_level=0.9, prefit=True
    )
    _, limits = intervals.conformalize(X[250:], ink[250:]).predict_interval(X_test)
    inside = (limits[:, 0, 0] <= ink_test) & (ink_test <= limits[:, 1, 0])
    assert 0.8 < inside.mean() < 1


def test_mapie_crosses_conformal_intervals(small, reg):
    regression = pytest.importorskip("mapie.regression")
    X, _, X_test, _ = small
    cross = regression.CrossConformalRegressor(
        reg, confidence_level=0.9, cv=3, random_state=SEED
    )
    cross.fit_conformalize(X, X.sum(axis=1))
    _, limits = cross.predict_interval(X_test)
    inside = (limits[:, 0, 0] <= X_test.sum(axis=1)) & (
        X_test.sum(axis=1) <= limits[:, 1, 0]
    )
    assert inside.mean() > 0.8


def test_imbalanced_learn_resamples_in_a_pipeline(small, clf):
    over_sampling = pytest.importorskip("imblearn.over_sampling")
    from imblearn.ensemble import BalancedBaggingClassifier
    from imblearn.metrics import geometric_mean_score
    from imblearn.pipeline import make_pipeline as make_sampling_pipeline

    X, y, X_test, y_test = small
    rare = (y != 8) | (np.arange(len(y)) % 4 == 0)
    X, y = X[rare], y[rare]
    for sampler in (
        over_sampling.SMOTE(k_neighbors=2, random_state=SEED),
        over_sampling.RandomOverSampler(random_state=SEED),
    ):
        pipeline = make_sampling_pipeline(sampler, clf).fit(X, y)
        assert (
            geometric_mean_score(y_test, pipeline.predict(X_test), average="macro")
            > 0.8
        )
    bagging = BalancedBaggingClassifier(clf, n_estimators=2, random_state=SEED).fit(
        X, y
    )
    assert bagging.predict_proba(X_test).shape == (len(X_test), 10)


def test_mlflow_saves_and_loads_a_model(small, clf, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    X, y, X_test, _ = small
    clf.fit(X, y)
    # MLflow's default is skops, whose types must be named; cloudpickle runs code.
    mlflow.sklearn.save_model(
        clf, tmp_path / "model", serialization_format="cloudpickle", input_example=X[:2]
    )
    loaded = mlflow.sklearn.load_model(tmp_path / "model")
    assert (loaded.predict_proba(X_test) == clf.predict_proba(X_test)).all()
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    assert (served.predict(X_test) == clf.predict(X_test)).all()


def test_mlflow_saves_a_model_with_skops(small, clf, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    import skconv

    X, y, X_test, _ = small
    clf.fit(X, y)
    mlflow.sklearn.save_model(
        clf,
        tmp_path / "model",
        serialization_format="skops",
        skops_trusted_types=skconv.trusted_types(),
    )
    loaded = mlflow.sklearn.load_model(tmp_path / "model")
    assert (loaded.predict(X_test) == clf.predict(X_test)).all()


def test_mlflow_autolog_logs_a_fit(small, clf, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    X, y, *_ = small
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.sklearn.autolog(log_models=False)
    try:
        with mlflow.start_run() as run:
            make_pipeline(clf).fit(X, y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    data = mlflow.get_run(run.info.run_id).data
    assert data.metrics["training_accuracy_score"] > 0.5


def test_skore_reports_on_an_estimator(small, clf):
    skore = pytest.importorskip("skore")
    X, y, X_test, y_test = small
    report = skore.EstimatorReport(
        clf, X_train=X, y_train=y, X_test=X_test, y_test=y_test
    )
    assert report.metrics.accuracy() > 0.8
    crossed = skore.CrossValidationReport(clf, X, y, splitter=2)
    assert np.asarray(crossed.metrics.accuracy()).size


def test_shap_explains_by_permutation_and_kernel(small, clf):
    shap = pytest.importorskip("shap")
    X, y, X_test, _ = small
    clf.fit(X, y)
    explainer = shap.Explainer(
        clf.predict_proba, X[:20], algorithm="permutation", seed=SEED
    )
    explained = explainer(X_test[:2], max_evals=2 * 64 + 1)
    total = explained.values.sum(axis=1) + explained.base_values
    np.testing.assert_allclose(total, clf.predict_proba(X_test[:2]), atol=1e-4)
    kernel = shap.KernelExplainer(clf.predict_proba, X[:5])
    values = kernel.shap_values(X_test[:1], nsamples=100, silent=True)
    assert np.shape(values) == (1, 64, 10)


def test_shap_masks_parts_of_images(small, clf):
    shap = pytest.importorskip("shap")
    X, y, *_ = small
    images = X.reshape(-1, 8, 8, 1)
    clf.fit(images, y)
    masker = shap.maskers.Image(np.zeros((8, 8, 1)), (8, 8, 1))
    explained = shap.Explainer(clf.predict_proba, masker)(images[:1], max_evals=60)
    assert explained.values.shape == (1, 8, 8, 1, 10)


def test_lime_explains_rows_and_images(small, clf):
    lime_tabular = pytest.importorskip("lime.lime_tabular")
    from lime.lime_image import LimeImageExplainer

    X, y, *_ = small
    clf.fit(X, y)
    explainer = lime_tabular.LimeTabularExplainer(X, random_state=SEED)
    explained = explainer.explain_instance(
        X[0], clf.predict_proba, num_features=5, num_samples=200
    )
    assert len(explained.as_list()) == 5
    colours = np.repeat(X.reshape(-1, 8, 8, 1), 3, axis=3)
    clf.fit(colours, y)
    image = LimeImageExplainer(random_state=SEED).explain_instance(
        colours[0], clf.predict_proba, num_samples=50,
        segmentation_fn=lambda image: np.arange(64).reshape(8, 8) // 8,
    )  # fmt: skip
    assert len(image.local_exp[image.top_labels[0]]) == 8


def test_cleanlab_finds_wrong_labels(small, clf):
    classification = pytest.importorskip("cleanlab.classification")
    X, y, *_ = small
    wrong = np.arange(0, len(y), 10)
    noisy = y.copy()
    noisy[wrong] = (noisy[wrong] + 1) % 10
    clean = classification.CleanLearning(
        clf.set_params(max_iter=15), cv_n_folds=3, seed=SEED
    )
    issues = clean.find_label_issues(X, noisy)
    found = np.flatnonzero(issues["is_label_issue"])
    assert len(set(found) & set(wrong)) > 0.6 * len(wrong)
    assert clean.fit(X, noisy, label_issues=issues).score(X, y) > 0.8


def test_scikit_activeml_queries_labels(small, clf):
    classifier = pytest.importorskip("skactiveml.classifier")
    from skactiveml.pool import UncertaintySampling
    from skactiveml.utils import MISSING_LABEL

    X, y, *_ = small
    known = np.full(len(y), MISSING_LABEL)
    known[:60] = y[:60]
    wrapped = classifier.SklearnClassifier(clf, classes=range(10), random_state=SEED)
    strategy = UncertaintySampling(method="margin_sampling", random_state=SEED)
    for _ in range(2):
        queried = strategy.query(X=X, y=known, clf=wrapped, batch_size=10)
        known[queried] = y[queried]
    assert np.isfinite(known).sum() == 80
    assert wrapped.fit(X, known).score(X, y) > 0.5


def test_dask_ml_predicts_in_parallel_and_trains_by_blocks(small, clf):
    wrappers = pytest.importorskip("dask_ml.wrappers")
    import dask.array as da

    X, y, X_test, y_test = small
    chunked = da.from_array(X_test, chunks=(50, 64))
    post = wrappers.ParallelPostFit(clf).fit(X, y)
    assert (
        post.predict_proba(chunked).compute() == clf.fit(X, y).predict_proba(X_test)
    ).all()
    blocks = da.from_array(X, chunks=(100, 64)), da.from_array(y, chunks=100)
    incremental = wrappers.Incremental(clf, random_state=SEED, shuffle_blocks=False)
    for _ in range(5):
        incremental.partial_fit(*blocks, classes=range(10))
    assert (
        accuracy_score(
            y_test, incremental.predict(da.from_array(X_test, chunks=(50, 64)))
        )
        > 0.4
    )


def test_skops_writes_a_model_card(small, clf, tmp_path):
    card = pytest.importorskip("skops.card")
    X, y, *_ = small
    clf.fit(X, y)
    model_card = card.Card(clf).add_metrics(accuracy=clf.score(X, y))
    model_card.save(tmp_path / "README.md")
    text = (tmp_path / "README.md").read_text()
    assert "learning_rate_init" in text and "accuracy" in text


def test_fairlearn_reduces_and_thresholds(small, clf):
    reductions = pytest.importorskip("fairlearn.reductions")
    from fairlearn.metrics import MetricFrame
    from fairlearn.postprocessing import ThresholdOptimizer

    X, y, X_test, y_test = small
    even, group = (y % 2 == 0).astype(int), (X[:, 20] > 0.5).astype(int)
    fair = reductions.ExponentiatedGradient(
        clf, reductions.DemographicParity(), max_iter=2
    )
    fair.fit(X, even, sensitive_features=group)
    predicted = fair.predict(X_test, random_state=SEED)
    frame = MetricFrame(
        metrics=accuracy_score,
        y_true=y_test % 2 == 0,
        y_pred=predicted,
        sensitive_features=X_test[:, 20] > 0.5,
    )
    assert frame.overall > 0.6
    threshold = ThresholdOptimizer(
        estimator=clf.set_params(dtype="float64"), predict_method="predict_proba"
    ).fit(X, even, sensitive_features=group)
    predicted = threshold.predict(
        X_test, sensitive_features=(X_test[:, 20] > 0.5).astype(int), random_state=SEED
    )
    assert len(predicted) == len(X_test)


def test_yellowbrick_draws_an_estimator(small, clf, tmp_path):
    classifier = pytest.importorskip("yellowbrick.classifier")
    import matplotlib

    matplotlib.use("agg")
    X, y, X_test, y_test = small
    for kind in (
        classifier.ConfusionMatrix,
        classifier.ROCAUC,
        classifier.ClassificationReport,
    ):
        drawing = kind(clf, force_model=True)  # it does not know scikit-learn's tags
        drawing.fit(X, y)
        assert drawing.score(X_test, y_test) > 0.6
        drawing.show(outpath=str(tmp_path / "drawing.png"), clear_figure=True)


def test_eli5_permutes_features(small, clf):
    sklearn_part = pytest.importorskip("eli5.sklearn")
    X, y, X_test, y_test = small
    importance = sklearn_part.PermutationImportance(
        clf.fit(X, y), n_iter=1, random_state=SEED, cv="prefit"
    )
    importance.fit(X_test, y_test)
    ink = X.var(axis=0)
    assert (
        importance.feature_importances_[ink > 0.1].mean()
        > importance.feature_importances_[ink < 0.01].mean()
    )


def test_skrub_summarizes_and_applies(small, clf):
    skrub = pytest.importorskip("skrub")
    import pandas as pd

    X, y, X_test, y_test = small
    frame = pd.DataFrame(X).add_prefix("p")
    pipeline = skrub.tabular_pipeline(clf.set_params(filters=())).fit(frame, y)
    assert pipeline.score(pd.DataFrame(X_test).add_prefix("p"), y_test) > 0.6
