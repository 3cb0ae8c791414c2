"""The range test of the learning rate."""

import numpy as np
import pytest
from seeds import SEED
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skconv import ConvNetClassifier, ConvNetRegressor, ConvNetSegmenter
from skconv.augmentation import MixUp
from skconv.inspection import LearningRateDisplay
from skconv.inspection.learning_rate_display import _until_too_large
from skconv.layers import Rescaling

X, Y = load_digits(return_X_y=True)
X = X[:600] / 16
Y = Y[:600]


def net(kind=ConvNetClassifier, **params):
    return kind(
        **{"filters": (8,), "hidden_layer_sizes": (16,), "random_state": SEED, **params}
    )


@pytest.mark.slow
def test_suggestion_trains_about_as_well_as_the_best_rate():
    display = LearningRateDisplay.from_estimator(net(), X, Y)
    scores = {
        rate: cross_val_score(
            net(max_iter=5, learning_rate_init=rate), X, Y, cv=2
        ).mean()
        for rate in (display.suggestion, 1e-4, 1e-3, 1e-2, 1e-1)
    }
    # With one rate, scores differ by 0.1 and more between random states.
    assert scores[display.suggestion] > max(scores.values()) - 0.25
    assert scores[display.suggestion] > min(scores.values()) + 0.3


def test_rates_grow_exponentially_and_losses_explode():
    display = LearningRateDisplay.from_estimator(
        net(solver="sgd"), X, Y, start=1e-4, stop=1e4, n_steps=81
    )
    n = len(display.loss)
    assert len(display.learning_rate) == n < 81
    np.testing.assert_allclose(display.learning_rate, 1e-4 * 10 ** (np.arange(n) / 10))
    assert np.isfinite(display.loss).all()


@pytest.mark.filterwarnings("ignore:the suggestion")
def test_first_loss_is_that_of_fit():
    display = LearningRateDisplay.from_estimator(net(batch_size=600), X, Y, n_steps=3)
    clf = net(batch_size=600, max_iter=1).fit(X, Y)
    assert display.loss[0] == pytest.approx(clf.loss_, rel=1e-5)


@pytest.mark.filterwarnings("ignore:the suggestion")
def test_losses_are_those_of_a_fit_with_these_rates():
    display = LearningRateDisplay.from_estimator(
        net(batch_size=600), X, Y, start=1e-4, stop=1e-2, n_steps=5
    )
    rates = np.geomspace(1e-4, 1e-2, 5)
    clf = net(batch_size=600, max_iter=5, learning_rate=lambda step: rates[step - 1])
    np.testing.assert_allclose(clf.fit(X, Y).loss_curve_, display.loss, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:the suggestion")
def test_classes_of_pixels_may_be_balanced():
    images = X.reshape(-1, 8, 8)
    seg = ConvNetSegmenter(filters=2, class_weight="balanced", random_state=SEED)
    display = LearningRateDisplay.from_estimator(seg, images, images > 0.5, n_steps=40)
    assert np.isfinite(display.loss).all()


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ({"start": 10, "stop": 1e4}, "never fell"),
        ({"start": 1e-3, "stop": 3e-3}, "still fell"),
    ],
)
def test_smallest_loss_at_an_end_is_a_warning(rates, words):
    with pytest.warns(UserWarning, match=f"suggestion means nothing, .*{words}"):
        LearningRateDisplay.from_estimator(
            net(batch_size=200), X, Y, n_steps=20, **rates
        )


def test_smoothing_keeps_lines_and_averages_noise(rng):
    line = np.linspace(2, 1, 60)
    smooth = LearningRateDisplay(np.geomspace(1e-5, 1, 60), line).smoothed_loss
    np.testing.assert_allclose(smooth[12:-12], line[12:-12], atol=1e-3)
    noise = rng.standard_normal(60)
    smooth = LearningRateDisplay(np.geomspace(1e-5, 1, 60), noise).smoothed_loss
    assert smooth.std() < 0.5 * noise.std()


@pytest.mark.filterwarnings("ignore:what reaches")
def test_loss_that_is_infinite_from_the_start_is_an_error():
    with pytest.raises(ValueError, match="first minibatch is infinite or NaN"):
        LearningRateDisplay.from_estimator(
            net(ConvNetRegressor, layers=[Rescaling(1e30)], filters="auto",
                hidden_layer_sizes=(128,)), X, Y,
        )  # fmt: skip


