"""Tables of the pages that repeat docstrings: conf.py writes them when it builds.

A page asks for one with a block ``{generated}`` that has its name in `TABLES`.
"""

import ast
import inspect
import re
from pathlib import Path

from numpydoc.docscrape import NumpyDocString
from sklearn.base import BaseEstimator
from sklearn.neural_network import MLPClassifier

import skconv
from skconv import augmentation, layers, ops

RULES = Path(__file__).parents[2] / "tests" / "project" / "test_design.py"
# Kind of input -> what the names of layers for it contain.
KINDS = {"For images": "2D", "For signals": "1D", "For any shape": ""}


def layer_table():
    """Return a table of layers for each kind of input: link, summary, weights."""
    rows = {kind: [] for kind in KINDS}
    for name in layers.__all__:
        layer = getattr(layers, name)
        if name not in ("Composite", "Layer"):
            kind = next(kind for kind, part in KINDS.items() if part in name)
            page = link(f"skconv.layers.{name}")
            rows[kind].append([page, summary(layer), weights_of(layer)])
    head = ["layer", "what it does", "weights"]
    return "\n\n".join(f"{kind}:\n\n{table(head, rows[kind])}" for kind in KINDS)


def weights_of(layer):
    """Return what a layer's notes list as its weights."""
    notes = " ".join(document(layer)["Notes"])
    listed = re.match(r"Weights: (.*?)\.( |$)", notes)
    names = re.findall(r"``.*?``", listed[1]) if listed else []
    return markdown(", ".join(names))


def verb_table():
    """Return what a layer defines, in the order of `skconv.layers.Layer`."""
    verbs = {
        name: verb
        for name, verb in vars(layers.Layer).items()
        if inspect.isfunction(verb) and not name.startswith("_")
    }
    rows = [[f"`{call(name, verb)}`", summary(verb)] for name, verb in verbs.items()]
    return table(["method", "what it does"], rows)


def op_table():
    """Return every op: link, summary."""
    names = [name for name in ops.__all__ if inspect.isfunction(getattr(ops, name))]
    rows = [[link(f"skconv.ops.{name}"), summary(getattr(ops, name))] for name in names]
    return table(["op", "what it does"], rows)


def augmentation_table():
    """Return every transform of minibatches: link, summary."""
    names = [
        name
        for name in augmentation.__all__
        if isinstance(getattr(augmentation, name), type)
    ]
    rows = [
        [link(f"skconv.augmentation.{name}"), summary(getattr(augmentation, name))]
        for name in names
    ]
    return table(["transform", "what it does to each image"], rows)


def mlp_table():
    """Return the names that `ConvNetClassifier` shares with `MLPClassifier`."""
    ours, theirs = skconv.ConvNetClassifier, MLPClassifier
    both = {
        "parameters": [p for p in parameters(theirs) if p in parameters(ours)],
        "methods": [
            name
            for name in dir(theirs)
            if hasattr(ours, name) and not name.startswith("_")
            if not hasattr(BaseEstimator, name) and not name.startswith("set_")
        ],
        "attributes": [name for name in attributes(theirs) if name in attributes(ours)],
    }
    rows = [
        [kind, ", ".join(f"`{name}`" for name in names)] for kind, names in both.items()
    ]
    return table(["", "the same in both"], rows)


def parameters(estimator):
    """Return the names of an estimator's parameters."""
    return list(inspect.signature(estimator).parameters)


def attributes(estimator):
    """Return the names of the fitted attributes that a docstring lists."""
    return [entry.name for entry in document(estimator)["Attributes"]]


def room_table():
    """Return the rooms of the package, and which rooms each may import."""
    [rooms] = [
        node.value
        for node in ast.parse(RULES.read_text()).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "ROOMS"
    ]
    rooms = eval(compile(ast.Expression(rooms), RULES, "eval"))
    rows = [
        [f"`{room}`", holds, ", ".join(f"`{name}`" for name in known)]
        for room, (holds, known) in rooms.items()
    ]
    return table(["room", "what is in it", "may import"], rows)


def document(documented):
    """Return a docstring in parts."""
    return NumpyDocString(inspect.getdoc(documented))


def summary(documented):
    """Return a docstring's first sentence."""
    return markdown(" ".join(document(documented)["Summary"]).removesuffix("."))


def markdown(text):
    """Turn the marks of a docstring's text into Markdown's."""
    return re.sub(r"`+", "`", text).replace("|", r"\|")


def link(name):
    """Link to a name's page in the reference."""
    return f"[`{name.rpartition('.')[2]}`](/api/{name}.rst)"


def call(name, verb):
    """Return how a method is called, without types."""
    signature = inspect.signature(verb)
    arguments = [
        parameter.replace(annotation=parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    signature = signature.replace(
        parameters=arguments, return_annotation=inspect.Signature.empty
    )
    return f"{name}{signature}"


def table(head, rows):
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


TABLES = {
    "layers": layer_table,
    "verbs": verb_table,
    "ops": op_table,
    "augmentation": augmentation_table,
    "mlp": mlp_table,
    "rooms": room_table,
}


def fill(page):
    """Return the text of a page with its blocks ``{generated}`` replaced by tables."""
    return re.sub(
        r"^```\{generated\} (\w+)\n.*?^```$",
        lambda block: TABLES[block[1]](),
        page,
        flags=re.M | re.S,
    )
