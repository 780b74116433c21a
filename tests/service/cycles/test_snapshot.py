"""The snapshot of a cycle: what is in it, what is not and why, on a real Redis and a real catalog."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from retrieval.catalog import Catalog
from retrieval.durable import verify_directory
from service.archive.places import archive
from service.cycles.reading import GONE, TAKEN_BACK
from service.cycles.snapshot import SnapshotInfo, write_snapshot
from service.feedback import keys
from service.feedback.records import Preference, Vote
from service.privacy.consent import Consents
from service.scopes import NAMED, RESTRICTED, SHARED, Scope
from service.settings import Settings
from tests.service.cycles.filling import DOWN, Fill, Log, fill_log
from tests.service.feedback.samples import make_prompt, make_record
from training.datasets.standing import NO_CONSENT, REPLACED, VOTER_EXCLUDED
from training.records.read import read_records


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=redis_url)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _snapshot(settings: Settings, fill: Fill, scope: Scope = SHARED, name: str = "job") -> SnapshotInfo:
    fill_log(settings, fill)
    return write_snapshot(settings, scope, settings.home / "training" / name)


def _left_out(info: SnapshotInfo) -> dict[str, str]:
    return {line["entry"]: line["reason"] for line in _lines(info.files["left_out.jsonl"])}


def test_what_stands_is_in_and_everything_else_has_a_reason(settings: Settings) -> None:
    entries: dict[str, str] = {}

    async def fill(log: Log) -> None:
        for name in ("kept", "changed", "taken", "mine", "gone", "bad"):
            consent = name != "mine"
            answer = await log.answer(name, consent=consent)
            entries[name] = await log.vote(answer, voter=f"key:{name}")
            if name == "changed":
                entries["later"] = await log.vote(answer, DOWN, voter="key:changed")
            if name == "taken":
                entries["withdrawal"] = await log.vote(answer, Vote(), voter="key:taken")
            if name == "gone":
                await log.client.delete(keys.answer(answer))
        await log.voters.exclude("key:bad", "sells shoes", by="key:op")

    info = _snapshot(settings, fill)

    assert [row["record_id"] for row in _lines(info.files["records.jsonl"])] == [entries["kept"], entries["later"]]
    assert _left_out(info) == {
        entries["changed"]: REPLACED,
        entries["taken"]: REPLACED,
        entries["withdrawal"]: TAKEN_BACK,
        entries["mine"]: NO_CONSENT,
        entries["gone"]: GONE,
        entries["bad"]: VOTER_EXCLUDED,
    }
    assert info.records == 2
    assert info.left_out == {REPLACED: 2, TAKEN_BACK: 1, NO_CONSENT: 1, GONE: 1, VOTER_EXCLUDED: 1}
    assert info.last_id == entries["bad"]
    read = read_records(info.files["records.jsonl"])
    assert read.refused == 0
    assert [record.rating for record in read.records] == ["up", "down"]
    assert info.until - info.since == pytest.approx(75 * 86_400 * 6.6439, rel=1e-3)  # half-lives down to 1 %


def test_the_same_log_gives_the_same_bytes_and_a_taken_snapshot_stays(settings: Settings) -> None:
    async def fill(log: Log) -> None:
        answers = [await log.answer(f"text {n}") for n in range(30)]
        for answer in answers[::2]:
            await log.vote(answer)
        both = [make_record(text, prompt=make_prompt(question="Which?", collections=())) for text in ("one", "two")]
        await log.answers.record_all(both)
        pair = Preference((both[0].answer_id, both[1].answer_id), "first", (1, 2))
        await log.log.prefer(pair, voter="key:p", allowed=True)

    async def more(log: Log) -> None:
        await log.vote(await log.answer("later"))

    first = _snapshot(settings, fill)
    second = write_snapshot(settings, SHARED, settings.home / "training" / "other")
    assert second.digest == first.digest
    assert second.files["prompts.jsonl"].read_bytes() == first.files["prompts.jsonl"].read_bytes()
    verify_directory(first.directory)

    fill_log(settings, more)
    assert write_snapshot(settings, SHARED, settings.home / "training" / "job") == first
    third = write_snapshot(settings, SHARED, settings.home / "training" / "third")
    assert (third.records, first.records) == (17, 16)
    assert third.digest != first.digest


def test_a_restricted_collection_teaches_only_its_own_scope(settings: Settings) -> None:
    entries: dict[str, str] = {}
    ids: dict[str, str] = {}
    with closing(Catalog.open(settings.home)) as catalog:
        for name, readers in (("open", "*"), ("closed", "group:hr"), ("other", "group:it")):
            made = catalog.create_collection(name, embedding_model="hashing", readers=frozenset({readers}))
            ids[name] = made.collection_id

    async def fill(log: Log) -> None:
        named = {NAMED: ids["closed"]}
        for name, collections, attributes in (
            ("open", ("open",), {}),
            ("unnamed", ("closed",), {}),
            ("named", ("closed",), named),
            ("mixed", ("open", "closed"), named),
            ("elsewhere", ("other",), {NAMED: ids["other"]}),
        ):
            used = tuple(ids[one] for one in collections)
            entries[name] = await log.vote(await log.answer(name, collections=used, attributes=attributes))
        entries["deleted"] = await log.vote(await log.answer("deleted", collections=("vs_gone",)))

    shared = _snapshot(settings, fill)
    own = write_snapshot(settings, Scope("collection", ids["closed"]), settings.home / "training" / "own")
    segment = write_snapshot(settings, Scope("segment", "en"), settings.home / "training" / "segment")

    assert [row["record_id"] for row in _lines(shared.files["records.jsonl"])] == [entries["open"]]
    assert {entry for entry, reason in _left_out(shared).items() if reason == RESTRICTED} == {
        entries[name] for name in ("unnamed", "named", "mixed", "elsewhere", "deleted")
    }
    assert [row["record_id"] for row in _lines(own.files["records.jsonl"])] == [entries["open"], entries["named"]]
    assert set(_left_out(own)) == {entries[name] for name in ("unnamed", "mixed", "deleted")}
    assert segment.digest == shared.digest
    for info, texts in ((shared, {"open"}), (own, {"open", "named"})):
        assert {row["answer"]["text"] for row in _lines(info.files["prompts.jsonl"])} == texts


def test_what_is_too_old_is_not_read(settings: Settings) -> None:
    async def fill(log: Log) -> None:
        answer = await log.answer("old")
        fields: Any = {
            "k": "vote",
            "a": answer,
            "q": "p",
            "u": "key:v",
            "v": "1",
            "s": "",
            "r": "up",
            "c": "1",
            "p": "",
        }
        await log.client.xadd(keys.FEEDBACK, {**fields, "p": "", "d": "{}"}, id="1000-0")
        await log.client.hset(keys.votes(answer), "key:v", "1000-0 x")
        await log.vote(await log.answer("new"))

    info = _snapshot(settings, fill)

    assert info.records == 1
    assert info.left_out == {}


def test_what_was_archived_is_still_learned_from(settings: Settings) -> None:
    async def fill(log: Log) -> None:
        for n in range(5):
            await log.vote(await log.answer(f"text {n}"), voter=f"key:{n}")

    async def is_empty(log: Log) -> None:
        assert await log.client.xlen(keys.FEEDBACK) == 0

    before = _snapshot(settings, fill)
    archive(settings.model_copy(update={"archive_after_days": 1e-9}))
    fill_log(settings, is_empty)
    after = write_snapshot(settings, SHARED, settings.home / "training" / "after")

    assert (before.records, after.digest) == (5, before.digest)


def test_an_empty_log_gives_an_empty_snapshot(settings: Settings) -> None:
    async def fill(log: Log) -> None:
        return

    info = _snapshot(settings, fill)

    assert (info.records, info.last_id, info.prompts) == (0, "", 0)


def test_the_sample_of_served_prompts_says_what_was_judged(settings: Settings) -> None:
    async def fill(log: Log) -> None:
        answers = [await log.answer(f"text {n}") for n in range(6)]
        await log.answer("private", consent=False)
        await log.vote(answers[0])
        await log.answer("flood", user="key:bad")
        await log.voters.exclude("key:bad", "flood", by="key:op")

    info = _snapshot(settings, fill)
    rows = _lines(info.files["prompts.jsonl"])

    assert info.prompts == len(rows) == 6
    assert {row["answer"]["text"]: row["judged"] for row in rows} == {f"text {n}": n == 0 for n in range(6)}


def test_what_people_said_of_training_holds_for_voters_and_askers(settings: Settings) -> None:
    entries: dict[str, str] = {}

    async def fill(log: Log) -> None:
        for name in ("voter", "asker", "both"):
            answer = await log.answer(name, user=f"key:asks-{name}")
            entries[name] = await log.vote(answer, voter=f"key:votes-{name}")
        consents = Consents(log.client)
        await consents.put("key:votes-voter", False)
        await consents.put("key:asks-asker", False)

    info = _snapshot(settings, fill)

    assert [row["record_id"] for row in _lines(info.files["records.jsonl"])] == [entries["both"]]
    assert _left_out(info) == {entries["voter"]: NO_CONSENT, entries["asker"]: NO_CONSENT}
    assert {row["answer"]["text"] for row in _lines(info.files["prompts.jsonl"])} == {"voter", "both"}


def test_personal_data_do_not_reach_the_files(settings: Settings) -> None:
    async def fill(log: Log) -> None:
        prompt = make_prompt(question="Write to ann@example.org?", resolved_question="", collections=())
        answer = await log.answer("Ask ann@example.org.", prompt=prompt)
        await log.vote(answer, Vote("down", comment="ann@example.org", correction="Call ann@example.org."))

    info = _snapshot(settings, fill)

    for path in info.files.values():
        assert b"ann@example.org" not in path.read_bytes()
    assert _lines(info.files["records.jsonl"])[0]["correction"] == "Call <EMAIL_1>."
