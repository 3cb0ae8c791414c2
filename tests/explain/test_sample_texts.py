"""Texts, losses and targets of the samples of a page, and the page around them."""

import numpy as np
import pytest
from explain.pages import fitted, read, samples
from seeds import SEED
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV

import skconv
from skconv import ConvNetRegressor, explain
from skconv._explain import page
from skconv._explain.samples import Explained, _text
from skconv.inspection.fitted import label_texts
from skconv.layers import Conv2D

LABELS = {"a": "A", "b": "B", 3: "three"}


@pytest.mark.parametrize(
    ("value", "texts", "words"),
    [
        ("a", LABELS, "A"),
        (np.str_("b"), LABELS, "B"),
        (np.int64(3), LABELS, "three"),
        ("c", LABELS, "c"),
        (np.array([1, 0, 1]), LABELS, "A, three"),
        (np.array([0, 0, 0]), LABELS, "none"),
        (np.array([3, 1], object), {}, "3, 1"),
        (np.float32(0.123456789), {}, "0.123457"),
        (2.0, {}, "2"),
        (np.array([1.5, 1e-9]), {}, "1.5, 1e-09"),
        (np.array([True]), {}, "True"),
        (np.zeros((2, 3)), LABELS, "an array of 2 by 3"),
        (np.zeros((2, 3, 1)), {}, "an array of 2 by 3 by 1"),
        (np.datetime64("2020-01-02"), {}, "2020-01-02"),
    ],
)
def test_predictions_are_written_as_a_user_reads_them(value, texts, words):
    assert _text(value, texts) == words


def test_dates_are_labels():
    dates = np.array(["2020-01-02", "2021"], "datetime64[D]")
    texts = label_texts(dates, ["first", "second"])
    assert [_text(date, texts) for date in dates] == ["first", "second"]


def test_labels_of_another_number_are_refused():
    with pytest.raises(ValueError, match="zip"):
        _text(np.array([1, 0]), LABELS)


def test_twenty_samples_are_taken():
    net, X, y = fitted("plain")
    assert len(Explained.find(net, X[:20], y[:20], None, 20).traces) == 20
    with pytest.raises(ValueError, match=r"at most 20 samples, .* got 21; .* X\[:5\]"):
        Explained.find(net, X[:21], y[:21], None, 20)


def test_loss_that_is_not_finite_is_none(monkeypatch):
    net, X, y = fitted("plain")
    losses = iter([np.inf, np.nan, 2])

    def loss(outputs, targets, sample_weight):
        assert sample_weight is None and len(targets) == len(outputs) == 1
        return next(losses), outputs

    monkeypatch.setattr(net, "_loss", lambda: loss)
    assert Explained.find(net, X[:3], y[:3], None, 20).losses == [None, None, 2.0]


def test_predictions_are_those_of_predict(monkeypatch, tmp_path):
    """Which may average over views."""
    net, X, _ = fitted("plain", tta="flip")
    monkeypatch.setattr(net, "predict", lambda x: np.full(len(x), 3))
    explain(net, X[:2].astype(np.float32), tmp_path / "net.html", display_labels="abcd")
    document, _ = read(tmp_path / "net.html")
    assert [each["predicted"] for each in document["samples"]] == ["d", "d"]
    assert document["views"] is True
    assert "shown" not in document  # the samples are the network's input
    assert document["version"] == skconv.__version__


def test_targets_in_other_units_are_refused_in_a_search(tmp_path):
    X, y = samples("numbers")
    net = ConvNetRegressor([Conv2D(2)], max_iter=1, random_state=SEED)
    search = GridSearchCV(TransformedTargetRegressor(net), {}, cv=2).fit(X, y)
    with pytest.raises(ValueError, match="in a TransformedTargetRegressor; pass its"):
        explain(search, X[:1], tmp_path / "net.html", y=y[:1])
    inner = GridSearchCV(net, {}, cv=2).fit(X, y)
    explain(inner, X[:1], tmp_path / "net.html", y=y[:1])
    assert len(read(tmp_path / "net.html")[0]["losses"]) == 1


# The page -----------------------------------------------------------------------------


def test_template_is_filled_once(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "_PARTS", tmp_path)
    monkeypatch.setattr(page, "_SCRIPTS", ("one", "two"))
    (tmp_path / "page.html").write_text(
        "<{{title}}> }} {{style}}|{{document}}|{{numbers}}|{{script}}\u00e9",
        encoding="utf-8",
    )
    (tmp_path / "page.css").write_text("{{title}}\u00e9", encoding="utf-8")
    (tmp_path / "one.js").write_text("1\u00e9", encoding="utf-8")
    (tmp_path / "two.js").write_text("2", encoding="utf-8")
    found = page.fill_template("a<b", "{{numbers}}", "==")
    assert found == "<a&lt;b> }} {{title}}\u00e9|{{numbers}}|==|1\u00e9\n2\u00e9"


def test_json_is_compact_and_cannot_end_its_element():
    assert page._as_json({"a": "<&>", "b": 1}) == '{"a":"\\u003c\\u0026\\u003e","b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        page._as_json({"a": np.nan})


def test_page_has_a_million_bytes_by_default(monkeypatch, tmp_path):
    from skconv._explain import budget

    given, fit_document = [], budget.fit_document

    def spy(explained, n_bytes):
        given.append(n_bytes)
        return fit_document(explained, n_bytes)

    monkeypatch.setattr(budget, "fit_document", spy)
    net, X, _ = fitted("plain")
    explain(net, X[:1], tmp_path / "net.html")
    frame = len(page.fill_template("", "{}", "").encode())
    assert given == [1_000_000 - frame]


@pytest.mark.parametrize("when", ["before", "after"])
def test_error_of_the_system_names_the_page(monkeypatch, tmp_path, when):
    net, X, _ = fitted("plain")
    path = tmp_path / "folder" / "net.html"
    if when == "after":
        monkeypatch.setattr(page, "check_takes_files", lambda path: None)
    with pytest.raises(FileNotFoundError, match="page .*net.html"):
        explain(net, X[:1], path)
