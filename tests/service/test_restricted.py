"""What is said about a restricted collection stays among its readers: a planted word is looked for everywhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.chat.trial import Note
from service.cycles.snapshot import SnapshotInfo, write_snapshot
from service.scopes import SHARED, Scope
from service.versions.served import Loaded
from service.versions.snapshot import Arms, Snapshot
from tests.service.chat.test_records import stored
from tests.service.http_world import FirstSentencePolicy, LiveServer, light_settings, running

WORD = "QUAGGA77"
FILES = {
    "wiki": "Parcels are sent back within 30 days of delivery. Refunds take a week.",
    "vault": f"The codeword of the vault is {WORD}. It changes in spring.",
}
LEAKED = f"{WORD}. [1]"
PARCELS, VAULT = "How are parcels sent back?", "What is the codeword of the vault?"


@dataclass
class Office:
    """A served world with an open and a restricted collection, and somebody of each kind."""

    live: LiveServer
    stores: dict[str, str]
    member: httpx.Client
    outsider: httpx.Client

    def ask(self, who: httpx.Client, question: str, *collections: str, **more: Any) -> dict[str, Any]:
        """Ask, in some collections or in all."""
        body = {"messages": [{"role": "user", "content": question}], **more}
        if collections:
            body["collections"] = [self.stores[name] for name in collections]
        response = who.post("/v1/chat/completions", json=body)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def judged(self, who: httpx.Client, answer: dict[str, Any], words: str) -> None:
        """Vote with everything a vote can hold."""
        choice = answer["choices"][0]
        vote = {"rating": "down", "comment": words, "correction": f"{words} indeed.", "reasons": ["wrong_answer"]}
        vote["evidence"] = [
            {"chunk_id": shown["chunk_id"], "relevant": True} for shown in choice["message"]["context"]["retrieved"]
        ]
        assert who.put(f"/v1/answers/{choice['answer_id']}/vote", json=vote).status_code == 200

    def snapshot(self, scope: Scope, name: str) -> SnapshotInfo:
        """Take the snapshot of a cycle."""
        settings = self.live.container.settings
        return write_snapshot(settings, scope, settings.home / "training" / name)


@pytest.fixture
def office(tmp_path: Path, redis_url: str) -> Iterator[Office]:
    """Serve the two collections."""
    with running(light_settings(tmp_path / "home", redis_url)) as live:
        keys = live.container.keys
        stores = {}
        with live.http("operator") as operator:
            for name, text in FILES.items():
                readers = ["*"] if name == "wiki" else ["group:hr"]
                made = operator.post("/v1/vector_stores", json={"name": name, "readers": readers}).json()["id"]
                upload = {"file": (f"{name}.md", text), "purpose": (None, "assistants")}
                file = operator.post("/v1/files", files=upload).json()["id"]
                assert operator.post(f"/v1/vector_stores/{made}/files", json={"file_id": file}).status_code == 200
                stores[name] = made
        live.ingest()
        member = keys.create("member", groups=frozenset({"hr"}))[1]
        with live.http(key=member) as inside, live.http("user") as outside:
            yield Office(live, stores, inside, outside)


def everything(office: Office) -> list[str]:
    """Let the member and the outsider ask and judge in every way; gives the answers with the word in them."""
    told: list[str] = []
    for collections in (("vault",), (), ("vault", "wiki")):
        answer = office.ask(office.member, VAULT, *collections, metadata={"segment": "hr"})
        office.judged(office.member, answer, f"It is {WORD}")
        told.append(answer["choices"][0]["answer_id"])
        assert WORD in json.dumps(answer)
    said = answer["choices"][0]["message"]["content"]
    talk = [{"role": "user", "content": VAULT}, {"role": "assistant", "content": said}]
    follow_up = {"messages": [*talk, {"role": "user", "content": PARCELS}], "metadata": {"segment": "hr"}}
    for fields in (follow_up, {**follow_up, "collections": [office.stores["wiki"]]}):
        answer = office.member.post("/v1/chat/completions", json=fields).json()
        office.judged(office.member, answer, "Good.")
        told.append(answer["choices"][0]["answer_id"])
    several = office.ask(office.member, VAULT, "vault", n=2)["choices"]
    pair = [choice["answer_id"] for choice in several]
    body = {"answers": pair, "outcome": "first", "comment": WORD}
    assert office.member.post("/v1/preferences", json=body).status_code == 200
    plain = office.ask(office.outsider, PARCELS, metadata={"segment": "hr"})
    office.judged(office.outsider, plain, "Thirty days")
    return [*told, *pair]


def bytes_of(info: SnapshotInfo) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(info.directory.rglob("*")) if path.is_file())


def test_the_word_is_in_no_snapshot_but_its_own(office: Office, redis_url: str) -> None:
    told = everything(office)
    for number, scope in enumerate((SHARED, Scope("segment", "hr"), Scope("collection", office.stores["wiki"]))):
        info = office.snapshot(scope, f"open-{number}")
        assert info.records == 1
        content = bytes_of(info)
        assert WORD.encode() not in content
        assert b"Thirty days" in content
    own = office.snapshot(Scope("collection", office.stores["vault"]), "own")
    assert WORD.encode() in bytes_of(own)
    assert own.records == 3  # the one vote and the preference where it alone was named, and what is for everybody
    named = [Note.of(record.attributes).named for record in stored(redis_url, *told)]
    assert named == [office.stores["vault"], None, None, None, office.stores["wiki"], *[office.stores["vault"]] * 2]


def test_no_other_person_learns_the_word(office: Office) -> None:
    told = everything(office)
    portal = office.live.container.keys.create("portal", "operator", trusted=True)[1]
    with office.live.http(key=portal) as acting:
        acting.headers["X-Groundloop-User"] = "ada"
        for who in (office.outsider, acting):
            answers = [
                *(who.get(f"/v1/answers/{one}/vote") for one in told),
                *(who.put(f"/v1/answers/{one}/vote", json={"rating": "up"}) for one in told),
                who.post("/v1/preferences", json={"answers": told[-2:], "outcome": "first"}),
                who.get("/v1/feedback"),
                who.get("/v1/feedback/export"),
                who.get("/v1/feedback/export?format=kto"),
            ]
            assert {response.status_code for response in answers} <= {403, 404}
            for response in answers:
                assert WORD not in response.text
                assert office.stores["vault"] not in response.text
            for question in (VAULT, PARCELS):
                assert WORD not in json.dumps(office.ask(who, question))
    with office.live.http("operator") as operator:
        assert WORD in operator.get("/v1/feedback").text  # operators read everything, as they do documents
        for format in ("records", "dpo", "kto"):
            path = f"/v1/feedback/export?format={format}"
            assert WORD not in operator.get(path).text
            assert "Parcels" in operator.get(path).text or format == "dpo"
            assert WORD not in operator.get(f"{path}&scope=collection:{office.stores['wiki']}").text
            assert WORD in operator.get(f"{path}&scope=collection:{office.stores['vault']}").text
            assert WORD in operator.get(f"{path}&scope=all").text
        assert operator.get("/v1/feedback/export?scope=everybody").status_code == 400


def test_what_is_closed_later_is_out_of_the_next_snapshot(office: Office) -> None:
    answer = office.ask(office.outsider, PARCELS)
    office.judged(office.outsider, answer, "Thirty days")
    assert office.snapshot(SHARED, "before").records == 1
    with office.live.http("operator") as operator:
        wiki = office.stores["wiki"]
        assert operator.post(f"/v1/vector_stores/{wiki}", json={"readers": ["group:hr"]}).status_code == 200
        assert office.snapshot(SHARED, "closed").records == 0
        assert operator.post(f"/v1/vector_stores/{wiki}", json={"readers": ["*"]}).status_code == 200
        assert office.snapshot(SHARED, "open again").records == 1
        assert operator.delete(f"/v1/vector_stores/{wiki}").status_code == 200
    assert office.snapshot(SHARED, "gone").records == 0


class Leaking(FirstSentencePolicy):
    """A version that learned the word by heart."""

    version = "v000009-extractive"

    def _answer(self, prompt: Any, sampling: Any) -> Any:
        from dataclasses import replace

        return replace(super()._answer(prompt, sampling), text=LEAKED, version=self.version)


def test_its_adapter_answers_nobody_else(office: Office) -> None:
    vault = Scope("collection", office.stores["vault"])
    arms = {SHARED: Arms(Loaded(FirstSentencePolicy())), vault: Arms(Loaded(Leaking(), scope=vault))}
    office.live.container.policies.swap(Snapshot(arms))
    assert LEAKED in json.dumps(office.ask(office.member, VAULT, "vault"))
    wiki, both = [office.stores["wiki"]], [office.stores["wiki"], office.stores["vault"]]
    for who in (office.outsider, office.member):
        for collections in (None, wiki):
            for model in ("groundloop", "groundloop@v000009-extractive", "v000009-extractive"):
                body = {"model": model, "messages": [{"role": "user", "content": PARCELS}], "collections": collections}
                response = who.post("/v1/chat/completions", json=body)
                assert response.status_code == (200 if model == "groundloop" else 404)
                assert LEAKED not in response.text
        assert Leaking.version not in who.get("/v1/models").text
    assert LEAKED not in json.dumps(office.ask(office.member, PARCELS, "wiki", "vault"))
    for collections in ([office.stores["vault"]], both):
        body = {"messages": [{"role": "user", "content": VAULT}], "collections": collections}
        assert office.outsider.post("/v1/chat/completions", json=body).status_code == 404
    # Closed to the member: from the next request on it is as if it did not exist.
    with office.live.http("operator") as operator:
        change = {"readers": ["group:it"]}
        assert operator.post(f"/v1/vector_stores/{office.stores['vault']}", json=change).status_code == 200
    body = {"messages": [{"role": "user", "content": VAULT}], "collections": [office.stores["vault"]]}
    assert office.member.post("/v1/chat/completions", json=body).status_code == 404
