"""From records to weighted examples.

The order of the records does not matter; the same records give the same examples. What each kind of judgement becomes:

preference       a pair; a ranking of K gives every two answers, 2 / K each; ties stay ties
both bad         a pair of that outcome, and half a thumb down for each answer that its voter has no own thumb on
thumb            a thumb; a thumb up and a thumb down of one voter on two answers to one prompt are also a pair, at half
correction       a target, and a pair over the answer it corrects
should have refused        a thumb down, and declining as the target
should not have refused    a thumb down on the answer that declined
reasons about sources alone, without a thumb up      nothing for the policy: they are marks for retrieval (`evidence`)
scores, comments, regenerated answers     nothing: criteria are the operator's own words, and leaving says little
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from training.datasets.card import DataCard, VoterShares, counted
from training.datasets.config import DatasetConfig
from training.datasets.drafts import Draft, lesson
from training.datasets.examples import Counts, Example, Pair, PairOrigin, Target, Thumb
from training.datasets.focus import Focus, focus_factors
from training.datasets.keys import text_key
from training.datasets.people import People, people_of
from training.datasets.propensity import Impression
from training.datasets.standing import USED, standing
from training.datasets.weaknesses import weaknesses
from training.datasets.weights import FactorSummary, capped, record_factors, voter_cap
from training.policy.base import Answer, Prompt
from training.records.types import Record

Placed = tuple[str, Draft]  # prompt id, and something to learn about it


@dataclass(frozen=True)
class Built:
    """Examples, by prompt id, and what they are made of."""

    examples: tuple[Example, ...]
    card: DataCard
    people: People = field(default_factory=People)


def build_examples(
    records: Iterable[Record],
    config: DatasetConfig | None = None,
    *,
    now: float,
    impressions: Sequence[Impression] = (),
    unreadable: int = 0,
    focus: Focus | None = None,
) -> Built:
    """Turn records into weighted examples.

    Args:
        records: Judgements as read, in any order.
        config: Settings.
        now: Time from which age is counted, in seconds since the epoch.
        impressions: What was served in the same time, judged or not; gives propensity weights.
        unreadable: Lines that could not be read, for the card.
        focus: The segment or collection whose judgements weigh more; None: all weigh alike.

    Returns:
        The examples and their card; no examples when nothing can be learned from, and the card says why.
    """
    config = config or DatasetConfig()
    records = tuple(records)
    stands = standing(records, config, now)
    fate = dict(stands.fate)
    factors = record_factors(stands.records, config, now, impressions)
    drafts: dict[str, list[Draft]] = defaultdict(list)  # by prompt id
    new: dict[str, dict[str, Answer]] = defaultdict(dict)
    for record in stands.records:
        taught = lesson(record, config)
        if taught.reason:
            fate[record.record_id] = taught.reason
        drafts[record.prompt_id] += taught.drafts
        new[record.prompt_id] |= {text_key(answer.text): answer for answer in taught.new}
    weighed: list[Placed] = []
    for prompt_id in sorted(drafts):
        for draft in _combined(drafts[prompt_id], config):
            weight = draft.weight * min(factors.product[record_id] for record_id in draft.record_ids)
            weighed.append((prompt_id, replace(draft, weight=weight)))
    final, voters, cap = capped([draft for _, draft in weighed], config)
    placed = [(prompt_id, draft) for (prompt_id, _), draft in zip(weighed, final, strict=True)]
    prompts = {record.prompt_id: record.prompt for record in stands.records}
    placed, focused = _focused(placed, prompts, focus, config.focus_weight)
    by_prompt: dict[str, list[Draft]] = defaultdict(list)
    for prompt_id, draft in placed:
        by_prompt[prompt_id].append(draft)
    shown: dict[str, list[Record]] = defaultdict(list)
    for record in stands.records:
        shown[record.prompt_id].append(record)
    examples = tuple(
        _example(prompt_id, shown[prompt_id], new[prompt_id], found) for prompt_id, found in by_prompt.items()
    )
    used = [record for record in stands.records if fate[record.record_id] == USED]
    voter_weights, segments = _spread(placed, shown)
    total = sum(voter_weights.values())
    card = DataCard(
        records=len(fate) + stands.repeated_ids,
        used=len(used),
        left_out=counted(Counter(reason for reason in fate.values() if reason != USED)),
        unreadable=unreadable,
        repeated_ids=stands.repeated_ids,
        counts=Counts.of(examples),
        pairs=counted(Counter(pair.origin for example in examples for pair in example.pairs)),
        targets=counted(Counter(target.origin for example in examples for target in example.targets)),
        reasons=counted(Counter(reason for record in used for reason in record.reasons)),
        voters=VoterShares.of(voter_weights),
        voter_cap=cap,
        factors={**factors.parts, "voter cap": voters, **({"focus": focused} if focus else {})},
        total_weight=total,
        segments={name: weight / total for name, weight in sorted(segments.items())} if total else {},
        versions=counted(Counter(judged.answer.version for record in used for judged in record.answers)),
        collections=counted(Counter(name for record in stands.records for name in set(record.prompt.collections))),
        first_at=min((record.judged_at for record in used), default=None),
        last_at=max((record.judged_at for record in used), default=None),
        weaknesses=weaknesses(examples),
        notes=factors.notes,
        fate=fate,
    )
    by_person = [(draft.voter, draft.weight) for _, draft in weighed if draft.origin != "ai"]
    caps, _ = voter_cap(by_person, config)
    return Built(examples, card, people_of(records, fate, stands.agreements, factors.bursts, caps, config))


def _focused(
    placed: Sequence[Placed], prompts: Mapping[str, Prompt], focus: Focus | None, ratio: float
) -> tuple[list[Placed], FactorSummary]:
    """Weigh up what is in the focus, after the cap: who may say how much is the same in every window."""
    if focus is None:
        return [*placed], FactorSummary.of([])
    inside = [focus.holds(prompts[prompt_id]) for prompt_id, _ in placed]
    ours, others = focus_factors([draft.weight for _, draft in placed], inside, ratio)
    factors = [ours if one else others for one in inside]
    moved = [
        (prompt_id, replace(draft, weight=draft.weight * factor))
        for (prompt_id, draft), factor in zip(placed, factors, strict=True)
    ]
    return moved, FactorSummary.of(factors)


def _combined(drafts: Sequence[Draft], config: DatasetConfig) -> list[Draft]:
    """Put together what several records about one prompt mean: an own thumb goes before an implied one, and thumbs up
    and down of one voter are a pair, unless that voter compared the two directly.
    """
    own = {(draft.voter, draft.first): draft for draft in drafts if draft.what == "thumb" and not draft.implied}
    compared = {(draft.voter, frozenset((draft.first, draft.second))) for draft in drafts if draft.what == "pair"}
    kept: dict[tuple[object, ...], Draft] = {}
    for draft in drafts:
        if draft.implied and (draft.voter, draft.first) in own:
            continue
        # Two rankings that share answers are two judgements; a target or an implied thumb said twice is one.
        once = draft.what == "target" or draft.implied
        kept.setdefault((draft.what, draft.voter, draft.first, "" if once else draft), draft)
    pairs = []
    for up in own.values():
        for down in own.values():
            if up.voter == down.voter and up.up and not down.up:
                if (up.voter, frozenset((up.first, down.first))) in compared:
                    continue
                ids = tuple(sorted({*up.record_ids, *down.record_ids}))
                weight = config.thumbs_pair_weight
                pairs.append(Draft("pair", up.first, weight, up.voter, ids, down.first, origin=_thumbs_origin(up)))
    found = [*kept.values(), *pairs]
    return sorted(found, key=lambda d: (d.what, d.voter, d.first, d.second, d.origin, d.outcome, d.record_ids))


def _example(prompt_id: str, records: Sequence[Record], new: Mapping[str, Answer], drafts: Sequence[Draft]) -> Example:
    """Give every answer a place - served ones in the order of serving, then written ones - and point to it."""
    served = {
        text_key(judged.answer.text): judged
        for judged in sorted(
            (judged for record in records for judged in record.answers),
            key=lambda judged: (judged.served_at, judged.position, judged.answer_id),
        )
    }  # of answers that say the same the one served last, which is nearest to the present policy
    named = {draft.first for draft in drafts} | {draft.second for draft in drafts}
    answers = {name: judged.answer for name, judged in served.items() if name in named}
    answers |= {name: new[name] for name in sorted(new) if name in named and name not in answers}
    at = {name: place for place, name in enumerate(answers)}
    return Example(
        prompt_id=prompt_id,
        prompt=records[0].prompt,
        answers=tuple(answers.values()),
        pairs=tuple(
            Pair(at[d.first], at[d.second], d.outcome, d.weight, d.voter, d.origin, d.ordered)
            for d in drafts
            if d.what == "pair"
        ),
        thumbs=tuple(Thumb(at[d.first], d.up, d.weight, d.voter) for d in drafts if d.what == "thumb"),
        targets=tuple(Target(at[d.first], d.weight, voter=d.voter) for d in drafts if d.what == "target"),
    )


def _spread(
    placed: Sequence[Placed], shown: Mapping[str, Sequence[Record]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Give the weight by voter and by segment."""
    voters: dict[str, float] = defaultdict(float)
    segments: dict[str, float] = defaultdict(float)
    for prompt_id, draft in placed:
        voters[draft.voter] += draft.weight
        segments[shown[prompt_id][0].prompt.segment or ""] += draft.weight
    return voters, segments


def _thumbs_origin(thumb: Draft) -> PairOrigin:
    return "ai" if thumb.origin == "ai" else "thumbs"
