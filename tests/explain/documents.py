"""What pages say of networks, as text: all but the numbers, of which the shapes.

    python tests/explain/documents.py

writes the stored ones again, `documents.txt`. The page computes values from this.
"""

import json
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from explain.pages import NETWORKS, fitted, read

from skconv import explain

STORED = Path(__file__).with_name("documents.txt")


def lines_of(document, arrays):
    """Yield the lines of a page."""

    def shape(number):
        return f"{arrays[number].dtype} {arrays[number].shape}"

    def with_shapes(node):
        found = dict(node)
        for key in {"values", "gradients"} & node.keys():
            found[key] = shape(node[key])
        for key in {"weights", "pulls"} & node.keys():
            if isinstance(node[key], dict):
                found[key] = {k: shape(v) for k, v in node[key].items()}
        return json.dumps(found, ensure_ascii=False)

    for key, value in document.items():
        if key in ("input", "layers"):
            nodes = [value] if key == "input" else value
            yield from (f"  {key}: {with_shapes(node)}" for node in nodes)
        elif key in ("outputs", "probabilities", "shown"):
            yield f"  {key}: {shape(value)}"
        elif key == "samples":
            yield f"  samples: {[sorted(each) for each in value]}"
        elif key == "losses":
            yield f"  losses: {len(value)}"
        elif key not in ("version", "arrays"):
            yield f"  {key}: {value!r}"


def structure(name):
    """Return the text of the page of a network."""
    net, X, y = fitted(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.html")
        explain(net, X[:2], path, y=y[:2])
        document, arrays = read(path)
    return "\n".join([name, *lines_of(document, arrays)])


def stored():
    """Return {name of a network: its text}."""
    texts = STORED.read_text(encoding="utf-8").strip().split("\n\n")
    return {text.partition("\n")[0]: text for text in texts}


if __name__ == "__main__":
    text = "\n\n".join(map(structure, NETWORKS))
    STORED.write_text(f"{text}\n", encoding="utf-8")
