"""Estimators as diagrams of their layers, which notebooks show, with links to the docs.

scikit-learn draws the boxes; what is said here is what stands in them.
"""

from sklearn.utils._repr_html.estimator import _VisualBlock

from .architectures import default_layers
from .layers.naming import name_all
from .parameters import NUMBERS
from .version import DOCUMENTATION

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
        return name_all(self.layers)


class _LayerBlock(_VisualBlock):
    """A box that says a layer's name over its class; scikit-learn's say the class."""

    def __init__(self, name, layer):
        kind = layer if isinstance(layer, str) else type(layer).__name__
        super().__init__(
            "single", layer, names=name, name_caption=kind, name_details=str(layer)
        )
        self.doc_link_label = kind

    def __getattr__(self, name):
        # Parameters and links are the layer's; what is no layer may have none.
        of_layer = name in ("_get_params_html", "_get_doc_link")
        if of_layer and not isinstance(self.estimators, type):
            return getattr(self.estimators, name)
        raise AttributeError(name)


def _chain(layers, whole=None):
    """Draw layers one below the other; those inside of a `whole` under its own box."""
    names, boxes = [], []
    for name, layer in layers:
        # Before a fit there may be anything in the list, such as "passthrough".
        inner = layer.inner_layers() if hasattr(layer, "inner_layers") else []
        box = _LayerBlock(name, layer)
        names.append(name)
        boxes.append(_chain(inner, box) if inner else box)
    if whole is None:
        return _VisualBlock("serial", boxes, names=names, dash_wrapped=False)
    if getattr(whole.estimators, "side_by_side", False):
        names, boxes = [None], [_VisualBlock("parallel", boxes, names=names)]
    return _VisualBlock("serial", [whole, *boxes], names=[None, *names])
