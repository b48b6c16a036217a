"""Pairs that a file brings: gold where it says who preferred, proposed by nobody's rule else."""

from __future__ import annotations

from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_rules import common_dimensions, grounds_of
from lrstudio.domain.pairs import Pair, PairAct, PairEntry, PairRule, RuleName, pair_id
from lrstudio.domain.text import Candidate
from lrstudio.formats.records import ImportedPair
from lrstudio.services.effective import rated_candidates
from lrstudio.services.import_report import Tally
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.records import Added
from lrstudio.store.store import Store

IMPORTED = PairRule(RuleName.IMPORTED)


class PreferenceImporter:
    """Adds pairs; what was said of one before, by a file or a person, is not said again."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    def add(self, item: ImportedPair, chosen: Candidate, rejected: Candidate, tally: Tally) -> None:
        """Add a pair inside the caller's transaction and count it.

        It rests on the effective scores that its sides have now; without any it has no margin.

        Raises:
            Refused: the two have the same text.
        """
        if chosen.text == rejected.text:
            raise Refused("the two candidates of the pair have the same text: there is nothing to prefer")
        name = pair_id(chosen.question_id, chosen.candidate_id, rejected.candidate_id)
        pair = self._store.pairs.known([name]).get(name)
        known = pair is not None and self._said(pair, item, chosen)
        if not known:
            self._store.pairs.append([self._entry(name, item, chosen, rejected)])
        tally.note("pairs", name, Added.SAME if known else Added.NEW)

    def _said(self, pair: Pair, item: ImportedPair, chosen: Candidate) -> bool:
        """Tell whether this was said before; a pair without a reviewer says nothing of one that a person decided."""
        return any(
            (entry.act, entry.reviewer, entry.chosen_id) == (PairAct.ADDED, item.reviewer, chosen.candidate_id)
            and (not item.time or entry.time == item.time)
            if item.reviewer
            else entry.rule == IMPORTED and entry.chosen_id == chosen.candidate_id
            for entry in self._store.pairs.entries(pair.pair_id)
        )

    def _entry(self, name: str, item: ImportedPair, chosen: Candidate, rejected: Candidate) -> PairEntry:
        rated = rated_candidates(self._store, [chosen.question_id])[chosen.question_id]
        sides = {it.candidate_id: it for it in rated}
        return PairEntry(
            entry_id=0,
            pair_id=name,
            question_id=chosen.question_id,
            chosen_id=chosen.candidate_id,
            rejected_id=rejected.candidate_id,
            act=PairAct.ADDED if item.reviewer else PairAct.PROPOSED,
            reviewer=item.reviewer,
            time=item.time or self._clock(),
            dimensions=common_dimensions(rated),
            grounds=grounds_of(sides[chosen.candidate_id], sides[rejected.candidate_id]),
            rule=None if item.reviewer else IMPORTED,
            reason=item.reason,
        )
