"""Walks an HTML tree into blocks: headings, paragraphs, lists, tables and code, without what a reader would not see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.errors import ParseError
from retrieval.parse.builder import DocumentBuilder

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_NEVER_TAGS = """
    script style noscript template svg math-annotation iframe object embed canvas audio video select option button input
    textarea datalist head title meta link dialog
"""
_FURNITURE_TAGS = {"nav", "aside"}
_FURNITURE_ROLES = {"navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar", "dialog"}
_INLINE_TAGS = """
    a abbr b bdi bdo big cite code data del dfn em font i ins kbd label mark math mi mn mo mrow ms mtext msup msub
    msubsup mfrac msqrt mover munder mstyle mspace q rp rt ruby s samp small span strike strong sub sup time tt u var
    wbr img picture source semantics annotation
"""
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(hidden|collapse)|(font-size|opacity)\s*:\s*0(?![.\d]*[1-9])"
    r"|text-indent\s*:\s*-\d{3,}|(left|top)\s*:\s*-\d{4,}px",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*?(/?)>")
# Elements that end by themselves, with no closing tag or with an optional one.
_SELF_ENDING_TAGS = """
    br hr img input meta link col area base embed source track wbr p li dt dd td th tr thead tbody tfoot option optgroup
    colgroup caption rb rt rp html head body
