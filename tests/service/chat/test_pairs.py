"""Two answers shown blind, over HTTP: who gets them, what is told, what is kept, what is learned of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from service.chat.options import ChatOptions
from service.chat.trial import Note, TrialOptions
from service.scopes import SHARED, Scope
from service.versions.served import Loaded
from service.versions.snapshot import Arms, Snapshot
from tests.service.chat.test_records import stored
from tests.service.chat.test_trial import Saying
from tests.service.chat.world import HANDBOOK, QuotingPolicy, Served, SlowPolicy, World, ask, http, passage

Q = "How many days of vacation do employees get?"
PATH = "/chat/completions"
DAYS, MARCH = "Employees get 30 days of paid vacation a year. [1]", "Unused days expire in March. [1]"
Serve = Callable[..., tuple[Served, World]]


@pytest.fixture
def serve(tmp_path: Path, redis_url: str) -> Iterator[Serve]:
    """Serve arms with every prompt in a pair, unless told otherwise."""
    servers: list[Served] = []

    def start(*arms: Any, share: float = 0.0, **options: Any) -> tuple[Served, World]:
        trial = TrialOptions(**{"pair_share": 1.0, "trial_pair_share": 1.0, **options})
        world = World(tmp_path / "home", redis_url, [arms[0]], ChatOptions(trial=trial))
        if len(arms) > 1:
            world.book.swap(Snapshot({SHARED: Arms(Loaded(arms[0]), Loaded(arms[1]))}, share=share))
        servers.append(Served(world.app()).__enter__())
        return servers[-1], world

    yield start
    for server in servers:
        server.__exit__()


def post(served: Served, world: World, **more: Any) -> dict[str, Any]:
    with http(served, world) as client:
        response = client.post(PATH, json=ask(Q, **more))
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def notes(redis_url: str, answer: dict[str, Any]) -> list[Note]:
    records = stored(redis_url, *(choice["answer_id"] for choice in answer["choices"]))
    return [Note.of(record.attributes) for record in records]


def test_two_answers_of_one_version_blind(serve: Serve, redis_url: str) -> None:
    served, world = serve(QuotingPolicy())
    answer = post(served, world, pairs=True)
    assert answer["pair"] is True
    assert answer["model"] == answer["system_fingerprint"] == "groundloop"
    assert {choice["message"]["content"] for choice in answer["choices"]} == {DAYS, MARCH}
    assert "quoting-1" not in json.dumps(answer)
    records = stored(redis_url, *(choice["answer_id"] for choice in answer["choices"]))
    assert [record.position for record in records] == [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert [record.answer.text for record in records] == [c["message"]["content"] for c in answer["choices"]]
    assert {record.answer.version for record in records} == {"quoting-1"}
    assert len({record.prompt_id for record in records}) == 1
    assert notes(redis_url, answer) == [Note(pair="learn")] * 2
    assert world.metrics.registry.get_sample_value("groundloop_pairs_total", {"why": "learn"}) == 1


def test_the_order_is_drawn(serve: Serve) -> None:
    served, world = serve(QuotingPolicy())
    first = {post(served, world, pairs=True)["choices"][0]["message"]["content"] for _ in range(20)}
    assert first == {DAYS, MARCH}


@pytest.mark.parametrize(
    "request_fields",
    [
        {},
        {"pairs": False},
        {"pairs": None},
        {"pairs": True, "n": 2},
        {"pairs": True, "model": "groundloop@quoting-1"},
        {"pairs": True, "store": False},
    ],
)
def test_nobody_else_is_shown_two(serve: Serve, request_fields: dict[str, Any]) -> None:
    served, world = serve(QuotingPolicy())
    answer = post(served, world, **request_fields)
    assert "pair" not in answer
    assert answer["model"] == "groundloop@quoting-1"
    assert answer["system_fingerprint"] == "quoting-1"
    assert len(answer["choices"]) == request_fields.get("n", 1)


def test_no_share_no_pair(serve: Serve) -> None:
    served, world = serve(QuotingPolicy(), pair_share=0.0)
    assert len(post(served, world, pairs=True)["choices"]) == 1


def test_what_cannot_be_a_flag_is_refused(serve: Serve) -> None:
    served, world = serve(QuotingPolicy())
    with http(served, world) as client:
        response = client.post(PATH, json=ask(Q, pairs="two"))
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "pairs"


def test_a_trial_shows_candidate_against_champion(serve: Serve, redis_url: str) -> None:
    served, world = serve(Saying("v1", DAYS), Saying("v2", MARCH))
    answer = post(served, world, pairs=True)
    assert answer["pair"] is True
    assert not {"v1", "v2"} & set(json.dumps(answer).replace('"', " ").split())
    records = stored(redis_url, *(choice["answer_id"] for choice in answer["choices"]))
    assert {(record.answer.version, record.answer.text) for record in records} == {("v1", DAYS), ("v2", MARCH)}
    found = {note.role: note for note in notes(redis_url, answer)}
    assert found == {
        "champion": Note(trial="v2", same=False, pair="trial"),
        "candidate": Note(role="candidate", trial="v2", same=False, pair="trial"),
    }
    assert world.metrics.registry.get_sample_value("groundloop_pairs_total", {"why": "trial"}) == 1


def test_where_they_say_the_same_one_answer_is_given_and_noted(serve: Serve, redis_url: str) -> None:
    served, world = serve(Saying("v1", DAYS), Saying("v2", DAYS))
    answer = post(served, world, pairs=True)
    assert "pair" not in answer
    assert answer["model"] == "groundloop@v1"
    assert notes(redis_url, answer) == [Note(trial="v2", same=True)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("theirs", "same"), [(DAYS, True), (MARCH, False)])
def test_every_answer_of_a_trial_says_whether_the_other_arm_agrees(
    serve: Serve, redis_url: str, theirs: str, same: bool, stream: bool
) -> None:
    served, world = serve(Saying("v1", DAYS), Saying("v2", theirs), share=1.0, shadow=True)
    if stream:
        with http(served, world) as client:
            lines = client.post(PATH, json=ask(Q, stream=True)).text.splitlines()
        chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
        answer = {"choices": [choice for chunk in chunks for choice in chunk["choices"] if choice.get("answer_id")]}
    else:
        answer = post(served, world)
    assert notes(redis_url, answer) == [Note("candidate", trial="v2", same=same)]


def test_shares_and_probabilities_are_noted(serve: Serve, redis_url: str) -> None:
    served, world = serve(Saying("v1", DAYS), Saying("v2", MARCH), share=0.2)
    [note] = notes(redis_url, post(served, world))
    assert note.same is None  # the shadow is off
    assert note.propensity == (0.8 if note.role == "champion" else 0.2)


def test_a_candidate_that_fails_beside_costs_nobody_an_answer(serve: Serve, redis_url: str) -> None:
    served, world = serve(Saying("v1", DAYS), Saying("v2", RuntimeError("broken")), shadow=True)
    for pairs in (True, False):
        answer = post(served, world, pairs=pairs)
        assert answer["choices"][0]["message"]["content"] == DAYS
        assert notes(redis_url, answer) == [Note(trial="v2")]


def test_the_one_collection_named_is_noted(serve: Serve, redis_url: str) -> None:
    served, world = serve(QuotingPolicy(), pair_share=0.0)
    assert notes(redis_url, post(served, world, collections=["handbook"])) == [Note(named="handbook")]
    assert notes(redis_url, post(served, world)) == [Note()]


@pytest.mark.parametrize(("ours", "same"), [(MARCH, False), (DAYS, True)])
def test_a_candidate_that_learned_to_search_is_asked_with_what_it_found(
    serve: Serve, redis_url: str, monkeypatch: pytest.MonkeyPatch, ours: str, same: bool
) -> None:
    served, world = serve(Saying("v1", DAYS), shadow=True)
    candidate = Saying("v2", ours)
    plain = world.words.asearch

    def moved(name: str) -> Any:
        raise AssertionError("only handed on")

    async def search(*args: Any, encoder_for: Any = None, **more: Any) -> Any:
        found = await plain(*args, **more)
        other = passage("chk_2", HANDBOOK["chk_2"], "handbook", 0.1)
        return [*found, other] if encoder_for is moved else found

    monkeypatch.setattr(world.words, "asearch", search)
    arms = Arms(Loaded(Saying("v1", DAYS)), Loaded(candidate, questions=moved))
    world.book.swap(Snapshot({SHARED: arms}, share=0.0))
    answer = post(served, world, pairs=True)
    assert "pair" not in answer  # answers to different passages cannot be compared
    assert notes(redis_url, answer) == [Note(trial="v2", same=same)]
    [asked] = candidate.asked
    assert [one.chunk_id for one in asked.passages] == ["chk_1", "chk_2"]
    [record] = stored(redis_url, answer["choices"][0]["answer_id"])
    assert [one.chunk_id for one in record.prompt.passages] == ["chk_1"]


def test_a_segment_gets_its_own_version_and_nobody_else_does(serve: Serve, redis_url: str) -> None:
    served, world = serve(Saying("v1", DAYS))
    own = Arms(Loaded(Saying("v2", MARCH), scope=Scope("segment", "de")))
    shared = Arms(Loaded(Saying("v1", DAYS)))
    world.book.swap(Snapshot({SHARED: shared, Scope("segment", "de"): own}))
    inside = post(served, world, metadata={"segment": "de"})
    assert inside["model"] == "groundloop@v2"
    assert notes(redis_url, inside) == [Note(scope=Scope("segment", "de"))]
    for other in ({}, {"metadata": {"segment": "fr"}}):
        assert post(served, world, **other)["model"] == "groundloop@v1"
    with http(served, world) as client:
        assert client.post(PATH, json=ask(Q, model="groundloop@v2")).status_code == 404


def test_a_restricted_collections_version_answers_its_readers_alone(serve: Serve, redis_url: str) -> None:
    served, world = serve(Saying("v1", DAYS))
    board = Scope("collection", "board")
    own = Arms(Loaded(Saying("v2", "The merger with Initech closes in June. [1]"), scope=board))
    world.book.swap(Snapshot({SHARED: Arms(Loaded(Saying("v1", DAYS))), board: own}))
    member = world.keys.create("member", groups=frozenset({"board"}))[1]
    question = ask("When does the merger with Initech close?", collections=["board"])
    with http(served, world) as client:
        answered = client.post(PATH, json=question, headers={"Authorization": f"Bearer {member}"}).json()
        assert answered["model"] == "groundloop@v2"
        assert notes(redis_url, answered) == [Note(scope=board, named="board")]
        assert client.post(PATH, json=question).status_code == 404
        # Even its reader gets it only where nothing but that collection was asked for.
        for more in ({"collections": ["board", "handbook"]}, {"collections": None}):
            both = client.post(PATH, json={**question, **more}, headers={"Authorization": f"Bearer {member}"})
            assert both.json()["model"] == "groundloop@v1"
        pinned = client.post(PATH, json={**question, "collections": None, "model": "groundloop@v2"})
        assert pinned.status_code == 404


@pytest.mark.parametrize("pairs", [None, True])
def test_the_official_client_reads_both(serve: Serve, pairs: bool | None) -> None:
    served, world = serve(QuotingPolicy())
    messages: Any = [{"role": "user", "content": Q}]
    extra = {"pairs": pairs} if pairs else None
    with openai.OpenAI(base_url=served.url, api_key=world.key, max_retries=0) as sdk:
        whole: Any = sdk.chat.completions.create(model="groundloop", messages=messages, extra_body=extra)
        chunks: list[Any] = list(
            sdk.chat.completions.create(
                model="groundloop",
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
                extra_body=extra,
            )
        )
    count = 2 if pairs else 1
    assert [choice.index for choice in whole.choices] == list(range(count))
    assert getattr(whole, "pair", None) is pairs
    assert whole.usage.completion_tokens == 7 * count
    assert len({(chunk.id, chunk.model) for chunk in chunks}) == 1
    assert chunks[0].model == ("groundloop" if pairs else "groundloop@quoting-1")
    assert {getattr(chunk, "pair", None) for chunk in chunks} == {pairs}
    text = ["", ""]
    for chunk in chunks:
        for choice in chunk.choices:
            text[choice.index] += choice.delta.content or ""
    assert sorted(filter(None, text)) == sorted([DAYS, MARCH][:count])
    finals = [choice for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert [choice.index for choice in finals] == list(range(count))
    assert all(choice.answer_id for choice in finals)
    assert chunks[-1].usage.completion_tokens == 7 * count


def test_a_stream_keeps_its_line_while_both_are_made(serve: Serve) -> None:
    served, world = serve(SlowPolicy(delay_s=0.05, words=6))
    world.chat.options = ChatOptions(
        heartbeat_s=0.05, headers_wait_s=0.05, trial=TrialOptions(pair_share=1.0, trial_pair_share=1.0)
    )
    with http(served, world) as client:
        lines = client.post(PATH, json=ask(Q, stream=True, pairs=True)).text.splitlines()
    pings = [number for number, line in enumerate(lines) if line.startswith(":")]
    first = next(number for number, line in enumerate(lines) if line.startswith("data"))
    assert pings
    assert pings[0] < first
    assert lines[-2] == "data: [DONE]"


def test_a_failure_before_the_first_word_is_told_in_the_stream(serve: Serve) -> None:
    served, world = serve(Saying("v1", RuntimeError("a bug")), Saying("v2", MARCH))
    with http(served, world) as client:
        response = client.post(PATH, json=ask(Q, stream=True, pairs=True))
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
