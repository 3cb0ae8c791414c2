"""Networks and recipes of the zoo as text: the name of each layer, and its configuration.

    python tests/zoo/plans.py

writes the stored ones again, `plans.txt`: each follows the call that makes it.
"""

import inspect
from pathlib import Path

from skconv import zoo

STORED = Path(__file__).with_name("plans.txt")


def options(component):
    """Return what a layer, transform or estimator is given, without the defaults."""
    defaults = inspect.signature(type(component).__init__).parameters
    given = component.get_params(deep=False)
    return {k: v for k, v in given.items() if repr(v) != repr(defaults[k].default)}


def lines(name, component):
    """Yield the lines of a component, and those of its parts, indented."""
    given = {"": component} if isinstance(component, list) else options(component)
    parts = {k: v for k, v in given.items() if isinstance(v, list)}
    words = ", ".join(f"{k}={v!r}" for k, v in given.items() if k not in parts)
    kind = (
        "" if isinstance(component, list) else f" {type(component).__name__}({words})"
    )
    yield f"{name}{kind}"
    for key, part in parts.items():
        for inner, each in part:
            path = ".".join(filter(None, (key, inner)))
            yield from (f"    {line}" for line in lines(path, each))


def plan(call):
    """Return the text of what a call makes."""
    made = eval(call, {"zoo": zoo})
    return "\n".join([call, *filter(None, lines("", made))])


def stored():
    """Return {call: its text}."""
    return {
        text.partition("\n")[0]: text
        for text in STORED.read_text().strip().split("\n\n")
    }


if __name__ == "__main__":
    STORED.write_text("\n\n".join(map(plan, stored())) + "\n")
