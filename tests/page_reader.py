"""What is in an html page. For tests."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Headings, image sources and all that could be fetched; checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.images: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        """Every piece of text outside the style sheet."""
        self.addresses: list[str] = []
        """What any attribute would have a browser fetch or open."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        fetching = ("src", "srcset", "href", "action", "data", "poster", "background", "style")
        self.addresses += [value or "" for name, value in attrs if name in fetching]
        if tag in ("img", "image"):
            self.images.append(dict(attrs)["src" if tag == "img" else "href"] or "")
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1:] != ["style"]:
            self.texts.append(data)
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)


def read_page(path: Path) -> Page:
    """Read a file; every tag must be closed."""
    reader = Page()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader
