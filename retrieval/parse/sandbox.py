"""Reads files in a limited child process, so that a hostile or broken one costs a child and never the worker."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.errors import ParseError
from retrieval.parse.limits import ParseLimits
from retrieval.parse.wire import HEADER, WireError, decode, encode, unpack_document, unpack_error
from retrieval.types import ParsedDocument

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
_READ_BYTES = 1 << 20
_MAX_BYTES_PER_CHAR = 8  # of the text, escapes and the list of blocks counted in
_FRAME_FLOOR_BYTES = 16 << 20


class _ChildGone(Exception):
    """The child ended, or said something no child says."""


class _TooSlow(Exception):
    """The wall-clock limit passed."""


class ParserSandbox:
    """A persistent child process under limits on memory, CPU and wall-clock time.

    It is started at the first file, replaced after a failure that may have damaged it and after
    `limits.files_per_child` files, and dies with this process. Thread-safe: files are read one at a time.

    Args:
        limits: What one file may use.
    """

    def __init__(self, limits: ParseLimits | None = None) -> None:
        self._limits = limits or ParseLimits()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._files = 0
        self._closed = False

    def __enter__(self) -> ParserSandbox:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self.close()

    def parse(self, path: Path, filename: str) -> ParsedDocument:
        """Read a file.

        Args:
            path: The bytes.
            filename: The name its owner gave it; its extension must fit the content.

        Returns:
            The document.

        Raises:
            ParseError: For anything wrong with the file. Code `resource_limit` when it took too much memory or time, or
                brought the child down.
            RuntimeError: When the sandbox is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the sandbox is closed")
            deadline = time.monotonic() + self._limits.wall_s
            try:
                answer = self._ask({"path": str(path.resolve()), "filename": filename}, deadline)
                self._files += 1
                fresh = bool(answer.get("fresh")) or self._files >= self._limits.files_per_child
                if "document" in answer:
                    document = unpack_document(answer["document"])
                    if fresh:
                        self._stop()
                    return document
            except _TooSlow:
                self._stop()
                raise ParseError(
                    "resource_limit",
                    f"The file took longer than {self._limits.wall_s:g} s to read. Split it or simplify it.",
                ) from None
            except (_ChildGone, WireError):
                raise self._explain(self._stop()) from None
            except BaseException:
                self._stop()  # interrupted between question and answer: the next file must not get this one's answer
                raise
            if fresh:
                self._stop()
            if answer.get("code") == "resource_limit":
                raise self._too_much_memory()
            raise unpack_error(answer)

    def close(self) -> None:
        """End the child; a file that is being read fails. Safe to call twice and from any thread."""
        self._closed = True
        child = self._child
        if child is not None:
            _kill(child)
        with self._lock:
            self._stop()

    def _ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        child = self._child or self._start()
        if child.poll() is not None:  # it was killed while it was idle
            self._stop()
            child = self._start()
        self._send(child, request)
        return decode(self._receive(child, deadline))

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "PYTHONPATH": _PACKAGE_ROOT,
            "PYTHONDONTWRITEBYTECODE": "1",
            # Thread stacks and per-thread arenas count as address space, which is what is limited.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",
        }
        child = subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", "retrieval.parse.sandbox_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
        self._child, self._files = child, 0
        self._send(child, {"parent": os.getpid(), "limits": asdict(self._limits)})
        return child

    def _send(self, child: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
        assert child.stdin is not None
        try:
            child.stdin.write(encode(message))
        except OSError:
            raise _ChildGone from None

    def _receive(self, child: subprocess.Popen[bytes], deadline: float) -> bytes:
        assert child.stdout is not None
        most = _FRAME_FLOOR_BYTES + self._limits.max_text_chars * _MAX_BYTES_PER_CHAR
        data, wanted = bytearray(), HEADER.size
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while len(data) < wanted:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise _TooSlow
                piece = os.read(child.stdout.fileno(), _READ_BYTES)
                if not piece:
                    raise _ChildGone
                data += piece
                if wanted == HEADER.size and len(data) >= HEADER.size:
                    (length,) = HEADER.unpack_from(data)
                    if length > most:
                        raise _ChildGone
                    wanted += length
        return bytes(data[HEADER.size : wanted])

    def _stop(self) -> int | None:
        """End the child and what it started; give its exit status, negative for a signal it got before."""
        child, self._child = self._child, None
        if child is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(0.2)  # a child that broke down by itself is told apart from one that is killed here
        status = child.returncode
        _kill(child)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        return status

    def _explain(self, status: int | None) -> ParseError:
        if self._closed:
            return ParseError("resource_limit", "Reading was stopped because the worker is shutting down. Try again.")
        if status == -signal.SIGXCPU:
            return ParseError(
                "resource_limit",
                f"The file took more than {self._limits.cpu_s} s of computing to read. Split it or simplify it.",
            )
        return self._too_much_memory()

    def _too_much_memory(self) -> ParseError:
        return ParseError(
            "resource_limit",
            f"Reading the file took more than {self._limits.memory_bytes >> 20:,} MB of memory, or the file is damaged"
            " in a way that stops its reader. Split it, or export it again.",
        )


def _kill(child: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()
