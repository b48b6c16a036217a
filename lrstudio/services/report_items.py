"""What people and one judge said of the same things, put side by side for the reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lrstudio.domain.decisions import Act, Decision, Target, in_force
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, Judgment, State
from lrstudio.services.audit import Audit
from lrstudio.services.report_audits import AuditChances
from lrstudio.store.store import Store
from lrstudio.text.language import language_of

CHARACTERS_A_TOKEN = 4

Check = Callable[[], None]


def _go_on() -> None:
    pass


class Level(StrEnum):
    """What was compared: single claims or key points with support 0, 0.5, 1, or scores of a dimension, 0-10."""

    CLAIM = "claim"
    KEY_POINT = "key point"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class About:
    """The candidate that an item belongs to, and what the reports can be cut by.

    `cluster` is the document, whose items belong together; a question without a document stands alone. `tokens` is the
    document's length at four characters a token, None where there is no text.
    """

    candidate_id: str
    question_id: str
    cluster: str
    model: str
    tokens: int | None
    language: str
    length: int


@dataclass(frozen=True, slots=True)
class Stated:
    """What a reviewer said last, with the judge hidden (`blind`) or not.

    `chance` is that with which a random audit drew it, None where none did. One that `adjudicates` settles what the
    others disagree on.
    """

    reviewer: str
    value: float
    blind: bool
    chance: float | None = None
    adjudicates: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One thing on which people and a judge may have spoken. `judge` is None where the judge gave no verdict.

    `probability` is the judge's own that a claim is fully supported. `position` is where in the document, 0 to 1, the
    evidence begins that is ranked first; None where there is none. `text` is the claim's or key point's.
    """

    level: Level
    dimension: Dimension
    about: About
    part_id: str
    judge: float | None
    people: tuple[Stated, ...]
    probability: float | None = None
    position: float | None = None
    text: str = ""


_Key = tuple[str, Dimension, str]


def stated(decisions: Iterable[Decision]) -> dict[_Key, tuple[Stated, ...]]:
    """Return what each reviewer said last of each target, blind and not blind, verdicts and adjudications apart.

    Only verdicts count: confirmed or overridden, not undone, and not "cannot be checked".
    """
    last: dict[_Key, dict[tuple[str, bool, bool], Decision]] = defaultdict(dict)
    for decision in in_force(decisions):
        if decision.act in (Act.CONFIRM, Act.OVERRIDE):
            target = decision.target
            key = (target.candidate_id, target.dimension, target.part_id)
            last[key][decision.reviewer, decision.blind, bool(decision.adjudicates)] = decision
    found = {}
    for key, by_reviewer in last.items():
        made = (_stated(decision) for decision in by_reviewer.values())
        found[key] = tuple(it for it in made if it is not None)
    return found


def _stated(decision: Decision) -> Stated | None:
    after = decision.after
    value = after.support.value if after.support is not None else after.score
    if after.state is not State.SCORED or value is None:
        return None
    chance = decision.shown.inclusion_probability
    return Stated(decision.reviewer, value, decision.blind, chance, bool(decision.adjudicates))


