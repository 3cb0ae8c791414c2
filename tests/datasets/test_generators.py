"""Generated shapes and events: what y says is what X shows."""

import numpy as np
import pytest
from seeds import SEED

from skconv import ConvNetClassifier, ConvNetRegressor
from skconv.datasets import make_events, make_shapes

TARGETS = "label", "mask", "position", "angle"


@pytest.mark.parametrize("target", TARGETS)
def test_shapes_are_float32_from_0_to_1(target):
    X, y = make_shapes(7, image_size=20, n_channels=2, target=target, random_state=SEED)
    assert X.shape == (7, 20, 20, 2) and X.dtype == np.float32
    assert X.min() >= 0 and X.max() <= 1 and len(y) == 7


@pytest.mark.parametrize(
    "make, targets", [(make_shapes, TARGETS), (make_events, ("label", "position"))]
)
def test_random_state_gives_the_same_data_in_every_call(make, targets):
    for target in targets:
        X, y = make(5, target=target, random_state=SEED + 3)
        again, y_again = make(5, target=target, random_state=SEED + 3)
        assert (again == X).all() and (y == y_again).all()
        other, _ = make(5, target=target, random_state=np.random.RandomState(SEED + 4))
        assert (other != X).any()


def summary(values):
    """Return the mean and the spread of numbers, and a sum that knows their order."""
    if values.dtype.kind == "U":
        values = np.unique(values, return_inverse=True)[1]
    values = values.astype(float).ravel()
    return values.mean(), values.std(), values @ np.cos(np.arange(values.size))


@pytest.mark.parametrize(
    "make, options, of_x, of_y",
    [
        (make_shapes, {}, (0.32901, 0.159, -15.10292), (1.03, 0.80567, 5.97015)),
        (make_shapes, {"target": "mask", "image_size": 16, "n_channels": 1},
         (0.33032, 0.17238, 11.60984), (0.19816, 0.60724, 6.40846)),
        (make_shapes, {"target": "position", "n_samples": 9, "image_size": 16, "noise": 0},
         (0.2845, 0.14736, -0.68948), (6.91019, 2.22786, -1.34079)),
        (make_shapes, {"target": "angle", "n_samples": 9, "image_size": 16},
         (0.32028, 0.13624, 2.81341), (-0.27773, 0.65028, -2.11022)),
        (make_events, {}, (-0.00582, 0.36383, 23.57079), (1.06, 0.8464, 7.02733)),
        (make_events, {"target": "position", "n_samples": 9, "length": 32, "n_channels": 2, "noise": 0},
         (-0.01932, 0.2884, -0.42292), (20.42959, 4.25783, 32.68697)),
    ],
)  # fmt: skip
def test_data_of_a_seed_are_those_of_earlier_versions(make, options, of_x, of_y):
    X, y = make(random_state=0, **options)
    assert summary(X) == pytest.approx(of_x, abs=2e-3, rel=1e-4)
    assert summary(y) == pytest.approx(of_y, abs=1e-4)


def test_more_samples_begin_with_the_fewer():
    for make in (make_shapes, make_events):
        assert (
            make(9, random_state=SEED)[0][:4] == make(4, random_state=SEED)[0]
        ).all()


def test_label_and_position_are_of_the_same_images():
    X, _ = make_shapes(5, random_state=SEED)
    assert (make_shapes(5, target="position", random_state=SEED)[0] == X).all()


def visible(image):
    """Return the rows and columns of a shape's pixels, without the light from one side."""
    h, w, _ = image.shape
    plane = np.stack([np.ones((h, w)), *np.mgrid[:h, :w]], axis=2)
    edge = np.ones((h, w), bool)
    edge[1:-1, 1:-1] = False
    light = plane @ np.linalg.lstsq(plane[edge], image[edge], rcond=None)[0]
    return np.nonzero((image - light).max(axis=2) > 0.125)  # half of the least contrast


