"""Reports on a project: how far its judges can be trusted, what length has to do with it, which model does best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lrstudio.domain.errors import Refused
from lrstudio.domain.length_choices import LengthChoice, LengthOutcome
from lrstudio.domain.pair_lists import GOLD, PairFilter
from lrstudio.domain.reports import By, JudgeName, Report, Section
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.services.length_choice import row_lengths, set_lengths
from lrstudio.services.people_pairs import Marks
from lrstudio.services.report_agreement import How, agreement_sections
from lrstudio.services.report_confidence import probability_sections, rubric_sections
from lrstudio.services.report_corrected import corrected_sections
from lrstudio.services.report_items import Assembly, Item, Level
from lrstudio.services.report_leaderboard import EFFECTIVE, leaderboard_sections
from lrstudio.services.report_length import (
    length_outcomes,
    length_sections,
    length_warning,
    pair_length_section,
    people_pair_lengths,
)
from lrstudio.services.report_pairs import gold_sections, pair_sections, people_marks, rewards
from lrstudio.services.report_slices import sliced
from lrstudio.store.store import Store

_NOBODY = "no person has decided anything that a judge has judged: decide some items first, blind if you can"
_OUTDATED = (
    "a random audit of {judge} is left out: it was drawn from other items than the judge has judged now; draw another"
)
_NOTHING = "no candidate has a score: run a judge, or decide some scores"

Step = Callable[[int, int], None]


def _silent(_done: int, _of: int) -> None:
    pass


class Reports:
    """Reads only. Every report is computed anew, from one state of the project; seconds for ten thousand claims."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def judges(self) -> tuple[JudgeName, ...]:
        """Return the judges that a report can be asked about, the latest last."""
        with self._store.reading():
            return tuple(dict.fromkeys(_name(identity) for identity in self._identities()))

    def agreement(
        self,
        *,
        judge: str | JudgeName = "",
        dimension: Dimension | None = None,
        by: By | None = None,
        how: How | None = None,
        step: Step = _silent,
    ) -> Report:
        """Compare each judge with people.

        Args:
            judge: only judges with this in their name, model or prompt pack, or exactly this one; "" for all.
            dimension: only this dimension.
            by: cut every comparison by this.
            how: what items are taken together by, the seed, how many bootstrap samples, and what may end the work.
            step: told before each judge how many are done, of how many.

        Raises:
            Refused: no judge is called so.
        """
        how = how or How()
        with self._store.reading():
            assembly = Assembly(self._store, check=how.check)
            sections: list[Section] = []
            marks = self._marks(assembly, None)
            gold = [row.pair for row in self._store.pairs.stream(GOLD)]
            for name, items in self._judges(assembly, judge, step):
                sections += agreement_sections(items, name, how=how, by=by, dimension=dimension)
                if by is None:
                    sections += probability_sections(items, name, how=how, dimension=dimension)
                    sections += corrected_sections(items, name, how=how, dimension=dimension)
                if by is None and dimension is None:
                    sections += rubric_sections(items, name, how=how)
                    judged = rewards(items)
                    sections += pair_sections(judged, marks, assembly.about, name, how)
                    sections += gold_sections(judged, gold, assembly.about, name, how)
            notes = self._outdated(assembly, judge) if sections else (_NOBODY,)
        return Report("agreement", by.value if by else "", tuple(sections), notes)

    def card_figures(self) -> dict[str, float | int | str | None]:
        """Return what the card of a set says of its judges: agreement with people's blind verdicts, or why none."""
        found: dict[str, float | int | str | None] = {}
        for section in self.agreement().sections:
            key = {Level.SCORE.value: "kappa_quadratic", Level.CLAIM.value: "kappa", Level.KEY_POINT.value: "kappa"}
            if section.of not in key or section.seen != "blind":
                continue
            it = section.figure(key[section.of])
            name = f"{section.judge.words}, {section.dimension} by {section.of}, {it.title}"
            interval = "" if it.low is None or it.high is None else f" ({it.low:.2f} to {it.high:.2f}, n {it.n})"
            found[name] = it.sentence if it.value is None else f"{it.value:.2f}{interval}"
        return found

    def length_warning(self, set_name: str = "") -> str:
        """Return what to tell a person who exports a set ("": the gold pairs) that length mostly explains, else "".

        Raises:
            Refused: there is no set of this name.
        """
        if set_name:
            self._store.sets.get(set_name)
            return length_warning(set_lengths(self._store.sets.pairs(set_name)))
        return length_warning(row_lengths(self._store.pairs.stream(GOLD)))

    def length_outcomes(
        self, wanted: PairFilter, choices: Sequence[LengthChoice] | None = None, *, how: How | None = None
    ) -> tuple[LengthOutcome, ...]:
        """Return what the pairs wanted come to by length: as they are, then with each choice; None for the usual ones.

        A choice without a limit gets the usual one, and is left out where there is none.
        """
        return length_outcomes(row_lengths(self._store.pairs.stream(wanted)), choices, how=how or How())

    def length_bias(
        self,
        *,
        judge: str | JudgeName = "",
        dimension: Dimension | None = None,
        by: By | None = None,
        how: How | None = None,
        step: Step = _silent,
    ) -> Report:
        """Say how far each judge's values and people's choices go by length; the arguments are those of `agreement`.

        Raises:
            Refused: no judge is called so.
        """
        how = how or How()
        with self._store.reading():
            assembly = Assembly(self._store, check=how.check)
            sections: list[Section] = []
            for name, items in self._judges(assembly, judge, step):
                for part, among in _parts(items, by):
                    judged = _of(rewards(among), dimension)
                    sections += length_sections(judged, assembly.about, name, how=how, part=part)
            if by is None:
                for marked, marks in self._marks(assembly, dimension).items():
                    pairs = people_pair_lengths(marks, assembly.about)
                    if pairs:
                        sections.append(pair_length_section(marked, pairs, how=how))
                if dimension is None:
                    sections += self._sets(how)
        return Report("length-bias", by.value if by else "", tuple(sections), _notes(sections, by))

    def leaderboard(
        self,
        *,
        judge: str | JudgeName = "",
        dimension: Dimension | None = None,
        by: By | None = None,
        how: How | None = None,
        step: Step = _silent,
    ) -> Report:
        """Rank the models by what stands, or by one judge's values where `judge` is named, with the corrected rates.

        The arguments are those of `agreement`.

        Raises:
            Refused: no judge is called so.
        """
        how = how or How()
        with self._store.reading():
            assembly = Assembly(self._store, check=how.check)
            sections: list[Section] = []
            chosen = list(self._judges(assembly, judge, step))
            for name, items in chosen if judge else [(EFFECTIVE, list(assembly.effective()))]:
                for part, among in _parts(items, by):
                    judged = _of(rewards(among), dimension)
                    sections += leaderboard_sections(judged, assembly.about, name, how=how, part=part)
            if by is None:
                for name, items in chosen:
                    sections += corrected_sections(items, name, how=how, dimension=dimension)
            notes = (*_notes(sections, by), *self._outdated(assembly, judge))
        return Report("leaderboard", by.value if by else "", tuple(sections), notes)

    def _sets(self, how: How) -> Iterator[Section]:
        """Yield how far the gold pairs, and those of each set, go by length."""
        named = {"gold pairs": (row_lengths(self._store.pairs.stream(GOLD)), GOLD)}
        for frozen in self._store.sets.all():
            pairs = set_lengths(self._store.sets.pairs(frozen.name))
            named[f"set {frozen.name}"] = (pairs, frozen.card.wanted)
        for name, (pairs, wanted) in named.items():
            if pairs:
                yield pair_length_section(name, pairs, how=how, wanted=wanted)

    def _marks(self, assembly: Assembly, dimension: Dimension | None) -> dict[str, tuple[Marks, ...]]:
        question_of = {it.candidate_id: it.question_id for it in assembly.about.values()}
        found = people_marks(assembly.labels, assembly.scored_by_people(), question_of)
        return {name: marks for name, marks in found.items() if dimension is None or name.startswith(dimension.value)}

    def _judges(
        self, assembly: Assembly, wanted: str | JudgeName, step: Step
    ) -> Iterator[tuple[JudgeName, list[Item]]]:
        chosen = self._chosen(wanted)
        for done, (identity, name) in enumerate(chosen.items()):
            step(done, len(chosen))
            yield name, list(assembly.items(identity))
        step(len(chosen), len(chosen))

    def _chosen(self, wanted: str | JudgeName) -> dict[JudgeIdentity, JudgeName]:
        names = {identity: _name(identity) for identity in self._identities()}
        if isinstance(wanted, JudgeName):
            chosen = {it: name for it, name in names.items() if name == wanted}
        else:
            chosen = {it: name for it, name in names.items() if wanted.lower() in _searched(name)}
        if wanted and not chosen:
            known = ", ".join(sorted(name.words for name in names.values())) or "none"
            called = wanted.words if isinstance(wanted, JudgeName) else wanted
            raise Refused(f"no judge is called {called!r}; there are: {known}", where="judge")
        return chosen

    def _outdated(self, assembly: Assembly, wanted: str | JudgeName) -> tuple[str, ...]:
        return tuple(
            _OUTDATED.format(judge=name.words)
            for identity, name in self._chosen(wanted).items()
            if assembly.outdated_audits(identity)
        )

    def _identities(self) -> tuple[JudgeIdentity, ...]:
        """Return the judges that have spoken, the latest last."""
        return tuple(dict.fromkeys(run.identity for run in reversed(self._store.judging.runs())))


def _name(identity: JudgeIdentity) -> JudgeName:
    return JudgeName(identity.judge, identity.model, identity.prompt_pack)


def _searched(name: JudgeName) -> str:
    return f"{name.judge} {name.model} {name.prompt_pack} {name.words}".lower()


def _parts(items: list[Item], by: By | None) -> Iterator[tuple[str, list[Item]]]:
    """Yield the whole, and with `by` the scores of each slice."""
    yield "", items
    if by is not None:
        yield from sliced((it for it in items if it.level is Level.SCORE), by).items()


def _of(judged: dict[str, dict[str, float]], dimension: Dimension | None) -> dict[str, dict[str, float]]:
    return {name: values for name, values in judged.items() if dimension in (None, name)}


def _notes(sections: list[Section], by: By | None) -> tuple[str, ...]:
    if not sections:
        return (_NOTHING,)
    if by is not None and not any(it.part for it in sections):
        return (f"whole candidates cannot be told apart by {by.value}; the agreement report can",)
    return ()