@pytest.mark.parametrize(
    "params",
    [
        {"augment": MixUp(), "class_weight": "balanced", "label_smoothing": 0.1},
        {"early_stopping": True, "learning_rate": "one_cycle", "warmup_steps": 0.3},
        {"learning_rate": "adaptive", "dtype": "float64", "clip_norm": 1.0},
        {"kind": ConvNetRegressor, "loss": "poisson"},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:the suggestion")
def test_test_is_repeatable_and_changes_nothing(params):
    clf = net(**params, max_iter=1)
    clf.fit(X[:100], Y[:100])
    before = {**vars(clf)}
    values = clf.network_.values.copy()
    first, again = (LearningRateDisplay.from_estimator(clf, X, Y) for _ in range(2))
    np.testing.assert_array_equal(first.loss, again.loss)
    assert first.suggestion == again.suggestion
    other = LearningRateDisplay.from_estimator(
        net(**params, max_iter=1).set_params(random_state=SEED + 1), X, Y
    )
    assert list(first.loss[:5]) != list(other.loss[:5])
    assert {**vars(clf)} == before
    np.testing.assert_array_equal(clf.network_.values, values)


@pytest.mark.filterwarnings("ignore:the suggestion")
def test_minibatches_are_whole_and_each_image_is_in_one_of_an_epoch():
    seen = []

    def note(x, rng):
        seen.append(x[:, 0, 0, 0].astype(int).tolist())
        return x

    images = np.zeros((63, 4, 4)) + np.arange(63)[:, None, None]
    clf = net(augment=note, batch_size=16)
    LearningRateDisplay.from_estimator(
        clf, images, np.arange(63) % 2, start=1e-9, stop=1e-8, n_steps=6
    )
    assert [len(batch) for batch in seen] == [16] * 6
    for epoch in (seen[:3], seen[3:]):
        assert len({*epoch[0], *epoch[1], *epoch[2]}) == 48


@pytest.mark.filterwarnings("ignore:the suggestion")
@pytest.mark.parametrize("left_out", [0, 20])
def test_transforms_get_the_places_of_images_in_X(left_out):
    seen = []

    class Note:
        def transform_batch(self, batch, rng):
            seen.append((batch.x[:, 0, 0, 0].astype(int), batch.indices))
            return batch

    numbers = np.arange(60)[::-1]  # not in the order of their contents
    images = np.zeros((60, 4, 4)) + numbers[:, None, None]
    LearningRateDisplay.from_estimator(
        net(augment=Note(), batch_size=8), images, np.arange(60) % 2,
        sample_weight=np.arange(60) >= left_out, start=1e-9, stop=1e-8, n_steps=6,
    )  # fmt: skip
    assert len(seen) == 6
    for x, indices in seen:
        np.testing.assert_array_equal(x, numbers[indices])
        assert (indices >= left_out).all()


@pytest.mark.filterwarnings("ignore:the suggestion")
@pytest.mark.parametrize("params", [{"warmup_steps": 3}, {"early_stopping": True}])
def test_rates_and_samples_are_those_of_the_test(params):
    losses = [
        LearningRateDisplay.from_estimator(net(**p), X, Y, n_steps=4).loss
        for p in ({}, params)
    ]
    np.testing.assert_array_equal(*losses)


@pytest.mark.filterwarnings("ignore:the suggestion")
def test_classes_may_be_balanced():
    display = LearningRateDisplay.from_estimator(
        net(class_weight="balanced"), X, Y, n_steps=40
    )
    assert np.isfinite(display.loss).all()


def test_pipeline_prepares_its_data():
    pipe = make_pipeline(StandardScaler(), net())
    display = LearningRateDisplay.from_estimator(pipe, X, Y)
    scaled = StandardScaler().fit_transform(X)
    expected = LearningRateDisplay.from_estimator(net(), scaled, Y)
    np.testing.assert_array_equal(display.loss, expected.loss)
    assert not hasattr(pipe[0], "mean_")
    alone = LearningRateDisplay.from_estimator(make_pipeline(net()), scaled, Y)
    np.testing.assert_array_equal(alone.loss, expected.loss)


@pytest.mark.filterwarnings("ignore:the suggestion means nothing")
def test_weights_change_losses():
    weight = np.where(Y < 5, 1.0, 0.01)
    plain, weighted = (
        LearningRateDisplay.from_estimator(net(), X, Y, sample_weight=each)
        for each in (None, weight)
    )
    assert list(plain.loss[:5]) != list(weighted.loss[:5])


def test_display_marks_the_suggestion_in_given_axes():
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    rates = np.geomspace(1e-4, 1, 5)
    display = LearningRateDisplay(rates, [2.0, 1.5, 0.5, 0.4, 9.0]).plot(ax)
    assert display.ax_ is ax
    best = display.smoothed_loss.argmin()
    assert display.suggestion == pytest.approx(rates[best] / 10)
    assert ax.get_xscale() == "log"
    assert ax.get_lines()[-1].get_xdata()[0] == display.suggestion
    assert f"{display.suggestion:.2g}" in ax.get_title(loc="left")


@pytest.mark.parametrize(
    ("estimator", "params", "error", "words"),
    [
        (LogisticRegression(), {}, TypeError, "takes a ConvNetClassifier .* got Log"),
        (net(), {"start": 0}, ValueError, "0 < start < stop, got 0 and 10"),
        (net(), {"start": "1e-3"}, ValueError, "0 < start < stop, got '1e-3' and 10"),
        (net(), {"stop": None}, ValueError, "0 < start < stop, got 1e-06 and None"),
        (net(), {"start": 1, "stop": np.inf}, ValueError, "got 1 and inf"),
        (net(), {"n_steps": 0}, ValueError, "n_steps must be an int >= 1, got 0"),
        (net(alpha=-1), {}, ValueError, "'alpha' parameter"),
    ],
)
def test_error_names_what_is_wrong(estimator, params, error, words):
    with pytest.raises(error, match=words):
        LearningRateDisplay.from_estimator(estimator, X, Y, **params)


@pytest.mark.filterwarnings("ignore:the suggestion")
@pytest.mark.parametrize(
    ("loss", "y", "value", "n"),
    [
        # Losses of 0 are 7 above the smallest of one target, four times as far is 21: the
        # average of 4 zeros and k values, 30 (1 - 0.9^k) / (1 - 0.9^(4 + k)), is above it
        # from k = 6 on. Of two targets it is 42.
        ("gaussian", np.arange(6.0), 30, 10),
        ("gaussian", np.arange(12.0).reshape(6, 2), 30, 40),
        ("gaussian", np.arange(12.0).reshape(6, 2), 60, 10),
        ("squared_error", np.arange(6.0), 30, 5),
    ],
)
def test_gaussian_losses_are_too_large_by_their_distance_from_the_smallest(
    loss, y, value, n, monkeypatch, rng
):
    module = "skconv.inspection.learning_rate_display"
    found = [0.0] * 4 + [float(value)] * 36
    monkeypatch.setattr(f"{module}.losses_by_rate", lambda *_: iter(found))
    regressor = net(ConvNetRegressor, loss=loss)
    images = rng.random((6, 8, 8))
    display = LearningRateDisplay.from_estimator(regressor, images, y, n_steps=40)
    assert len(display.loss) == n


@pytest.mark.parametrize(
    ("start", "stop"), [(0.1, 0.1), (0.2, 0.1), (0, 1), (1, np.inf)]
)
def test_rates_of_a_range_test_grow(start, stop):
    with pytest.raises(ValueError, match="0 < start < stop, got"):
        LearningRateDisplay.from_estimator(net(), X, Y, start=start, stop=stop)


def test_warnings_about_a_range_test_name_the_line_that_asks_for_it():
    with pytest.warns(UserWarning, match="the suggestion means nothing") as caught:
        LearningRateDisplay.from_estimator(net(), X, Y, stop=1e-5, n_steps=3)
    assert {each.filename for each in caught} == {__file__}


@pytest.mark.parametrize("least", [0.0, -2.0])
@pytest.mark.parametrize("losses", [[1, 1, 1, *[20] * 9], [5, 1, *[3.5] * 60], [2] * 9])
def test_losses_end_where_their_running_average_is_four_times_the_smallest(
    losses, least
):
    sizes = range(1, len(losses) + 1)
    averages = np.array(
        [np.average(losses[:n], weights=0.9 ** np.arange(n)[::-1]) for n in sizes]
    )
    smallest = np.minimum.accumulate(averages)
    (beyond,) = np.nonzero(averages - least > 4 * (smallest - least))
    n = len(losses) if not len(beyond) else beyond[0] + 1
    assert _until_too_large(losses, least) == losses[:n]
    assert least or _until_too_large(losses) == losses[:n]


@pytest.mark.filterwarnings("ignore:the suggestion")
def test_steps_before_the_network_and_a_search_around_it_are_taken(rng):
    def losses(estimator, images=X):
        return LearningRateDisplay.from_estimator(estimator, images, Y, n_steps=5).loss

    chosen = SelectKBest(k=49)  # which needs y
    pipeline = make_pipeline(MinMaxScaler(), VarianceThreshold(), chosen, net())
    transformed = clone(pipeline[:-1]).fit_transform(X, Y)
    np.testing.assert_array_equal(losses(pipeline), losses(net(), transformed))
    search = GridSearchCV(net(max_iter=1), {"batch_size": [50, 300]}, cv=2).fit(X, Y)
    best = net(batch_size=search.best_params_["batch_size"])
    np.testing.assert_array_equal(losses(search), losses(best))