"""
_NEVER, _INLINE, _UNCOUNTED = (frozenset(tags.split()) for tags in (_NEVER_TAGS, _INLINE_TAGS, _SELF_ENDING_TAGS))
_MAX_OPEN = 3_000  # the parser's time grows with the square of the depth: 30,000 nested lists take it 25 s
_MAIN_SHARE = 0.25  # a main part with less of the page's text than this was marked by mistake
_MAX_DEPTH = 150  # deeper is generated or hostile: its text is taken flat


@dataclass(frozen=True, slots=True)
class WalkedPage:
    """What a walk learned besides the blocks: `title`, `url` and `author`, as far as the page states them."""

    facts: dict[str, str]
    linked_share: float  # of the visible text; menus and lists of links have a high one


def walk_html(source: str, builder: DocumentBuilder, *, skip_page_furniture: bool) -> WalkedPage:
    """Add every visible block of a page.

    Args:
        source: The markup.
        builder: Takes the blocks.
        skip_page_furniture: Leave out navigation, asides, banners, the footer, and what is outside the main part.

    Returns:
        What the page says of itself.

    Raises:
        ParseError: With code `invalid_file` when more elements are open at once than any page has.
    """
    _check_nesting(source)
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(source)
    root = tree.body or tree.root
    walker = _Walker(builder, skip_page_furniture)
    if root is not None:
        mains = tree.css("main, [role=main]") if skip_page_furniture else []
        if len(mains) == 1 and len(mains[0].text()) >= _MAIN_SHARE * len(root.text()):
            root = mains[0]
        walker.children(root, 0)
        walker.flush()
    facts: dict[str, str] = {}
    title = tree.css_first("head > title")
    if title is not None:
        facts["title"] = title.text()
    for name, selector, attribute in (
        ("url", "link[rel=canonical]", "href"),
        ("author", "meta[name=author]", "content"),
    ):
        node = tree.css_first(selector)
        if node is not None and node.attributes.get(attribute):
            facts[name] = node.attributes[attribute] or ""
    return WalkedPage(facts, walker.linked / max(walker.seen, 1))


def _check_nesting(source: str) -> None:
    open_now = 0
    for closing, name, self_closed in _TAG.findall(source):
        if not self_closed and name.lower() not in _UNCOUNTED:
            open_now = max(0, open_now - 1) if closing else open_now + 1
            if open_now > _MAX_OPEN:
                raise ParseError("invalid_file", f"The page nests more than {_MAX_OPEN:,} elements. Save it again.")


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.child
    while child is not None:
        yield child
        child = child.next


class _Walker:
    def __init__(self, builder: DocumentBuilder, skip_furniture: bool) -> None:
        self._builder = builder
        self._skip_furniture = skip_furniture
        self._inline: list[str] = []
        self.linked = 0
        self.seen = 0

    def flush(self) -> None:
        """Write the inline text gathered so far as a paragraph."""
        if self._inline:
            text, self._inline = "".join(self._inline), []
            self.seen += len(text)
            self._builder.add("paragraph", text)

    def _skipped(self, node: LexborNode, tag: str) -> bool:
        if tag in _NEVER:
            return True
        attributes = node.attributes
        if "hidden" in attributes or attributes.get("aria-hidden") == "true":
            return True
        style = attributes.get("style")
        if style and _HIDDEN_STYLE.search(style):
            return True
        if not self._skip_furniture:
            return False
        parent = node.parent
        at_top = parent is not None and parent.tag == "body"
        return tag in _FURNITURE_TAGS or (tag == "footer" and at_top) or attributes.get("role") in _FURNITURE_ROLES

    def children(self, node: LexborNode, depth: int) -> None:
        """Add everything inside a node."""
        for child in _children(node):
            self._node(child, depth)

    def _node(self, node: LexborNode, depth: int) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._inline.append(re.sub(r"\s+", " ", node.text_content or ""))
        elif tag.startswith(("-", "_", "!")) or self._skipped(node, tag):
            return
        elif depth > _MAX_DEPTH:
            self._inline.append(node.text(deep=True, separator=" "))
        elif tag == "br":
            self._inline.append("\n")
        elif tag in _INLINE:
            if tag == "a":
                self.linked += len(node.text())
            self.children(node, depth + 1)
        else:
            self.flush()
            self._block(node, tag, depth)
            self.flush()

    def _block(self, node: LexborNode, tag: str, depth: int) -> None:
        if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            self._builder.add("heading", self._flat(node, depth), level=int(tag[1]))
        elif tag in ("ul", "ol", "menu"):
            self._list(node, depth)
        elif tag == "dl":
            self._definitions(node, depth)
        elif tag == "pre":
            self._builder.add("code", node.text(deep=True))
        elif tag == "table" and not _is_layout(node):
            self._table(node, depth)
        else:
            self.children(node, depth + 1)

    def _flat(self, node: LexborNode, depth: int) -> str:
        """Give the visible text of a node on as many lines as it has blocks."""
        parts: list[str] = []
        stack: list[tuple[LexborNode | None, int]] = [(node.child, depth)]
        while stack:
            child, level = stack.pop()
            if child is None:
                continue
            stack.append((child.next, level))
            tag = child.tag or ""
            if tag == "-text":
                parts.append(re.sub(r"\s+", " ", child.text_content or ""))
                self.seen += len(parts[-1])
            elif tag == "br":
                parts.append("\n")
            elif not tag.startswith(("-", "_", "!")) and not self._skipped(child, tag):
                if tag == "a":
                    self.linked += len(child.text())
                if tag not in _INLINE:
                    parts.append("\n")
                stack.append((child.child, level + 1))
        return "".join(parts)

    def _list(self, node: LexborNode, depth: int) -> None:
        lines: list[str] = []
        stack = list(_children(node))[::-1]
        while stack:
            item = stack.pop()
            tag = item.tag or ""
            if tag == "-text" or tag.startswith(("-", "_", "!")) or self._skipped(item, tag):
                continue
            inner = [child for child in _children(item) if child.tag in ("ul", "ol")]
            blocks = item.css("table, pre, h1, h2, h3, h4, h5, h6")
            if tag in ("ul", "ol"):
                stack.extend(list(_children(item))[::-1])
            elif blocks:
                self._builder.add("list", "\n".join(lines))
                lines = []
                self.children(item, depth + 1)
                self.flush()
            else:
                text = " ".join(self._flat_without(item, inner, depth).split())
                if text:
                    lines.append("- " + text)
                for sub in reversed(inner):
                    stack.extend(list(_children(sub))[::-1])
        self._builder.add("list", "\n".join(lines))

    def _flat_without(self, item: LexborNode, inner: list[LexborNode], depth: int) -> str:
        if not inner:
            return self._flat(item, depth)
        parts = []
        for child in _children(item):
            tag = child.tag or ""
            if tag == "-text":
                parts.append(child.text_content or "")
            elif tag not in ("ul", "ol") and not tag.startswith(("-", "_", "!")) and not self._skipped(child, tag):
                parts.append(self._flat(child, depth) if tag in _INLINE else "\n" + self._flat(child, depth) + "\n")
        return "".join(parts)

    def _definitions(self, node: LexborNode, depth: int) -> None:
        lines: list[str] = []
        wrapped = [
            inner for child in _children(node) for inner in ([*_children(child)] if child.tag == "div" else [child])
        ]
        for child in wrapped:
            if child.tag not in ("dt", "dd") or self._skipped(child, child.tag):
                continue
            text = " ".join(self._flat(child, depth).split())
            if child.tag == "dt" or not lines:
                lines.append("- " + text)
            else:
                lines[-1] += (": " if not lines[-1].endswith(":") else " ") + text
        self._builder.add("list", "\n".join(lines))

    def _table(self, node: LexborNode, depth: int) -> None:
        for caption in node.css("caption"):
            self._builder.add("paragraph", self._flat(caption, depth))
        rows = []
        for row in node.css("tr"):
            if not self._skipped(row, "tr"):
                cells = [cell for cell in _children(row) if cell.tag in ("td", "th") and not self._skipped(cell, "td")]
                rows.append([self._flat(cell, depth) for cell in cells])
        self._builder.add_table(rows)


def _is_layout(table: LexborNode) -> bool:
    """Tell whether a table only arranges the page: it holds tables, headings, or a single cell."""
    if table.attributes.get("role") in ("presentation", "none"):
        return True
    cells = table.css("td, th")
    return len(cells) < 2 or bool(table.css("table table")) or any(c.css_first("h1, h2, h3, pre") for c in cells[:200])
