"""What the HTML representation shows; scikit-learn draws it."""

import re

import pytest
from holders import Holder
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv._version import DOCUMENTATION
from skconv.layers import (
    Branches,
    Conv2D,
    Dense,
    Layer,
    MaxPool2D,
    Residual,
    Sequential,
)

LAYERS = [("conv1", Conv2D(4)), MaxPool2D(), ("drop", "passthrough"), Dense(16)]


def boxes(estimator):
    """Return the (name, class) of each box that has both, as they stand in the page."""
    found = re.findall(
        r"<div><div>([^<]*)</div><div class=\"caption\">([^<]*)</div>",
        estimator_html_repr(estimator),
    )
    return [name for name, _ in found], [kind for _, kind in found]


def test_diagram_lists_layers_before_and_after_fit(digits):
    X, _, y, _ = digits
    clf = ConvNetClassifier(LAYERS, max_iter=1)
    names, kinds = boxes(clf)
    assert names == ["conv1", "maxpool2d_1", "drop", "dense_1", "output"]
    assert kinds == ["Conv2D", "MaxPool2D", "passthrough", "Dense", "Dense"]
    names, _ = boxes(clf.fit(X, y))
    assert names == ["conv1", "maxpool2d_1", "dense_1", "output"]
    default = ConvNetRegressor(max_iter=1)
    blocks = ["conv1", "pool1", "conv2", "pool2"]
    expected = ["normalization", *blocks, "dense1", "output"]
    assert boxes(default)[0] == expected
    assert boxes(default.fit(X, y))[0] == expected


def test_diagram_of_a_pipeline_lists_layers(digits):
    X, _, y, _ = digits
    pipeline = make_pipeline(StandardScaler(), ConvNetClassifier(LAYERS, max_iter=1))
    search = GridSearchCV(pipeline, {"convnetclassifier__conv1__filters": [2, 3]}, cv=2)
    for estimator in (pipeline, search, search.fit(X, y)):
        assert boxes(estimator)[0][:2] == ["conv1", "maxpool2d_1"]
    # A click on a parameter copies the name that a grid calls it by (since 1.8).
    page = estimator_html_repr(pipeline)
    if "data-param-prefix" in page:
        assert 'data-param-prefix="convnetclassifier__conv1__"' in page


def test_boxes_have_parameters_and_links():
    page = estimator_html_repr(ConvNetClassifier(LAYERS))
    assert f"{DOCUMENTATION}/api/skconv.ConvNetClassifier.html" in page
    assert f"{DOCUMENTATION}/api/skconv.layers.MaxPool2D.html" in page
    for parameter in ("filters", "pool_size", "units"):
        assert f"copyToClipboard('{parameter}'" in page


def test_custom_layer_has_no_link():
    class Own(Layer):
        pass

    Own.__module__ = "somewhere"
    assert Own()._get_doc_link() == ""
    assert boxes(ConvNetClassifier([Own()]))[1] == ["Own", "Dense"]


COMPOSITES = [
    ("first", Conv2D(4)),
    ("chain", Sequential([("a", Conv2D(4)), ("b", Conv2D(4))])),
    ("plain", Residual([("c", Conv2D(4)), ("d", Conv2D(4))])),
    ("around", Residual([("e", Conv2D(4)), ("f", Conv2D(4))], Conv2D(4, 1))),
    ("mixed", Branches([("g", Conv2D(4)), ("h", [("i", Conv2D(4)), MaxPool2D(1)])])),
]


def outline(block):
    """Return names: lists are drawn one below the other, tuples side by side."""
    if block.kind == "single":
        return block.names
    inside = [outline(each) for each in block.estimators]
    if block.kind == "parallel":
        return tuple(inside)
    return inside if len(inside) > 1 else inside[0]


def test_composites_are_drawn_by_their_paths(digits):
    X, _, y, _ = digits
    clf = ConvNetClassifier(COMPOSITES, max_iter=1)
    expected = [
        "first",
        ["a", "b"],
        ["c", "d"],
        (["e", "f"], "shortcut"),
        ("g", ["i", "maxpool2d_1"]),
        "output",
    ]
    assert outline(clf._sk_visual_block_()) == expected
    assert outline(clf.fit(X[:100], y[:100])._sk_visual_block_()) == expected


def test_frame_of_a_composite_has_its_parameters_and_link():
    clf = ConvNetClassifier(COMPOSITES)
    search = GridSearchCV(make_pipeline(StandardScaler(), clf), {})
    for estimator, before in ((clf, ""), (search, "estimator__convnetclassifier__")):
        page = estimator_html_repr(estimator)
        for label in ("around: Residual", "mixed: Branches", "h: Sequential"):
            assert page.count(f">{label}<") == 1
            kind = label.partition(": ")[2]
            assert f"{DOCUMENTATION}/api/skconv.layers.{kind}.html" in page
        at_frame = page.partition(">around: Residual<")[2].partition(">e<")[0]
        assert "copyToClipboard('activation'" in at_frame
        if "data-param-prefix" in page:  # since 1.8
            for name in ("around__shortcut", "mixed__g", "mixed__h__i", "around"):
                assert f'data-param-prefix="{before}{name}__"' in page


@pytest.mark.parametrize("layers", [3, [3], "conv", [], [Conv2D]])
def test_diagram_shows_nonsense_arguments(layers):
    assert "ConvNetClassifier" in estimator_html_repr(ConvNetClassifier(layers))
    nonsense = ConvNetClassifier(filters="many", kernel_size=-1)
    assert "ConvNetClassifier" in estimator_html_repr(nonsense)


def test_layers_inside_of_custom_ones_have_boxes_and_links():
    clf = ConvNetClassifier([("held", Holder([("conv", Conv2D(4))])), Holder([])])
    names, kinds = boxes(clf)
    assert names[-3:] == ["conv", "holder_2", "output"]
    assert kinds[-3:] == ["Conv2D", "Holder", "Dense"]
    page = estimator_html_repr(clf)
    assert "held: Holder" in page and "conv: Conv2D" not in page
    assert "Documentation for Conv2D" in page
