"""Answers for the service, where a test needs one that no document gives: false, late, hostile, or none at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Page, Request, Route

CHAT = "**/v1/chat/completions"
CONTENT = "Opened software cannot be returned. A parcel may be sent back within 30 days of delivery. The label is free."
PIECE_MS = 40

# A fetch whose answer never ends, word by word; the page may cancel it as it may any other.
_ENDLESS = """
(every) => {
  const real = window.fetch;
  window.fetch = (path, options) => {
    if (!String(path).endsWith("/v1/chat/completions")) return real(path, options);
    const encoder = new TextEncoder();
    let timer, number = 0;
    const body = new ReadableStream({
      start(to) {
        const say = (choice) => to.enqueue(encoder.encode(
          `data: ${JSON.stringify({ id: "c", model: "groundloop@slow", choices: [choice] })}\\n\\n`));
        say({ index: 0, delta: { role: "assistant", content: "" }, context: { intent: "", retrieved: [] } });
        timer = setInterval(() => say({ index: 0, delta: { content: `word${number++} ` } }), every);
        options.signal.addEventListener("abort", () => {
          clearInterval(timer);
          to.error(new DOMException("stopped", "AbortError"));
        });
      },
      cancel: () => clearInterval(timer),
    });
    return Promise.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
  };
}
"""


def passage(number: int = 1, content: str = CONTENT, **more: Any) -> dict[str, Any]:
    """Give a passage as it is shown to a model; its document is not there any more."""
    return {
        "number": number,
        "document_id": "file-gone",
        "chunk_id": f"chk_99999{number}",
        "title": "Returns",
        "url": None,
        "filepath": "returns.md",
        "content": content,
        "start_index": 0,
        "end_index": len(content),
        "page_start": None,
        "page_end": None,
        "score": 0.71,
        **more,
    }


def quote(words: str, number: int = 1, *, verified: bool = True, content: str = CONTENT) -> dict[str, Any]:
    """Give a citation of these words in that passage."""
    start = content.index(words)
    of = passage(number, content)
    return {**of, "content": words, "start_index": start, "end_index": start + len(words), "verified": verified}


def answer(text: str, *citations: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Give an answer; `abstained`, `recorded`, `finish_reason` and `answer_id` may be said otherwise."""
    return {"text": text, "citations": list(citations), "retrieved": [passage()], **more}


def say(page: Page, *answers: Mapping[str, Any], pair: bool = False) -> list[Request]:
    """Answer every question so; give the requests as they come."""
    asked: list[Request] = []

    def reply(route: Route) -> None:
        asked.append(route.request)
        route.fulfill(status=200, content_type="text/event-stream", body=_stream(answers, pair=pair))

    page.unroute(CHAT)
    page.route(CHAT, reply)
    return asked


def body_of(request: Request) -> dict[str, Any]:
    """Give what was asked."""
    body: dict[str, Any] = request.post_data_json or {}
    return body


def refuse(page: Page, status: int, code: str, message: str, retry_after_s: int) -> None:
    """Refuse every question so."""
    body = {"error": {"message": message, "type": "server_error", "param": None, "code": code}}
    headers = {"Retry-After": str(retry_after_s)}
    page.unroute(CHAT)
    page.route(CHAT, lambda route: route.fulfill(status=status, headers=headers, json=body))


def say_without_end(page: Page) -> None:
    """Answer the next questions of this page word by word, for ever."""
    page.evaluate(_ENDLESS, PIECE_MS)


def _stream(answers: tuple[Mapping[str, Any], ...], *, pair: bool) -> str:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, **({"pair": True} if pair else {})}
    head["model"] = "groundloop" if pair else "groundloop@base-extractive"
    events = []
    for index, one in enumerate(answers):
        events.append({"index": index, "delta": {"role": "assistant"}, "context": _context(one)})
        events.append({"index": index, "delta": {"content": one["text"]}})
    for index, one in enumerate(answers):
        message = {"role": "assistant", "content": one["text"], "annotations": [], "context": _context(one)}
        final = {"answer_id": f"ans_said_{index}", "recorded": True, "finish_reason": "stop"}
        final |= {name: one[name] for name in final if name in one}
        events.append({"index": index, "delta": {}, **final, "message": message})
    chunks = [f"data: {json.dumps({**head, 'choices': [event]})}\n\n" for event in events]
    return "".join([*chunks, "data: [DONE]\n\n"])


def _context(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "intent": "",
        "abstained": one.get("abstained", False),
        "citations": one["citations"],
        "retrieved": one["retrieved"],
    }
