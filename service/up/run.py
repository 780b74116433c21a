"""The course of `groundloop up`: check, start, tell, watch, stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from service.access.keys import ADMIN_KEY_FILE, make_first_key
from service.access.sessions import make_first_link, sign_in_url
from service.client.errors import ClientError
from service.settings import Settings
from service.up.docs import ingest_own_docs, summary
from service.up.preflight import check_port, take_home
from service.up.supervisor import Say, Supervisor

QUESTION = "Who may vote on an answer?"


def up(settings: Settings, say: Say, *, with_docs: bool = True) -> None:
    """Run everything until SIGINT or SIGTERM.

    Args:
        settings: Where and how.
        say: Told what happens, for a person.
        with_docs: Whether to keep the collection of Groundloop's own documentation up to date.

    Raises:
        ClientError: Clash for a home or port that is in use, Unavailable when something does not come up.
    """
    lock = take_home(settings.home)
    try:
        check_port(settings.host, settings.port)
        supervisor = Supervisor(settings, say)
        _stop_on_signal(supervisor.stop)
        first_key = make_first_key(settings.home)
        say("starting", f"starting Groundloop in {settings.home}")
        try:
            supervisor.start()
            if not supervisor.stop.is_set():
                _tell(settings, supervisor.url, first_key, say)
                if with_docs:
                    threading.Thread(
                        target=_docs, args=(settings, supervisor.url, say), name="docs", daemon=True
                    ).start()
                supervisor.watch()
        finally:
            say("stopping", "stopping: open answers finish first")
            supervisor.shut_down()
            say("stopped", f"stopped; everything is kept in {settings.home}")
    finally:
        lock.release()


def _tell(settings: Settings, url: str, first_key: str | None, say: Say) -> None:
    key_file = settings.home / ADMIN_KEY_FILE
    say("ready", f"Groundloop is ready: {url}")
    if (made := make_first_link(settings.home)) is not None:
        again = "signs one browser in, within 15 minutes; `groundloop link` makes another"
        say("open", f"open {sign_in_url(url, made[1])}\n  ({again})")
    say(
        "key",
        f"your first key: {first_key}  (shown once, kept in {key_file})" if first_key else f"your key is in {key_file}",
    )
    body = f'{{"model": "groundloop", "messages": [{{"role": "user", "content": "{QUESTION}"}}]}}'
    say(
        "try",
        f"try it:\n  curl -s {url}/v1/chat/completions -H \"Authorization: Bearer $(cat '{key_file}')\""
        f" -H 'Content-Type: application/json' \\\n    -d '{body}'",
    )


def _docs(settings: Settings, url: str, say: Say) -> None:
    try:
        told = summary(ingest_own_docs(url, settings.home))
    except ClientError as error:
        told = f"the documentation was not ingested: {error}"
    if told:
        say("docs", told)


def _stop_on_signal(stop: threading.Event) -> None:
    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt  # a second Ctrl-C does not wait; the children die with us
        stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
