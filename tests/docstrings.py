"""What docstrings say of parameters."""

import inspect
import re


def stated_defaults(docstring):
    """Yield the names of parameters and the text of their default, of those that have one."""
    doc = inspect.cleandoc(docstring or "").replace("\\\n", "")
    doc = re.split(r"(?m)^(?:Attributes|Returns|Yields)\n-+$", doc)[0]
    for names, description in re.findall(
        r"(?m)^(\w+(?:, \w+)*) : (.*(?:\n +.*default=.*)?)", doc
    ):
        if "default=" in description:
            yield names.split(", "), description.partition("default=")[2].strip()
