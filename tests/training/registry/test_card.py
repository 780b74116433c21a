"""The model card: what it shows, and what it refuses to hold."""

from __future__ import annotations

from typing import Any

import pytest

from tests.training.registry.making import card, verdict
from training.registry import BadCard, ModelCard, environment
from training.registry.card import check_card


def test_a_card_is_read_back_from_its_json() -> None:
    import json

    made = card(
        method="kto",
        config={"beta": 0.1, "steps": 3},
        seed=4,
        metrics={"accuracy": {"value": 0.71}},
        limits=("English only.",),
        parents=("base-extractive",),
        environment=environment(),
    )
    assert ModelCard.from_dict(json.loads(check_card(made))) == made


def test_people_see_the_verdict_check_by_check() -> None:
    shown = card(
        name="v000001-extractive",
        verdict=verdict(passed=False),
        metrics={"win rate": 0.512345, "groundedness": {"value": 1.0}},
        limits=("English only.",),
        licences={"all-MiniLM-L6-v2": "Apache-2.0"},
    ).markdown()
    assert "# v000001-extractive" in shown
    assert "| win rate | promotion | **failed** |" in shown
    assert "| win rate | 0.5123 |" in shown
    assert "| groundedness · value | 1 |" in shown
    assert "* English only." in shown
    assert "| all-MiniLM-L6-v2 | Apache-2.0 |" in shown


def test_a_card_without_a_verdict_says_so() -> None:
    assert "has not been judged" in card(verdict=None).markdown()


@pytest.mark.parametrize(
    "fields",
    [
        {"config": {"api_key": "sk-1"}},
        {"config": {"judge": {"password": "x"}}},
        {"environment": {"HUB_ACCESS_TOKEN": "x"}},
        {"metrics": {"example": "word " * 2000}},
        {"metrics": {"loss": object()}},
        {"kind": "Extractive!"},
        {"verdict": {"passed": True}},
    ],
    ids=["key", "nested", "environment", "long", "object", "kind", "verdict"],
)
def test_a_card_holds_no_secret_no_document_and_no_nonsense(fields: dict[str, Any]) -> None:
    with pytest.raises(BadCard):
        check_card(card(**fields))


def test_counts_of_tokens_are_no_secret() -> None:
    assert check_card(card(metrics={"tokens": 4, "tokens_per_s": 3.5, "eos_token": "</s>"}))


def test_the_environment_names_versions_and_no_machine() -> None:
    found = environment()
    assert {"python", "system", "groundloop", "torch"} <= found.keys()
    assert all(len(value) < 60 for value in found.values())


def test_what_is_not_known_is_null() -> None:
    import json

    stored = json.loads(check_card(card(metrics={"auc": float("nan"), "ends": [float("inf"), 1.0]})))
    assert stored["metrics"] == {"auc": None, "ends": [None, 1.0]}
