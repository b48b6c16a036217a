"""Proposing pairs by a rule, through the whole project, some questions at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_rules import Listed, Proposed, propose
from lrstudio.domain.pairs import Pair, PairAct, PairEntry, PairRule, PairState, RuleName, pair_id
from lrstudio.domain.verdicts import JudgeIdentity
from lrstudio.services.effective import rated_candidates
from lrstudio.services.who_when import Clock
from lrstudio.store.store import Store

_AT_ONCE = 200  # questions in one transaction: the writer is free for decisions in between

Told = Callable[[int, int], None]
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class ProposalReport:
    """What proposing came to. `new` pairs were proposed, `same` stood so already or were decided by a person.

    `withdrawn` were proposed by the same rule before and are not any more. `listed` says, by question, what the rule
    passed over and why. `stopped` tells that it was broken off, after `questions` questions of `of`.
    """

    questions: int
    new: int
    same: int
    withdrawn: int
    listed: tuple[Listed, ...]
    changes: Changes
    of: int
    stopped: bool = False


class Proposing:
    """One rule on its way through the project."""

    def __init__(
        self, store: Store, rule: PairRule, *, judge: JudgeIdentity | None, reviewer: str, clock: Clock
    ) -> None:
        self._store = store
        self._rule = checked_rule(rule)
        self._judge = judge
        self._reviewer = reviewer
        self._clock = clock
        self._new = 0
        self._same = 0
        self._withdrawn = 0
        self._listed: list[Listed] = []
        self._touched: set[str] = set()

    def run(
        self,
        question_ids: Collection[str] | None,
        *,
        replacing: bool,
        progress: Told | None = None,
        stop: Stop | None = None,
    ) -> ProposalReport:
        """Propose; what was proposed when it is broken off stays proposed."""
        known = [question.question_id for question in self._store.library.questions()]
        wanted = set(known if question_ids is None else question_ids)
        if unknown := wanted.difference(known):
            raise Refused(f"there is no question '{min(unknown)}' in this project")
        chosen = [it for it in known if it in wanted]
        done = 0
        for start in range(0, len(chosen), _AT_ONCE):
            if stop and stop():
                break
            batch = chosen[start : start + _AT_ONCE]
            with self._store.writing():
                entries = self._entries(batch, replacing=replacing)
                self._store.pairs.append(entries)
            self._touched.update(entry.pair_id for entry in entries)
            done = start + len(batch)
            if progress:
                progress(done, len(chosen))
        return ProposalReport(
            questions=done,
            new=self._new,
            same=self._same,
            withdrawn=self._withdrawn,
            listed=tuple(self._listed),
            changes=Changes(pairs=frozenset(self._touched)),
            of=len(chosen),
            stopped=done < len(chosen),
        )

    def _entries(self, question_ids: Sequence[str], *, replacing: bool) -> list[PairEntry]:
        proposed: dict[str, Proposed] = {}
        for question_id, candidates in rated_candidates(self._store, question_ids, judge=self._judge).items():
            proposal = propose(question_id, candidates, self._rule)
            self._listed += proposal.listed
            proposed |= {pair_id(question_id, it.chosen_id, it.rejected_id): it for it in proposal.pairs}
        known = self._store.pairs.known(proposed)
        entries = []
        for name, it in proposed.items():
            if self._stands_already(known.get(name), it):
                self._same += 1
            else:
                self._new += 1
                entries.append(self._entry(PairAct.PROPOSED, name, it))
        if replacing:
            for pair in self._store.pairs.proposed_by(self._rule.name, question_ids):
                if pair.pair_id not in proposed:
                    self._withdrawn += 1
                    entries.append(self._entry(PairAct.WITHDRAWN, pair.pair_id, pair))
        return entries

    def _stands_already(self, pair: Pair | None, proposed: Proposed) -> bool:
        """Tell whether proposing it would say nothing new."""
        if pair is None or self._rule.name not in pair.rules:
            return False
        if pair.state is not PairState.PROPOSED:
            return True
        stands = (pair.chosen_id, pair.dimensions, frozenset(pair.grounds), pair.judge)
        return stands == (proposed.chosen_id, proposed.dimensions, frozenset(proposed.grounds), self._judge)

    def _entry(self, act: PairAct, name: str, it: Proposed | Pair) -> PairEntry:
        return PairEntry(
            entry_id=0,
            pair_id=name,
            question_id=it.question_id,
            chosen_id=it.chosen_id,
            rejected_id=it.rejected_id,
            act=act,
            reviewer=self._reviewer,
            time=self._clock(),
            dimensions=it.dimensions,
            grounds=it.grounds,
            rule=self._rule,
            judge=self._judge,
        )


def checked_rule(rule: PairRule) -> PairRule:
    """Return the rule as it is.

    Raises:
        Refused: it makes no sense; names the option.
    """
    if not 0.0 <= rule.margin <= 10.0:
        raise Refused(f"a margin goes from 0 to 10, not {rule.margin:g}", where="margin")
    if rule.fewest < 2:
        raise Refused("a pair needs two candidates", where="fewest")
    if rule.length_ratio is not None and rule.length_ratio < 1.0:
        raise Refused("the longer text is at least as long as the shorter one: give 1 or more", where="length ratio")
    if rule.name is RuleName.IMPORTED:
        raise Refused("pairs of a file come in by importing it; choose another rule", where="rule")
    if (rule.name is RuleName.AGAINST) != bool(rule.against or rule.against_model):
        raise Refused("the rule 'against', and no other, needs a candidate or a model to compare with", where="against")
    return rule
