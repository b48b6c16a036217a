"""What people decided, as labels that a judge can be measured against, and their division by document."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lrstudio.domain.decisions import Act, Decision, Target, Wording, in_force
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, State, Support
from lrstudio.store.store import Store

_RESOLUTION = 2**64


class Part(StrEnum):
    """A part of the labels: one to look at while prompts are changed, one held out to measure on, or all."""

    LOOK = "look"
    HELD_OUT = "held_out"
    ALL = "all"

    @property
    def words(self) -> str:
        """Say it to a person."""
        return {"look": "to look at", "held_out": "held out", "all": "all"}[self.value]


@dataclass(frozen=True, slots=True)
class Label:
    """The decision in force on a claim or key point (`support`) or on a whole dimension (`score`, 0-10).

    `text` and `span` are those of the claim or key point. `group` is what labels hang together by: the document, else
    the question. `blind` says that the judge was hidden.
    """

    target: Target
    group: str
    text: str = ""
    span: Span | None = None
    support: Support | None = None
    score: float | None = None
    blind: bool = False


@dataclass(frozen=True, slots=True)
class LabelledSplit:
    """Labels of one part, and how many there are in each: `counts` has labels and documents."""

    part: Part
    labels: tuple[Label, ...]
    counts: tuple[tuple[Part, int, int], ...]

    @property
    def candidate_ids(self) -> tuple[str, ...]:
        """The candidates that the labels are on."""
        return tuple(dict.fromkeys(it.target.candidate_id for it in self.labels))

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The dimensions that the labels are on, in their usual order."""
        present = {it.target.dimension for it in self.labels}
        return tuple(it for it in Dimension if it in present)


def part_of(group: str, *, seed: int, share: float) -> Part:
    """Return the part that a document is in.

    It hangs on nothing but the document, the seed and the share to look at: what was held out once stays so, whatever
    is labelled or imported later.
    """
    digest = hashlib.sha256(f"{seed}\x1f{group}".encode("utf-8", "surrogatepass")).digest()
    return Part.LOOK if int.from_bytes(digest[:8], "big") < share * _RESOLUTION else Part.HELD_OUT


def split(labels: Sequence[Label], part: Part, *, seed: int = 0, share: float = 0.5) -> LabelledSplit:
    """Divide labels by document and return one part."""
    parts = {group: part_of(group, seed=seed, share=share) for group in {it.group for it in labels}}
    counts = []
    for each in Part:
        within = [it for it in labels if each is Part.ALL or parts[it.group] is each]
        counts.append((each, len(within), len({it.group for it in within})))
    chosen = tuple(it for it in labels if part is Part.ALL or parts[it.group] is part)
    return LabelledSplit(part, chosen, tuple(counts))


def people_labels(store: Store, *, blind_only: bool = False) -> tuple[Label, ...]:
    """Return every decision in force as a label, in the order of the project.

    A claim that was split, merged or reworded since is no label any more, nor is one that cannot be checked. Where
    several people decided, the latest decision counts.
    """
    with store.reading():
        journal = store.journal.by_candidate()
        questions = {it.question_id: it for it in store.library.questions()}
        wordings = _judged_wordings(store, journal)
        found: list[Label] = []
        for info in store.library.candidate_infos():
            if info.candidate_id in journal:
                group = questions[info.question_id].document_id or f"question {info.question_id}"
                decisions = in_force(journal[info.candidate_id])
                found += _labels(decisions, group=group, wordings=wordings)
    return tuple(it for it in found if it.blind or not blind_only)


def _labels(decisions: Sequence[Decision], *, group: str, wordings: dict[str, Wording]) -> Iterable[Label]:
    known = wordings | {it.part_id: it for decision in decisions for it in decision.after.wordings}
    gone = {
        part_id
        for decision in decisions
        if decision.act in (Act.SPLIT, Act.MERGE, Act.REWORD)
        for part_id in (decision.target.part_id, *(it.part_id for it in decision.before.wordings))
    }
    latest = {it.target: it for it in decisions if it.act in (Act.CONFIRM, Act.OVERRIDE)}
    for target, decision in latest.items():
        after = decision.after
        if after.state is not State.SCORED or target.part_id in gone:
            continue
        if not target.part_id:
            if after.score is not None:
                yield Label(target, group, score=after.score, blind=decision.blind)
        elif after.support is not None and target.part_id in known:
            wording = known[target.part_id]
            yield Label(target, group, wording.text, wording.span, after.support, blind=decision.blind)


def _judged_wordings(store: Store, journal: dict[str, tuple[Decision, ...]]) -> dict[str, Wording]:
    """Return what judges of any run called the claims and key points of candidates that people decided on."""
    wanted = {it.target.part_id for decisions in journal.values() for it in decisions if it.target.part_id}
    found: dict[str, Wording] = {}
    for judgment in store.judging.judgments(list(journal), latest=False) if wanted else ():
        for claim in judgment.claims:
            if claim.claim_id in wanted:
                found[claim.claim_id] = Wording(claim.claim_id, claim.text, claim.span)
        for point in judgment.key_points:
            if point.key_point_id in wanted:
                found[point.key_point_id] = Wording(point.key_point_id, point.text, point.span)
    return found
