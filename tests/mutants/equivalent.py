"""Mutants of Python that are left out, as no test can see them.

Each rule takes what a mutant changes, as text before and after, to a form in which the two
are alike if there is no difference. Its reason holds for all that it leaves out.
"""

import re


def without_strict(text):
    """`zip(a, b, strict=True)` asserts what its caller has made, or checked, before.

    Exercises are spared: these zip what a reader returns.
    """
    text = re.sub(r"\bstrict=(True|False)", "", text)
    return re.sub(r",?\s*,?\s*\)", ")", text)


def with_default_strict(text):
    """`zip` is not strict by default."""
    return re.sub(r",\s*(?=\))", "", re.sub(r",?\s*\bstrict=False", "", text))


def any_free_size(text):
    """NumPy's reshape takes any number below zero as the size to find."""
    return re.sub(
        r"\breshape\((?:[^()]|\([^()]*\))*\)",
        lambda call: re.sub(r"(?<=[(, ])-[12](?=[,)])", "-1", call[0]),
        text,
    )


def with_other_kinds(text):
    """A dtype's kind is one letter, and never X."""
    return re.sub(
        r"(\bkind (?:not )?in )['\"](?:XX)?(\w+?)(?:XX)?['\"]", r'\1"\2"', text
    )


def from_any_line(text):
    """Within the package, a warning's stacklevel chooses which of its lines is named."""
    return re.sub(r",?\s*\)", ")", re.sub(r"\bstacklevel=\d+,?", "", text)).strip(" ,)")


# Rooms whose functions are called by others of the package.
INNER_ROOMS = "_data/", "_training/", "_utils/", "estimators/", "layers/", "models/"

RULES = {
    without_strict: lambda where, text: (
        "strict=True" in text and "exercises/" not in where
    ),
    with_default_strict: lambda where, text: "strict=False" in text,
    any_free_size: lambda where, text: "reshape(" in text,
    with_other_kinds: lambda where, text: re.search(r"\bkind (not )?in ", text),
    from_any_line: lambda where, text: (
        "stacklevel=" in text and where.startswith(INNER_ROOMS)
    ),
}


def rule_of(change):
    """Return the rule that leaves a mutant out, or None."""
    where, _, text = change.partition(": ")
    before, _, after = text.partition(" -> ")
    for rule, concerns in RULES.items():
        if concerns(where, before) and rule(before) == rule(after):
            return rule
    return None
