"""A page of `skconv.explain`, in a real browser: it computes, and answers to all."""

import json
from pathlib import Path

import pytest
from explain.pages import NETWORKS, fitted, scaled

from skconv import explain

chromium = pytest.importorskip("browser.chromium")

pytestmark = pytest.mark.browser

LOOKS = {
    "wide, light": {},
    "wide, dark": {"dark": True},
    "narrow, light": {"width": 390},
    "narrow, dark": {"width": 390, "dark": True},
}
AUDIT = Path(__file__).parent / "audit.js"
SECOND = ".card:nth-of-type(2) .map"
PANEL = "document.querySelector('#inspector').textContent"


@pytest.fixture
def opened(browser, tmp_path):
    """Return a function that writes a page and opens it."""
    pages = []

    def open_page(name="plain", n=3, max_bytes=1_000_000, with_y=True, **look):
        net, X, y = scaled() if name == "pipeline" else fitted(name)
        path = tmp_path / "net.html"
        targets = y[:n] if with_y else None
        explain(net, X[:n], path, y=targets, max_bytes=max_bytes)
        page = browser.page(**look)
        pages.append(page)
        page.go(path.as_uri())
        page.wait("document.documentElement.dataset.ready === 'true'")
        return page

    yield open_page
    for page in pages:
        page.close()


@pytest.mark.parametrize("name", [*NETWORKS, "pipeline"])
def test_page_computes_the_numbers_of_every_layer(opened, name):
    page = opened(name)
    counts = page.run("skconv.check(200)")
    assert counts
    for layer, found in counts.items():
        assert not found["other"], layer
        assert not found["incomplete"], layer
        is_open = found["same"] or "softmax" in page.run(
            f"skconv.network.layers.find((n) => n.name === {layer!r}).text"
        )
        assert is_open or name == "custom", layer
    assert not page.errors()


def test_page_asks_no_place_for_anything(opened):
    page = opened()
    page.click(SECOND)
    assert [a.split(":")[0] for a in page.requests()] == ["file"]
    assert not page.errors()


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_click_or_tap_opens_a_value(opened, look):
    page = opened(**look)
    page.click(SECOND)
    text = page.run(PANEL)
    for words in (
        "conv2d_1[",
        "window",
        "\N{MULTIPLICATION SIGN} kernel",
        "= products",
        "+ bias",
        "relu",
        "✓ The same as skconv's number",
        "Where the loss pulls this kernel",
        "\N{MINUS SIGN} gradient",
    ):
        assert words in text, words
    assert (
        page.run("document.querySelectorAll('.mark.window:not([hidden])').length") == 1
    )
    if AUDIT.exists():
        assert page.run(f"({AUDIT.read_text().strip().rstrip(';')})('body')") == []


def test_pointing_follows_until_a_click_holds(opened):
    page = opened()
    page.point(SECOND)
    assert "conv2d_1[" in page.run(PANEL)
    page.point(".card:nth-of-type(3) .map")
    assert "maxpool2d_1[" in page.run(PANEL)
    page.click(SECOND)
    page.point(".card:nth-of-type(3) .map")
    assert "conv2d_1[" in page.run(PANEL)


def test_keys_choose_values_maps_and_samples(opened):
    page = opened()
    page.run("document.querySelectorAll('.maps')[1].focus(); 0")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.press(key)
    assert (
        page.run("document.querySelector('#inspector h2').textContent")
        == "conv2d_1[1, 2, 0]"
    )
    page.wait(
        "document.querySelector('#announcer').textContent.startsWith('conv2d_1[1, 2, 0] is ')"
    )
    page.run("document.querySelector('#samples button').focus(); 0")
    page.press("ArrowRight")
    assert page.run("document.activeElement.getAttribute('aria-label')").startswith(
        "sample 2"
    )
    assert page.run("document.activeElement.getAttribute('aria-checked')") == "true"


def test_kernels_and_gradients_are_drawn(opened):
    page = opened()
    page.run(
        "document.querySelectorAll('details').forEach((d) => { d.open = true; }); 0"
    )
    page.wait(
        "document.querySelectorAll('.pairs canvas').length === 8"
    )  # 4 and their pulls
    painted = "[...document.querySelectorAll('canvas')].every((c) => c.width > 0 && c.getContext('2d').getImageData(0, 0, 1, 1).data[3] > 0)"
    assert page.run(painted)


def test_regressor_without_targets_has_no_way_back(opened):
    page = opened("numbers", with_y=False)
    page.click(SECOND)
    assert "pulls" not in page.run(PANEL)
    assert "pulls" not in page.run("document.querySelector('#network').textContent")


def test_page_says_what_was_left_out(opened):
    page = opened("default", n=6, max_bytes=90_000)
    words = page.run("document.querySelector('#about').textContent")
    assert "Left out, to keep the file small" in words
    page.run("document.querySelector('#samples button:last-child').click(); 0")
    assert "What it makes of this sample was left out." in page.run(
        "document.querySelector('#network').innerText"
    )
    assert not page.errors()


@pytest.mark.parametrize("dark", [False, True])
def test_page_is_no_wider_than_the_screen(opened, dark):
    for name in ("plain", "signals", "branches"):
        page = opened(name, width=390, dark=dark)
        page.click(SECOND)
        assert page.run("document.documentElement.scrollWidth") <= 390


def test_hostile_names_stay_text(browser, tmp_path):
    net, X, _ = fitted("plain")
    names = [
        "</script><script>window.bad = 1</script>",
        "<img src=x onerror='window.bad = 1'>",
        "'\"",
        "<!--",
    ]
    explain(net, X[:4], tmp_path / "net.html", display_labels=names)
    page = browser.page()
    page.go((tmp_path / "net.html").as_uri())
    page.wait("document.documentElement.dataset.ready === 'true'")
    assert page.run("window.bad === undefined")
    assert names[0] in page.run("document.querySelector('#prediction').textContent")
    assert json.loads(page.run("JSON.stringify(skconv.network.classes)")) == names
    page.close()


def test_page_that_was_cut_off_says_so(browser, tmp_path):
    net, X, _ = fitted("plain")
    path = tmp_path / "net.html"
    explain(net, X[:1], path)
    page_text = path.read_text(encoding="utf-8")
    start = page_text.index('id="numbers">') + 40
    path.write_text(page_text[:start] + page_text[start + 400 :], encoding="utf-8")
    page = browser.page()
    page.go(path.as_uri())
    page.wait(
        "document.body.textContent.includes('The numbers in this file cannot be read')"
    )
    page.close()
