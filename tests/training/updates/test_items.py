"""Judgements become what is minimised: none is dropped silently, and each counts by its weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.training.conftest import make_prompt
from training.datasets.examples import Example, Pair, Target, Thumb
from training.policy.base import Answer, Prompt, Sampling
from training.updates.config import UpdateConfig
from training.updates.items import Imitation, Item, Versus, Vote, prepare
from training.updates.objective import JudgedObjective
from training.updates.terms import Scored
from training.updates.trainable import CannotScore, Group

ALL = UpdateConfig(methods=("sft", "kto", "dpo"), vote_loss="noisy_vote", beta=1.0)


class Scorer:
    """Scores nothing; refuses answers that begin with "!", and two that begin with "?" together."""

    def prepare(self, prompt: Prompt, answers: Sequence[Answer]) -> Group:
        texts = [answer.text for answer in answers]
        if any(text.startswith("!") for text in texts):
            raise CannotScore("it shouts")
        if sum(text.startswith("?") for text in texts) > 1:
            raise CannotScore("too many questions")
        return Group("/".join(texts), prompt, tuple(answers), None)


def made(*texts: str, question: str = "When?", **judged: object) -> Example:
    answers = tuple(Answer(text, "v", "stop", Sampling(), None, 1) for text in texts)
    return replace(Example("p", make_prompt(question), answers), **judged)  # type: ignore[arg-type]


def only(example: Example, config: UpdateConfig = ALL) -> tuple[Item, dict[str, int]]:
    prepared = prepare(Scorer(), [example], config)  # type: ignore[arg-type]
    (item,) = prepared.items
    return item, dict(prepared.left_out)


def test_only_judged_answers_are_prepared_and_rows_are_theirs() -> None:
    item, left_out = only(
        made(
            "a", "b", "c", "d",
            pairs=(Pair(3, 1, "first", 2.0, "v"), Pair(1, 3, "first", 1.0, "w")),
            thumbs=(Thumb(1, True, 0.5, "v"),),
            targets=(Target(3, 1.5),),
        )
    )  # fmt: skip
    assert item.group.key == "b/d"
    assert item.versus == (Versus(1, 0, 1.0, 2.0), Versus(0, 1, 1.0, 1.0))
    assert (item.votes, item.imitations) == ((Vote(0, True, 0.5),), (Imitation(1, 1.5),))
    assert left_out == {}


def test_the_second_wins_when_it_was_preferred() -> None:
    assert only(made("a", "b", pairs=(Pair(0, 1, "second", 1.0, "v"),)))[0].versus == (Versus(1, 0, 1.0, 1.0),)


def test_a_tie_asks_for_equals_at_its_weight() -> None:
    item, _ = only(made("a", "b", pairs=(Pair(0, 1, "tie", 2.0, "v"),)), replace(ALL, tie_weight=0.25))
    assert item.versus == (Versus(0, 1, 0.5, 0.5),)


def test_two_bad_answers_are_two_thumbs_down_or_a_tie() -> None:
    example = made("a", "b", pairs=(Pair(0, 1, "both_bad", 1.0, "v"),))
    assert only(example)[0].votes == (Vote(0, False, 0.5), Vote(1, False, 0.5))
    assert only(example)[0].versus == ()
    assert only(example, replace(ALL, methods=("dpo",)))[0].versus == (Versus(0, 1, 0.5, 0.5),)
    assert only(example, replace(ALL, methods=("kto",)))[0].votes == (Vote(0, False, 0.5), Vote(1, False, 0.5))


def test_what_no_method_uses_is_counted() -> None:
    example = made(
        "a", "b", pairs=(Pair(0, 1, "first", 1.0, "v"),), thumbs=(Thumb(0, True, 1.0, "v"),), targets=(Target(0, 0.0),)
    )
    _, left_out = only(example, replace(ALL, methods=("kto",)))
    assert left_out == {
        "comparisons are not used by the chosen methods": 1,
        "answers to imitate are not used by the chosen methods": 1,
    }
    assert only(example)[1] == {"weight 0": 1}


def test_an_answer_that_cannot_be_scored_takes_its_judgements_along_and_no_others() -> None:
    item, left_out = only(
        made(
            "a",
            "!",
            "c",
            pairs=(Pair(0, 1, "first", 1.0, "v"), Pair(2, 0, "first", 1.0, "v"), Pair(1, 2, "tie", 1, "v")),
        )
    )
    assert item.group.key == "a/c"
    assert item.versus == (Versus(1, 0, 1.0, 1.0),)
    assert left_out == {"it shouts": 2}


def test_answers_that_cannot_be_scored_together_are_counted() -> None:
    prepared = prepare(Scorer(), [made("?a", "?b", pairs=(Pair(0, 1, "first", 1.0, "v"),))], ALL)  # type: ignore[arg-type]
    assert prepared.items == ()
    assert prepared.left_out == {"the answers cannot be scored together": 1}


def test_kto_measures_its_reference_point_on_an_answer_to_another_prompt() -> None:
    voted = [made(f"a{n}", question=f"Q{n}?", thumbs=(Thumb(0, True, 1.0, "v"),)) for n in range(3)]
    items = prepare(Scorer(), voted, replace(ALL, vote_loss="kto")).items  # type: ignore[arg-type]
    assert [item.group.key for item in items] == ["a0/a1", "a1/a2", "a2/a0"]
    assert all(item.strangers == (1,) and item.recorded == (0,) for item in items)
    same = [made(f"a{n}", thumbs=(Thumb(0, True, 1.0, "v"),)) for n in range(2)]
    assert all(not item.strangers for item in prepare(Scorer(), same, replace(ALL, vote_loss="kto")).items)  # type: ignore[arg-type]


def scored(*sums: float) -> Scored:
    values = torch.tensor(sums, requires_grad=True)[:, None]
    return Scored(values, torch.ones(len(sums), 1, dtype=torch.bool), torch.full((len(sums), 1), -1.0))


def items(config: UpdateConfig) -> list[Item]:
    examples = [
        made("a", "b", pairs=(Pair(0, 1, "first", 2.0, "v"),), thumbs=(Thumb(1, False, 1.0, "v"),)),
        made("c", "d", pairs=(Pair(0, 1, "tie", 1.0, "v"),), targets=(Target(0, 3.0),)),
        made("e", thumbs=(Thumb(0, True, 2.0, "v"),)),
    ]
    return list(prepare(Scorer(), examples, config).items)  # type: ignore[arg-type]


def whole(config: UpdateConfig) -> tuple[Tensor, dict[str, float], JudgedObjective]:
    objective = JudgedObjective(items(config), config)
    rows = scored(-0.5, -2.0, -1.0, -3.0, -0.2)
    loss, sums = objective.loss(objective.items(range(len(objective)), 0), rows, 1.0)
    return loss, sums, objective


def test_every_judgement_counts_by_its_weight_over_the_weight_of_all() -> None:
    loss, sums, objective = whole(ALL)
    assert objective.total == pytest.approx(2.0 + 0.5 + 1.0 + 2.0 + 3.0)
    logistic = torch.nn.functional.logsigmoid
    pair = -2.0 * logistic(torch.tensor(1.5)) - 0.5 * 0.5 * (logistic(torch.tensor(2.0)) + logistic(torch.tensor(-2.0)))
    bias = torch.tensor(objective.bias)
    votes = -logistic(-(bias - 1.0)) - 2.0 * logistic(bias + 0.8)
    expected = (pair + votes + 3.0 * 1.0) / 8.5
    assert float(loss.detach()) == pytest.approx(float(expected), abs=1e-5)
    told = objective.finish(sums)
    assert (told["accuracy"], told["margin"]) == (1.0, pytest.approx(1.5))
    assert (told["up_gain"], told["down_gain"]) == (pytest.approx(0.8), pytest.approx(-1.0))
    assert told["target_nll"] == pytest.approx(1.0)


@pytest.mark.parametrize("config", [ALL, replace(ALL, vote_loss="kto", nll_weight=0.2, label_smoothing=0.1)])
def test_the_parts_of_a_step_add_up_to_it(config: UpdateConfig) -> None:
    config = replace(config, length_normalised=True)
    objective = JudgedObjective(items(config), config)
    every = objective.items(range(3), 0)
    sizes = [len(item.group.answers) for item in every]
    rows = [-0.5, -2.0, -1.0, -3.0, -0.2, -0.7, -0.9][: sum(sizes)]
    together, _ = objective.loss(every, scored(*rows), 1.0)
    apart, start = torch.zeros(()), 0
    for item, size in zip(every, sizes, strict=True):
        apart = apart + objective.loss([item], scored(*rows[start : start + size]), 1.0)[0]
        start += size
    assert float(together.detach()) == pytest.approx(float(apart.detach()), abs=1e-6)


def test_method_weights_scale_what_a_judgement_counts() -> None:
    config = replace(ALL, sft_weight=0.0, vote_weight=0.0)
    loss, _, objective = whole(config)
    alone, _, _ = whole(replace(ALL, methods=("dpo",)))
    assert objective.total == pytest.approx(2.5)
    assert float(loss.detach()) == pytest.approx(float(alone.detach()), abs=1e-6)


@pytest.mark.parametrize(("up", "down"), [(30.0, 10.0), (10.0, 30.0), (1000.0, 1.0)])
def test_rare_thumbs_weigh_more_in_kto(up: float, down: float) -> None:
    votes = (Vote(0, True, up), Vote(0, False, down))
    item = Item(Group("k", make_prompt(), (made("a").answers[0],), None), votes=votes)
    desirable, undesirable = JudgedObjective([item], replace(ALL, vote_loss="kto")).balance
    assert desirable * up + undesirable * down == pytest.approx(up + down)
    ratio = desirable * up / (undesirable * down)
    assert 1 - 1e-9 <= ratio <= 4 / 3 + 1e-9 or up / down > 100


def test_the_reference_point_follows_strangers_and_survives() -> None:
    objective = JudgedObjective(items(ALL), ALL)
    assert objective.state() == {"reference_point": 0.0}
    objective.finish({"strangers": 2.0, "stranger_gain": 4.0})
    assert objective.state() == {"reference_point": 1.0}
    objective.finish({"strangers": 1.0, "stranger_gain": -9.0})
    assert objective.reference_point == 0.5
    again = JudgedObjective(items(ALL), ALL)
    again.restore(objective.state())
    assert again.reference_point == 0.5
