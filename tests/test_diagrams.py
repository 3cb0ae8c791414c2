"""What the HTML representation shows; scikit-learn draws it."""

import re

import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.layers import Conv2D, Dense, Layer, MaxPool2D
from skconv.version import DOCUMENTATION

LAYERS = [("conv1", Conv2D(4)), MaxPool2D(), ("drop", "passthrough"), Dense(16)]


def boxes(estimator):
    """Return the (name, class) of each box that has both, as they stand in the page."""
    found = re.findall(
        r"<div><div>([^<]*)</div><div class=\"caption\">([^<]*)</div>",
        estimator_html_repr(estimator),
    )
    return [name for name, _ in found], [kind for _, kind in found]


def test_the_layers_are_listed_fitted_or_not(digits):
    X, _, y, _ = digits
    clf = ConvNetClassifier(LAYERS, max_iter=1)
    names, kinds = boxes(clf)
    assert names == ["conv1", "maxpool2d_1", "drop", "dense_1", "output"]
    assert kinds == ["Conv2D", "MaxPool2D", "passthrough", "Dense", "Dense"]
    names, _ = boxes(clf.fit(X, y))
    assert names == ["conv1", "maxpool2d_1", "dense_1", "output"]
    default = ConvNetRegressor(max_iter=1)
    expected = ["conv1", "pool1", "conv2", "pool2", "dense1", "output"]
    assert boxes(default)[0] == expected
    assert boxes(default.fit(X, y))[0] == expected


def test_so_are_they_inside_of_other_estimators(digits):
    X, _, y, _ = digits
    pipeline = make_pipeline(StandardScaler(), ConvNetClassifier(LAYERS, max_iter=1))
    search = GridSearchCV(pipeline, {"convnetclassifier__conv1__filters": [2, 3]}, cv=2)
    for estimator in (pipeline, search, search.fit(X, y)):
        assert boxes(estimator)[0][:2] == ["conv1", "maxpool2d_1"]
    # A click on a parameter copies the name that a grid calls it by (since 1.8).
    page = estimator_html_repr(pipeline)
    if "data-param-prefix" in page:
        assert 'data-param-prefix="convnetclassifier__conv1__"' in page


def test_boxes_hold_parameters_and_links():
    page = estimator_html_repr(ConvNetClassifier(LAYERS))
    assert f"{DOCUMENTATION}/api/skconv.ConvNetClassifier.html" in page
    assert f"{DOCUMENTATION}/api/skconv.layers.MaxPool2D.html" in page
    for parameter in ("filters", "pool_size", "units"):
        assert f"copyToClipboard('{parameter}'" in page


def test_a_layer_of_ones_own_links_nowhere():
    class Own(Layer):
        pass

    Own.__module__ = "somewhere"
    assert Own()._get_doc_link() == ""
    assert boxes(ConvNetClassifier([Own()]))[1] == ["Own", "Dense"]


def test_layers_inside_of_a_layer_stand_below_it():
    class Block(Layer):
        def inner_layers(self):
            return [("a", Conv2D(2)), ("b", MaxPool2D())]

    names, _ = boxes(ConvNetClassifier([("first", Dense(3)), ("block", Block())]))
    assert names == ["first", "block", "a", "b", "output"]
    Block.side_by_side = True
    beside = ConvNetClassifier([("first", Dense(3)), ("block", Block())])
    assert boxes(beside)[0] == names
    assert estimator_html_repr(beside).count('<div class="sk-parallel-item">') == 2


@pytest.mark.parametrize("layers", [3, [3], "conv", [], [Conv2D]])
def test_nonsense_is_shown_too(layers):
    assert "ConvNetClassifier" in estimator_html_repr(ConvNetClassifier(layers))
    nonsense = ConvNetClassifier(filters="many", kernel_size=-1)
    assert "ConvNetClassifier" in estimator_html_repr(nonsense)
