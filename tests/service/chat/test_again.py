"""One more answer to the same prompt: from the passages shown then, comparable with the first, and part of no trial."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from service.chat.options import ChatOptions
from service.chat.trial import Note, TrialOptions
from service.scopes import SHARED
from service.versions.served import Loaded
from service.versions.snapshot import Arms, Snapshot
from tests.service.chat.test_records import stored
from tests.service.chat.world import HANDBOOK, Served, World, ask, http
from training.policy.base import ABSTENTION, Answer, Delta, Prompt, Sampling

Q = "How many days of vacation do employees get?"
PATH = "/chat/completions"
ONE, TWO, THREE = (
    "Employees get 30 days. [1]",
    "It is 30 days of paid vacation. [1]",
    "Thirty, of which some expire. [1]",
)


class Varied:
    """At temperature 0 the first of its answers; else the next one each time, as far as it has any."""

    version = "varied-1"

    def __init__(self, *texts: str, version: str = "varied-1") -> None:
        self.texts = texts
        self.version = version
        self.prompts: list[Prompt] = []
        self.drawn: list[tuple[int, float]] = []

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Give the answer in one piece."""
        answer = self.sample([prompt], 1, sampling)[0][0]
        yield Delta(answer.text, answer)

    def sample(
        self, prompts: Sequence[Prompt], n: int, sampling: Sampling, *, cancelled: Callable[[], bool] | None = None
    ) -> list[list[Answer]]:
        """Draw: alone always the first, together the first n."""
        self.prompts += prompts
        self.drawn.append((n, sampling.temperature))
        return [[self._answer(i, sampling) for i in range(n)] for _ in prompts]

    def _answer(self, i: int, sampling: Sampling) -> Answer:
        text = self.texts[min(i, len(self.texts) - 1)]
        return Answer(text, self.version, "stop", sampling, -0.5, 1, abstained=text == ABSTENTION)

    def close(self) -> None:
        """Nothing to release."""


@pytest.fixture
def policy() -> Varied:
    return Varied(ONE, TWO, THREE)


@pytest.fixture
def world(tmp_path: Path, redis_url: str, policy: Varied) -> World:
    return World(tmp_path / "home", redis_url, [policy], ChatOptions(trial=TrialOptions(pair_share=1.0)))


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with Served(world.app()) as server:
        yield server


@pytest.fixture
def client(served: Served, world: World) -> Iterator[httpx.Client]:
    with http(served, world) as client:
        yield client


def given(client: httpx.Client, question: str = Q, **more: Any) -> dict[str, Any]:
    response = client.post(PATH, json=ask(question, **more))
    assert response.status_code == 200, response.text
    choices = response.json()["choices"]
    assert len(choices) == 1
    return cast("dict[str, Any]", choices[0])


def test_another_answer_shares_the_prompt_and_says_what_it_is(
    client: httpx.Client, policy: Varied, redis_url: str
) -> None:
    first = given(client, metadata={"segment": "fr"})
    second = given(client, again=first["answer_id"])
    assert (first["message"]["content"], second["message"]["content"]) == (ONE, TWO)
    assert second["message"]["context"]["retrieved"] == first["message"]["context"]["retrieved"]
    assert "same" not in second["message"]["context"]
    assert second["recorded"]
    assert second["answer_id"] != first["answer_id"]
    before, after = stored(redis_url, first["answer_id"], second["answer_id"])
    assert before.prompt_id == after.prompt_id
    assert before.prompt == after.prompt == policy.prompts[0] == policy.prompts[-1]
    assert after.answer.sampling.temperature == 0.7
    assert Note.of(after.attributes) == Note("again", again=first["answer_id"])
    assert policy.drawn[-2:] == [(1, 0.7), (4, 0.7)]


def test_what_was_answered_before_comes_back_last(client: httpx.Client) -> None:
    first = given(client)
    texts = [given(client, again=first["answer_id"])["message"]["content"] for _ in range(2)]
    assert texts == [TWO, THREE]
    # Nothing new is left: then at least another one than the one that it was asked about.
    assert given(client, again=first["answer_id"])["message"]["content"] in (TWO, THREE)


def test_a_policy_that_knows_one_answer_says_so(client: httpx.Client, policy: Varied) -> None:
    policy.texts = (ONE,)
    first = given(client)
    second = given(client, again=first["answer_id"])
    assert second["message"]["content"] == ONE
    assert second["message"]["context"]["same"] is True


