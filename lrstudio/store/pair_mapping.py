"""Pairs and sets to rows and back. Both ways are exact."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from lrstudio.domain.length_choices import LengthChoice, Mitigation
from lrstudio.domain.pair_lists import PairFilter, PairRow
from lrstudio.domain.pairs import (
    Ground,
    Pair,
    PairAct,
    PairEntry,
    PairRule,
    PairState,
    RuleName,
    Stale,
    StaleCause,
)
from lrstudio.domain.sets import FrozenSet, LengthFigures, Mitigated, SetCard, Split
from lrstudio.domain.verdicts import Dimension, JudgeIdentity
from lrstudio.store.mapping import Values, dimensions_json, to_json

_LETTERS = {dimension.letter: dimension for dimension in Dimension}


def pair_values(pair: Pair, *, chosen_length: int, rejected_length: int) -> Values:
    """Return the columns of a pair, without the key of its question and without what is known of its being stale."""
    return {
        "pair_id": pair.pair_id,
        "chosen_id": pair.chosen_id,
        "rejected_id": pair.rejected_id,
        "state": pair.state.value,
        "rules": ",".join(pair.rules),
        "dimensions": dimensions_json(pair.dimensions),
        "grounds": _grounds_json(pair.grounds, chosen_id=pair.chosen_id),
        "judge": judge_json(pair.judge),
        "margin": pair.margin,
        "chosen_reward": pair.chosen_reward,
        "rejected_reward": pair.rejected_reward,
        "chosen_length": chosen_length,
        "rejected_length": rejected_length,
        "length_ratio": chosen_length / rejected_length if rejected_length else None,
        "reviewer": pair.reviewer,
        "time": pair.time,
        "reason": pair.reason,
        "blind": pair.blind,
    }


def pair_of(row: Any) -> Pair:
    """Build a pair from its row, joined with the question's external id."""
    return Pair(
        pair_id=row.pair_id,
        question_id=row.question_id,
        chosen_id=row.chosen_id,
        rejected_id=row.rejected_id,
        state=PairState(row.state),
        dimensions=_dimensions(row.dimensions),
        grounds=_grounds(row),
        rules=tuple(RuleName(name) for name in row.rules.split(",") if name),
        judge=_judge(row.judge),
        reviewer=row.reviewer,
        time=row.time,
        reason=row.reason,
        blind=row.blind,
        stale=_stale(row.stale),
    )


def pair_row_of(row: Any) -> PairRow:
    """Build a row of a list from its row, joined with question, document and both candidates."""
    return PairRow(
        pair=pair_of(row),
        query=row.query,
        document_id=row.document_id,
        document_title=row.title or "",
        chosen_model=row.chosen_model or "",
        rejected_model=row.rejected_model or "",
        chosen_length=row.chosen_length,
        rejected_length=row.rejected_length,
        length_ratio=row.length_ratio,
    )


def entry_values(entry: PairEntry) -> Values:
    """Return the columns of an entry, without its id and the key of its pair."""
    return {
        "act": entry.act.value,
        "reviewer": entry.reviewer,
        "time": entry.time,
        "chosen_id": entry.chosen_id,
        "rejected_id": entry.rejected_id,
        "dimensions": dimensions_json(entry.dimensions),
        "grounds": _grounds_json(entry.grounds, chosen_id=entry.chosen_id),
        "rule": _rule_json(entry.rule),
        "judge": judge_json(entry.judge),
        "reason": entry.reason,
        "blind": entry.blind,
        "shown": to_json(entry.order),
        "undoes": entry.undoes,
    }


def entry_of(row: Any) -> PairEntry:
    """Build an entry from its row, joined with the external ids of its pair and question."""
    return PairEntry(
        entry_id=row.id,
        pair_id=row.pair_id,
        question_id=row.question_id,
        chosen_id=row.chosen_id,
        rejected_id=row.rejected_id,
        act=PairAct(row.act),
        reviewer=row.reviewer,
        time=row.time,
        dimensions=_dimensions(row.dimensions),
        grounds=_grounds(row),
        rule=_rule(row.rule),
        judge=_judge(row.judge),
        reason=row.reason,
        blind=row.blind,
        order=tuple(json.loads(row.shown)),
        undoes=row.undoes,
    )


