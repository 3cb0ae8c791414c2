"""The words of code and pages are plain; those that were replaced stay out.

CONTRIBUTING.md has a glossary.
"""

import ast
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Pattern -> what to write instead.
REPLACED = {
    r"\b(stands?|stood|standing)\b": "is, appears, follows, represents",
    r"\bbehind\b": "after",
    r"\b(go|goes|going|went|gone) on\b": "resume, continue, train further",
    r"\b(tells?|told|telling)\b": "return, show, say which, pass",
    r"\bwants\b|(?<!\byou )\bwant an?\b": "needs, expects, takes",
    r"\bshall\b": "must, will",
    r"\banew\b": "again, from scratch",
    r"\bwhatever\b": "any, every; or name it",
    r"\bso many\b": "the number",
    r"\bamong them\b": "including",
    r"\b(is|are|was|were) (not )?to be\b": "must",
    r"\bwho(ever)? (has|wants)\b": "name the subject",
    r"\bthat which\b": "what, the one that",
    r"\b(takes?|taking|took) (it |them )?along\b": "include; of ops: fuse",
    r"(?<!long )\bas (it|they) (is|are)\b(?! (\w+ed|built|shown|written)\b)": "unchanged",
    r"\bwhat [\w' ]{1,40} (is|are) worth\b": "score",
    r"\b(is|are) said of\b": "description",
    r"\b(takes?|taken|taking|took) (it |them )?up\b(?! to\b)": "resume, accept",
    r"\bone's own\b": "custom, own",
    r"\bkin\b": "name what is similar",
    r"\bholds? (parts|layers|others)\b": "contain",
    r"\b(an?|the|its|their|target|of) codings?\b": "encoder",
    r"(?<!fused )\bmultiply[- ]adds?\b": "multiply-accumulates (MACs)",
}
# Names in code, with the same rule.
REPLACED_NAMES = {
    r"_*codings?": "encoder",
    r"multiply_adds": "macs",
    r"one_pass": "incremental",
    r"go_on": "resume, warm_start",
    r"take_up|takes_up": "load_state",
    r"revive": "restore_fitted",
    r"Searchable|HoldsParts|GivesFeatures|GivesSummary|DrawsLayers|HasWeights": "...Mixin",
}
PRONOUNS = (
    r"test_(it|its|they|them|their|those|these|that|this|what|which|who|whose)(_|$)"
)

FSTRING = getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)  # since Python 3.12
WORDS = {tokenize.COMMENT, tokenize.STRING, FSTRING}
SPACE = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}

SOURCES = sorted((ROOT / "skconv").rglob("*.py"))
CPP = sorted(
    path for end in ("h", "cpp") for path in (ROOT / "skconv").rglob(f"*.{end}")
)
SCRIPTS = [
    *sorted((ROOT / "examples").glob("*.py")),
    ROOT / "docs" / "conf.py",
    *sorted((ROOT / "docs" / "scripts").glob("*.py")),
]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / "docs" / "api.rst", ROOT / "examples" / "GALLERY_HEADER.rst"),
]
# An article in a teacher's voice.
ALLOWED_PAGES = {ROOT / "docs" / "learning" / "convolution.md"}


def name_of(path):
    return str(path.relative_to(ROOT))


def find(patterns, text):
    """Return what a text has of some patterns, each with the words around it."""
    text = re.sub(r"\s*\n\s*(#|//|\*)?\s*", " ", text)
    text = re.sub(r"\"? +\"?", " ", text)  # strings that continue each other
    return [
        f"...{text[max(0, match.start() - 30) : match.end() + 30]}...: write {instead}"
        for pattern, instead in patterns.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]


def words_of_python(path):
    """Return the comments and strings of a file of Python, docstrings included."""
    with tokenize.open(path) as file:
        tokens = list(tokenize.generate_tokens(file.readline))
    text = "\n"
    for token in tokens:
        if token.type in WORDS:
            text += token.string + "\n"
        elif token.type not in SPACE and text[-2:] != "|\n":
            text += "|\n"  # what follows is another sentence
    return text


def words_of_cpp(path):
    """Return the comments and strings of a file of C++."""
    found = re.findall(r"//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"", path.read_text(), re.S)
    return "\n".join(found)


def words_of_page(path):
    """Return a page without its spans of code."""
    return re.sub(r"(?<!`)`[^`\n]+`(?!`)", "", path.read_text())


def names_of_python(path):
    """Return the names in a file of Python, one a line."""
    with tokenize.open(path) as file:
        tokens = tokenize.generate_tokens(file.readline)
        return "\n".join(t.string for t in tokens if t.type == tokenize.NAME)


@pytest.mark.parametrize("path", [*SOURCES, *SCRIPTS], ids=name_of)
def test_python_avoids_replaced_words(path):
    assert not find(REPLACED, words_of_python(path))


@pytest.mark.parametrize("path", [*SOURCES, *SCRIPTS], ids=name_of)
def test_python_avoids_replaced_names(path):
    patterns = {rf"(?<![\w.])({p})(?!\w)": new for p, new in REPLACED_NAMES.items()}
    assert not find(patterns, names_of_python(path))


@pytest.mark.parametrize("path", CPP, ids=name_of)
def test_cpp_avoids_replaced_words(path):
    assert not find(REPLACED, words_of_cpp(path))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_page_avoids_replaced_words(path):
    if path not in ALLOWED_PAGES:
        assert not find(REPLACED, words_of_page(path))


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_name_of_test_has_a_subject_and_plain_words(path):
    names = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert not [name for name in names if re.match(PRONOUNS, name)]
    assert not [name for name in names if find(REPLACED, name.replace("_", " "))]
