"""What is old moves out of Redis, and everything that could be read, judged and exported still can be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import fsspec
import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from service.archive import move as move_module
from service.archive.archive import Archive
from service.archive.erase import drop_before, erase_user
from service.archive.folder import ArchiveDamaged, LocalFolder, RemoteFolder
from service.archive.journal import Journal
from service.archive.move import move_old
from service.archive.reading import ArchivedRecord
from service.archive.rebuild import rebuild
from service.feedback.answers import AnswerStore
from service.feedback.browse import FeedbackFilter, browse
from service.feedback.errors import AnswerNotFound, NotTheAsker
from service.feedback.log import FeedbackLog
from service.feedback.records import Preference, Vote
from service.privacy.passages import drop_unshown
from tests.service.archive.conftest import ME, OTHER, record_keys, say_things
from tests.service.archive.conftest import exported as exported_live
from tests.service.archive.test_rebuild import with_tail

T = TypeVar("T")
NOW = 1e-9  # days: everything is old
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@dataclass
class World:
    """A Redis with an archive beside it."""

    url: str
    client: redis.Redis
    archive: Archive

    def ask(self, act: Callable[[AnswerStore, FeedbackLog], Awaitable[T]]) -> T:
        """Do something with the stores of an event loop."""

        async def scenario() -> T:
            async with AsyncRedis.from_url(self.url) as client:
                older = ArchivedRecord(client, self.archive)
                return await act(AnswerStore(client, older), FeedbackLog(client, older))

        return asyncio.run(scenario())

    def exported(self, **bounds: float) -> list[dict[str, Any]]:
        """Export every record, archived ones too."""

        async def act(answers: AnswerStore, log: FeedbackLog) -> list[dict[str, Any]]:
            from service.feedback.export import FeedbackExport

            export = FeedbackExport(log, answers)
            return [row async for batch in export.batches("records", **bounds) for row in batch]

        return self.ask(act)

    def held(self) -> dict[str, Any]:
        """Give what Redis holds of the record, without what is known of voters and the counts by day."""
        beside = ("gl:voters", "gl:days")
        return {name: value for name, value in record_keys(self.client).items() if not name.startswith(beside)}

    def move(self, **options: Any) -> Any:
        """Archive everything."""
        return move_old(self.client, self.archive, after_days=options.pop("after_days", NOW), **options)


@pytest.fixture(params=["local", "remote"])
def world(request: pytest.FixtureRequest, redis_url: str, client: redis.Redis, tmp_path: Path) -> Iterator[World]:
    remote = request.param == "remote"
    folder = RemoteFolder(f"memory://{tmp_path.name}/archive") if remote else LocalFolder(tmp_path / "archive")
    world = World(redis_url, client, Archive(folder, tmp_path / "index.db", look_s=0))
    yield world
    world.archive.close()
    fsspec.filesystem("memory").store.clear()


def test_everything_is_read_as_before(world: World) -> None:
    records = [say_things(world.url, number) for number in range(2)]
    rows = exported_live(world.url)
    done = world.move()
    assert (done.answers, done.judgements, done.batches, done.finished) == (8, 14, 1, True)
    drop_unshown(world.client)
    assert world.held() == {"gl:answers": [], "gl:feedback": []}
    assert world.exported() == rows
    middle = rows[3]["judged_at"]
    assert world.exported(since=middle) == rows[3:]
    assert world.exported(until=rows[2]["judged_at"]) == rows[:3]

    async def act(answers: AnswerStore, log: FeedbackLog) -> None:
        for one in records[0].all:
            assert await answers.get(one.answer_id) == one
        said = await log.history(records[0].alone.answer_id, voter=ME)
        assert [entry.stated for entry in said] == ["up", "down"]
        with pytest.raises(NotTheAsker):
            await log.history(records[0].alone.answer_id, voter=OTHER)
        with pytest.raises(AnswerNotFound):
            await log.history("ans_none", voter=ME, allowed=True)
        with pytest.raises(AnswerNotFound):
            await log.vote("ans_none", Vote("up"), voter=ME)
        assert await log.entry_ids_of(OTHER)
        pages = [await browse(log, FeedbackFilter(voter=voter), limit=50, history=True) for voter in (ME, OTHER)]
        assert [len(page.entries) for page in pages] == [8, 6]
        whole = await browse(log, FeedbackFilter(), limit=5, history=True)
        rest = await browse(log, FeedbackFilter(), limit=50, history=True, after=whole.last_id)
        assert len(whole.entries) + len(rest.entries) == 14
        kept = await answers.of_prompt(records[0].pair[0].prompt_id)
        assert kept == [one.answer_id for one in records[0].pair]

    world.ask(act)


def test_a_judgement_brings_an_answer_back(world: World) -> None:
    record = say_things(world.url)
    before = world.ask(lambda answers, log: log.history(record.alone.answer_id, voter=ME))
    world.move()

    async def act(answers: AnswerStore, log: FeedbackLog) -> None:
        same = await log.vote(record.alone.answer_id, Vote("up", {"helpful": 4}), voter=ME)
        assert (same.changed, same.entry_id) == (False, before[0].entry_id)
        changed = await log.vote(record.alone.answer_id, Vote("down"), voter=ME)
        assert (changed.changed, changed.replaced) == (True, before[0].entry_id)
        story = await log.history(record.alone.answer_id, voter=ME)
        assert [entry.stated for entry in story] == ["down", "up", "down"]
        ids = tuple(one.answer_id for one in record.pair)
        await log.prefer(Preference(ids, "tie", (1, 1)), voter=ME)

    world.ask(act)
    rows = world.exported()
    assert [row.get("rating") or row.get("outcome") for row in rows] == ["down", "down", "tie"]
    again = world.move()
    assert (again.answers, again.judgements) == (3, 2)
    assert world.exported() == rows
    drop_unshown(world.client)
    assert world.held() == {"gl:answers": [], "gl:feedback": []}


def test_what_is_young_or_lively_stays(world: World) -> None:
    record = say_things(world.url)
    assert world.move(after_days=1).answers == 0
    entry_ids = [entry_id for entry_id, _ in world.client.xrange("gl:answers")]
    world.client.delete("gl:answers")
    for place, (entry_id, one) in enumerate(zip(entry_ids, record.all, strict=True)):
        world.client.xadd("gl:answers", {"a": one.answer_id}, id=f"{place + 1}-0" if place < 3 else entry_id)
    assert world.move(after_days=1).answers == 0, "it was judged a moment ago"
    assert len(exported_live(world.url)) == 3


def test_a_crash_between_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    say_things(world.url)
    rows = exported_live(world.url)

    def die(*_: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(move_module, "run_together", die)
        with pytest.raises(RuntimeError, match="killed"):
            world.move()
    assert exported_live(world.url) == world.exported() == rows
    assert world.move().answers == 4
    assert world.exported() == rows


def test_a_vote_at_the_last_moment_keeps_the_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record = say_things(world.url)
    real = world.archive.add

    def voting(*args: Any) -> None:
        real(*args)
        world.ask(lambda _, log: log.vote(record.alone.answer_id, Vote("down"), voter=ME))

    monkeypatch.setattr(world.archive, "add", voting)
    assert world.move().answers == 3
    assert [row["rating"] for row in world.exported() if row["kind"] == "vote"] == ["down"]


def test_only_one_archives_and_not_too_often(world: World) -> None:
    world.client.set("gl:archive:lock", "other")
    say_things(world.url)
    assert world.move().why == "another process archives"
    world.client.delete("gl:archive:lock")
    assert world.move(most_units=2).as_dict() | {"batches": 0} == {
        "answers": 3,
        "judgements": 5,
        "batches": 0,
        "finished": False,
        "why": "there is more",
    }
    assert world.move(interval_s=60).answers == 1
    assert world.move(interval_s=60).why == "not due"


def test_the_index_is_made_again(world: World, tmp_path: Path) -> None:
    say_things(world.url)
    rows = exported_live(world.url)
    world.move()
    world.archive.close()
    for path in tmp_path.glob("index.db*"):
        path.unlink()
    assert world.exported() == rows


def test_a_person_is_erased(world: World, tmp_path: Path) -> None:
    record = say_things(world.url)
    with_tail(world.url, tmp_path / "journal", world.client)
    world.move()
    journal = Journal(tmp_path / "journal")
    gone = erase_user(world.archive, journal, ME)
    assert (gone.answers, gone.judgements, gone.batches) == (3, 5, 1)
    assert erase_user(world.archive, journal, ME).batches == 0
    rest = world.ask(lambda answers, _: answers.get_many([one.answer_id for one in record.all]))
    assert list(rest) == [record.others.answer_id]
    assert world.ask(lambda _, log: log.entry_ids_of(ME)) == []
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*.log"))
    held += b"".join(bytes(file.getbuffer()) for file in fsspec.filesystem("memory").store.values())
    held += b"".join(path.read_bytes() for path in (tmp_path / "archive").rglob("*") if path.is_file())
    assert ME.encode() not in held
    assert record.alone.answer_id.encode() not in held
    assert OTHER.encode() in held
    world.client.flushall()
    assert rebuild(world.client, journal, world.archive).answers == 0


def test_what_is_too_old_is_dropped(world: World, tmp_path: Path) -> None:
    say_things(world.url, 1)
    with_tail(world.url, tmp_path / "journal", world.client)
    world.move()
    between = world.client.time()
    say_things(world.url, 2)
    world.move()
    rows = world.exported()
    gone = drop_before(world.archive, Journal(tmp_path / "journal"), between[0] + between[1] / 1e6)
    assert (gone.answers, gone.judgements, gone.batches) == (4, 7, 1)
    assert gone.journal_items > 10
    assert world.exported() == rows[3:]


def test_damage_is_seen(redis_url: str, client: redis.Redis, tmp_path: Path) -> None:
    archive = Archive(LocalFolder(tmp_path / "archive"), tmp_path / "index.db")
    say_things(redis_url)
    move_old(client, archive, after_days=NOW)
    (batch,) = archive.folder.batches()
    archive.folder.verify(batch)
    path = next((tmp_path / "archive").rglob("answers.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ArchiveDamaged, match=r"answers\.parquet does not match"):
        archive.folder.verify(batch)
    archive.close()


def test_after_a_loss_only_what_is_not_archived_comes_back(world: World, tmp_path: Path) -> None:
    record = say_things(world.url, 1)
    with_tail(world.url, tmp_path / "journal", world.client)
    world.move()
    world.ask(lambda _, log: log.vote(record.others.answer_id, Vote("down"), voter=OTHER))
    say_things(world.url, 2)
    with_tail(world.url, tmp_path / "journal", world.client)
    rows = world.exported()
    world.client.flushall()
    assert world.exported() != rows
    assert rebuild(world.client, Journal(tmp_path / "journal"), world.archive).answers == 5
    assert world.exported() == rows


def test_what_another_host_archived_is_found(redis_url: str, client: redis.Redis, tmp_path: Path) -> None:
    """Two hosts with an index each and one archive: what one of them moves, the other reads at once."""
    folder = LocalFolder(tmp_path / "archive")
    mine, theirs = (Archive(folder, tmp_path / f"{name}.db") for name in ("mine", "theirs"))
    assert mine.is_empty()  # it looked just now, and will not look by itself for a minute
    record = say_things(redis_url)
    move_old(client, theirs, after_days=NOW)
    mine._looked -= 2.0  # the last look was two seconds ago

    async def scenario() -> None:
        async with AsyncRedis.from_url(redis_url) as connection:
            older = ArchivedRecord(connection, mine)
            assert await AnswerStore(connection, older).get(record.alone.answer_id) == record.alone

    asyncio.run(scenario())
    mine.close()
    theirs.close()
