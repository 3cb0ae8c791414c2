"""What a network is made of and what it costs: a table for terminal and notebook."""

import html
import importlib
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .costs import cost_of_layers
from .network import Network

__all__ = ["LayerSummary", "Summary", "summarize"]

_HEADS = ("layer (type)", "output shape", "parameters", "multiply-adds")


class LayerSummary(NamedTuple):
    """A row of a `Summary`: one layer, or one inside of a composite layer.

    Attributes
    ----------
    name : str
        Inside of composite layers with dots: ``block1.conv1``.
    type : str
        The layer's class.
    output_shape : tuple of int or None
        Of one sample; None where it is not known yet.
    parameters : int or None
        How many weights are learnt.
    multiply_adds : int or None
        For the prediction of one sample, see `skconv.layers.Layer.multiply_adds`.
    memory : int or None
        Bytes that training takes for it: weights, gradients, moments, and what it
        keeps of a minibatch for the way back.
    """

    name: str
    type: str
    output_shape: tuple | None
    parameters: int | None
    multiply_adds: int | None
    memory: int | None


@dataclass(frozen=True, repr=False)
class Summary:
    """A network's layers and what they cost; printed, or shown in a notebook, a table.

    Attributes
    ----------
    title : str
    rows : list of LayerSummary
        Of composite layers the row is followed by those of their parts.
    batch_size : int
        What `memory` is for.
    weight_memory : int
        Bytes of weights, gradient, the solver's moments and other copies of them.
    kept_memory : int
        Bytes of a minibatch and of what forward keeps of it for backward.
    passing_memory : int
        Bytes more while backward passes gradients from layer to layer.
    per_output : LayerSummary or None
        What each output costs, while it is not known how many there will be.

    Examples
    --------
    >>> from skconv import ConvNetClassifier
    >>> clf = ConvNetClassifier(input_shape=(8, 8), filters=(8,))
    >>> summary = clf.summary(n_outputs=10)
    >>> summary.parameters, summary.multiply_adds
    (17882, 22272)
    >>> summary
    ConvNetClassifier: input (8, 8, 1), batches of 128, float32, adam
    layer (type)       output shape   parameters   multiply-adds   memory [MB]
    --------------------------------------------------------------------------
    conv1 (Conv2D)     (8, 8, 8)              80           4,608          0.26
    pool1 (MaxPool2D)  (4, 4, 8)               0               0          0.02
    dense1 (Dense)     (128,)             16,512          16,384          0.46
    output (Dense)     (10,)               1,290           1,280          0.03
    --------------------------------------------------------------------------
    total                                 17,882          22,272          1.18
    Memory of training in MB: 0.36 for weights and their copies, 0.45 for a
    minibatch on its way forward, 0.37 for gradients on their way back.
    """

    title: str
    rows: list
    batch_size: int
    weight_memory: int
    kept_memory: int
    passing_memory: int
    per_output: LayerSummary | None = field(default=None)

    @property
    def parameters(self):
        """Number of weights that are learnt, of the layers that are known."""
        return self._total("parameters")

    @property
    def multiply_adds(self):
        """Multiply-adds to predict one sample, of the layers that are known."""
        return self._total("multiply_adds")

    @property
    def memory(self):
        """Bytes that a step of training takes at its peak, X itself aside."""
        return self.weight_memory + self.kept_memory + self.passing_memory

    def _total(self, column):
        return sum(
            getattr(row, column) or 0 for row in self.rows if "." not in row.name
        )

    def __str__(self):
        return repr(self)

    def __repr__(self):
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

    def _repr_html_(self):
        heads, rows, total, footer = self._texts()
        head = "".join(f"<th>{text}</th>" for text in heads)
        body = "".join(map(_html_row, rows))
        return (
            f"{_STYLE}<div class='skconv-summary'><table><caption>"
            f"{html.escape(self.title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody><tfoot>{_html_row(total)}</tfoot></table>"
            f"<p>{html.escape(footer)}</p></div>"
        )

    def to_frame(self):
        """Return the rows as a data frame.

        Returns
        -------
        frame : pandas.DataFrame
            Columns as `LayerSummary` has them; the index is the layers' names.

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
        counts = ["parameters", "multiply_adds", "memory"]
        return frame.astype(dict.fromkeys(counts, "Int64")).set_index("name")

    def _texts(self):
        """Return the cells of all rows, the totals last, and what is said below."""
        n_digits, scale, unit = (1, 1e3, "kB") if self.memory < 1e6 else (2, 1e6, "MB")

        def size(n_bytes):
            return f"{n_bytes / scale:,.{n_digits}f}"

        rows = [(*_cells(row), _or_unknown(row.memory, size)) for row in self.rows]
        total = f"{self.parameters:,}", f"{self.multiply_adds:,}", size(self.memory)
        footer = (
            f"Memory of training in {unit}: {size(self.weight_memory)} for weights and "
            f"their copies, {size(self.kept_memory)} for a minibatch on its way forward"
            f", {size(self.passing_memory)} for gradients on their way back."
        )
        if self.per_output is not None:
            footer += (
                " The output layer is not counted: it gets as many outputs as y asks "
                f"for, with {self.per_output.parameters:,} parameters and "
                f"{self.per_output.multiply_adds:,} multiply-adds each."
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
            cost.multiply_adds,
            cost.kept + copies * word * cost.parameters,
        )
        for cost in costs.layers
    ]
    per_output, parameters = None, network.parameters.size
    if open_output:
        per_output, parameters = rows[-1], parameters - rows[-1].parameters
        rows[-1] = LayerSummary(per_output.name, "Dense", None, None, None, None)
    return Summary(
        title,
        rows,
        batch_size,
        copies * word * parameters,
        costs.kept,
        costs.passing,
        per_output,
    )


def _cells(row):
    """Return a row's texts; the parts of a composite layer stand further in."""
    indent = "  " * row.name.count(".")
    return (
        f"{indent}{row.name.rpartition('.')[2]} ({row.type})",
        _or_unknown(row.output_shape, str, "(?,)"),
        _or_unknown(row.parameters, "{:,}".format),
        _or_unknown(row.multiply_adds, "{:,}".format),
    )


def _or_unknown(value, write, unknown="?"):
    return unknown if value is None else write(value)


def _html_row(cells):
    name, *rest = cells
    indent = len(name) - len(name.lstrip())
    first = f"<th scope='row' style='padding-left:{indent / 2 + 0.5}em'>"
    tags = "".join(f"<td>{html.escape(text)}</td>" for text in rest)
    return f"<tr>{first}{html.escape(name.strip())}</th>{tags}</tr>"


def _wrap(text):
    # Here, for the one use that nobody makes in a fit.
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
