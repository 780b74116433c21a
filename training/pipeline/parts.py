"""Who learns from what, so that nobody judges work that was made from the same judgements.

                     sources of the training      held-out sources
    training voters  TRAIN: policy, its reward    QUALITY: how right is the judge about people and
                                                  sources it never saw?
    judging voters   JUDGE: the gate's judges     JUDGE too, in folds: who is asked about a source has
                                                  learned from the others

ASKED, the prompts on which candidate and champion are compared, are all questions about held-out sources, each time
they were asked, and of those that nobody judged as many as are still wanted: what was learned comes from other
questions and other sources, and the judges from voters the candidate never learned from. Unlike a split into diagonal
blocks this leaves almost nothing unused.

How much goes where follows from what the gate can show (bench/gate.py): a judge of 1,500 judgements and 400 prompts
tell 6 points from nothing four times in five. A small window therefore gives half of its voters to the judges; what
policies learn from few noisy votes hardly depends on their number (bench/loop_gain.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.datasets.examples import Counts, Example
from training.datasets.focus import Focus
from training.datasets.keys import question_key
from training.datasets.parts import chance_of, said_by, sources
from training.updates.choose import judgements

JUDGEMENTS, PROMPTS = 1500, 600  # wanted for the judges and for the comparison
_JUDGING, _HELD_OUT = (0.25, 0.5), (0.15, 0.4)  # least and most of the voters, and of the sources


@dataclass(frozen=True)
class Parts:
    """The four uses of a window's examples."""

    train: tuple[Example, ...]
    judge: tuple[Example, ...]
    quality: tuple[Example, ...]
    asked: tuple[Example, ...]
    judging_share: float  # of the voters
    held_out_share: float  # of the sources
    seed: int

    def as_dict(self) -> dict[str, int]:
        """Give the number of prompts of each."""
        return {name: len(getattr(self, name)) for name in ("train", "judge", "quality", "asked")}

    def judges(self, voter: str) -> bool:
        """Tell whether a voter judges, and so never teaches."""
        return chance_of(self.seed, "voter", voter) < self.judging_share


@dataclass(frozen=True)
class Fold:
    """A judge's examples, and the prompts that it is asked about."""

    learned: tuple[Example, ...]
    asked: tuple[Example, ...]


def divide(
    examples: Sequence[Example], *, served: Sequence[Example] = (), seed: int = 0, focus: Focus | None = None
) -> Parts:
    """Divide by hashes of names.

    Args:
        examples: The window.
        served: Prompts that were answered, judged or not: those about held-out sources are asked too, as many as are
            still wanted, for the gate needs no judgement of a prompt to let both answer it.
        seed: Another one gives another division.
        focus: Only prompts of this segment or collection are asked; what is learned from is as without it.

    Returns:
        The parts. No voter of `judge` is in `train` or `quality`, no question of `asked` and no source held out for it
        is in `train`.
    """
    judging = _share(JUDGEMENTS, judgements(Counts.of(examples)), *_JUDGING)
    aimed = [example for example in examples if focus is None or focus.holds(example.prompt)]
    held_out = _share(PROMPTS, len(aimed), *_HELD_OUT)
    everybody = frozenset(voter for example in examples for voter in example.voters)
    judges = frozenset(voter for voter in everybody if chance_of(seed, "voter", voter) < judging)
    questions = _held_out(examples, held_out, seed)
    asked = [example for example in aimed if question_key(example.prompt) in questions]
    asked += _unjudged(examples, served, PROMPTS - len(asked), held_out, seed, focus)
    seen = [example for example in examples if question_key(example.prompt) not in questions]
    train = _by(seen, everybody - judges, unsaid=True)
    return Parts(
        train=tuple(one for one in train if not _held_out([one], held_out, seed)),  # fewer answers, other sources
        judge=_by(examples, judges),
        quality=_by(asked, everybody - judges),
        asked=tuple(asked),
        judging_share=judging,
        held_out_share=held_out,
        seed=seed,
    )


def folds(parts: Parts, k: int) -> tuple[Fold, ...]:
    """Give each judge its examples and the prompts it is asked about.

    Args:
        parts: A divided window.
        k: Judges.

    Returns:
        K folds; every prompt of `asked` is in one. A judge learned neither from its questions nor from their held-out
        sources.
    """
    questions = _held_out(parts.asked, parts.held_out_share, parts.seed)
    fold_of = {key: int(chance_of(parts.seed, "fold", min(names)) * k) for key, names in questions.items()}
    made = []
    for fold in range(k):
        asked = tuple(example for example in parts.asked if fold_of[question_key(example.prompt)] == fold)
        theirs = {name for key, names in questions.items() if fold_of[key] == fold for name in names}
        learned = tuple(
            example
            for example in parts.judge
            if fold_of.get(question_key(example.prompt)) != fold and theirs.isdisjoint(sources(example, "cited"))
        )
        made.append(Fold(learned, asked))
    return tuple(made)


def _unjudged(
    examples: Sequence[Example],
    served: Sequence[Example],
    wanted: int,
    held_out: float,
    seed: int,
    focus: Focus | None,
) -> list[Example]:
    """Choose prompts about held-out sources whose questions nobody judged, each question once."""
    known = {question_key(example.prompt) for example in examples}
    fresh: dict[str, Example] = {}
    for example in sorted(served, key=lambda one: chance_of(seed, "served", one.prompt_id)):
        key = question_key(example.prompt)
        if key not in known and (focus is None or focus.holds(example.prompt)) and _held_out([example], held_out, seed):
            fresh.setdefault(key, example)
    return list(fresh.values())[: max(0, wanted)]


def _held_out(examples: Sequence[Example], share: float, seed: int) -> dict[str, set[str]]:
    """Give the questions about held-out sources, with these; one asked again is one question."""
    found: dict[str, set[str]] = {}
    for example in examples:
        names = {name for name in sources(example, "cited") if chance_of(seed, "source", name) < share}
        if names:
            found.setdefault(question_key(example.prompt), set()).update(names)
    return found


def _share(wanted: int, there: int, least: float, most: float) -> float:
    return min(max(wanted / max(there, 1), least), most)


def _by(examples: Sequence[Example], voters: frozenset[str], *, unsaid: bool = False) -> tuple[Example, ...]:
    """Keep what these voters said; and what nobody said, such as synthetic answers to imitate, if wanted."""
    wanted = set(voters) | ({""} if unsaid else set())
    kept = [said_by(example, wanted) for example in examples]
    return tuple(example for example in kept if example.pairs or example.thumbs or example.targets)
