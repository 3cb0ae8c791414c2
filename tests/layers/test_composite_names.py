"""Names of parameters reach into layers that contain layers, at any depth."""

import time

import pytest
from nested_layers import block, nested, net
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skconv import ConvNetClassifier
from skconv.layers import (
    Activation,
    Conv2D,
    Dense,
    MaxPool2D,
    Residual,
    Sequential,
)


def test_names_reach_in_at_any_depth():
    clf = net()
    params = clf.get_params()
    assert params["block1__conv1__filters"] == 4
    assert params["block1__shortcut__conv__filters"] == 4
    assert params["mixed__wide__block__conv2__filters"] == 2
    assert params["mixed__wide__block"] is clf.layers[2][1].layers[1][1][1][1]
    assert params["top__dense_1__units"] == 16
    clf.set_params(
        block1__conv1__filters=5,
        block1__shortcut__activation_1="passthrough",
        mixed__wide__block__conv1__kernel_size=5,
        mixed__wide__squeeze=Conv2D(2, 3),
        top__dense_1=Dense(3),
        top__dense_1__units=7,
    )
    params = clf.get_params()
    assert params["block1__conv1"].filters == 5
    assert params["block1__shortcut"][1] == ("activation_1", "passthrough")
    assert params["mixed__wide__block__conv1__kernel_size"] == 5
    assert params["mixed__wide"][0][1].kernel_size == 3
    assert params["top__dense_1"].units == 7
    for name, value in clone(clf).get_params().items():
        assert repr(value) == repr(params[name])


def test_repr_does_not_take_twice_the_time_for_each_level():
    layer = Dense(3)
    for _ in range(12):
        layer = Residual([Activation("relu")], [("inner", layer)])
    start = time.process_time()
    assert repr(layer).startswith(
        "Residual(layers=[Activation(activation='relu')], shortcut=[('inner', Residual("
    )
    assert len(repr(layer)) < 800
    assert len(repr(ConvNetClassifier([layer]))) < 1500
    assert time.process_time() - start < 5


def test_repr_shows_defaults_if_scikit_learn_does():
    assert repr(Sequential([Dense(2, "relu")])) == (
        "Sequential(layers=[Dense(activation='relu', units=2)])"
    )
    with config_context(print_changed_only=False):
        assert "use_bias=True" in repr(Dense(2))


def test_shortcut_is_named_as_layer_and_as_list():
    one = Residual([Conv2D(4)], Conv2D(4, 1)).set_params(shortcut__stride=2)
    assert one.shortcut.stride == 2
    several = Residual([Conv2D(4)], [MaxPool2D(), Conv2D(4, 1)])
    given = several.shortcut
    several.set_params(shortcut__maxpool2d_1=Activation("relu"))
    assert [name for name, _ in several.shortcut] == ["maxpool2d_1", "conv2d_1"]
    assert isinstance(given[0], MaxPool2D), "the list that was passed in is the user's"
    several.set_params(shortcut=[Conv2D(1)], shortcut__conv2d_1__filters=9)
    assert several.shortcut[0].filters == 9


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "block1__conv3__filters",
            "'conv3__filters' for Residual; did you mean 'conv2__filters'",
        ),
        ("block1__conv1__filter", "'filter' for Conv2D; did you mean 'filters'"),
        (
            "mixed__wid__squeeze",
            "'wid__squeeze' for Branches; did you mean 'wide__squeeze'",
        ),
        (
            "mixed__wide__squeez__filters",
            "'wide__squeez__filters' for Branches; did you mean 'squeeze'.\n"
            r"Names in layers are: \['squeeze', 'block'\]",
        ),
        (
            "block1__shortcut__con",
            "'shortcut__con' for Residual; did you mean 'conv'.\n"
            r"Names in shortcut are: \['conv', 'activation_1'\]",
        ),
    ],
)
def test_misspelt_name_gets_a_suggestion(name, words):
    with pytest.raises(ValueError, match=words):
        net().set_params(**{name: 3})


def test_failing_set_params_changes_nothing():
    layer = nested()[2][1]
    before = repr(layer)
    with pytest.raises(ValueError, match="layer 'narrow' is 'passthrough' and has no"):
        layer.set_params(
            wide__squeeze=Dense(3), narrow="passthrough", narrow__filters=2
        )
    assert repr(layer) == before


@pytest.mark.slow
def test_grid_search_over_nested_names_in_two_processes(digits):
    X, X_test, y, y_test = digits
    grid = {
        "block1__conv1__filters": [2, 8],
        "mixed__wide__block": [block(2), "passthrough"],
    }
    search = GridSearchCV(
        net(max_iter=6), grid, cv=2, n_jobs=2, scoring="neg_log_loss"
    ).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) == 4, "the grid's values should make a difference"
    assert search.best_estimator_.score(X_test, y_test) > 0.7
    shape = search.best_estimator_.network_.arrays["block1.conv1.kernel"].shape
    assert shape == (3, 3, 1, search.best_params_["block1__conv1__filters"])
