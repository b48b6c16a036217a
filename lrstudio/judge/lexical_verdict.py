"""From how a claim compares with a document to a verdict, and one sentence on why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lrstudio.domain.verdicts import Reason, State, Support, SupportReason
from lrstudio.judge.claims import Statement, bare
from lrstudio.judge.lexical_conflict import Conflict, find_conflict
from lrstudio.judge.lexical_features import LexicalDocument, Match, Stems, match
from lrstudio.judge.lexical_model import LexicalModel, Thresholds

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_MOST_WORDS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the lexical judge says of one claim, and the match that it rests on."""

    match: Match
    state: State
    probability: float
    explanation: str
    reason: Reason = Reason.NONE
    support: Support | None = None
    support_reason: SupportReason = SupportReason.UNSTATED


def features(document: LexicalDocument, statement: Statement) -> tuple[Match, dict[str, float]]:
    """Return how a sentence of a candidate compares with a document, and the features that the model is fitted on."""
    found = match(document, bare(statement.text))
    return found, {**found.values, "states_nothing": float(not statement.checkable)}


def decide(document: LexicalDocument, statement: Statement, model: LexicalModel) -> Verdict:
    """Return the verdict on one sentence of a candidate.

    In this order: nothing checkable; word for word in the document; contradicted; near chance, unless the claim is
    denied by a record or made of words that the document lacks; then by probability.
    """
    found, values = features(document, statement)
    probability = model.probability(values)
    limits = model.thresholds
    if not statement.checkable:
        return Verdict(
            found, State.NOT_CHECKABLE, probability, "It states nothing that a document could show.", Reason.OPINION
        )
    if found.verbatim:
        return _scored(found, max(probability, limits.full), Support.FULL, "The document has this word for word.")
    conflict = find_conflict(document, bare(statement.text), found)
    if conflict:
        why = _contradiction(document, found, conflict)
        return _scored(found, min(probability, limits.conflict), Support.NONE, why, SupportReason.CONTRADICTED)
    weak = found.strength < limits.strength
    if _is_absent(document, found, limits) if weak else probability < limits.none:
        why = _absence(document, statement, found)
        return _scored(found, probability, Support.NONE, why, SupportReason.NOT_FOUND)
    if weak:
        why = f"{_overlap(document, found)}, hardly more than chance: too little to decide."
        return Verdict(found, State.UNSCORED, probability, why, Reason.NEAR_CHANCE)
    support = Support.FULL if probability >= limits.full else Support.PARTIAL
    return _scored(found, probability, support, _finding(document, statement, found))


def _is_absent(document: LexicalDocument, found: Match, limits: Thresholds) -> bool:
    """Tell whether more speaks against a claim than that nothing in the document stands out for it."""
    if found.denied:
        return True
    expected = 0.0 if found.new_values else limits.foreign * document.novelty
    return found.absent >= max(limits.absent, expected)


def _scored(
    found: Match, probability: float, support: Support, why: str, reason: SupportReason = SupportReason.UNSTATED
) -> Verdict:
    return Verdict(found, State.SCORED, probability, why, support=support, support_reason=reason)


def _contradiction(document: LexicalDocument, found: Match, conflict: Conflict) -> str:
    sentence = document.sentences[conflict.sentence]
    ranks = [
        rank
        for rank, hit in enumerate(found.passages.hits, start=1)
        if document.chunks[hit.index].overlaps(sentence)
        and conflict.found in document.chunks[hit.index].of(document.text)
    ]
    where = f"Passage {ranks[0]}" if ranks else "The document"
    return f"{where} has '{conflict.found}' where the claim says '{conflict.claimed}'."


def _absence(document: LexicalDocument, statement: Statement, found: Match) -> str:
    if found.denied:
        return f"The document's record says '{found.denied}'."
    if not found.missing:
        return f"{_overlap(document, found)}, but not together with the others."
    return f"No passage has {_quoted(statement, found)}; {_lowered(_overlap(document, found))}."


def _finding(document: LexicalDocument, statement: Statement, found: Match) -> str:
    rank, held = _best(document, found)
    if found.denied:
        return f"{_overlap(document, found)}, but the document's record says '{found.denied}'."
    if held == len(found.stems):
        return f"All content words are in passage {rank}."
    if not found.missing:
        return f"All content words are in the passages, {held} of {len(found.stems)} in passage {rank}."
    if held + len(found.missing) == len(found.stems):
        return f"All content words but {_quoted(statement, found)} are in passage {rank}."
    return f"No passage has {_quoted(statement, found)}; {_lowered(_overlap(document, found))}."


def _overlap(document: LexicalDocument, found: Match) -> str:
    rank, held = _best(document, found)
    if not held:
        return "No passage shares a content word with the claim"
    return f"Passage {rank} has {held} of {len(found.stems)} content words"


def _best(document: LexicalDocument, found: Match) -> tuple[int, int]:
    """Return the rank of the passage with most of the claim's content words, and how many it has."""
    held = [len(set(found.stems).intersection(document.chunk_stems(hit.index))) for hit in found.passages.hits]
    most = max(held, default=0)
    return (held.index(most) + 1 if held else 0), most


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _quoted(statement: Statement, found: Match) -> str:
    """Name the missing words as the claim writes them."""
    missing = set(found.missing)
    written = [
        word[0] for word in _WORD.finditer(bare(statement.text)) if missing.intersection(Stems.of(word[0]).stems)
    ]
    return _listed(list(dict.fromkeys(written)))


def _listed(written: Sequence[str]) -> str:
    named = [f"'{word}'" for word in written[:_MOST_WORDS_NAMED]]
    rest = len(written) - len(named)
    if rest:
        named.append(f"{rest} more")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"
