"""Two tenants on one server, hundreds of random moves: nobody ever sees, guesses or changes what is the other's."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.http_world import LiveServer, light_settings, running

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

STEPS = 400
TENANTS = ("acme", "beta")


@dataclass
class Store:
    """A vector store and what is in it: the word that only this document has, by file id."""

    store_id: str
    tenant: str
    words: dict[str, str] = field(default_factory=dict)
    batches: list[str] = field(default_factory=list)


@dataclass
class Asked:
    """An answer: who asked, and the stores it drew on."""

    answer_id: str
    person: str
    stores: frozenset[str]


class Walk:
    """The moves, the model of who may see what, and the comparison of the two after every move."""

    def __init__(self, live: LiveServer, seed: int) -> None:
        self.random = random.Random(seed)
        self.live = live
        self.operator = live.http("operator")
        # Two people a tenant: what one asked the other may judge, because both read the stores it came from.
        self.people: dict[str, httpx.Client] = {}
        for tenant in TENANTS:
            for number in (1, 2):
                _, secret = live.container.keys.create(tenant, groups=frozenset({tenant}), requests_per_minute=0)
                self.people[f"{tenant}/{number}"] = live.http(key=secret)
        self.stores: dict[str, Store] = {}
        self.answers: list[Asked] = []
        self.gone: list[str] = []  # words of what was taken out
        self.counter = 0
        self.refusals = 0

    def close(self) -> None:
        """Close the clients."""
        for client in (self.operator, *self.people.values()):
            client.close()

    def step(self) -> None:
        """Make one random move."""
        moves: list[Callable[[], None]] = [
            self.make_store,
            self.upload,
            self.upload,
            self.upload_batch,
            self.take_out,
            self.hand_over,
            self.delete_store,
            *[self.search] * 4,
            *[self.ask] * 4,
            *[self.judge] * 3,
            *[self.pry] * 6,
            *[self.pry_answer] * 3,
            *[self.lists] * 2,
        ]
        self.random.choice(moves)()

    # What operators do

    def make_store(self) -> None:
        tenant = self.random.choice(TENANTS)
        if sum(store.tenant == tenant for store in self.stores.values()) >= 3:
            return
        made = self.operator.post("/v1/vector_stores", json={"name": tenant, "readers": [f"group:{tenant}"]}).json()
        self.stores[made["id"]] = Store(made["id"], tenant)

    def upload(self) -> None:
        if store := self.any_store():
            file_id = self.new_file(store)
            added = self.operator.post(f"/v1/vector_stores/{store.store_id}/files", json={"file_id": file_id})
            assert added.is_success
            self.live.ingest()

    def upload_batch(self) -> None:
        if store := self.any_store():
            files = [self.new_file(store) for _ in range(2)]
            path = f"/v1/vector_stores/{store.store_id}/file_batches"
            store.batches.append(self.operator.post(path, json={"file_ids": files}).json()["id"])
            self.live.ingest()

    def take_out(self) -> None:
        store = self.any_store()
        if store and store.words:
            file_id = self.random.choice(sorted(store.words))
            inside = f"/v1/vector_stores/{store.store_id}/files/{file_id}"
            path = self.random.choice([inside, f"/v1/files/{file_id}"])
            assert self.operator.delete(path).is_success
            self.gone.append(store.words.pop(file_id))

    def hand_over(self) -> None:
        if (store := self.any_store()) and self.random.random() < 0.4:
            store.tenant = next(tenant for tenant in TENANTS if tenant != store.tenant)
            readers = {"readers": [f"group:{store.tenant}"]}
            assert self.operator.post(f"/v1/vector_stores/{store.store_id}", json=readers).is_success

    def delete_store(self) -> None:
        if (store := self.any_store()) and self.random.random() < 0.3:
            assert self.operator.delete(f"/v1/vector_stores/{store.store_id}").is_success
            self.gone += store.words.values()
            del self.stores[store.store_id]

    # What people do with what is theirs

    def search(self) -> None:
        person = self.any_person()
        store = self.any_store(of=tenant_of(person))
        if store is not None:
            words = " ".join(["secret", *self.random.sample(self.all_words(), min(4, len(self.all_words())))])
            path = f"/v1/vector_stores/{store.store_id}/search"
            found = self.people[person].post(path, json={"query": words, "max_num_results": 50})
            assert found.status_code == 200
            assert {item["file_id"] for item in found.json()["data"]} <= set(store.words)
            self.check(person, found, but=words)

    def ask(self) -> None:
        person = self.any_person()
        mine = [store for store in self.stores.values() if store.tenant == tenant_of(person)]
        named = self.random.sample(mine, self.random.randint(0, len(mine)))
        question = " ".join(
            ["What is the secret", *self.random.sample(self.all_words(), min(3, len(self.all_words())))]
        )
        body: dict[str, Any] = {"messages": [{"role": "user", "content": question}], "n": self.random.choice([1, 1, 2])}
        if named:
            body["collections"] = [store.store_id for store in named]
        answered = self.people[person].post("/v1/chat/completions", json=body)
        assert answered.status_code == 200
        self.check(person, answered, but=question)
        for choice in answered.json()["choices"]:
            shown = {item["document_id"] for item in choice["message"]["context"]["retrieved"]}
            drawn = frozenset(store.store_id for store in mine if shown & set(store.words))
            assert shown <= {file_id for store in named or mine for file_id in store.words}
            stores = frozenset(store.store_id for store in named) or drawn
            self.answers.append(Asked(choice["answer_id"], person, stores))

    def judge(self) -> None:
        person = self.any_person()
        mine = [answer for answer in self.answers if self.may_judge(person, answer)]
        if mine:
            path = f"/v1/answers/{self.random.choice(mine[-20:]).answer_id}/vote"
            body = self.random.choice([{"rating": "up", "comment": person}, {"rating": "down"}, {"rating": None}])
            assert self.people[person].put(path, json=body).status_code == 200
            seen = self.people[person].get(path)
            assert seen.status_code == 200
            for other in self.people:
                assert other == person or other not in seen.text  # each sees their own vote alone
            self.check(person, seen)

    def lists(self) -> None:
        person = self.any_person()
        mine = [store for store in self.stores.values() if store.tenant == tenant_of(person)]
        stores = self.people[person].get("/v1/vector_stores", params={"limit": 100})
        files = self.people[person].get("/v1/files", params={"limit": 1000})
        assert {item["id"] for item in stores.json()["data"]} == {store.store_id for store in mine}
        assert {item["id"] for item in files.json()["data"]} == {file_id for store in mine for file_id in store.words}

    # What people try with what is not

    def pry(self) -> None:
        person = self.any_person()
        theirs = [store for store in self.stores.values() if store.tenant != tenant_of(person)]
        if not theirs:
            return
        other = self.random.choice(theirs)
        own = self.any_store(of=tenant_of(person))
        store, file = other.store_id, self.random.choice([*other.words, "file-none"])
        batch = self.random.choice([*other.batches, "batch-none"])
        inside = f"/v1/vector_stores/{store}"
        message = {"messages": [{"role": "user", "content": "What is the secret?"}], "collections": [store]}
        if own is not None and self.random.random() < 0.5:
            message["collections"] = [own.store_id, store]
        mine = own.store_id if own else "vs_none"
        method, path, body = self.random.choice(
            [
                ("GET", inside, None),
                ("GET", f"{inside}/files", None),
                ("GET", f"{inside}/files/{file}", None),
                ("GET", f"{inside}/files/{file}/content", None),
                ("GET", f"{inside}/file_batches/{batch}", None),
                ("GET", f"{inside}/file_batches/{batch}/files", None),
                ("POST", f"{inside}/search", {"query": "secret"}),
                ("GET", f"/v1/files/{file}", None),
                ("GET", f"/v1/files/{file}/content", None),
                ("GET", f"/v1/vector_stores/{mine}/files/{file}", None),
                ("GET", f"/v1/vector_stores/{mine}/files/{file}/content", None),
                ("GET", f"/v1/vector_stores/{mine}/file_batches/{batch}", None),
                ("POST", "/v1/chat/completions", message),
            ]
        )
        self.refused(person, method, path, body, {store: "vs_none", file: "file-none", batch: "batch-none"})

    def pry_answer(self) -> None:
        person = self.any_person()
        theirs = [answer for answer in self.answers[-30:] if not self.may_judge(person, answer)]
        if not theirs:
            return
        answer_id = self.random.choice(theirs).answer_id
        path = f"/v1/answers/{answer_id}/vote"
        mine = [answer.answer_id for answer in self.answers if self.may_judge(person, answer)]
        beside = self.random.choice([*mine[-5:], "ans_other"])
        pair = {"answers": self.random.choice([[answer_id, beside], [beside, answer_id]]), "outcome": "tie"}
        method, path, body = self.random.choice(
            [("GET", path, None), ("PUT", path, {"rating": "up"}), ("POST", "/v1/preferences", pair)]
        )
        self.refused(person, method, path, body, {answer_id: "ans_none"})

    def refused(self, person: str, method: str, path: str, body: Any, renamed: dict[str, str]) -> None:
        """Check that a request for what exists is answered like one for what does not."""

        def rename(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: rename(item) for key, item in value.items()}
            if isinstance(value, list):
                return [rename(item) for item in value]
            for name, nothing in renamed.items():
                value = value.replace(name, nothing) if isinstance(value, str) else value
            return value

        told = self.people[person].request(method, path, json=body)
        nothing = self.people[person].request(method, rename(path), json=rename(body))
        assert told.status_code == nothing.status_code == 404, (method, path, told.status_code, nothing.status_code)
        assert rename(told.text) == nothing.text
        self.check(person, told)
        self.refusals += 1

    # The model

    def check(self, person: str, response: httpx.Response, *, but: str = "") -> None:
        """Look for words of documents that this person may not read; `but` is what was asked, and may come back."""
        allowed = set(but.split())
        for store in self.stores.values():
            if store.tenant != tenant_of(person):
                for word in {*store.words.values()} - allowed:
                    assert word not in response.text
        for word in {*self.gone} - allowed:
            assert word not in response.text
        for word in allowed:  # what was asked may be repeated, what was written around it may not
            if word in self.gone or any(
                word in store.words.values() for store in self.stores.values() if store.tenant != tenant_of(person)
            ):
                assert f"{word} is the secret" not in response.text

    def may_judge(self, person: str, answer: Asked) -> bool:
        """The asker, and whoever reads every store it drew on, if any."""
        return (
            person == answer.person
            or bool(answer.stores)
            and all(store in self.stores and self.stores[store].tenant == tenant_of(person) for store in answer.stores)
        )

    def any_person(self) -> str:
        return self.random.choice(sorted(self.people))

    def any_store(self, *, of: str | None = None) -> Store | None:
        stores = [store for store in self.stores.values() if of is None or store.tenant == of]
        return self.random.choice(stores) if stores else None

    def all_words(self) -> list[str]:
        return sorted({*self.gone, *(word for store in self.stores.values() for word in store.words.values())})

    def new_file(self, store: Store) -> str:
        self.counter += 1
        word = f"zq{self.counter:04d}x{self.random.randrange(10**6)}"
        text = f"{word} is the secret of document {self.counter}. Nobody else knows it."
        upload = {"file": (f"{self.counter}.md", text.encode())}
        file_id = str(self.operator.post("/v1/files", files=upload).json()["id"])
        store.words[file_id] = word
        return file_id


def tenant_of(person: str) -> str:
    """Give the tenant of a person."""
    return person.partition("/")[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tenants_never_meet(tmp_path: Path, redis_url: str, seed: int) -> None:
    with running(light_settings(tmp_path, redis_url, votes_per_minute=0)) as live:
        walk = Walk(live, seed)
        try:
            for _ in range(4):
                walk.make_store()
            for number in range(STEPS):
                try:
                    walk.step()
                except AssertionError as error:
                    raise AssertionError(f"seed {seed}, step {number}") from error
        finally:
            walk.close()
        assert walk.refusals > STEPS / 10
        assert len(walk.answers) > STEPS / 20
