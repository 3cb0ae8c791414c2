"""Grids of numbers as SVG, and a window that slides over one: for `pictures.py`.

Written by hand, since matplotlib draws no moving pictures in vectors. The motion is
CSS; without motion the picture shows its last moment.
"""

import numpy as np

CELL = 36
MARGIN, TOP, GAP = 14, 40, 44
SECONDS = 1.5  # for each position of the window
HOLD = 0.7  # the part in which it rests
HUES = {"x": "#2b5d8a", "W": "#c46a00", "z": "#1d7a5f", "y": "#1d7a5f"}
INK, PALE = "#1c2733", "#6b7785"
STYLE = f"""
text {{ font-family: "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  fill: {INK}; text-anchor: middle; dominant-baseline: central; }}
@media (prefers-reduced-motion: reduce) {{ * {{ animation: none !important; }} }}
"""


def number(value):
    """Write a number short, with a real minus sign."""
    return f"{value:g}".replace("-", "\u2212")


def hue(name):
    """Return the colour of a quantity; its gradient has the same."""
    return HUES[name.removeprefix("d")[0]]


def text(x, y, words, size=15, **attributes):
    """Write words, centred unless an attribute says otherwise."""
    rest = "".join(f' {key.replace("_", "-")}="{v}"' for key, v in attributes.items())
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}"{rest}>{words}</text>'


def grid(values, at, name, *, cell=CELL, title=None, hole=None, size=15):
    """Draw an array of numbers; larger numbers have a fuller colour.

    Where `hole` is True the number is a zero that was inserted: a pale, dashed cell.
    """
    values = np.asarray(values, float)
    hole = np.zeros(values.shape, bool) if hole is None else hole
    largest = max(abs(values[~hole]).max(), 1e-9)
    parts = []
    for (row, column), value in np.ndenumerate(values):
        x, y = at[0] + column * cell, at[1] + row * cell
        if hole[row, column]:
            paint = 'fill="#f4f6f8" stroke="#b6bec7" stroke-dasharray="3 3"'
        else:
            fullness = 0.06 + 0.42 * abs(value) / largest
            paint = f'fill="{hue(name)}" fill-opacity="{fullness:.2f}" stroke="#ffffff"'
        parts.append(f'<rect x="{x}" y="{y}" width="{cell}" height="{cell}" {paint}/>')
        ink = {"style": "fill:#aab3bc"} if hole[row, column] else {}
        parts.append(text(x + cell / 2, y + cell / 2 - 1, number(value), size, **ink))
    x, y = at
    height, width = (cell * n for n in values.shape)
    parts.append(
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="none" '
        f'stroke="{hue(name)}" stroke-width="1.5"/>'
    )
    if title is not None:
        bold = {"font_weight": "600", "style": f"fill:{hue(name)}"}
        parts.append(text(x + width / 2, y - 14, title, 15, **bold))
    return "".join(parts)


