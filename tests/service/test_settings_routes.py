"""`GET /v1/settings`, and what is hidden wherever settings are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from service.settings import PREFIX, Settings, load_settings
from service.settings.masking import masked
from tests.service.http_world import light_settings, running

SECRET = some.text("abcdefghijklmnopqrstuvwxyz0123456789!$()*,;=._~-", min_size=6).map(lambda text: f"zq{text}")
NAMES = some.sampled_from(("access_key", "secret_key", "token", "AWSSecret", "password", "sig", "X-Amz-Signature"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket/folder", "s3://bucket/folder"),
        ("http://milvus:19530", "http://milvus:19530"),
        ("http://me:hunter2@milvus:19530/x", "http://me:***@milvus:19530/x"),
        ("http://:hunter2@milvus", "http://:***@milvus"),
        ("https://sk-hunter2@api.example/v1", "https://***@api.example/v1"),
        ("https://a@b:hunter2@host/", "https://a@b:***@host/"),
        ("s3://id:hunter2@bucket/f?region=eu&secret_key=hunter2", "s3://id:***@bucket/f?region=eu&secret_key=***"),
        ("https://[hunter2@host", "https://***"),
        ("http://me:hunter2/more@host/x", "http://***@host/x"),
        ("http://host:8000/x@y", "http://host:8000/x@y"),
        ("key:hunter2", "key:hunter2"),  # no address: it is the setting's name that says whether it is a secret
    ],
)
def test_what_is_hidden_in_an_address(text: str, shown: str) -> None:
    assert masked(text) == shown


@given(secret=SECRET, name=NAMES, user=some.sampled_from(("", "me")), path=some.sampled_from(("", "/", "/a?b=c")))
def test_no_secret_of_an_address_is_shown(secret: str, name: str, user: str, path: str) -> None:
    assert secret not in masked(f"https://{user}:{secret}@host{path}")
    assert secret not in masked(f"https://{secret}@host{path}")
    assert secret not in masked(f"s3://bucket/{path.partition('?')[0]}?{name}={secret}&region=eu")


def test_settings_are_listed_as_they_are_in_force(tmp_path: Path) -> None:
    settings = light_settings(
        tmp_path,
        None,
        remote_api_key="sk-hunter2",
        milvus_uri="http://me:hunter2@milvus:19530",
        remote_base_url="http://me:hunter2@llm/v1",
        chat_max_running=3,
        cors_origins="https://one.example,https://me:hunter2@two.example",
    )
    with running(settings) as live:
        with live.http("admin") as http:
            answer = http.get("/v1/settings")
        with live.http("operator") as http:
            assert http.get("/v1/settings").json()["error"]["code"] == "insufficient_role"
    assert "hunter2" not in answer.text
    listed = answer.json()
    assert (listed["object"], listed["has_more"]) == ("list", False)
    by_name = {row["name"]: row for row in listed["data"]}
    assert list(by_name) == list(Settings.model_fields)
    for name, row in by_name.items():
        assert row["env"] == PREFIX + name.upper()
        assert row["description"]
    assert by_name["chat_max_running"] | {"description": ""} == {
        "name": "chat_max_running",
        "env": "GROUNDLOOP_CHAT_MAX_RUNNING",
        "value": "3",
        "default": "8",
        "changed": True,
        "description": "",
        "masked": False,
    }
    assert {name for name, row in by_name.items() if row["masked"]} == {
        "remote_api_key",
        "milvus_uri",
        "remote_base_url",
        "cors_origins",
    }
    assert by_name["milvus_uri"]["value"] == "http://me:***@milvus:19530"
    given_by_the_tests = {"encoder_cache"}  # in their environment
    assert {name for name, row in by_name.items() if row["changed"]} - given_by_the_tests == {
        "home",
        "embedding_model",
        "sweep_interval_s",
        "requests_per_minute",
        "journal",
        "remote_api_key",
        "milvus_uri",
        "remote_base_url",
        "chat_max_running",
        "cors_origins",
    }
    assert by_name["cors_origins"]["value"] == "https://one.example,https://me:***@two.example"


def test_nothing_is_changed_where_nothing_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert [row.name for row in load_settings().describe() if row.changed or row.masked] == []