def stale_json(stale: Stale | None) -> str:
    """Write why a pair is stale, "" where it is not."""
    if stale is None:
        return ""
    dimension = stale.dimension.value if stale.dimension else None
    return to_json([stale.cause.value, stale.candidate_id, dimension, stale.before, stale.after])


def _stale(column: str) -> Stale | None:
    if not column:
        return None
    cause, candidate_id, dimension, before, after = json.loads(column)
    return Stale(StaleCause(cause), candidate_id, Dimension(dimension) if dimension else None, before, after)


def judge_json(judge: JudgeIdentity | None) -> str:
    """Write whose verdicts were taken, "" for the latest of any."""
    return to_json([getattr(judge, field.name) for field in fields(JudgeIdentity)]) if judge else ""


def _judge(column: str) -> JudgeIdentity | None:
    return JudgeIdentity(*json.loads(column)) if column else None


def _grounds_json(grounds: tuple[Ground, ...], *, chosen_id: str) -> str:
    """Write grounds small: which side, the letter of the dimension, score, judge run, decisions."""
    return to_json(
        [[int(it.candidate_id != chosen_id), it.dimension.letter, it.score, it.run_id, it.decisions] for it in grounds]
    )


def _grounds(row: Any) -> tuple[Ground, ...]:
    sides = (row.chosen_id, row.rejected_id)
    return tuple(
        Ground(sides[side], _LETTERS[letter], float(score), run_id, tuple(decisions))
        for side, letter, score, run_id, decisions in json.loads(row.grounds)
    )


def _dimensions(column: str) -> tuple[Dimension, ...]:
    return tuple(Dimension(name) for name in json.loads(column))


def _rule_json(rule: PairRule | None) -> str:
    if rule is None:
        return ""
    written = {field.name: getattr(rule, field.name) for field in fields(PairRule)}
    return to_json(written)


def _rule(column: str) -> PairRule | None:
    if not column:
        return None
    read = json.loads(column)
    return PairRule(
        **read
        | {
            "name": RuleName(read["name"]),
            "required": tuple(Dimension(name) for name in read["required"]),
            "least": tuple((Dimension(name), float(by)) for name, by in read["least"]),
        }
    )


def card_json(card: SetCard) -> str:
    """Write the card of a set."""
    written = {field.name: getattr(card, field.name) for field in fields(SetCard)}
    for name, record in (("lengths", card.lengths), ("split", card.split), ("wanted", card.wanted)):
        written[name] = record and {field.name: getattr(record, field.name) for field in fields(record)}
    written["mitigated"] = card.mitigated and asdict(card.mitigated)
    return to_json(written)


def set_of(row: Any) -> FrozenSet:
    """Build a set from its row."""
    read = json.loads(row.card)
    wanted = read["wanted"]
    wanted["states"] = tuple(PairState(name) for name in wanted["states"])
    wanted["rule"] = RuleName(wanted["rule"]) if wanted["rule"] else None
    wanted["dimensions"] = tuple(Dimension(name) for name in wanted["dimensions"])
    read["wanted"] = PairFilter(**wanted)
    read["lengths"] = LengthFigures(**read["lengths"]) if read["lengths"] else None
    read["split"] = Split(tuple(read["split"]["shares"]), read["split"]["seed"])
    read["mitigated"] = _mitigated(read["mitigated"]) if read["mitigated"] else None
    return FrozenSet(row.name, row.content_hash, row.reviewer, row.time, SetCard(**read))


def _mitigated(read: dict[str, Any]) -> Mitigated:
    choice = read["choice"]
    return Mitigated(
        LengthChoice(Mitigation(choice["mitigation"]), choice["limit"], choice["seed"]),
        read["pairs_before"],
        LengthFigures(**read["before"]) if read["before"] else None,
    )
