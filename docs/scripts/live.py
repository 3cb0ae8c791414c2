"""Make what pages compute with: ``python docs/scripts/live.py [FOLDER]``.

``kernels.js`` and ``digits.js`` are data in base64; ``playground.js`` and
``article.js`` are modules of docs/browser joined into one script each. Browsers load
such scripts from files, which they do not do with modules or WebAssembly. The site's
build calls this. ``--open`` shows the playground alone, as one file.
"""

import base64
import gzip
import re
import shutil
import sys
import webbrowser
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from wasm import build_wasm

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "docs" / "browser"
BUILT = ROOT / "build" / "site"
PAGES = ["playground", "article"]
HELD_OUT = 360

IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.M)
EXPORT = re.compile(r"^export (async function|function|class|const) (\w+)", re.M)


def build(folder=BUILT):
    """Write the scripts of all pages to a folder.

    Returns
    -------
    sizes : dict of str to int
        File -> its size when compressed, as servers send it.
    """
    folder = Path(folder) / "browser"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scripts = {
        "kernels.js": as_script("SKCONV_KERNELS", build_wasm().read_bytes()),
        "digits.js": as_script("SKCONV_DIGITS", pack_digits()),
        **{f"{page}.js": join(SOURCES / page / "page.mjs") for page in PAGES},
    }
    for name, text in scripts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for page in PAGES:
        shutil.copy(SOURCES / f"{page}.css", folder)
    return {
        path.name: len(gzip.compress(path.read_bytes(), 9))
        for path in sorted(folder.iterdir())
    }


def write_standalone(folder=BUILT):
    """Write the playground as one file that needs no other, and return its path."""
    built = Path(folder) / "browser"
    scripts = ["kernels.js", "digits.js", "playground.js"]
    style = (built / "playground.css").read_text(encoding="utf-8")
    script = "".join((built / name).read_text(encoding="utf-8") for name in scripts)
    page = (SOURCES / "standalone.html").read_text(encoding="utf-8")
    path = Path(folder) / "playground.html"
    page = page.replace("STYLE\n", style).replace("SCRIPT\n", script)
    path.write_text(page, encoding="utf-8")
    return path


def as_script(name, data):
    """Return a script that sets a global to data: compressed, in base64."""
    packed = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return f'globalThis.{name} = "{packed}";\n'


def pack_digits():
    """Return labels and pixels as bytes, in the order of the page's Python program."""
    X, y = load_digits(return_X_y=True)
    parts = train_test_split(X, y, test_size=HELD_OUT, stratify=y, random_state=0)
    X_train, X_test, y_train, y_test = parts
    arrays = y_train, y_test, X_train.ravel(), X_test.ravel()
    return np.concatenate(arrays).astype(np.uint8).tobytes()


def join(path):
    """Return a module and those it imports as one script.

    Each becomes a function that returns what it exports, after those it needs.
    """
    parts = {}
    _add(Path(path).resolve(), parts)
    return "(() => {\n" + "".join(parts.values()) + "})();\n"


def _add(path, parts):
    if path in parts:
        return
    text = path.read_text(encoding="utf-8")
    for _, name in IMPORT.findall(text):
        _add((path.parent / name).resolve(), parts)

    def bind(match):
        needed = (path.parent / match[2]).resolve()
        return f"const {{{match[1]}}} = {_name(needed)};\n"

    exported = ", ".join(name for _, name in EXPORT.findall(text))
    body = EXPORT.sub(r"\1 \2", IMPORT.sub(bind, text))
    parts[path] = (
        f"const {_name(path)} = (() => {{\n{body}return {{ {exported} }};\n}})();\n"
    )


def _name(path):
    """Name a module by its folder and file."""
    return "_".join(path.relative_to(SOURCES).with_suffix("").parts)


def main():
    """Build the scripts, and print how large they are."""
    arguments = [a for a in sys.argv[1:] if a != "--open"]
    folder = Path(*arguments) if arguments else BUILT
    for name, size in build(folder).items():
        print(f"{size / 1000:7.1f} kB compressed  {name}")
    if "--open" in sys.argv:
        webbrowser.open(write_standalone(folder).resolve().as_uri())


if __name__ == "__main__":
    main()
