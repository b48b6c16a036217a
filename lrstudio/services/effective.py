"""Effective scores with what they rest on: the latest decision, else the judgment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from lrstudio.domain.decisions import Decision, in_force, standing
from lrstudio.domain.pair_rules import Rated
from lrstudio.domain.pairs import Ground
from lrstudio.domain.text import content_hash
from lrstudio.domain.verdicts import Dimension, JudgeIdentity, Judgment
from lrstudio.store.store import Store

_AT_ONCE = 4000  # candidates in one question to the store


@dataclass(frozen=True, slots=True)
class Effective:
    """The effective scores of the candidates asked for that are in the project, by dimension.

    `decisions` holds the ids of the decisions in force, for candidates that have any.
    """

    grounds: Mapping[str, Mapping[Dimension, Ground]]
    decisions: Mapping[str, frozenset[int]]


def effective(store: Store, candidate_ids: Iterable[str], *, judge: JudgeIdentity | None = None) -> Effective:
    """Return what is effective for these candidates; `judge` chooses whose verdicts, None takes the latest ones.

    Only candidates that a person touched pay for whole judgments.
    """
    wanted = sorted(set(candidate_ids))
    found = Effective({}, {})
    for start in range(0, len(wanted), _AT_ONCE):
        some = _effective(store, wanted[start : start + _AT_ONCE], judge=judge)
        found = Effective({**found.grounds, **some.grounds}, {**found.decisions, **some.decisions})
    return found


def _effective(store: Store, wanted: Collection[str], *, judge: JudgeIdentity | None) -> Effective:
    grounds: dict[str, dict[Dimension, Ground]] = {
        candidate_id: {} for candidate_id in store.library.existing_candidates(wanted)
    }
    for it in store.judging.scores(wanted, identity=judge):
        grounds[it.candidate_id][it.dimension] = Ground(it.candidate_id, it.dimension, it.score, it.run_id)
    journal = store.journal.by_candidate(wanted)
    said: dict[tuple[str, Dimension], Judgment] = {}
    if journal:
        found = store.judging.judgments(list(journal), identity=judge)
        said = {(judgment.candidate_id, judgment.dimension): judgment for judgment in found}
    for candidate_id, decisions in journal.items():
        for dimension in {decision.target.dimension for decision in decisions}:
            ground = _decided(candidate_id, dimension, said.get((candidate_id, dimension)), decisions)
            if ground is None:
                grounds[candidate_id].pop(dimension, None)
            else:
                grounds[candidate_id][dimension] = ground
    live = {
        candidate_id: frozenset(it.decision_id for it in in_force(decisions))
        for candidate_id, decisions in journal.items()
    }
    return Effective(grounds, live)


def _decided(
    candidate_id: str, dimension: Dimension, judgment: Judgment | None, decisions: tuple[Decision, ...]
) -> Ground | None:
    score = standing(dimension, judgment, decisions).score
    if score.score is None:
        return None
    return Ground(candidate_id, dimension, score.score, judgment.run_id if judgment else "", score.rests_on)


def rated_candidates(
    store: Store, question_ids: Collection[str], *, judge: JudgeIdentity | None = None
) -> dict[str, list[Rated]]:
    """Return the candidates of some hundred questions as rules see them, in the order of the project."""
    candidates = store.library.candidates_of(question_ids)
    grounds = effective(store, [it.candidate_id for it in candidates], judge=judge).grounds
    found: dict[str, list[Rated]] = {question_id: [] for question_id in question_ids}
    for it in candidates:
        rated = Rated(it.candidate_id, it.model, len(it.text), content_hash(it.text), grounds[it.candidate_id])
        found[it.question_id].append(rated)
    return found
