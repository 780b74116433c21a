"""The page as a browser gets it: its headers, what may be asked for, and what is sent again only when it changed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
import socket
from pathlib import Path

import httpx
import pytest

from service.web.assets import FOLDER, TYPES, Assets
from tests.service.http_world import LiveServer
from tests.service.web.page_sources import bare

FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())


def address(path: Path) -> str:
    """Give the address of one of the page's files."""
    return f"/page/{path.relative_to(FOLDER).as_posix()}"


def sent_raw(live: LiveServer, target: str) -> tuple[int, bytes]:
    """Ask for a target that no client would send as it is."""
    host, _, port = live.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1"))
        answer = b"".join(iter(lambda: link.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_the_page_comes_without_a_key_under_a_strict_policy(live: LiveServer) -> None:
    with live.http() as http:
        page = http.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.content == (FOLDER / "index.html").read_bytes()
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    found = re.search(rb'<script type="importmap">(.*?)</script>', page.content, re.DOTALL)
    assert found is not None
    digest = base64.b64encode(hashlib.sha256(found[1]).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{digest}'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "font-src": "'self'",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "groundloop",
    }
    for name, value in {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "x-frame-options": "DENY",
        "cache-control": "no-cache",
    }.items():
        assert page.headers[name] == value
    assert "camera=()" in page.headers["permissions-policy"]
    assert "set-cookie" not in page.headers


def test_nothing_in_the_page_itself_needs_a_wider_policy() -> None:
    text = (FOLDER / "index.html").read_text()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)
    assert [attributes for attributes, inside in scripts if inside.strip()] == [' type="importmap"']
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://", text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: address(path))
def test_every_file_is_given_as_what_it_is(live: LiveServer, path: Path) -> None:
    if path.name == "index.html":
        return
    with live.http() as http:
        answer = http.get(address(path))
        head = http.head(address(path))
    assert answer.status_code == 200
    if path.suffix == ".js" and "vendor" not in path.parts:  # comments stay at home
        assert bare(answer.text) == bare(path)
    else:
        assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == TYPES[path.suffix]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert head.status_code == 200
    assert not head.content
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert head.headers["etag"] == answer.headers["etag"]


def test_everything_that_the_page_names_is_there(live: LiveServer) -> None:
    text = (FOLDER / "index.html").read_text()
    named = set(re.findall(r'(?:src|href)="(/page/[^"]+)"', text))
    found = re.search(r'<script type="importmap">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    named |= set(json.loads(found[1])["imports"].values())
    with live.http() as http:
        assert {one: http.get(one).status_code for one in named} == dict.fromkeys(named, 200)


@pytest.mark.parametrize(
    "target",
    [
        "/page/",
        "/page/index.html",
        "/page/nothing.js",
        "/page/../__init__.py",
        "/page/../assets.py",
        "/page/%2e%2e/assets.py",
        "/page/..%2fassets.py",
        "/page/lib/../../assets.py",
        "/page/lib/../main.js",
        "/page/./main.js",
        "/page//main.js",
        "/page/%2fetc/passwd",
        "/page//etc/passwd",
        "/page/main.js%00",
        "/page/main.js/",
        "/page/MAIN.JS",
        "/page/..\\assets.py",
        "/page/lib",
        "/page/%c0%ae%c0%ae/assets.py",
        "/page/" + "a" * 4000,
        "/page/" + "../" * 20 + "etc/passwd",
        "/pagemain.js",
        "/../page/../../keys.db",
    ],
)
def test_no_path_leads_elsewhere(live: LiveServer, target: str) -> None:
    status, body = sent_raw(live, target)
    assert status == 404, body[:200]
    assert json.loads(body)["error"]["code"] == "not_found"


def test_other_methods_are_refused(live: LiveServer) -> None:
    with live.http("admin") as http:
        for method in ("POST", "PUT", "DELETE"):
            assert http.request(method, "/page/main.js").status_code == 405
            assert http.request(method, "/").status_code == 405


def test_what_did_not_change_is_not_sent_again(live: LiveServer) -> None:
    with live.http() as http:
        for place in ("/", "/page/main.js"):
            plain = http.get(place, headers={"Accept-Encoding": "identity"})
            zipped = http.get(place, headers={"Accept-Encoding": "gzip"})
            assert plain.headers["etag"] != zipped.headers["etag"]
            for tag in (zipped.headers["etag"], f"W/{zipped.headers['etag']}", f'"x", {zipped.headers["etag"]}', "*"):
                again = http.get(place, headers={"Accept-Encoding": "gzip", "If-None-Match": tag})
                assert (again.status_code, again.content) == (304, b""), tag
                assert again.headers["etag"] == zipped.headers["etag"]
                # A page that is kept is kept under the policy of now.
                assert again.headers["content-security-policy"] == zipped.headers["content-security-policy"]
            other = http.get(place, headers={"Accept-Encoding": "identity", "If-None-Match": zipped.headers["etag"]})
            assert other.status_code == 200


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("GZIP", True),
        ("*", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("br, gzip; q=0.0", False),
        ("", False),
    ],
)
def test_it_is_packed_where_that_is_taken(live: LiveServer, accepted: str, zipped: bool) -> None:
    with live.http() as http, http.stream("GET", "/page/base.css", headers={"Accept-Encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-length"] == str(len(raw))
    assert ("content-encoding" in answer.headers) is zipped
    whole = (FOLDER / "base.css").read_bytes()
    assert (gzip.decompress(raw) if zipped else raw) == whole
    assert not zipped or len(raw) < len(whole) / 2


def test_what_is_private_is_not_kept_by_the_browser(live: LiveServer) -> None:
    with live.http("user") as http:
        for place in ("/v1/models", "/v1/files", "/v1/nothing"):
            answer: httpx.Response = http.get(place)
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_changed_is_read_again_and_a_new_one_found(tmp_path: Path) -> None:
    now = 100.0
    (tmp_path / "lib").mkdir()
    first = tmp_path / "lib" / "a.js"
    first.write_text("one")
    assets = Assets(tmp_path, clock=lambda: now)
    before = assets.get("lib/a.js")
    assert before is not None
    assert before is assets.get("lib/a.js")
    first.write_text("two!")
    os.utime(first, (1, 1))
    after = assets.get("lib/a.js")
    assert after is not None
    assert (after.body, after.tag != before.tag) == (b"two!", True)
    (tmp_path / "b.css").write_text("b{}")
    assert assets.get("b.css") is None  # it does not look through the folder for every wrong name
    now += 1.0
    assert assets.get("b.css") is not None
    first.unlink()
    assert assets.get("lib/a.js") is None


def test_only_files_of_the_folder_and_of_known_kinds(tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    (tmp_path / "secret.js").write_text("secret")
    (folder / "linked.js").symlink_to(tmp_path / "secret.js")
    (folder / "note.py").write_text("x = 1")
    (folder / "folder.js").mkdir()
    (folder / "a.js").write_text("a")
    assets = Assets(folder)
    assert assets.get("a.js") is not None
    for name in ("linked.js", "note.py", "folder.js", "../secret.js", "/a.js", "", ".", "..", str(folder / "a.js")):
        assert assets.get(name) is None
