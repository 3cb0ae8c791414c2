"""The layers of a network and their costs, as a table."""

import html
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .costs import cost_of_layers
from .network import Network

__all__ = ["LayerSummary", "Summary", "summarize"]

_Texts: TypeAlias = tuple[str, ...]
_HEADS = ("layer (type)", "output shape", "parameters", "MACs")


class LayerSummary(NamedTuple):
    """A row of a `Summary`: one layer, or one inside of a composite layer.

    Attributes
    ----------
    name : str
        Inside of composite layers with dots: ``block1.conv1``.
    type : str
        The layer's class.
    output_shape : tuple of int or None
        Of one sample; None if it is not known.
    parameters : int or None
        Number of trained weights; those of frozen layers are not.
    macs : int or None
        Multiply-accumulates to predict one sample: one for each product of an input and
        a weight. Biases, activations, scaling and pooling are not counted.
    memory : int or None
        Bytes that training takes for the layer: weights, gradients, moments, and what
        forward stores of a minibatch for backward.
    """

    name: str
    type: str
    output_shape: tuple | None
    parameters: int | None
    macs: int | None
    memory: int | None


@dataclass(frozen=True, repr=False)
class Summary:
    """A network's layers and their costs, as a table in a terminal or a notebook.

    Attributes
    ----------
    title : str
    rows : list of LayerSummary
        The row of a composite layer is followed by the rows of its parts.
    batch_size : int
        The batch size that `memory` is computed for.
    weight_memory : int
        Bytes of weights, gradient, the solver's moments and other copies of them.
    forward_memory : int
        Bytes of a minibatch and of what forward stores for backward.
    backward_memory : int
        Additional bytes while backward passes gradients from layer to layer.
    per_output : LayerSummary or None
        The cost of each output, while their number is not known.

    Examples
    --------
    >>> from skconv import ConvNetClassifier
    >>> from skconv.layers import Conv2D, Dense
    >>> layers = [Conv2D(8, stride=2, activation="relu"), Dense(32, "relu")]
    >>> summary = ConvNetClassifier(layers, input_shape=(8, 8)).summary(n_outputs=10)
    >>> summary.parameters, summary.macs
    (4538, 5568)
    >>> summary
    ConvNetClassifier: input (8, 8, 1), batches of 128, float32, adam
    layer (type)       output shape   parameters    MACs   memory [kB]
    ------------------------------------------------------------------
    conv2d_1 (Conv2D)  (4, 4, 8)              80   1,152          67.1
    dense_1 (Dense)    (32,)               4,128   4,096          98.9
    output (Dense)     (10,)                 330     320          11.7
    ------------------------------------------------------------------
    total                                  4,538   5,568         320.5
    Memory of training in kB: 90.8 for weights and their copies, 119.8 for a
    minibatch on its way forward, 109.9 for gradients on their way back.
    """

    title: str
    rows: list[LayerSummary]
    batch_size: int
    weight_memory: int
    forward_memory: int
    backward_memory: int
    per_output: LayerSummary | None = field(default=None)

    @property
    def parameters(self) -> int:
        """Number of trained weights, of the layers that are known."""
        return self._total("parameters")

    @property
    def macs(self) -> int:
        """Multiply-accumulates to predict one sample, of the layers that are known."""
        return self._total("macs")

    @property
    def memory(self) -> int:
        """Bytes that a step of training takes at its peak, without X itself."""
        return self.weight_memory + self.forward_memory + self.backward_memory

    def _total(self, column: str) -> int:
        return sum(
            getattr(row, column) or 0 for row in self.rows if "." not in row.name
        )

    def __str__(self) -> str:
        return repr(self)

    def __repr__(self) -> str:
        heads, rows, total, footer = self._texts()
        cells = [heads, *rows, total]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                text.ljust(width) if i < 2 else text.rjust(width + 1)
                for i, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        rule = "-" * max(map(len, lines))
        lines[1:1] = [rule]
        lines[-1:-1] = [rule]
        return "\n".join([self.title, *lines, *_wrap(footer)])

    def _repr_html_(self) -> str:
        heads, rows, total, footer = self._texts()
        head = "".join(f"<th>{text}</th>" for text in heads)
        body = "".join(map(_html_row, rows))
        return (
            f"{_STYLE}<div class='skconv-summary'><table><caption>"
            f"{html.escape(self.title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody><tfoot>{_html_row(total)}</tfoot></table>"
            f"<p>{html.escape(footer)}</p></div>"
        )

    def to_frame(self) -> Any:
        """Return the rows as a data frame.

        Returns
        -------
        frame : pandas.DataFrame
            Columns are the fields of `LayerSummary`; the index is the layers' names.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise ImportError(
                "to_frame makes a pandas.DataFrame, and pandas is not installed: "
                "pip install pandas, or read the summary's rows"
            ) from error
        frame = pandas.DataFrame.from_records(self.rows, columns=LayerSummary._fields)
        counts = ["parameters", "macs", "memory"]
        return frame.astype(dict.fromkeys(counts, "Int64")).set_index("name")

    def _texts(self) -> tuple[_Texts, list[_Texts], _Texts, str]:
        """Return the cells of the head, the rows and the totals, and the footer."""
        n_digits, scale, unit = (1, 1e3, "kB") if self.memory < 1e6 else (2, 1e6, "MB")

        def size(n_bytes: int) -> str:
            return f"{n_bytes / scale:,.{n_digits}f}"

        rows = [(*_cells(row), _or_unknown(row.memory, size)) for row in self.rows]
        total = f"{self.parameters:,}", f"{self.macs:,}", size(self.memory)
        footer = (
            f"Memory of training in {unit}: {size(self.weight_memory)} for weights and "
            f"their copies, {size(self.forward_memory)} for a minibatch on its way "
            f"forward, {size(self.backward_memory)} for gradients on their way back."
        )
        if self.per_output is not None:
            footer += (
                " The output layer is not counted: y determines its number of outputs, "
                f"with {self.per_output.parameters:,} parameters and "
                f"{self.per_output.macs:,} MACs each."
            )
        heads = (*_HEADS, f"memory [{unit}]")
        return heads, rows, ("total", "", *total), footer


def summarize(
    network: Network,
    title: str,
    *,
    batch_size: int,
    copies: int,
    open_output: bool = False,
) -> Summary:
    """Return the table of a network's layers and costs.

    Parameters
    ----------
    network : Network
    title : str
    batch_size : int
        Of the minibatches of training.
    copies : int
        How many arrays as long as the weights training holds, including them.
    open_output : bool, default=False
        Whether the last layer, of one unit, represents an unknown number of them.

    Returns
    -------
    summary : Summary
    """
    costs = cost_of_layers(network, batch_size)
    word = np.dtype(network.dtype).itemsize
    rows = [
        LayerSummary(
            cost.name,
            cost.type,
            cost.output_shape,
            cost.parameters,
            cost.macs,
            cost.cache + copies * word * cost.parameters,
        )
        for cost in costs.layers
    ]
    per_output, parameters = None, network.parameters.size
    if open_output:
        per_output, parameters = rows[-1], parameters - (rows[-1].parameters or 0)
        rows[-1] = LayerSummary(per_output.name, "Dense", None, None, None, None)
    return Summary(
        title,
        rows,
        batch_size,
        copies * word * parameters,
        costs.forward,
        costs.backward,
        per_output,
    )


def _cells(row: LayerSummary) -> _Texts:
    """Return a row's texts; the parts of a composite layer are indented."""
    indent = "  " * row.name.count(".")
    return (
        f"{indent}{row.name.rpartition('.')[2]} ({row.type})",
        _or_unknown(row.output_shape, str, "(?,)"),
        _or_unknown(row.parameters, "{:,}".format),
        _or_unknown(row.macs, "{:,}".format),
    )


