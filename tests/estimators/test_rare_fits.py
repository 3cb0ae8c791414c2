"""Fits at their edges: outputs that overflow, classes that files lack, resumed draws."""

import numpy as np

from skconv import ConvNetClassifier, ConvNetSegmenter
from skconv._data.class_encoder import ClassEncoder
from skconv._data.samples import Samples
from skconv._training.outcome import _compare
from skconv.estimators import fitting
from skconv.estimators.pretrained import _describe

RNG = np.random.default_rng(0)
X = RNG.random((8, 8, 8))
MASKS = (X > 0.5).astype(int)


def test_classes_that_files_lack_are_compared_as_a_list():
    labels = np.array([("a", 1), ("b", 2)], object)[:, 0]
    labels[1] = 2
    assert _describe(ClassEncoder(labels, False)) == {"classes": ["a", 2]}


def test_validation_data_of_the_same_range_are_not_compared_unfavourably():
    train = Samples(X, np.zeros((8, 1)))
    assert _compare(train, Samples(X + 1e-3, np.zeros((8, 1)))) == ""
    words = _compare(train, Samples(X * 1e6, np.zeros((8, 1))))
    assert words.startswith("out of range: X_val between")


def test_scores_of_images_may_be_the_loss():
    net = ConvNetSegmenter(
        filters=4, max_iter=2, early_stopping=True, scoring="loss", random_state=0
    )
    net.fit(X, MASKS, X_val=X, y_val=MASKS)
    np.testing.assert_allclose(
        net.validation_scores_, np.negative(net.validation_loss_curve_)
    )


def test_incremental_fit_weighs_the_pixels_by_their_classes():
    classes = {0: 1.0, 1: 3.0}
    net = ConvNetSegmenter(filters=4, class_weight=classes, random_state=0)
    net.partial_fit(X, MASKS, classes=[0, 1])
    plain = ConvNetSegmenter(filters=4, random_state=0)
    plain.partial_fit(X, MASKS, classes=[0, 1], sample_weight=np.where(MASKS, 3.0, 1.0))
    np.testing.assert_allclose(net.loss_, plain.loss_, rtol=1e-4)


def test_infinite_outputs_of_validation_data_leave_biases_alone():
    clf = ConvNetClassifier(filters=(2,), max_iter=1, random_state=0).fit(
        X, np.arange(8) % 2
    )
    name, _ = clf.network_.layers[-1]
    before = clf.network_.weights[name]["bias"].copy()

    class Far:
        @staticmethod
        def predict(network):
            return np.full((8, 1), np.inf)

    fitting._calibrate(clf, Far())
    np.testing.assert_array_equal(clf.network_.weights[name]["bias"], before)