def svg(width, height, parts, label, style=""):
    """Wrap parts into a picture that scales with its page."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{1.2 * width:g}" height="{1.2 * height:g}" role="img" '
        f'aria-label="{label}">'
        f"<title>{label}</title><style>{STYLE}{style}</style>{''.join(parts)}</svg>\n"
    )


def slide(big, small, result, names, label, *, stride=1, holes=(None, None)):
    """Draw `small` sliding over `big`, and the result, one position after another.

    Parameters
    ----------
    big, small, result : ndarray of two dimensions
    names : three of (letter, title)
        Of big, small and result; a letter chooses the colour.
    label : str
        What the picture shows, for screen readers.
    stride : int, default=1
    holes : (ndarray of bool or None, ndarray of bool or None)
        Where big and small have zeros that were inserted.
    """
    places = list(np.ndindex(result.shape))
    right = MARGIN + CELL * big.shape[1] + GAP
    narrow = CELL * max(small.shape[1], result.shape[1])
    below = TOP + CELL * small.shape[0] + 50
    bottom = max(TOP + CELL * big.shape[0], below + CELL * result.shape[0])
    width = right + narrow + MARGIN
    at_small = right + (narrow - CELL * small.shape[1]) / 2, TOP
    at_result = right + (narrow - CELL * result.shape[1]) / 2, below
    sums = []
    for i, j in places:
        rows, columns = (
            slice(k * stride, k * stride + n)
            for k, n in zip((i, j), small.shape, strict=True)
        )
        put_in = (None if holes[0] is None else holes[0][rows, columns]), holes[1]
        sums.append(_sum(big[rows, columns], small, result[i, j], put_in))
    empty = grid(np.zeros_like(result), at_result, names[2][0], title=names[2][1])
    pieces = [
        (grid(big, (MARGIN, TOP), names[0][0], title=names[0][1], hole=holes[0]), ""),
        (grid(small, at_small, names[1][0], title=names[1][1], hole=holes[1]), ""),
        (empty.replace(f">{number(0)}</text>", "></text>"), ""),
        _moving(_window(small, names[1][0], holes[1]), places, CELL * stride, "over"),
        _moving(_frame(at_result), places, CELL, "out"),
        *(_appearing(k, places, at_result, number(result[place]))
          for k, place in enumerate(places)),
        *(_passing(k, len(places), lines, width / 2, bottom + 30)
          for k, lines in enumerate(sums)),
    ]  # fmt: skip
    seconds = SECONDS * len(places)
    style = f".t {{ animation: {seconds:g}s infinite }}\n"
    drawn, rules = zip(*pieces, strict=True)
    return svg(width, bottom + 92, drawn, label, style + "".join(rules))


def _keyframes(name, stops, timing="linear"):
    """Return CSS that animates a class, from pairs (part of the whole, declaration)."""
    inside = " ".join(f"{100 * part:.3f}% {{ {css} }}" for part, css in stops)
    return (
        f".{name} {{ animation-name: {name}; animation-timing-function: {timing} }}\n"
        f"@keyframes {name} {{ {inside} }}\n"
    )


def _moving(drawn, places, step, name):
    """Move a drawing from position to position; without motion, show the last."""
    n, stops = len(places), []
    for k, (i, j) in enumerate(places):
        css = f"transform: translate({step * j}px, {step * i}px)"
        stops += [(k / n, css), ((k + HOLD) / n if k < n - 1 else 1, css)]
    last = f"translate({step * places[-1][1]}, {step * places[-1][0]})"
    group = f'<g class="t {name}" transform="{last}">{drawn}</g>'
    return group, _keyframes(name, stops, "ease-in-out")


def _appearing(k, places, at, words):
    """Show a number of the result once the window is at its position."""
    (i, j), n = places[k], len(places)
    hidden = [(0, "opacity: 0"), (k / n, "opacity: 0")] if k else []
    shown = [((k + 0.2) / n, "opacity: 1"), (1, "opacity: 1")]
    x, y = at[0] + CELL * (j + 0.5), at[1] + CELL * (i + 0.5)
    bold = {"class": f"t v{k}", "font_weight": "600"}
    return text(x, y, words, **bold), _keyframes(f"v{k}", hidden + shown)


def _passing(k, n, lines, x, y):
    """Show a sum while the window is at its position."""
    stops = [(0, f"opacity: {int(k == 0)}"), (k / n, "opacity: 1")]
    stops += [((k + 1) / n, f"opacity: {int(k == n - 1)}")]
    words = "".join(text(x, y + 22 * row, line) for row, line in enumerate(lines))
    still = "" if k == n - 1 else ' opacity="0"'
    group = f'<g class="t s{k}"{still}>{words}</g>'
    return group, _keyframes(f"s{k}", stops[k == 0 :], "step-end")


def _frame(at):
    return (
        f'<rect x="{at[0]:g}" y="{at[1]:g}" width="{CELL}" height="{CELL}" '
        f'fill="none" stroke="{INK}" stroke-width="3"/>'
    )


def _window(small, name, hole):
    """Draw the sliding frame, with its factors in the corners."""
    height, width = (CELL * n for n in small.shape)
    inside = []
    for (row, column), value in np.ndenumerate(small):
        if hole is None or not hole[row, column]:
            x, y = MARGIN + CELL * (column + 1) - 4, TOP + CELL * (row + 1) - 9
            style = f"fill:{hue(name)};text-anchor:end"
            factor = f"\u00d7{number(value)}"
            inside.append(text(x, y, factor, 9.5, style=style, font_weight="700"))
    return (
        f'<rect x="{MARGIN}" y="{TOP}" width="{width}" height="{height}" fill="none" '
        f'stroke="{hue(name)}" stroke-width="3.5" rx="2"/>{"".join(inside)}'
    )


def _sum(seen, small, total, holes):
    """Write a sum of products, a line for each row, without inserted zeros."""
    real = np.ones(small.shape, bool)
    for hole in holes:
        if hole is not None:
            real &= ~hole
    rows = [
        [_product(a, b) for a, b in zip(first[keep], second[keep], strict=True)]
        for first, second, keep in zip(seen, small, real, strict=True)
    ]
    lines = [" + ".join(row) for row in rows if row]
    lines = [f"+ {line}" if k else line for k, line in enumerate(lines)]
    lines[-1] += f" = <tspan font-weight='700'>{number(total)}</tspan>"
    return lines


def _product(a, b):
    factors = [f"({number(v)})" if v < 0 else number(v) for v in (a, b)]
    return "\u00b7".join(factors)
