"""More than fits on a screen: a conversation of thousands of messages, a table of ten thousand rows."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route

MESSAGES = 2_000
ROWS = 10_000
CONVERSATION = "long"

# As `lib/database.js` keeps them.
_KEEP = """
async ({ owner, conversation, turns }) => {
  const base = await new Promise((resolve, reject) => {
    const asked = indexedDB.open(`groundloop ${owner}`);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  const work = base.transaction(["conversations", "turns"], "readwrite");
  work.objectStore("conversations").put(conversation);
  for (const turn of turns) work.objectStore("turns").put(turn);
  await new Promise((resolve, reject) => {
    work.oncomplete = resolve;
    work.onerror = () => reject(work.error);
  });
  base.close();
}
"""


def keep_long_conversation(page: Page, messages: int = MESSAGES) -> None:
    """Put a conversation of this many messages, questions and answers, into the browser of who is signed in."""
    owner = page.context.request.get("/v1/session").json()["identity"]
    turns = [_turn(number) for number in range(messages // 2)]
    title = f"A talk of {messages} messages"
    conversation = {"id": CONVERSATION, "title": title, "at": turns[-1]["at"], "collections": None, "chosen": {}}
    page.evaluate(_KEEP, {"owner": owner, "conversation": {**conversation, "model": "groundloop"}, "turns": turns})


def serve_many_documents(page: Page, store: str, rows: int = ROWS) -> None:
    """Answer for the service, page by page, that a collection has this many documents."""

    def answer(route: Route) -> None:
        asked = parse_qs(urlsplit(route.request.url).query)
        limit = int(asked.get("limit", ["20"])[0])
        after = int(asked["after"][0].removeprefix("file-")) + 1 if "after" in asked else 0
        data = [_document(store, number) for number in range(after, min(rows, after + limit))]
        body = {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": after + limit < rows,
        }
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    page.route(lambda url: urlsplit(url).path == f"/v1/vector_stores/{store}/files", answer)


def _turn(number: int) -> dict[str, object]:
    answer = {
        "key": f"answer-{number}",
        "id": None,
        "text": f"Answer {number}. " + "It is said in a few more words than the question. " * (1 + number % 7),
        "citations": [],
        "retrieved": [],
        "version": "base-extractive",
        "state": "done",
        "error": None,
        "recorded": False,
        "cut": False,
        "same": False,
        "intent": "",
        "at": 1_700_000_000 + number,
        "vote": None,
    }
    return {
        "id": f"turn-{number}",
        "conversation": CONVERSATION,
        "parent": f"turn-{number - 1}" if number else None,
        "question": f"Question {number}?",
        "at": 1_700_000_000 + number,
        "answers": [answer],
        "shown": 0,
        "pair": None,
    }


def _document(store: str, number: int) -> dict[str, object]:
    return {
        "id": f"file-{number}",
        "object": "vector_store.file",
        "created_at": 1_700_000_000 + number,
        "vector_store_id": store,
        "status": "completed",
        "filename": f"document-{number:05d}.md",
        "title": f"Document {number}",
        "usage_bytes": 1000 + number,
        "last_error": None,
        "attributes": {},
        "chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 0}},
        "stage": "done",
        "percent": 100,
        "chunk_count": 1 + number % 9,
    }
