"""The playground, in a real browser: it trains, draws, and answers to keys and fingers."""

import gzip
import itertools
import math
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = "#skconv-playground"
TRAIN, STEP, AGAIN = (f"{ROOT} .pg-toolbar button:nth-of-type({n})" for n in (1, 2, 3))
PAD = f"{ROOT} .pg-pad"
LOOKS = {
    "wide, light": {},
    "wide, dark": {"dark": True},
    "narrow, light": {"width": 390},
    "narrow, dark": {"width": 390, "dark": True},
}
AUDIT = (Path(__file__).parent / "audit.js").read_text()
READY = "!!globalThis.playground?.trainer"


@pytest.fixture
def playground(opened):
    """Return a function that opens the playground, ready to train."""

    def open_playground(**look):
        page = opened("playground", **look)
        page.wait(READY)
        return page

    return open_playground


def text(page, selector):
    return page.run(f"document.querySelector({selector!r}).textContent")


def choose(page, name, value):
    page.run(
        f"""(() => {{
          const select = document.getElementById("pg-{name}");
          select.value = {str(value)!r};
          select.dispatchEvent(new Event("change"));
        }})()"""
    )


def train(page, accuracy):
    """Press the button; return the seconds until the network knows that many digits."""
    page.run(
        f"""globalThis.reached = new Promise((resolve) => {{
          const start = performance.now();
          const look = () => playground.trainer.accuracy >= {accuracy}
            ? resolve((performance.now() - start) / 1000) : setTimeout(look, 10);
          look();
        }}); 0"""
    )
    page.click(TRAIN)
    return page.run("reached")


def test_digits_are_learnt_in_the_page(playground):
    page = playground()
    assert train(page, 0.98) <= 60  # about a second on a machine that does nothing else
    assert "held-out accuracy 0.9" in text(page, f"{ROOT} .pg-status")
    assert not page.errors()


def test_page_asks_no_other_place(playground, site):
    page = playground()
    train(page, 0.9)
    addresses = page.requests()
    assert addresses
    for address in addresses:
        assert address.startswith((site.as_uri(), "data:", "blob:")), address


def test_page_is_small(playground):
    """As servers send it, compressed; without the theme, which all pages share."""
    page = playground()
    paths = {Path(unquote(urlsplit(address).path)) for address in page.requests()}
    own = [p for p in paths if p.parent.name == "browser" or p.stem == "playground"]
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in own}
    assert len(sizes) == 5
    assert sum(sizes.values()) <= 300_000, sizes


def test_playground_is_one_small_file(browser, wasm, tmp_path):
    """Without the site: all that it needs is in it."""
    import live

    live.build(tmp_path)
    path = live.write_standalone(tmp_path)
    assert len(gzip.compress(path.read_bytes())) <= 300_000
    for look in LOOKS.values():
        page = browser.page(**look)
        page.go(path.as_uri())
        page.wait(READY)
        assert train(page, 0.95) < 20
        assert page.run(f"({AUDIT})('main')") == []
        others = set(page.requests()) - {path.as_uri()}
        assert all(address.startswith(("data:", "blob:")) for address in others)
        page.close()


@pytest.mark.parametrize("look", LOOKS)
def test_page_can_be_read_and_touched(look, playground):
    page = playground(**LOOKS[look])
    page.click(STEP)
    assert page.run(f"({AUDIT})('{ROOT}')") == []


@pytest.mark.parametrize("look", ["wide, light", "narrow, dark"])
def test_drawn_digit_is_read(look, playground):
    page = playground(**LOOKS[look])
    train(page, 0.97)
    page.click(TRAIN)  # pause
    page.stroke([page.place(PAD, (0.5, share / 10)) for share in range(1, 10)])
    assert text(page, f"{ROOT} .pg-look .pg-name").endswith("the digit that you drew")
    assert text(page, f"{ROOT} .pg-answer").startswith("The network says 1")
    page.click(f"{ROOT} .pg-row button")  # clear
    ring = [0.5 + 0.3 * math.cos(k / 3) for k in range(20)]
    points = zip(ring, [0.5 + 0.4 * math.sin(k / 3) for k in range(20)], strict=True)
    page.stroke([page.place(PAD, point) for point in points])
    assert text(page, f"{ROOT} .pg-answer").startswith("The network says 0")


