"""Diagrams of layers for notebooks, with links to the docs.

scikit-learn draws the boxes; this module fills them.
"""

from collections.abc import Iterable
from typing import Any

from sklearn.utils._repr_html.estimator import _VisualBlock

from ..layers import Composite, Layer
from ..layers.typing import Chain

__all__ = ["draw_layers"]


class _LayerBlock(_VisualBlock):
    """A layer's box, or the frame around the layers inside of it."""

    def __init__(self, name: str, layer: Any) -> None:
        self.layer = layer
        kind = layer if isinstance(layer, str) else type(layer).__name__
        paths = _paths(layer)
        if paths:
            how = "parallel" if len(paths) > 1 else "serial"
            super().__init__(how, [draw_layers(path) for path in paths])
        else:
            super().__init__(
                "single", layer, names=name, name_caption=kind, name_details=str(layer)
            )
            self.doc_link_label = kind
        # A grid calls the layer by the part before the colon.
        self.label = f"{name}: {kind}" if paths else name

    def __getattr__(self, name: str) -> Any:
        # Parameters and links are the layer's; what is not a layer may have none.
        of_layer = name in ("get_params", "_get_params_html", "_get_doc_link")
        if of_layer and not isinstance(self.layer, type):
            return getattr(self.layer, name)
        raise AttributeError(name)


def _paths(layer: Any) -> list[Chain]:
    """Return the chains that a layer's input takes side by side, if it contains any.

    Before a fit, a list of layers may hold anything, such as "passthrough".
    """
    if isinstance(layer, Composite):
        return [path for path in layer.paths() if path]
    inner = layer.inner_layers() if isinstance(layer, Layer) else []
    return [inner] if inner else []


def draw_layers(layers: Iterable[tuple[str, Any]]) -> _VisualBlock:
    """Return a drawing of named layers, one below the other.

    Before a fit there may be anything in a list of layers.
    """
    boxes = [_LayerBlock(name, layer) for name, layer in layers]
    return _VisualBlock(
        "serial",
        boxes,
        names=[box.label for box in boxes],
        name_details=[str(box.layer) for box in boxes],
        dash_wrapped=False,
    )
