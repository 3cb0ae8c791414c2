"""Diagrams of an estimator's layers for notebooks, with links to the docs.

scikit-learn draws the boxes; this module fills them.
"""

from typing import Any

from sklearn.utils._repr_html.estimator import _VisualBlock

from .._utils.params import name_components
from .._version import DOCUMENTATION
from ..estimators.parameters import NUMBERS
from ..layers import Composite, Layer
from ..layers.typing import Chain
from .default import default_layers

__all__ = ["DrawsLayers"]

# An image so large that the default network's pools find enough of it left.
_LARGE = (2**20, 2**20, 1)


class DrawsLayers:
    """The HTML representation of an estimator that is a chain of layers."""

    _doc_link_module = "skconv"
    _doc_link_template = f"{DOCUMENTATION}/api/skconv.{{estimator_name}}.html"

    def _sk_visual_block_(self):
        if hasattr(self, "network_"):
            layers = self.network_.layers
        else:
            # Its size is not known yet, and no layer's parameters depend on it here.
            layers = [*self._listed_layers(), ("output", "Dense")]
        return _chain(layers)

    def _listed_layers(self):
        if self.layers is None:
            numbers = {name: getattr(self, name) for name in NUMBERS}
            return default_layers(_LARGE, **numbers)
        return name_components(self.layers)


class _LayerBlock(_VisualBlock):
    """A layer's box, or the frame around the layers inside of it."""

    def __init__(self, name: str, layer: Any) -> None:
        self.layer = layer
        kind = layer if isinstance(layer, str) else type(layer).__name__
        paths = _paths(layer)
        if paths:
            how = "parallel" if len(paths) > 1 else "serial"
            super().__init__(how, [_chain(path) for path in paths])
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
    """Return the chains that a layer's input takes side by side, if it holds layers.

    Before a fit, a list of layers may hold anything, such as "passthrough".
    """
    if isinstance(layer, Composite):
        return [path for path in layer.paths() if path]
    inner = layer.inner_layers() if isinstance(layer, Layer) else []
    return [inner] if inner else []


def _chain(layers: Chain) -> _VisualBlock:
    """Draw layers one below the other."""
    boxes = [_LayerBlock(name, layer) for name, layer in layers]
    return _VisualBlock(
        "serial",
        boxes,
        names=[box.label for box in boxes],
        name_details=[str(box.layer) for box in boxes],
        dash_wrapped=False,
    )
