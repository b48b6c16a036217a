"""Pairs: proposed by rules, approved, swapped, rejected and added by people; nothing is ever changed in place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypedDict, Unpack

from lrstudio.domain.changes import Changes
from lrstudio.domain.claim_differences import claim_differences
from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_lists import Board, BoardCandidate, PairCounts, PairFilter, PairHistory, PairPage, PairSort
from lrstudio.domain.pair_rules import Rated, common_dimensions, grounds_of
from lrstudio.domain.pairs import (
    Pair,
    PairAct,
    PairEntry,
    PairRule,
    PairState,
    Stale,
    mean_over,
    pair_id,
    stale_of,
)
from lrstudio.domain.undoing import undo_and_redo
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.services.audit import Audit
from lrstudio.services.effective import effective, rated_candidates
from lrstudio.services.proposals import ProposalReport, Proposing, Stop, Told
from lrstudio.services.who_when import Clock, ReviewerName, utc_now
from lrstudio.store.store import Store


class Circumstances(TypedDict, total=False):
    """What goes with what a person says of a pair: why, whether scores and models were hidden, the order on screen."""

    reason: str
    blind: bool
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddedPair:
    """A pair that a person added, and what changed."""

    pair_id: str
    changes: Changes


class Pairs:
    """The pairs of a project, for one reviewer. What writes returns what changed, and writes nothing where it refuses.

    Reading is safe from any thread. Whether a pair is stale is exact in `page`, `history` and `board`; what filters and
    counts go by is brought up to date by `settle`, which a window calls after judgments or decisions have changed.
    """

    def __init__(self, store: Store, *, reviewer: ReviewerName, clock: Clock = utc_now) -> None:
        self._store = store
        self._reviewer = reviewer
        self._clock = clock
        self._audit = Audit(store, reviewer=reviewer)

    def page(
        self,
        wanted: PairFilter = PairFilter(),  # noqa: B008 - frozen
        *,
        sort: PairSort = PairSort.PROJECT,
        descending: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> PairPage:
        """Return a stretch of the list of pairs, and how long the whole list is."""
        with self._store.reading():
            page = self._store.pairs.page(wanted, sort=sort, descending=descending, offset=offset, limit=limit)
            exact = self._exact([row.pair for row in page.rows])
        rows = (replace(row, pair=pair) for row, pair in zip(page.rows, exact, strict=True))
        return PairPage(tuple(rows), page.total)

    def counts(self) -> PairCounts:
        """Count the pairs by state."""
        return self._store.pairs.counts()

    def history(self, pair_id: str) -> PairHistory:
        """Return a pair with everything that was said of it.

        Raises:
            Refused: there is no pair of that id.
        """
        with self._store.reading():
            (pair,) = self._exact([self._store.pairs.pair(pair_id)])
            return PairHistory(pair, tuple(self._store.pairs.entries(pair_id)))

    def board(self, question_id: str, judge: JudgeIdentity | None = None) -> Board:
        """Return a question with its candidates side by side, how their claims differ, and its pairs.

        Raises:
            Refused: there is no question of that id.
        """
        with self._store.reading():
            question = self._store.library.question(question_id)
            rated = rated_candidates(self._store, [question_id], judge=judge)[question_id]
            dimensions = common_dimensions(rated)
            candidates = tuple(
                BoardCandidate(self._audit.candidate(it.candidate_id, judge), mean_over(dimensions, it.scores))
                for it in rated
            )
            pairs = tuple(self._exact(self._store.pairs.of_question(question_id)))
        claims = {
            it.detail.candidate.candidate_id: it.detail.standings[Dimension.FAITHFULNESS].claims for it in candidates
        }
        return Board(
            question=question,
            document=candidates[0].detail.document if candidates else None,
            dimensions=dimensions,
            candidates=candidates,
            pairs=pairs,
            differences={(a, b): claim_differences(claims[a], claims[b]) for a, b in combinations(claims, 2)},
        )

    def undo_redo(self) -> tuple[PairEntry | None, PairEntry | None]:
        """Return what undo and redo would act on for this reviewer."""
        reviewer = self._reviewer()
        return undo_and_redo(self._store.pairs.entries_by_hand(reviewer), reviewer=reviewer)

    def propose(
        self,
        rule: PairRule,
        *,
        judge: JudgeIdentity | None = None,
        question_ids: Collection[str] | None = None,
        replacing: bool = False,
        progress: Told | None = None,
        stop: Stop | None = None,
    ) -> ProposalReport:
        """Propose pairs by a rule; pairs that a person decided keep what was decided.

        Args:
            rule: the rule.
            judge: whose verdicts are taken, None for the latest ones of any.
            question_ids: only these questions.
            replacing: withdraw what the same rule proposed before and does not propose now.
            progress: told how many questions are done, of how many.
            stop: asked now and then; True ends the work, and what was proposed until then stays.

        Raises:
            Refused: the rule makes no sense.
        """
        proposing = Proposing(self._store, rule, judge=judge, reviewer=self._reviewer(), clock=self._clock)
        return proposing.run(question_ids, replacing=replacing, progress=progress, stop=stop)

    def approve(self, pair_id: str, **around: Unpack[Circumstances]) -> Changes:
        """Say that a pair holds as it stands: it becomes gold."""
        with self._store.writing():
            pair = self._store.pairs.pair(pair_id)
            return self._say(PairAct.APPROVED, pair, pair.chosen_id, around)

    def swap(self, pair_id: str, **around: Unpack[Circumstances]) -> Changes:
        """Say that the rejected candidate is the better one: the pair becomes gold the other way round."""
        with self._store.writing():
            pair = self._store.pairs.pair(pair_id)
            return self._say(PairAct.SWAPPED, pair, pair.rejected_id, around)

    def choose(self, pair_id: str, chosen_id: str, **around: Unpack[Circumstances]) -> Changes:
        """Say which of the two is the better one: approves or swaps the pair."""
        pair = self._store.pairs.pair(pair_id)
        if chosen_id not in (pair.chosen_id, pair.rejected_id):
            raise Refused(f"candidate '{chosen_id}' is not in this pair", where=pair_id)
        return self.approve(pair_id, **around) if chosen_id == pair.chosen_id else self.swap(pair_id, **around)

    def reject(self, pair_id: str, **around: Unpack[Circumstances]) -> Changes:
        """Say that a pair is no pair to learn from."""
        with self._store.writing():
            pair = self._store.pairs.pair(pair_id)
            return self._say(PairAct.REJECTED, pair, pair.chosen_id, around)

    def add(
        self,
        chosen_id: str,
        rejected_id: str,
        *,
        judge: JudgeIdentity | None = None,
        **around: Unpack[Circumstances],
    ) -> AddedPair:
        """Make a gold pair of two candidates of one question.

        Raises:
            Refused: there is no such candidate, or they answer different questions, or their texts are identical.
        """
        with self._store.writing():
            chosen, rejected = (self._store.library.candidate(side) for side in (chosen_id, rejected_id))
            if chosen.question_id != rejected.question_id:
                raise Refused(f"'{chosen_id}' and '{rejected_id}' answer different questions")
            if chosen.text == rejected.text:
                raise Refused(f"'{chosen_id}' and '{rejected_id}' have the same text: there is nothing to prefer")
            rated = rated_candidates(self._store, [chosen.question_id], judge=judge)[chosen.question_id]
            made = Pair(
                pair_id=pair_id(chosen.question_id, chosen_id, rejected_id),
                question_id=chosen.question_id,
                chosen_id=chosen_id,
                rejected_id=rejected_id,
                state=PairState.GOLD,
                dimensions=common_dimensions(rated),
                judge=judge,
            )
            return AddedPair(made.pair_id, self._say(PairAct.ADDED, made, chosen_id, around))

    def undo(self) -> Changes:
        """Turn off what this reviewer said of a pair last, by an entry that says so; nothing where there is nothing."""
        return self._compensate(PairAct.UNDO)

    def redo(self) -> Changes:
        """Turn what was undone last on again; nothing where there is nothing."""
        return self._compensate(PairAct.REDO)

    def settle(self, *, everything: bool = False) -> Changes:
        """Find out which pairs are stale, of those under which something changed; names those that turned.

        Args:
            everything: look at every pair, whatever is known of it.
        """
        if everything:
            self._store.pairs.suspect_all()
        turned: set[str] = set()
        while True:
            with self._store.writing():
                suspects = self._store.pairs.suspects()
                found = self._stale(suspects)
                self._store.pairs.settle(found)
            turned.update(pair.pair_id for pair in suspects if pair.stale != found[pair.pair_id])
            if not suspects:
                return Changes(pairs=frozenset(turned))

    def _exact(self, pairs: Sequence[Pair]) -> list[Pair]:
        """Return the pairs with what is exactly known of their being stale."""
        suspects = self._store.pairs.suspects([pair.pair_id for pair in pairs], most=len(pairs)) if pairs else ()
        found = self._stale(suspects)
        return [replace(pair, stale=found.get(pair.pair_id, pair.stale)) for pair in pairs]

    def _stale(self, pairs: Iterable[Pair]) -> dict[str, Stale | None]:
        by_judge: dict[JudgeIdentity | None, list[Pair]] = defaultdict(list)
        for pair in pairs:
            by_judge[pair.judge].append(pair)
        found: dict[str, Stale | None] = {}
        for judge, some in by_judge.items():
            sides = {side for pair in some for side in (pair.chosen_id, pair.rejected_id)}
            now = effective(self._store, sides, judge=judge)
            for pair in some:
                found[pair.pair_id] = stale_of(pair, now.grounds, decisions_in_force=now.decisions)
        return found

    def _say(self, act: PairAct, pair: Pair, chosen_id: str, around: Circumstances) -> Changes:
        """Write down what a person says, with the scores that stand now; dimensions no longer scored fall out."""
        rejected_id = pair.rejected_id if chosen_id == pair.chosen_id else pair.chosen_id
        now = effective(self._store, [chosen_id, rejected_id], judge=pair.judge).grounds
        sides = [Rated(side, "", 0, "", now.get(side, {})) for side in (chosen_id, rejected_id)]
        common = common_dimensions(sides)
        dimensions = tuple(dimension for dimension in pair.dimensions if dimension in common)
        turned = replace(
            pair, chosen_id=chosen_id, rejected_id=rejected_id, dimensions=dimensions, grounds=grounds_of(*sides)
        )
        self._store.pairs.append([self._entry(act, turned, around=around)])
        return Changes(pairs=frozenset({pair.pair_id}))

    def _entry(
        self,
        act: PairAct,
        pair: Pair,
        *,
        around: Circumstances | None = None,
        undoes: int | None = None,
    ) -> PairEntry:
        said = around or Circumstances()
        return PairEntry(
            entry_id=0,
            pair_id=pair.pair_id,
            question_id=pair.question_id,
            chosen_id=pair.chosen_id,
            rejected_id=pair.rejected_id,
            act=act,
            reviewer=self._reviewer(),
            time=self._clock(),
            dimensions=pair.dimensions,
            grounds=pair.grounds,
            judge=pair.judge,
            reason=said.get("reason", "").strip(),
            blind=said.get("blind", False),
            order=said.get("order", ()),
            undoes=undoes,
        )

    def _compensate(self, act: PairAct) -> Changes:
        with self._store.writing():
            undo, redo = self.undo_redo()
            other = undo if act is PairAct.UNDO else redo
            if other is None:
                return Changes()
            pair = self._store.pairs.pair(other.pair_id)
            self._store.pairs.append([self._entry(act, pair, undoes=other.entry_id)])
        return Changes(pairs=frozenset({other.pair_id}))
