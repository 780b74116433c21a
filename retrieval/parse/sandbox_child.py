"""The process in which files from strangers are read: `python -m retrieval.parse.sandbox_child`.

Requests come on standard input, answers go out on what was standard output; whatever libraries print goes nowhere.
Limits are set before any parser is imported. It knows nothing of its parent but the two pipes, and dies with it.
"""

from __future__ import annotations

import os
import resource
import select
import threading
import warnings
from pathlib import Path
from typing import Any

from retrieval.errors import ParseError
from retrieval.parse.dispatch import parse_file
from retrieval.parse.limits import ParseLimits
from retrieval.parse.wire import HEADER, decode, encode, pack_document

_WATCH_MS = 500
_RESERVE_BYTES = 4 << 20


def _private_pipes() -> tuple[int, int]:
    """Move the pipes off descriptors 0 and 1, so that no library can read or write them."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    return requests, answers


def _die_with(parent: int, requests: int) -> None:
    """End this process when its parent is gone, even in the middle of a file.

    The kernel's parent-death signal will not do: it is sent when the *thread* that started the child ends. The pipe
    hangs up when the parent dies; should a fork of the parent still hold the pipe, the parent's number changes.
    """
    poll = select.poll()
    poll.register(requests, 0)  # hang-up and error are always reported

    def watch() -> None:
        while os.getppid() == parent and not poll.poll(_WATCH_MS):
            pass
        os._exit(0)

    threading.stack_size(256 << 10)
    threading.Thread(target=watch, daemon=True).start()


def _limit_memory(most: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # a parser has no business writing files


def _limit_cpu(seconds: int) -> None:
    """Allow so many CPU seconds from now; past them the kernel ends the process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _read(descriptor: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = os.read(descriptor, count - len(data))
        if not piece:
            os._exit(0)  # the parent closed the pipe: nothing more to do
        data += piece
    return data


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _answer(request: dict[str, Any], limits: ParseLimits) -> dict[str, Any]:
    """Parse one file. `fresh` asks the parent for a new child, because this one may be damaged."""
    try:
        document = parse_file(Path(request["path"]), request["filename"], limits)
        return {"document": pack_document(document)}
    except ParseError as error:
        return {"code": error.code, "message": str(error), "fresh": error.__cause__ is not None}
    except MemoryError:
        raise
    except Exception as error:  # a bug in a parser must end as a failed file, not as a dead worker
        message = f"The file could not be read ({type(error).__name__}). Open it, save it again and retry."
        return {"code": "invalid_file", "message": message, "fresh": True}


def main() -> None:
    """Serve requests until the parent closes the pipe."""
    requests, answers = _private_pipes()
    start = decode(_read(requests, *HEADER.unpack(_read(requests, HEADER.size))))
    _die_with(start["parent"], requests)
    limits = ParseLimits(**start["limits"])
    _limit_memory(limits.memory_bytes)
    warnings.simplefilter("ignore")
    while True:
        request = decode(_read(requests, *HEADER.unpack(_read(requests, HEADER.size))))
        _limit_cpu(limits.cpu_s)
        reserve = bytearray(_RESERVE_BYTES)  # so that there is memory left to say that there is none
        try:
            frame = encode(_answer(request, limits))
        except MemoryError:
            del reserve
            _write(answers, encode({"code": "resource_limit", "message": "memory", "fresh": True}))
            os._exit(1)
        _write(answers, frame)


if __name__ == "__main__":
    main()
