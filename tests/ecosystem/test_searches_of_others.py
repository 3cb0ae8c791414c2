"""A real use of packages that search parameters, or select and encode features.

`.ci/ecosystem` installs them; docs/guide/ecosystem.md has the table.
"""

import numpy as np
import pytest
from seeds import SEED
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skconv import ConvNetClassifier


def test_optuna_searches_parameters(small, clf):
    optuna = pytest.importorskip("optuna")
    X, y, *_ = small

    def objective(trial):
        clf.set_params(
            kernel_size=trial.suggest_int("kernel_size", 1, 5, step=2),
            learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-2, log=True),
        )
        return cross_val_score(clf, X, y, cv=2).mean()

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED)
    )
    study.optimize(objective, n_trials=3)
    assert study.best_value > 0.5


def test_mlxtend_selects_and_votes(small, clf):
    classifier = pytest.importorskip("mlxtend.classifier")
    from mlxtend.evaluate import bias_variance_decomp, paired_ttest_kfold_cv
    from sklearn.linear_model import LogisticRegression

    X, y, X_test, y_test = small
    linear = LogisticRegression(max_iter=500)
    vote = classifier.EnsembleVoteClassifier([clf, linear], voting="soft").fit(X, y)
    assert vote.score(X_test, y_test) > 0.8
    stack = classifier.StackingCVClassifier(
        [clf, linear], linear, cv=2, random_state=SEED, use_probas=True
    )
    assert stack.fit(X, y).score(X_test, y_test) > 0.8
    _, p = paired_ttest_kfold_cv(clf, linear, X, y, cv=3, random_seed=0)
    assert 0 <= p <= 1
    loss, *_ = bias_variance_decomp(
        clf, X, y, X_test, y_test, num_rounds=2, random_seed=0
    )
    assert loss < 0.5


def test_feature_engine_selects_pixels_before_a_network(small, clf):
    selection = pytest.importorskip("feature_engine.selection")
    import pandas as pd

    X, y, X_test, y_test = (
        pd.DataFrame(each).add_prefix("p") if each.ndim > 1 else each for each in small
    )
    dense = clf.set_params(filters=())
    pipeline = make_pipeline(selection.DropConstantFeatures(tol=0.95), dense).fit(X, y)
    assert pipeline.score(X_test, y_test) > 0.7
    assert dense.n_features_in_ < 64


def test_hyperopt_minimizes_an_error(small, clf):
    hyperopt = pytest.importorskip("hyperopt")
    X, y, *_ = small

    def error(space):
        clf.set_params(
            kernel_size=int(space["kernel_size"]), learning_rate_init=space["rate"]
        )
        return 1 - cross_val_score(clf, X, y, cv=2).mean()

    space = {
        "kernel_size": hyperopt.hp.quniform("kernel_size", 1, 5, 2),
        "rate": hyperopt.hp.loguniform("rate", -7, -4),
    }
    trials = hyperopt.Trials()
    hyperopt.fmin(
        error,
        space,
        algo=hyperopt.tpe.suggest,
        max_evals=3,
        trials=trials,
        rstate=np.random.default_rng(SEED),
        show_progressbar=False,
    )
    assert min(trials.losses()) < 0.6


def test_scikit_optimize_searches(small, clf):
    skopt = pytest.importorskip("skopt")
    X, y, *_ = small
    space = {"learning_rate_init": (1e-4, 1e-2, "log-uniform"), "kernel_size": [1, 3]}
    search = skopt.BayesSearchCV(clf, space, n_iter=3, cv=2, random_state=SEED).fit(
        X, y
    )
    assert search.best_score_ > 0.3


def test_category_encoders_come_before_a_network(clf):
    encoders = pytest.importorskip("category_encoders")
    import pandas as pd

    rng = np.random.default_rng(SEED)
    frame = pd.DataFrame(
        {"colour": rng.choice(["red", "blue", "green"], 200), "size": rng.random(200)}
    )
    y = np.where(frame["colour"] == "red", "stop", "go")
    pipeline = make_pipeline(
        encoders.OneHotEncoder(cols=["colour"]),
        ConvNetClassifier(
            filters=(), max_iter=60, learning_rate_init=0.01, random_state=SEED
        ),
    )
    assert pipeline.fit(frame, y).score(frame, y) > 0.95


def test_boruta_selects_with_a_forest_before_a_network(small, clf):
    boruta = pytest.importorskip("boruta")
    from sklearn.ensemble import RandomForestClassifier

    X, y, X_test, y_test = small
    forest = RandomForestClassifier(max_depth=5, n_jobs=1, random_state=SEED)
    selector = boruta.BorutaPy(forest, n_estimators=30, max_iter=20, random_state=SEED)
    pipeline = make_pipeline(selector, clf.set_params(filters=())).fit(X, y)
    assert pipeline.score(X_test, y_test) > 0.6
