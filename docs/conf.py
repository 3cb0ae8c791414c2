"""The documentation site: ``python -m sphinx -W --keep-going docs docs/_build``.

The build needs no network: formulas become MathML, and links to the reference of
scikit-learn are made from names.
"""

import inspect
import re
import sys
from pathlib import Path

import latex2mathml.converter

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "scripts")]
import live  # noqa: E402
import tables  # noqa: E402

import skconv  # noqa: E402

project = "skconv"
author = "The skconv developers"
copyright = "2026, the skconv developers"
version = release = skconv.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", r"(?!skconv\.).*"),  # docstrings put arguments in backticks, too
    ("py:obj", r"skconv\.ops\.(reference|compiled)(\.\w+)*"),
]
exclude_patterns = ["_build", "templates", "gallery/**/*.ipynb", "gallery/**/*.py"]
templates_path = ["templates"]

# Markdown
myst_enable_extensions = ["attrs_block", "attrs_inline", "dollarmath"]
myst_heading_anchors = 3

# The reference: one page for each public name
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_context = {
    "inherited_from_sklearn": [
        "get_metadata_routing",
        "set_callbacks",
        "set_fit_request",
        "set_output",
        "set_partial_fit_request",
        "set_score_request",
    ],
    "methods_of_a_layer": ["build", "predict", "forward", "backward"],
    "parameter_methods": ["get_params", "set_params"],
}
autodoc_typehints = "none"
numpydoc_show_class_members = False
viewcode_line_numbers = True

# The examples
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    # Examples that take minutes are not run.
    "filename_pattern": r"examples/(?!fashion_mnist|signals)",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("skconv",),
    "backreferences_dir": "gallery/uses",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
    "matplotlib_animations": False,
    "image_srcset": ["2x"],
}

# The looks
html_theme = "pydata_sphinx_theme"
html_title = "skconv"
html_static_path = ["static", "../build/site"]
html_css_files = ["site.css"]
html_logo = html_favicon = "static/logo.svg"
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "skconv"},
    "header_links_before_dropdown": 5,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "show_nav_level": 2,
    "secondary_sidebar_items": {"**": ["page-toc"], "learning/playground": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
LEARNING = ["learning/convolution", "learning/playground"]
NO_SIDEBAR = ["index", "install", *LEARNING, "benchmarks"]
html_sidebars = {page: [] for page in NO_SIDEBAR}

# Pages that compute, and their scripts and styles of docs/browser
live.build()
COMPUTES = {
    "learning/playground": ["kernels.js", "digits.js", "playground.js"],
    "learning/convolution": ["kernels.js", "article.js"],
}

# Pages link to files, which is right where they are read in a repository; on the site
# each file has a page.
PAGE_OF_FILE = [
    (r"\]\((?:\.\./)+examples/(\w+)\.py\)", r"](/gallery/\1.rst)"),
    (r"\]\((?:\.\./)+README\.md", r"](/install.md"),
    (r"\]\((?:\.\./)+CONTRIBUTING\.md", r"](/developing/contributing.md"),
    (
        r"\]\((?:\.\./)+skconv/ops/reference/convolution\.py\)",
        r"](/learning/code.md)",
    ),
]


def prepare_page(app, docname, source):
    """Write the generated tables, and link to pages instead of files."""
    source[0] = tables.fill(source[0])
    for file, page in PAGE_OF_FILE:
        source[0] = re.sub(file, page, source[0])


def add_scripts(app, pagename, templatename, context, doctree):
    """Add what a page computes with."""
    for script in COMPUTES.get(pagename, ()):
        app.add_js_file(f"browser/{script}", loading_method="defer")
    if pagename in COMPUTES:
        app.add_css_file(f"browser/{COMPUTES[pagename][-1].replace('.js', '.css')}")


def link_sklearn(app, env, node, content):
    """Link a name from scikit-learn to its page there."""
    from docutils import nodes

    target = node.get("reftarget", "")
    if node.get("reftype") == "ref" and target in ("accuracy_score", "r2_score"):
        target = f"sklearn.metrics.{target}"
    if not target.startswith("sklearn."):
        return None
    uri = f"https://scikit-learn.org/stable/modules/generated/{target}.html"
    return nodes.reference("", "", content, internal=False, refuri=uri)


def keep_inherited_label(app, env, node, content):
    """Leave a label of another manual, in an inherited docstring, as plain text."""
    source = node.source or getattr(node.parent, "source", None) or ""
    if re.search(r"docstring of (numpy|sklearn)\.", source):
        return content if node.get("refdomain") == "std" else None
    return None


def show_parameters(app, what, name, obj, options, signature, returns):
    """Show the arguments of a class; autodoc would show those of a base's `__new__`."""
    if what != "class":
        return None
    if obj.__init__ is object.__init__ and not issubclass(obj, tuple):
        return "()", None
    parameters = inspect.signature(obj).parameters.values()
    plain = [p.replace(annotation=p.empty) for p in parameters]
    return str(inspect.Signature(plain)), None


def escape_shapes(app, what, name, obj, options, lines):
    """Escape the star of ``(n, *input_shape)``, which would start emphasis."""
    lines[:] = [re.sub(r"\*(\w+_shape\))", r"\\*\1", line) for line in lines]


def mathml(display):
    """Return a visitor that writes a formula as MathML."""
    from docutils import nodes

    def visit(translator, node):
        formula = latex2mathml.converter.convert(node.astext(), display=display)
        wrap = '<div class="formula">{}</div>' if display == "block" else "{}"
        translator.body.append(wrap.format(formula))
        raise nodes.SkipNode

    return visit


def setup(app):
    """Register the functions above."""
    app.add_html_math_renderer(
        "mathml", (mathml("inline"), None), (mathml("block"), None)
    )
    app.connect("autodoc-process-signature", show_parameters)
    app.connect("autodoc-process-docstring", escape_shapes, priority=400)
    app.connect("source-read", prepare_page)
    app.connect("html-page-context", add_scripts)
    app.connect("missing-reference", link_sklearn)
    app.connect("missing-reference", keep_inherited_label)
