"""Check the links within a built site: ``python docs/scripts/links.py FOLDER``.

Links to other sites are counted and not followed, so that the check needs no network.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and the anchors of one page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Collect the links and the anchors of a tag."""
        attrs = dict(attrs)
        self.anchors |= {attrs.get("id"), attrs.get("name")}
        self.links += [attrs[key] for key in ("href", "src") if attrs.get(key)]


def broken_links(folder):
    """Return numbers of links to other sites and within, and the broken links."""
    pages = {
        path.resolve(): Page(path)
        for path in sorted(folder.rglob("*.html"))
        if "_static" not in path.parts
    }
    others, within, broken = 0, 0, []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                others += 1
                continue
            within += 1
            target = path
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
            if target.is_dir():
                target /= "index.html"
            lost = not target.exists()
            if parts.fragment and target in pages:
                lost = unquote(parts.fragment) not in pages[target].anchors
            if lost:
                broken.append(f"{path.relative_to(folder.resolve())}: {link}")
    return others, within, broken


def main():
    """Print broken links, and fail if there are any."""
    others, within, broken = broken_links(Path(sys.argv[1]))
    print(*sorted(set(broken)), sep="\n", end="\n" if broken else "")
    print(f"{within} links within the site, {len(broken)} broken; {others} to others")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
