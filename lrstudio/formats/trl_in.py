"""Preference sets of TRL: prompt, chosen and rejected, as texts or as messages; the prompt may be implicit.

A prompt is taken apart by `given.split_prompt`. Rows that the studio wrote say what their question is, so that their
documents, questions and candidates come back with the ids they had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lrstudio.formats.given import Asked, Message, Place, messages, number, optional_text, split_prompt, transcript
from lrstudio.formats.records import ImportedPair, ImportItem
from lrstudio.formats.rows import BadRow, kind_of

FIELDS = frozenset(["chosen", "rejected"])

_BLANK_LINE = "\n\n"
_ASSISTANT = "assistant"


def fits(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is of this shape."""
    return row.keys() >= FIELDS


def read(row: Mapping[str, Any], place: Place) -> Iterator[ImportItem]:
    """Yield document, question, the two candidates and the pair.

    Raises:
        BadRow: a field is missing, empty or of another kind, or the two sides are equal.
    """
    prompt, chosen, rejected = sides_of(row)
    document, query = split_prompt(prompt, question=optional_text(row, "question"))
    if not query.strip():
        raise BadRow("the prompt is empty")
    asked = Asked(
        query=query,
        document=document,
        document_id=optional_text(row, "document_id") or None,
        question_id=optional_text(row, "question_id") or None,
        licence=optional_text(row, "licence"),
    )
    better, worse = (
        asked.candidate(
            content,
            place,
            model=optional_text(row, f"{side}_model"),
            candidate_id=optional_text(row, f"{side}_candidate"),
        )
        for side, content in (("chosen", chosen), ("rejected", rejected))
    )
    yield from asked.items(place)
    yield better
    yield worse
    yield ImportedPair(
        chosen_id=better.candidate_id,
        rejected_id=worse.candidate_id,
        where=place.where,
        reviewer=optional_text(row, "reviewer"),
        time=optional_text(row, "time"),
        reason=optional_text(row, "reason"),
        blind=row.get("blind") is True,
        margin=_margin(row),
    )


def sides_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the prompt and the two answers of a row as texts.

    Raises:
        BadRow: a field is missing, empty or of another kind, or the two sides are equal.
    """
    chosen, rejected, prompt = row["chosen"], row["rejected"], row.get("prompt")
    if isinstance(chosen, str) and isinstance(rejected, str):
        if isinstance(prompt, str):
            sides = prompt, chosen, rejected
        elif prompt is None:
            sides = _common_text(chosen, rejected, question=optional_text(row, "question"))
        else:
            raise BadRow(f"prompt must be text as chosen and rejected are, not {kind_of(prompt)}")
    else:
        sides = _conversation(messages(chosen, "chosen"), messages(rejected, "rejected"), prompt)
    for name, side in zip(("chosen", "rejected"), sides[1:], strict=True):
        if not side.strip():
            raise BadRow(f"{name} is empty")
    if sides[1] == sides[2]:
        raise BadRow("chosen and rejected are the same text")
    return sides


def _common_text(chosen: str, rejected: str, *, question: str) -> tuple[str, str, str]:
    """Part an implicit prompt from the answers after the question, or at the last blank line of what both begin with.

    The answers may begin alike, so that the longest common beginning reaches into them.
    """
    common = chosen[: _common_length(chosen, rejected)]
    asked = common.rfind(question + _BLANK_LINE) if question else -1
    end = len(common) if asked < 0 else asked + len(question) + len(_BLANK_LINE)
    prompt, blank, _ = common[:end].rpartition(_BLANK_LINE)
    if not blank or not prompt.strip():
        raise BadRow("chosen and rejected begin with no prompt in common that a blank line ends")
    cut = len(prompt) + len(blank)
    return prompt, chosen[cut:], rejected[cut:]


def _common_length(one: str, other: str) -> int:
    """Halve the stretch in question each time: documents are compared as slices, not letter by letter."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _conversation(chosen: list[Message], rejected: list[Message], prompt: Any) -> tuple[str, str, str]:
    if isinstance(prompt, str):
        asked = prompt
        if _ASSISTANT in (role for role, _ in chosen[:-1]) or chosen[0][0] != _ASSISTANT:
            asked, chosen, rejected = _common_turns(chosen, rejected)
    elif prompt is None:
        asked, chosen, rejected = _common_turns(chosen, rejected)
    else:
        asked = transcript(messages(prompt, "prompt"))
    return asked, transcript(chosen), transcript(rejected)


def _common_turns(chosen: list[Message], rejected: list[Message]) -> tuple[str, list[Message], list[Message]]:
    common = 0
    while common < min(len(chosen), len(rejected)) - 1 and chosen[common] == rejected[common]:
        common += 1
    if not common:
        raise BadRow("chosen and rejected begin with no message in common")
    return transcript(chosen[:common]), chosen[common:], rejected[common:]


def _margin(row: Mapping[str, Any]) -> float | None:
    if row.get("reward_margin") is not None:
        return number(row["reward_margin"], "reward_margin")
    chosen, rejected = row.get("score_chosen"), row.get("score_rejected")
    if chosen is None or rejected is None:
        return None
    return number(chosen, "score_chosen") - number(rejected, "score_rejected")
