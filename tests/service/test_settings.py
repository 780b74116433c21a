"""Settings: documented, typed, frozen, and silent about secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import Settings, load_settings, settings_markdown

ROOT = Path(__file__).resolve().parents[2]
UNITLESS = {
    "best_of",
    "port",
    "passages_shown",
    "max_answer_sentences",
    "max_pages",
    "abstain_threshold",
    "embed_threads",
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("REDIS_URL", "GROUNDLOOP_REDIS_URL", "GROUNDLOOP_HOME", "GROUNDLOOP_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_the_docs_hold_the_table_that_the_code_prints() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    assert settings_markdown() in page, "run: python -m service.settings, and put the table into docs/settings.md"
    for name, field in Settings.model_fields.items():
        assert field.description, f"{name} has no description"


def test_numbers_carry_their_unit_in_their_name() -> None:
    counts = (
        "running|waiting|per_key|tokens|processes|attempts|threads|judgements|agreements|new|versions|replicas|voters"
    )
    unit = re.compile(rf"_(s|hours|days|bytes|per_minute|share|{counts})$")
    for name, field in Settings.model_fields.items():
        if field.annotation in (int, float, int | None, float | None) and name not in UNITLESS:
            assert unit.search(name), f"{name} does not say its unit"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "GROUNDLOOP_PORT=9001\nGROUNDLOOP_CORS_ORIGINS=https://a.example, https://b.example\n"
    )
    assert load_settings().port == 9001
    assert load_settings().cors_origins == ("https://a.example", "https://b.example")
    monkeypatch.setenv("GROUNDLOOP_PORT", "9002")
    assert load_settings().port == 9002
    assert load_settings(port=9003).port == 9003


@pytest.mark.parametrize("variable", ["REDIS_URL", "GROUNDLOOP_REDIS_URL"])
def test_redis_is_named_either_way(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "redis://:hunter2@db/0")
    settings = load_settings()
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://:hunter2@db/0"


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    settings = load_settings(redis_url="redis://:hunter2@db/0", remote_api_key="sk-hunter2")
    shown = f"{settings!r} {settings} {settings.describe()} {settings.model_dump()}"
    assert "hunter2" not in shown


def test_settings_do_not_change_after_the_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


def test_the_home_is_absolute() -> None:
    assert load_settings(home="data").home == Path.cwd() / "data"


@pytest.mark.parametrize("wrong", [{"port": 70000}, {"policy": "magic"}, {"policy": "remote"}, {"log_level": "loud"}])
def test_a_value_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        load_settings(**wrong)


def test_the_library_floors_do_not_read_the_environment() -> None:
    pattern = re.compile(r"os\.environ(?!\.setdefault)|getenv")
    # A launcher tells its processes how many they are in this name and in no other way; nobody sets it as an option.
    launched = {"training/updates/devices.py": 'os.environ.get("WORLD_SIZE", "1")'}
    for floor in ("retrieval", "training"):
        for path in (ROOT / floor).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            text = path.read_text().replace(launched.get(name, "\0"), "", 1)
            assert not pattern.search(text), f"{name} reads the environment"