def _or_unknown(value: Any, write: Callable[[Any], str], unknown: str = "?") -> str:
    return unknown if value is None else write(value)


def _html_row(cells: _Texts) -> str:
    name, *rest = cells
    indent = len(name) - len(name.lstrip())
    first = f"<th scope='row' style='padding-left:{indent / 2 + 0.5}em'>"
    tags = "".join(f"<td>{html.escape(text)}</td>" for text in rest)
    return f"<tr>{first}{html.escape(name.strip())}</th>{tags}</tr>"


def _wrap(text: str) -> list[str]:
    # Imported here: no fit needs it.
    import textwrap

    return textwrap.wrap(text, 80)


_STYLE = """<style>
.skconv-summary { overflow-x: auto; font-size: 0.9em; }
.skconv-summary table { border-collapse: collapse; }
.skconv-summary caption, .skconv-summary p { text-align: left; }
.skconv-summary th, .skconv-summary td {
  padding: 0.2em 0.5em; text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.skconv-summary th:first-child, .skconv-summary td:nth-child(2),
.skconv-summary thead th:nth-child(2) { text-align: left; }
.skconv-summary tbody th { font-weight: normal; }
.skconv-summary thead tr, .skconv-summary tfoot tr {
  border-bottom: 1px solid; border-top: 1px solid; }
</style>"""
