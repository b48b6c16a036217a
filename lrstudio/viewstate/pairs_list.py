"""The rows of the table of pairs, and what is said around it: counts, proposals, sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lrstudio.domain.length_choices import LengthOutcome, Mitigation
from lrstudio.domain.pair_lists import PairCounts, PairFilter, PairRow, PairSort
from lrstudio.domain.pair_rules import Listed
from lrstudio.domain.pairs import Pair, PairState
from lrstudio.domain.sets import FrozenSet, Mitigated, Verification
from lrstudio.viewstate.audit_signs import Chip, Sign, counted, score_text
from lrstudio.viewstate.pairs_board import letters, rules_text, state_text

COLUMNS: tuple[tuple[str, PairSort | None], ...] = (
    ("question", PairSort.PROJECT),
    ("chosen", PairSort.CHOSEN_REWARD),
    ("rejected", PairSort.REJECTED_REWARD),
    ("margin", PairSort.MARGIN),
    ("length ratio", PairSort.LENGTH_RATIO),
    ("dimensions", None),
    ("state", PairSort.STATE),
    ("by", PairSort.TIME),
)
"""The columns of the table, and what the list is sorted by when one is pressed."""

_HIDDEN = "·"
_LISTED_MOST = 200
_NAMED = 5
_HASH = 12


@dataclass(frozen=True, slots=True)
class PairCells:
    """One row of the table: a text for each column, and the chip of the state."""

    pair: Pair
    texts: tuple[str, ...]
    chip: Chip


def pair_cells(row: PairRow, *, blind: bool) -> PairCells:
    """Return a row as it is shown; blind hides what would tell which side a rule prefers."""
    pair = row.pair
    hidden = blind and (pair.state is PairState.PROPOSED or pair.stale is not None)
    margin = "–" if pair.margin is None else f"{pair.margin:.1f}"
    ratio = "–" if row.length_ratio is None else f"{row.length_ratio:.2f}"
    sides = (
        _side(row.chosen_model or pair.chosen_id, pair.chosen_reward),
        _side(row.rejected_model or pair.rejected_id, pair.rejected_reward),
    )
    by = pair.reviewer if pair.state is not PairState.PROPOSED else rules_text(pair)
    if pair.state is not PairState.PROPOSED and pair.time:
        by = f"{by} · {pair.time[:10]}"
    told = (*sides, margin, ratio)
    chip = chip_of(pair, blind=blind)
    texts = (row.query, *((_HIDDEN,) * len(told) if hidden else told), letters(pair.dimensions), chip.text, by)
    return PairCells(pair, texts, chip)


def chip_of(pair: Pair, *, blind: bool = False) -> Chip:
    """Return the state of a pair as a chip; a stale one says so first."""
    if pair.stale is not None and pair.state in (PairState.GOLD, PairState.PROPOSED):
        return Chip(Sign.PARTIAL, "stale", "" if blind else state_text(pair), tooltip="" if blind else pair.stale.words)
    if pair.state is PairState.GOLD:
        return Chip(Sign.FULL, "gold", "blind" if pair.blind else "", tooltip=pair.reason)
    if pair.state is PairState.REJECTED:
        return Chip(Sign.CONTRADICTED, "rejected", tooltip=pair.reason)
    return Chip(Sign.NOT_CHECKED, pair.state.value)


def counts_text(counts: PairCounts) -> str:
    """Say how many pairs there are."""
    parts = [f"gold {counts.gold:,}", f"proposed {counts.proposed:,}"]
    if counts.rejected:
        parts.append(f"rejected {counts.rejected:,}")
    if counts.stale:
        parts.append(f"stale {counts.stale:,}")
    return " · ".join(parts)


def proposal_text(*, questions: int, new: int, same: int, withdrawn: int, of: int | None = None) -> str:
    """Say what proposing came to; `of` how many questions, where it was cancelled after `questions` of them."""
    parts = [counted(new, "new pair")]
    if same:
        parts.append(f"{same:,} stood already")
    if withdrawn:
        parts.append(f"{withdrawn:,} withdrawn")
    if of is not None:
        return f"Cancelled after {questions:,} of {counted(of, 'question')}: {', '.join(parts)}; what is there stays."
    return f"{', '.join(parts)} from {counted(questions, 'question')}."


def listed_lines(listed: Sequence[Listed]) -> tuple[str, ...]:
    """Say what a rule passed over: first how often for each reason, then question by question, cut where it is long."""
    if not listed:
        return ()
    often = Counter(it.why for it in listed)
    lines = [f"{count:,} × {why.words}" for why, count in often.most_common()]
    for it in listed[:_LISTED_MOST]:
        who = f" ({', '.join(it.candidate_ids)})" if it.candidate_ids else ""
        lines.append(f"{it.question_id}: {it.why.words}{who}")
    if len(listed) > _LISTED_MOST:
        lines.append(f"… and {len(listed) - _LISTED_MOST:,} more")
    return tuple(lines)


def set_facts(frozen: FrozenSet) -> tuple[tuple[str, str], ...]:
    """Return the card of a set, one fact a line."""
    card = frozen.card
    facts = [
        ("content hash", frozen.content_hash),
        ("frozen", f"{frozen.time[:16].replace('T', ' ')} by {frozen.reviewer or 'nobody named'}"),
        ("pairs", f"{card.pairs:,} on {counted(card.questions, 'question')}, {counted(card.documents, 'document')}"),
        ("gold", f"{card.gold:,}, {card.blind:,} of them blind"),
        ("split", " · ".join(f"{part} {count:,}" for part, count in card.parts.items()) + f" (seed {card.split.seed})"),
    ]
    facts += [(name, _counts(of)) for name, of in (("judges", card.judges), ("licences", card.licences)) if of]
    if card.lengths is not None:
        longer = card.lengths.longer_chosen
        share = "not known" if longer is None else f"{100 * longer:.0f} % of those that differ"
        facts.append(("longer is chosen", share))
    facts.append(("taken from", wanted_words(card.wanted)))
    if card.mitigated is not None:
        facts.append(("chosen by length", mitigated_words(card.mitigated)))
    return tuple(facts)


def wanted_words(wanted: PairFilter) -> str:
    """Say which pairs a filter wants."""
    stale = {None: "", False: ", not stale", True: ", stale"}[wanted.stale]
    states = " and ".join(state.value for state in wanted.states)
    parts = [f"{states} pairs{stale}".strip()]
    if wanted.rule is not None:
        parts.append(f"by the rule {wanted.rule.value}")
    if wanted.margin is not None:
        parts.append(f"margin from {wanted.margin:g}")
    if wanted.most_margin is not None:
        parts.append(f"margin up to {wanted.most_margin:g}")
    if wanted.dimensions:
        parts.append(f"compared in {', '.join(wanted.dimensions)}")
    if wanted.length_ratio is not None:
        parts.append(f"length ratio up to {wanted.length_ratio:g}")
    if wanted.longer_chosen is not None:
        parts.append("the longer one chosen" if wanted.longer_chosen else "the longer one not chosen")
    named = (
        ("of model", wanted.model),
        ("by", wanted.reviewer),
        ("on", wanted.document_id),
        ("of", wanted.question_id),
    )
    return " · ".join([*parts, *(f"{word} {name}" for word, name in named if name)])


def mitigated_words(made: Mitigated) -> str:
    """Say how a set was chosen with an eye on length, and what the pairs were like before."""
    seed = f" (seed {made.choice.seed})" if made.choice.mitigation is Mitigation.BALANCED else ""
    before = made.before.longer_chosen if made.before else None
    was = "" if before is None else f"; the longer was chosen in {100 * before:.0f} % before"
    return f"{made.choice.words}{seed}, out of {counted(made.pairs_before, 'pair')}{was}"


def verification_text(found: Verification) -> str:
    """Say plainly whether a set is what it was when it was frozen."""
    if found.holds:
        return f"✓ Unchanged: hashed anew, {counted(found.pairs, 'pair')} and all their texts are as frozen."
    if found.missing:
        more = f" and {len(found.missing) - _NAMED:,} more" if len(found.missing) > _NAMED else ""
        return f"✕ Changed: the text of {', '.join(found.missing[:_NAMED])}{more} is gone or is not the one frozen."
    now, then = found.found[:_HASH], found.expected[:_HASH]
    return f"✕ Changed: its {counted(found.pairs, 'pair')} now hash to {now}, not to {then}."


def outcome_text(outcome: LengthOutcome, *, all_of: int) -> str:
    """Say what a choice of pairs comes to: how many are left, and how often the longer one is chosen."""
    pairs = counted(outcome.pairs, "pair") if outcome.choice is None else f"{outcome.pairs:,} of {all_of:,}"
    if outcome.longer is None:
        return pairs
    interval = ""
    if outcome.low is not None and outcome.high is not None:
        interval = f" ({100 * outcome.low:.0f}–{100 * outcome.high:.0f})"
    return f"{pairs} · longer chosen {100 * outcome.longer:.0f} %{interval}"


def _counts(of: Mapping[str, int]) -> str:
    return " · ".join(f"{name or 'not stated'} {count:,}" for name, count in of.items())


def _side(model: str, reward: float | None) -> str:
    return model if reward is None else f"{score_text(reward)} · {model}"