def test_streamed(client: httpx.Client) -> None:
    first = given(client)
    body = ask(Q, again=first["answer_id"], stream=True)
    with client.stream("POST", PATH, json=body) as response:
        events = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    assert events.pop() == "[DONE]"
    chunks = [json.loads(event)["choices"][0] for event in events]
    assert "".join(chunk["delta"].get("content", "") for chunk in chunks) == TWO
    assert chunks[-1]["answer_id"] not in (None, first["answer_id"])
    assert chunks[-1]["message"]["context"]["retrieved"] == first["message"]["context"]["retrieved"]


def test_the_request_names_the_temperature(client: httpx.Client, policy: Varied) -> None:
    first = given(client)
    given(client, again=first["answer_id"], temperature=1.5)
    assert {temperature for _, temperature in policy.drawn[1:]} == {1.5}


def test_where_nothing_was_found_nothing_is_drawn(client: httpx.Client, policy: Varied) -> None:
    first = given(client, "Who won the cup?")
    second = given(client, "Who won the cup?", again=first["answer_id"])
    assert second["message"]["content"] == ABSTENTION
    assert second["message"]["context"]["same"] is True
    assert not policy.drawn


def test_with_its_history(client: httpx.Client, redis_url: str) -> None:
    messages = [
        {"role": "user", "content": "Tell me about vacation of employees."},
        {"role": "assistant", "content": "Employees get vacation. [1]"},
        {"role": "user", "content": "How many days?"},
    ]
    body = {"model": "groundloop", "messages": messages}
    first = client.post(PATH, json=body).json()["choices"][0]["answer_id"]
    # The history is the recorded one, whatever the client has kept of it.
    second = client.post(PATH, json={**body, "messages": messages[-1:], "again": first}).json()["choices"][0]
    before, after = stored(redis_url, first, second["answer_id"])
    assert after.prompt == before.prompt
    assert len(after.prompt.history) == 2


def test_only_for_ones_own_answer_to_that_question(client: httpx.Client, served: Served, world: World) -> None:
    first = given(client)["answer_id"]
    stranger = world.keys.create("stranger")[1]
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {stranger}"}) as other:
        refused = other.post(PATH, json=ask(Q, again=first))
    unknown = client.post(PATH, json=ask(Q, again="ans_unknown"))
    for response in (refused, unknown):
        assert response.status_code == 404
        assert (response.json()["error"]["code"], response.json()["error"]["param"]) == ("answer_not_found", "again")
    another = client.post(PATH, json=ask("When does the office open?", again=first))
    assert (another.status_code, another.json()["error"]["param"]) == (400, "messages")
    several = client.post(PATH, json=ask(Q, again=first, n=2))
    assert several.status_code == 400
    assert client.post(PATH, json=ask(Q, again="")).status_code == 400


@pytest.mark.parametrize(
    "now",
    [
        (frozenset({"*"}), {}),
        (frozenset({"group:board"}), HANDBOOK),
        (frozenset({"*"}), {**HANDBOOK, "chk_1": "Employees get 25 days of paid vacation a year."}),
    ],
    ids=["deleted", "closed", "changed"],
)
def test_documents_that_are_gone_are_not_answered_from(
    client: httpx.Client, world: World, now: tuple[frozenset[str], Mapping[str, str]]
) -> None:
    first = given(client)["answer_id"]
    world.words.collections = {**world.words.collections, "handbook": now}
    response = client.post(PATH, json=ask(Q, again=first))
    assert (response.status_code, response.json()["error"]["code"]) == (409, "passages_changed")


def test_consent_is_no_more_than_the_first_answers(client: httpx.Client, redis_url: str) -> None:
    first = given(client, store=False)["answer_id"]
    second = given(client, again=first)["answer_id"]
    (record,) = stored(redis_url, second)
    assert record.consent is False


def test_it_is_part_of_no_trial_and_counts_for_no_version(world: World, policy: Varied, redis_url: str) -> None:
    candidate = Varied(ONE, TWO, version="varied-2")
    world.book.swap(Snapshot({SHARED: Arms(Loaded(policy), Loaded(candidate))}, share=1.0))
    counted: list[str] = []
    with Served(world.app()) as served, http(served, world) as client:
        world.tally.answered = lambda version, **_: counted.append(version)  # type: ignore[method-assign]
        first = given(client, model="groundloop")
        second = given(client, again=first["answer_id"])
        pinned = given(client, again=first["answer_id"], model="groundloop@varied-1", pairs=True)
    before, after, other = stored(redis_url, first["answer_id"], second["answer_id"], pinned["answer_id"])
    assert (before.answer.version, after.answer.version, other.answer.version) == ("varied-2", "varied-2", "varied-1")
    assert Note.of(before.attributes).trial == "varied-2"
    for record in (after, other):
        assert Note.of(record.attributes) == replace(Note("again"), again=first["answer_id"])
    assert counted == ["varied-2"]