def test_position_is_the_middle_of_what_differs_from_the_background():
    X, y = make_shapes(40, noise=0, target="position", random_state=SEED)
    for image, position in zip(X, y, strict=True):
        rows, columns = visible(image)
        away = np.hypot(rows.mean() - position[0], columns.mean() - position[1])
        # The middle of a triangle's area is 0.2 of its radius away, of 0.3 * 64 at most.
        assert away < 0.2 * 0.3 * 64 + 0.5


def test_angle_points_to_the_tip_clockwise():
    X, y = make_shapes(40, noise=0, n_channels=1, target="angle", random_state=SEED + 1)
    assert np.allclose((y**2).sum(axis=1), 1)
    for image, (cos, sin) in zip(X, y, strict=True):
        rows, columns = visible(image)
        down, right = rows - rows.mean(), columns - columns.mean()
        along = -cos * down + sin * right  # at 0 degrees upwards
        assert along.max() > -along.min()  # the tip is further away than the base


def test_masks_have_all_classes_and_match_the_colours():
    X, y = make_shapes(60, noise=0, target="mask", random_state=SEED)
    assert y.shape == X.shape[:3] and y.dtype == np.uint8
    assert np.unique(y).tolist() == [0, 1, 2, 3]
    shares = np.bincount(y.ravel()) / y.size
    assert shares[0] > 0.6 and shares[1:].min() > 0.01
    for image, mask in zip(X, y, strict=True):
        background = np.median(image[mask == 0], axis=0)
        differs = abs(image - background).max(axis=2)
        assert np.median(differs[mask > 0]) > np.median(differs[mask == 0]) + 0.1


def test_positions_of_events_are_where_signals_differ_most():
    X, y = make_events(60, noise=0, target="position", random_state=SEED)
    assert X.shape == (60, 256) and ((y > 0) & (y < 255)).all()
    steepest = abs(np.diff(X, axis=1)).argmax(axis=1)
    assert np.median(abs(steepest - y)) < 15


def test_events_of_channels_have_one_place():
    X, y = make_events(5, length=64, n_channels=3, random_state=SEED)
    assert X.shape == (5, 64, 3) and X.dtype == np.float32
    assert set(y) <= {"burst", "pulse", "step"}


@pytest.mark.slow
def test_places_of_shapes_and_labels_of_events_can_be_learnt():
    from skconv.layers import Conv1D, GlobalMaxPool1D

    X, y = make_shapes(800, image_size=24, target="position", random_state=SEED)
    reg = ConvNetRegressor(max_iter=10, random_state=SEED).fit(X[:600], y[:600])
    assert reg.score(X[600:], y[600:]) > 0.8
    X, y = make_events(600, length=128, random_state=SEED)
    layers = [
        Conv1D(16, 9, activation="relu"),
        Conv1D(32, 9, activation="relu"),
        GlobalMaxPool1D(),
    ]
    clf = ConvNetClassifier(
        layers, max_iter=20, learning_rate_init=0.003, random_state=SEED
    )
    assert clf.fit(X[:450], y[:450]).score(X[450:], y[450:]) > 0.7


@pytest.mark.parametrize(
    "make, wrong, words",
    [
        (make_shapes, {"n_samples": 0}, "n_samples"),
        (make_shapes, {"image_size": 15}, "image_size"),
        (make_shapes, {"image_size": 20.5}, "image_size"),
        (make_shapes, {"n_channels": 0}, "n_channels"),
        (make_shapes, {"noise": -1}, "noise"),
        (make_shapes, {"noise": float("nan")}, "noise"),
        (make_shapes, {"target": "masks"}, "target"),
        (make_shapes, {"random_state": "0"}, "random_state"),
        (make_events, {"length": 31}, "length"),
        (make_events, {"n_channels": 0}, "n_channels"),
        (make_events, {"noise": float("inf")}, "noise"),
        (make_events, {"target": "mask"}, "target"),
    ],
)
def test_generators_name_a_wrong_argument(make, wrong, words):
    with pytest.raises(ValueError, match=f"'{words}' parameter of {make.__name__}"):
        make(**wrong)
