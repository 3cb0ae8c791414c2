"""Draw the picture of Winograd's algorithm: ``python docs/scripts/winograd.py``."""

from pathlib import Path

from grids import HUES, INK, PALE, svg, text

PATH = Path(__file__).parents[1] / "developing" / "pictures" / "winograd.svg"
CELL, TOP = 16, 56
TIMES = "\u00d7"
LABEL = (
    "Windows of 6 x 6 pixels become 36 products of matrices, and these tiles of 4 x 4"
)


def box(x, y, width, height, paint):
    """Draw a rectangle."""
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" {paint}/>'


def cells(x, y, rows, columns, name, opacity):
    """Draw a grid without numbers."""
    paint = f'fill="{HUES[name]}" fill-opacity="{opacity}" stroke="#ffffff"'
    places = [(x + j * CELL, y + i * CELL) for i in range(rows) for j in range(columns)]
    return "".join(box(*place, CELL, CELL, paint) for place in places)


def words(middle, bottom, name, title, note):
    """Write a title above, and a note below."""
    return text(middle, TOP - 18, title, style=f"fill:{HUES[name]}") + text(
        middle, bottom + 18, note, 12, style=f"fill:{PALE}"
    )


def matrices(x, rows, columns, name, title, note):
    """Draw a stack of matrices, one for each place."""
    width, height = columns * CELL, rows * CELL
    sheet = f'fill="#ffffff" stroke="{HUES[name]}"'
    stack = (box(x + 18 - up, TOP + up, width, height, sheet) for up in (0, 6, 12, 18))
    front = cells(x, TOP + 18, rows, columns, name, 0.25)
    title = words(x + width / 2 + 9, TOP + 18 + height, name, title, note)
    return "".join(stack) + front + title


def image(x, side, wide, name, title, note):
    """Draw an image, and the first two windows or tiles of its first row."""
    frame = f'fill="none" stroke="{HUES[name]}" stroke-width="2.5"'
    size, wide = side * CELL, wide * CELL
    return (
        cells(x, TOP, side, side, name, 0.1)
        + box(x, TOP, wide, wide, frame)
        + box(x + 4 * CELL, TOP + 3, wide, wide - 6, frame + ' stroke-dasharray="5 3"')
        + words(x + size / 2, TOP + size, name, title, note)
    )


def sign(x, sign):
    """Write a sign between two things."""
    return text(x, TOP + 80, sign, 20, style=f"fill:{INK}")


def draw():
    """Return the picture."""
    parts = [
        image(20, 10, 6, "x", "x", f"windows of 6 {TIMES} 6, 4 apart"),
        sign(204, "→"),
        matrices(228, 6, 3, "x", "V, 36 of them", f"tiles {TIMES} c"),
        sign(316, "·"),
        matrices(338, 3, 4, "W", "U, the kernel", f"c {TIMES} filters"),
        sign(440, "="),
        matrices(462, 6, 4, "z", "M", f"tiles {TIMES} filters"),
        sign(566, "→"),
        image(590, 8, 4, "z", "z", f"tiles of 4 {TIMES} 4"),
    ]
    return svg(738, TOP + 200, parts, LABEL)


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(draw(), encoding="utf-8")
    print(PATH)
