"""The article's figures, live, in a real browser."""

from pathlib import Path

import numpy as np
import pytest

from skconv import ops

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AUDIT = (Path(__file__).parent / "audit.js").read_text()
READY = "document.documentElement.dataset.live === 'ready'"
MINUS = "\N{MINUS SIGN}"
FORWARD, GRAD_KERNEL, GRAD_INPUT, _, _, POOLING, NORM = range(7)
X = np.array(
    [0, 1, 2, 1, 0, 0, 2, 3, 0, 1, 1, 3, 1, 0, 2, 0, 2, 0, 1, 3, 1, 0, 1, 2, 2]
)
W = np.array([1, 0, -1, 2, 0, -2, 1, 0, -1])


@pytest.fixture
def article(opened):
    """Return a function that opens the article, with its figures ready."""

    def open_article(**look):
        page = opened("convolution", **look)
        page.wait(READY)
        return page

    return open_article


def in_figure(figure, grid, rest):
    return (
        f"Array.from(document.querySelectorAll('.live')[{figure}]"
        f".querySelectorAll('figure')[{grid}].querySelectorAll('td')){rest}"
    )


def numbers(page, figure, grid):
    """Return the numbers that a grid shows."""
    words = page.run(
        in_figure(figure, grid, ".map(c => c.firstChild.value ?? c.textContent)")
    )
    return [float(word.replace(MINUS, "-")) for word in words]


def words(page, figure):
    return page.run(
        f"document.querySelectorAll('.live')[{figure}]"
        ".querySelector('.live-words').textContent"
    )


def choose(page, figure, select, value):
    page.run(
        f"""(() => {{
          const select = document.querySelectorAll(".live")[{figure}]
            .querySelectorAll("select")[{select}];
          select.value = "{value}";
          select.dispatchEvent(new Event("change"));
        }})()"""
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_figures_can_be_read_and_touched(width, dark, article):
    page = article(width=width, dark=dark)
    assert page.run("document.querySelectorAll('.live').length") == 7
    page.run(in_figure(FORWARD, 2, "[4].firstChild.focus()"))
    assert page.run(f"({AUDIT})('.live')") == []
    assert not page.errors()


def test_number_shows_the_products_that_make_it(article):
    page = article()
    page.run("document.querySelectorAll('.live')[0].id = 'first'")
    cell = "#first figure:nth-of-type(3) tr:nth-of-type(1) td:nth-of-type(1)"
    page.point(cell)
    assert words(page, FORWARD).replace(MINUS, "-") == (
        "z0, 0 = 0 · 1 + 1 · 0 + 2 · (-1) + 0 · 2 + 2 · 0 + 3 · (-2) + 1 · 1 + 3 · 0 "
        "+ 1 · (-1) = -8"
    )
    marked = in_figure(FORWARD, 0, ".filter(c => c.matches('.live-takes-part')).length")
    assert page.run(marked) == 9


def test_keys_move_and_edit(article):
    page = article()
    page.run(in_figure(FORWARD, 0, "[0].firstChild.focus()"))
    page.press("ArrowRight")
    page.press("ArrowDown")
    assert "x1, 1 = 2 is in 4 numbers of z" in words(page, FORWARD)
    page.press("9")
    image = X.copy()
    image[6] = 9
    z = ops.conv2d(image.reshape(1, 5, 5, 1) * 1.0, W.reshape(3, 3, 1, 1) * 1.0)
    assert numbers(page, FORWARD, 2) == z.ravel().tolist()


@pytest.mark.parametrize(
    ("sizes", "slide"),
    [
        ((9, 9, 9, 9), {"stride": 1, "padding": "same", "dilation": 1}),
        ((7, 9, 2, 3), {"stride": 3, "padding": 2, "dilation": 2}),
        ((6, 1, 1, 1), {"stride": 4, "padding": "valid", "dilation": 1}),
        ((9, 4, 3, 4), {"stride": 2, "padding": 1, "dilation": 1}),
    ],
)
def test_figures_compute_any_geometry(sizes, slide, article):
    page = article()
    # Sizes of the image first: a kernel must fit it at any time.
    for figure in (FORWARD, GRAD_KERNEL, GRAD_INPUT):
        for select, value in enumerate([*sizes, *slide.values()]):
            choose(page, figure, select, value)
    x = np.reshape(shown(page, FORWARD, 0), (1, *sizes[:2], 1))
    kernel = np.reshape(numbers(page, FORWARD, 1), (*sizes[2:], 1, 1))
    z = ops.conv2d(x, kernel, **slide)
    assert numbers(page, FORWARD, 2) == z.ravel().tolist()
    dz = np.reshape(shown(page, GRAD_KERNEL, 1), z.shape)
    dw = ops.conv2d_grad_kernel(dz, x, kernel.shape, **slide)
    assert numbers(page, GRAD_KERNEL, 2) == dw.ravel().tolist()
    dx = ops.conv2d_grad_input(dz, kernel, x.shape, **slide)
    assert numbers(page, GRAD_INPUT, 2) == dx.ravel().tolist()
    turned = np.reshape(numbers(page, GRAD_INPUT, 1), sizes[2:])
    assert (turned[::-1, ::-1] == kernel[:, :, 0, 0]).all()


def shown(page, figure, grid):
    """Return a grid's numbers without the zeros that were put in."""
    inputs = ".map(c => c.firstChild.value).filter(v => v !== undefined)"
    return [
        float(v.replace(MINUS, "-")) for v in page.run(in_figure(figure, grid, inputs))
    ]


def test_kernel_that_does_not_fit_is_refused(article):
    page = article()
    choose(page, FORWARD, 2, 9)
    problem = "document.querySelector('.live .live-problem').textContent"
    assert "The kernel is too large here" in page.run(problem)
    page.run(in_figure(FORWARD, 0, "[0].firstChild.focus()"))
    page.press("7")  # editing goes by the last geometry
    assert len(numbers(page, FORWARD, 2)) == 9
    choose(page, FORWARD, 2, 3)
    assert page.run(problem) == ""


def test_pools_and_normalisation(article):
    page = article()
    assert numbers(page, POOLING, 1) == [3, 5, 4, 6]
    assert numbers(page, POOLING, 4)[:4] == [0, 4, 0, 0]
    page.run(in_figure(POOLING, 4, "[1].firstChild.focus()"))
    assert "handed by the largest 4, by the mean 4 · 1/4 = 1." in words(page, POOLING)
    before = numbers(page, NORM, 2)
    page.run("document.querySelectorAll('.live')[6].querySelector('button').click()")
    assert numbers(page, NORM, 2) == before  # a shift does not matter
    facts = page.run("document.querySelector('.live-facts').textContent")
    assert "the sum of dz is 0" in facts


def test_pictures_take_the_place_of_figures(opened, article):
    visible = "document.querySelector('img[src$=\"forward.svg\"]').offsetHeight > 0"
    page = article()
    assert not page.run(visible)
    page.send("Emulation.setEmulatedMedia", media="print")
    assert page.run(visible)
    assert page.run("document.querySelector('.live').offsetHeight") == 0


def test_readers_who_want_no_motion_keep_the_pictures(article):
    page = article(still=True)
    visible = "document.querySelector('img[src$=\"forward.svg\"]').offsetHeight > 0"
    assert page.run(visible)
    assert not page.run("document.querySelectorAll('.live').length")
    page.click(".live-button")
    assert not page.run(visible)
    assert page.run("document.querySelectorAll('.live').length") == 1


def test_article_asks_no_other_place(article, site):
    page = article()
    for address in page.requests():
        assert address.startswith((site.as_uri(), "data:", "blob:")), address
