"""Streams that another thread may close."""

from __future__ import annotations

import threading

import pytest

from training.policy.base import Delta, PolicyUnavailable
from training.policy.streams import LazyStream, QueueStream


def test_pieces_come_in_order_and_end() -> None:
    stream = QueueStream()
    for text in "abc":
        assert stream.put(Delta(text))
    stream.finish()
    assert [delta.text for delta in stream] == ["a", "b", "c"]
    assert list(stream) == []


def test_an_error_comes_after_the_pieces_before_it() -> None:
    stream = QueueStream()
    stream.put(Delta("a"))
    stream.fail(PolicyUnavailable("gone"))
    assert next(stream).text == "a"
    with pytest.raises(PolicyUnavailable):
        next(stream)
    assert list(stream) == []


def test_closing_wakes_the_reader_and_tells_the_producer_once() -> None:
    closed: list[int] = []
    stream = QueueStream(lambda: closed.append(1))
    reader = threading.Thread(target=lambda: list(stream))
    reader.start()
    stream.close()
    stream.close()
    reader.join(5)
    assert not reader.is_alive()
    assert closed == [1]
    assert not stream.put(Delta("late"))
    stream.finish()


def test_closing_frees_a_producer_that_waits_for_a_slow_reader() -> None:
    stream = QueueStream()

    def produce() -> None:
        while stream.put(Delta("x")):
            pass

    producer = threading.Thread(target=produce)
    producer.start()
    while stream.room():
        pass
    stream.close()
    producer.join(5)
    assert not producer.is_alive()


def test_a_lazy_stream_works_when_read_and_stops_when_closed() -> None:
    made: list[int] = []

    def make() -> list[Delta]:
        made.append(1)
        return [Delta("a"), Delta("b")]

    stream = LazyStream(make)
    assert not made
    assert next(stream).text == "a"
    stream.close()
    assert list(stream) == []
