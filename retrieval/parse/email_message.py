"""E-mail messages: the headers a reader sees, the body, and the names of the attachments (which are not opened)."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage, MIMEPart
from pathlib import Path

from retrieval.errors import ParseError
from retrieval.parse.builder import DocumentBuilder
from retrieval.parse.clean import clean_text
from retrieval.parse.html_walk import walk_html
from retrieval.parse.limits import ParseLimits
from retrieval.types import ParsedDocument

_SHOWN = ("From", "To", "Cc", "Date", "Subject")


def parse_eml(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read an e-mail message.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document; its title is the subject.

    Raises:
        ParseError: When it is no message, too large or empty.
    """
    with path.open("rb") as stream:
        message = email.message_from_binary_file(stream, policy=email.policy.default)
    if not isinstance(message, EmailMessage) or not any(message.get(name) for name in _SHOWN):
        raise ParseError("invalid_file", "The file has no e-mail headers. Export the message again as EML.")
    builder = DocumentBuilder(limits.max_text_chars)
    headers = {name: str(message.get(name, "")) for name in _SHOWN}
    builder.add(
        "paragraph", "\n".join(f"{name}: {' '.join(value.split())}" for name, value in headers.items() if value)
    )
    body = message.get_body(("plain", "html"))
    if body is not None:
        content = _content(body)
        if body.get_content_subtype() == "html":
            walk_html(content, builder, skip_page_furniture=False)
        else:
            for paragraph in clean_text(content).split("\n\n"):
                builder.add("paragraph", paragraph)
    names = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    if names:
        builder.add("list", "Attachments:\n" + "\n".join(f"- {name}" for name in names))
    return builder.build(title=headers["Subject"], metadata={"author": headers["From"], "created": headers["Date"]})


def _content(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError, ValueError):  # a charset nobody knows
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", errors="replace") if isinstance(payload, bytes) else ""