def test_keys_train_pause_and_draw(playground):
    page = playground()
    page.run(f"document.querySelector('{TRAIN}').focus()")
    page.press("Enter")
    page.wait("playground.trainer.epoch >= 2")
    page.press("Space")
    page.wait("!playground.isRunning")
    page.press("Tab")
    steps = page.run("playground.trainer.steps")
    page.press("Enter")
    assert page.run("playground.trainer.steps") == steps + 1
    page.run(f"document.querySelector('{PAD}').focus()")
    for _ in range(8):
        page.press("ArrowDown", shift=True)
    assert page.run("playground.pad.dots.some(Boolean)")
    assert "you drew" in text(page, f"{ROOT} .pg-look")
    page.press("Delete")
    assert not page.run("playground.pad.dots.some(Boolean)")


def test_step_shows_gradients_of_kernels(playground):
    page = playground()
    painted = """Array.from(document.querySelectorAll(".pg-first .pg-tiles")).map((row) =>
      new Set(Array.from(row.children).flatMap((canvas) => Array.from(
        canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
      ).join())).size)"""
    kernels, gradients = page.run(painted)
    assert kernels == 16
    assert gradients == 1  # nothing yet
    page.click(STEP)
    kernels, gradients = page.run(painted)
    assert kernels == 16
    assert gradients > 10
    assert "step 1 " in text(page, f"{ROOT} .pg-status")
    page.click(AGAIN)
    assert "step 0 " in text(page, f"{ROOT} .pg-status")


def test_settings_change_the_network(playground):
    page = playground()
    for name, value in {
        "filters": 4,
        "more": 0,
        "kernelSize": 5,
        "stride": 2,
        "padding": "valid",
        "pool": "average",
        "activation": "tanh",
        "solver": "sgd",
        "learningRate": 0.1,
        "batchSize": 256,
    }.items():
        choose(page, name, value)
    shapes = "playground.trainer.network.shapes.map(String)"
    assert page.run(shapes) == ["2,2,4", "1,1,4", "10"]
    code = text(page, f"{ROOT} .pg-code code")
    assert 'Conv2D(4, 5, stride=2, padding="valid", activation="tanh"' in code
    page.click(STEP)
    assert page.run("Number.isFinite(playground.trainer.losses[0])")
    choose(page, "kernelSize", 7)  # what is left is too small for the pool
    assert "do not fit 8 \N{MULTIPLICATION SIGN} 8 pixels" in text(
        page, f"{ROOT} .pg-problem"
    )
    assert page.run(f"document.querySelector('{TRAIN}').disabled")
    choose(page, "pool", "none")
    assert text(page, f"{ROOT} .pg-problem") == ""


def test_page_answers_while_it_trains(playground):
    """Frames are drawn meanwhile, and no slice is long."""
    page = playground()
    page.click(TRAIN)
    longest = page.run(
        """new Promise((resolve) => {
          const times = [];
          const frame = (now) => {
            times.push(now);
            if (times.length < 40) return requestAnimationFrame(frame);
            const gaps = times.slice(1).map((time, i) => time - times[i]);
            resolve(gaps.sort((a, b) => a - b)[20]);
          };
          requestAnimationFrame(frame);
        })"""
    )
    assert longest < 100
    page.click(AGAIN)
    assert page.run("playground.trainer.steps") == 0


def test_page_without_scripts_says_so(opened):
    page = opened("playground", script=False)
    document = page.send("DOM.getDocument", depth=-1)
    words = itertools.chain.from_iterable(values(document))
    assert "needs JavaScript" in " ".join(words)


def values(node):
    """Yield all text of a tree of the protocol."""
    for key, value in node.items():
        if key == "nodeValue":
            yield [value]
        elif isinstance(value, dict):
            yield from values(value)
        elif isinstance(value, list):
            for child in value:
                if isinstance(child, dict):
                    yield from values(child)
