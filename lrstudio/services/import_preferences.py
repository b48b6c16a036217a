"""Pairs that a file brings: gold where it says who preferred, proposed by nobody's rule else."""

from __future__ import annotations

from dataclasses import dataclass

from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_rules import Rated, common_dimensions, grounds_of
from lrstudio.domain.pairs import PairAct, PairEntry, PairRule, RuleName, pair_id
from lrstudio.domain.text import Candidate
from lrstudio.formats.records import ImportedPair
from lrstudio.services.effective import rated_candidates
from lrstudio.services.import_report import Tally
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.records import Added
from lrstudio.store.store import Store

IMPORTED = PairRule(RuleName.IMPORTED)

_MADE_GOLD = (PairAct.APPROVED, PairAct.SWAPPED, PairAct.ADDED)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A pair that waits to be written with others: asking one by one what each rests on costs most of an import."""

    pair_id: str
    item: ImportedPair
    chosen: Candidate
    rejected: Candidate


class PreferenceImporter:
    """Adds pairs; what was said of one before, by a file or a person, is not said again."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock
        self._waiting: list[_Wanted] = []

    def add(self, item: ImportedPair, chosen: Candidate, rejected: Candidate) -> None:
        """Take in a pair; `flush` writes it.

        Raises:
            Refused: the two have the same text.
        """
        if chosen.text == rejected.text:
            raise Refused("the two candidates of the pair have the same text: there is nothing to prefer")
        name = pair_id(chosen.question_id, chosen.candidate_id, rejected.candidate_id)
        self._waiting.append(_Wanted(name, item, chosen, rejected))

    def flush(self, tally: Tally) -> None:
        """Write inside the caller's transaction what waits, and count it.

        A pair rests on the effective scores that its sides have now; without any it has no margin.
        """
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        known = self._store.pairs.known({it.pair_id for it in waiting})
        rated = rated_candidates(self._store, {it.chosen.question_id for it in waiting})
        said = {name: list(self._store.pairs.entries(name)) for name in known}
        new: list[PairEntry] = []
        for it in waiting:
            is_known = any(_says(entry, it) for entry in said.get(it.pair_id, ()))
            tally.note("pairs", it.pair_id, Added.SAME if is_known else Added.NEW)
            if not is_known:
                new.append(self._entry(it, rated[it.chosen.question_id]))
                said.setdefault(it.pair_id, []).append(new[-1])
        self._store.pairs.append(new)

    def _entry(self, it: _Wanted, rated: list[Rated]) -> PairEntry:
        sides = {one.candidate_id: one for one in rated}
        reviewer = it.item.reviewer
        return PairEntry(
            entry_id=0,
            pair_id=it.pair_id,
            question_id=it.chosen.question_id,
            chosen_id=it.chosen.candidate_id,
            rejected_id=it.rejected.candidate_id,
            act=PairAct.ADDED if reviewer else PairAct.PROPOSED,
            reviewer=reviewer,
            time=it.item.time or self._clock(),
            dimensions=common_dimensions(rated),
            grounds=grounds_of(sides[it.chosen.candidate_id], sides[it.rejected.candidate_id]),
            rule=None if reviewer else IMPORTED,
            reason=it.item.reason,
            blind=it.item.blind,
        )


def _says(entry: PairEntry, it: _Wanted) -> bool:
    """Tell whether an entry says the same. A pair without a reviewer says nothing of one that a person decided."""
    if entry.chosen_id != it.chosen.candidate_id:
        return False
    if not it.item.reviewer:
        return entry.rule == IMPORTED
    same = entry.act in _MADE_GOLD and entry.reviewer == it.item.reviewer
    return same and (not it.item.time or entry.time == it.item.time)
