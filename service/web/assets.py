"""The files of the page: which there are, what they hold now, and what a browser is told with them.

What may be asked for is what lies in one folder, by names that are looked up and never joined to a path.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"
VENDOR = "vendor/"  # libraries, which are given out as they came
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
LOOK_AGAIN_S = 1.0
# A comment that has its lines to itself. It is for who reads the source: a fifth of what the page would weigh.
_COMMENT = re.compile(rb"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)[ \t]*$", re.DOTALL | re.MULTILINE)
_IMPORT_MAP = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is now."""

    body: bytes
    zipped: bytes
    media_type: str
    tag: str  # of the content, without quotes
    stamp: tuple[int, int]  # by which a change of the file shows

    def import_map_hash(self) -> str:
        """Give the hash by which a policy allows the import map, the one script that stands in the page itself."""
        found = _IMPORT_MAP.search(self.body)
        assert found is not None, "the page has an import map"
        return "sha256-" + base64.b64encode(hashlib.sha256(found[1]).digest()).decode()


class Assets:
    """The files below one folder. Thread-safe. A file that changes is read again."""

    def __init__(self, folder: Path = FOLDER, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Look through the folder.

        Args:
            folder: What it gives out, with everything below.
            clock: Gives the time in seconds.
        """
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, Asset] = {}
        self._looked = clock()
        self._paths = self._walk()

    def get(self, name: str) -> Asset | None:
        """Give a file by its name below the folder, with `/` between; None where there is none."""
        with self._lock:
            path = self._paths.get(name)
            if path is None and self._clock() - self._looked >= LOOK_AGAIN_S:
                self._looked = self._clock()
                self._paths = self._walk()
                path = self._paths.get(name)
            if path is None:
                return None
            try:
                told = path.stat()
                stamp = (told.st_mtime_ns, told.st_size)
                asset = self._held.get(name)
                if asset is None or asset.stamp != stamp:
                    asset = self._held[name] = _read(path, stamp, ours=not name.startswith(VENDOR))
            except FileNotFoundError:
                return None
            return asset

    def _walk(self) -> dict[str, Path]:
        return {
            path.relative_to(self._folder).as_posix(): path
            for path in sorted(self._folder.rglob("*"))
            if path.suffix in TYPES and path.is_file() and not path.is_symlink()
        }


def _read(path: Path, stamp: tuple[int, int], *, ours: bool) -> Asset:
    body = path.read_bytes()
    if ours and path.suffix == ".js":  # the lines stay, so that the browser's tools name the same ones as the source
        body = _COMMENT.sub(lambda found: b"\n" * found[0].count(b"\n"), body)
    return Asset(
        body, gzip.compress(body, 9, mtime=0), TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:32], stamp
    )
