"""The recipes of the zoo: what they set can be seen, changed, searched and saved."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skconv import load_model, save_model, zoo
from skconv.augmentation import RandomFlip
from skconv.zoo import recipes

SIGNALS = "signal_classifier"
QUICK = {
    "image_classifier": {"max_iter": 2},
    "few_images_classifier": {"max_iter": 2},
}
SMALL = {f"conv{i}__filters": 4 for i in range(1, 5)} | {
    f"block{i}__conv{j}__filters": 4 for i in (2, 4) for j in (1, 2)
}


@pytest.fixture(scope="module")
def images():
    X, y = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8).astype(np.float32), y


def make(name, **params):
    return getattr(zoo, name)(**QUICK[name], **SMALL, random_state=SEED).set_params(
        **params
    )


def test_tables_have_every_recipe():
    assert {*QUICK, SIGNALS} == set(recipes.__all__)


@pytest.mark.parametrize("name", QUICK)
def test_recipes_show_and_take_every_parameter(name):
    clf = getattr(zoo, name)(max_iter=3, augment__shift__max_shift=1, alpha=0)
    params = clf.get_params()
    assert (params["max_iter"], params["alpha"]) == (3, 0)
    assert params["augment__shift__max_shift"] == 1
    assert params["conv1__filters"] == 16
    assert clone(clf).get_params().keys() == params.keys()


@pytest.mark.parametrize("name", QUICK)
def test_recipes_refuse_unknown_parameters(name):
    with pytest.raises(ValueError, match="epochs"):
        getattr(zoo, name)(epochs=3)


@pytest.mark.parametrize("name", QUICK)
def test_recipes_share_nothing(name):
    first, second = getattr(zoo, name)(), getattr(zoo, name)()
    first.set_params(conv1__filters=5, augment__shift__max_shift=3)
    assert second.get_params()["conv1__filters"] == 16
    assert second.get_params()["augment__shift__max_shift"] == 0.08


@pytest.mark.parametrize("name", QUICK)
def test_mirror_adds_flips_to_training_and_prediction(name):
    clf = getattr(zoo, name)(mirror=True)
    assert isinstance(clf.get_params()["augment__flip"], RandomFlip)
    assert "flip" in clf.tta
    assert "augment__flip" not in getattr(zoo, name)().get_params()


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_recipes_do_not_depend_on_the_scale_of_X(name, images):
    X, y = (part[:200] for part in images)
    clf = make(name)
    expected = clone(clf).fit(X, y).predict_proba(X)
    other = clone(clf).fit(1024 * X, y).predict_proba(1024 * X)
    np.testing.assert_array_equal(expected, other)


@pytest.mark.slow
def test_recipes_can_be_searched_and_saved(images, tmp_path):
    X, y = (part[:200] for part in images)
    grid = {"augment__shift__max_shift": [0, 0.1], "conv1__filters": [4, 8]}
    search = GridSearchCV(make("image_classifier"), grid, cv=2).fit(X, y)
    save_model(search.best_estimator_, tmp_path / "recipe.safetensors")
    loaded = load_model(tmp_path / "recipe.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
    assert loaded.get_params()["tta"] == "shift"


@pytest.mark.slow
def test_few_images_are_learnt_better_than_by_chance_and_with_edges(images):
    X_train, X_test, y_train, y_test = train_test_split(
        *images, train_size=200, stratify=images[1], random_state=SEED
    )
    clf = zoo.few_images_classifier(max_iter=15, random_state=SEED).fit(
        X_train, y_train
    )
    assert clf.score(X_test, y_test) > 0.85


@pytest.mark.parametrize("mirror", ["no", None, 1])
@pytest.mark.parametrize("recipe", [zoo.image_classifier, zoo.few_images_classifier])
def test_mirror_is_a_bool(recipe, mirror):
    with pytest.raises(ValueError, match=f"mirror must be True or .* got {mirror!r}"):
        recipe(mirror=mirror)


def test_few_signals_get_more_epochs():
    epochs = [zoo.signal_classifier(n).max_iter for n in (10, 100, 1000, 10_000)]
    assert epochs == [2400, 240, 24, 20]


@pytest.mark.parametrize("n_samples", [0, 1.5, "many"])
def test_signal_classifier_refuses_a_number_of_samples(n_samples):
    with pytest.raises(ValueError, match=f"n_samples must be .* got {n_samples!r}"):
        zoo.signal_classifier(n_samples)


def test_signal_classifier_scales_each_signal_by_itself():
    rng = np.random.default_rng(SEED)
    y = np.arange(80) % 2
    X = np.sin(np.arange(48) * np.where(y, 0.5, 1.1)[:, None] + rng.random((80, 1)))
    scale = np.exp(rng.uniform(-5, 5, (80, 1)))
    clf = zoo.signal_classifier(max_iter=10, random_state=SEED).fit(X[:60], y[:60])
    scaled = clone(clf).fit((scale * X)[:60], y[:60])
    assert clf.score(X[60:], y[60:]) > 0.9
    assert scaled.score((scale * X)[60:], y[60:]) > 0.9
    params = {"scale": "passthrough", "conv1__filters": 8, "max_iter": 1}
    assert zoo.signal_classifier(**params).get_params()["conv1__filters"] == 8