class Assembly:
    """Reads a project once and hands out the items of each judge.

    Args:
        store: the project.
        check: called for every question and judgment that is read; what it raises ends the work.
    """

    def __init__(self, store: Store, *, check: Check = _go_on) -> None:
        self._store = store
        self._check = check
        with store.reading():
            self.about = _abouts(store, check)
            self.stated = stated(store.journal.decisions())
            self._audits = AuditChances(store)
            self.labels = store.labels.labels()

    def items(self, judge: JudgeIdentity) -> Iterator[Item]:
        """Yield the claims, key points and scores of a judge's latest judgments, with what people said of them."""
        chances = self._audits.of(judge)
        for judgment in self._store.judging.judgments(identity=judge):
            self._check()
            about = self.about[judgment.candidate_id]
            parts = [_drawn(it, chances) for it in (*self._claims(judgment, about), *self._key_points(judgment, about))]
            yield from parts
            yield Item(
                Level.SCORE,
                judgment.dimension,
                about,
                "",
                judgment.score,
                self._scores(judgment.candidate_id, judgment.dimension, parts),
            )

    def outdated_audits(self, judge: JudgeIdentity) -> bool:
        """Tell whether an audit of this judge was drawn from other items than it has judged now."""
        return self._audits.outdated(judge)

    def effective(self) -> Iterator[Item]:
        """Yield the effective scores of every candidate, as if one judge had given them."""
        for question in Audit(self._store, reviewer=lambda: "").questions():
            for candidate in question.candidates:
                about = self.about[candidate.candidate_id]
                for dimension, it in candidate.dimensions.items():
                    if it.state is not State.NOT_CHECKED:
                        yield Item(Level.SCORE, dimension, about, "", it.score, ())

    def scored_by_people(self) -> dict[tuple[str, Dimension], tuple[Stated, ...]]:
        """Return the scores that people stated for whole dimensions, by candidate and dimension."""
        return {(key[0], key[1]): people for key, people in self.stated.items() if not key[2]}

    def _claims(self, judgment: Judgment, about: About) -> Iterator[Item]:
        for claim in judgment.claims:
            people = self.stated.get((judgment.candidate_id, judgment.dimension, claim.claim_id), ())
            if claim.state is State.NOT_CHECKABLE and not people:
                continue  # it states nothing that could be right or wrong
            first = min(claim.evidence, key=lambda entry: entry.rank, default=None)
            yield Item(
                Level.CLAIM,
                judgment.dimension,
                about,
                claim.claim_id,
                None if claim.support is None else claim.support.value,
                people,
                claim.support_probability,
                None if first is None else _position(first.span, about),
                claim.text,
            )

    def _key_points(self, judgment: Judgment, about: About) -> Iterator[Item]:
        for point in judgment.key_points:
            place = point.span if point.span is not None else point.chunk
            yield Item(
                Level.KEY_POINT,
                judgment.dimension,
                about,
                point.key_point_id,
                None if point.covered is None else point.covered.value,
                self.stated.get((judgment.candidate_id, judgment.dimension, point.key_point_id), ()),
                None,
                None if place is None else _position(place, about),
                point.text,
            )

    def _scores(self, candidate_id: str, dimension: Dimension, parts: Sequence[Item]) -> tuple[Stated, ...]:
        """Return the scores that people stated; of those who stated none but decided every part, the mean of these.

        One part alone is no score: it would say the same thing twice.
        """
        given = self.stated.get((candidate_id, dimension, ""), ())
        said: dict[tuple[str, bool], list[Stated]] = defaultdict(list)
        for part in parts:
            for it in part.people:
                said[it.reviewer, it.blind].append(it)
        direct = {(it.reviewer, it.blind) for it in given}
        means = (
            Stated(reviewer, 10.0 * sum(it.value for it in each) / len(each), blind, each[0].chance)
            for (reviewer, blind), each in said.items()
            if len(each) == len(parts) > 1 and (reviewer, blind) not in direct
        )
        return (*given, *means)


def _abouts(store: Store, check: Check) -> dict[str, About]:
    lengths: Mapping[str, int | None] = {it.document_id: it.length for it in store.library.documents()}
    made = {}
    for question in store.library.questions():
        check()
        length = lengths.get(question.document_id or "")
        tokens = None if length is None else length // CHARACTERS_A_TOKEN
        cluster = question.question_id if question.document_id is None else question.document_id
        for it in store.library.candidates(question.question_id):
            made[it.candidate_id] = About(
                it.candidate_id,
                question.question_id,
                cluster,
                it.model,
                tokens,
                language_of(it.text),
                len(it.text),
            )
    return made


def _position(span: Span, about: About) -> float | None:
    if not about.tokens:
        return None
    return min(span.start / (about.tokens * CHARACTERS_A_TOKEN), 1.0)


def _drawn(item: Item, chances: Mapping[Target, float]) -> Item:
    """Return the item with the chance of its audit put on what people said of it."""
    chance = chances.get(Target(item.about.candidate_id, item.dimension, item.part_id))
    if chance is None or not item.people:
        return item
    return replace(item, people=tuple(replace(it, chance=chance) for it in item.people))


def people_of(item: Item, *, blind: bool | None) -> tuple[Stated, ...]:
    """Return what people said of an item: all (each reviewer's blind word where there are two), blind, or revealed.

    What settles a disagreement comes along with either.
    """
    said = [it for it in item.people if not it.adjudicates]
    settled = tuple(it for it in item.people if it.adjudicates)
    if blind is not None:
        own = tuple(it for it in said if it.blind is blind)
        return (*own, *settled) if own else ()
    by_reviewer: dict[str, Stated] = {}
    for it in said:
        if it.reviewer not in by_reviewer or it.blind:
            by_reviewer[it.reviewer] = it
    return (*by_reviewer.values(), *settled)


def consensus(people: Sequence[Stated], *, labels: bool) -> float | None:
    """Return what reviewers say together: of scores the mean, of labels the one that most gave, None at a tie.

    Where a disagreement was adjudicated, that holds.
    """
    if not people:
        return None
    values = [it.value for it in people if it.adjudicates][-1:] or [it.value for it in people]
    if not labels:
        return sum(values) / len(values)
    counts = {value: values.count(value) for value in values}
    most = max(counts.values())
    winners = [value for value, count in counts.items() if count == most]
    return winners[0] if len(winners) == 1 else None
