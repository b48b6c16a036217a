"""What is said of an import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lrstudio.viewstate.audit_signs import counted

_TITLE = 60
_NAMED = 5


def import_sentence(new: Mapping[str, int], same: Mapping[str, int], *, left_out: int) -> str:
    """Say what an import came to.

    Args:
        new: how many of each kind were not there before; a kind is named as in `Counts`, such as "judge_runs".
        same: how many were there already.
        left_out: rows and files that could not be read.
    """
    said = named_counts(new)
    sentence = f"Imported {said}." if said else "Nothing new was imported."
    before = named_counts(same)
    if before:
        sentence += f" {before[0].upper()}{before[1:]} there already."
    if left_out:
        sentence += f" {counted(left_out, 'row or file', 'rows or files')} left out."
    if new.get("documents") and not new.get("questions") and not same.get("questions"):
        sentence += " Next: add a question to the document."
    return sentence


def named_counts(counts: Mapping[str, int]) -> str:
    """Name what there is some of: 1 document, 3 questions and 12 candidates; "" for nothing."""
    nouns = {kind.removesuffix("s").replace("_", " "): number for kind, number in counts.items()}
    named = [counted(number, noun) for noun, number in nouns.items() if number]
    if len(named) > 1:
        return ", ".join(named[:-1]) + f" and {named[-1]}"
    return "".join(named)


def first_words(text: str) -> str:
    """Return the start of a text as a title: its first line that has words, cut between two of them."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    words = " ".join(line[: 4 * _TITLE].split())
    if len(words) <= _TITLE:
        return words
    start = words[: _TITLE + 1].rpartition(" ")[0] or words[:_TITLE]
    return f"{start} …"


def unasked_words(titles: Sequence[str]) -> tuple[str, str]:
    """Return heading and sentence for documents that nothing was asked about."""
    named = ", ".join(f"“{first_words(title)}”" for title in titles[:_NAMED])
    more = f" and {counted(len(titles) - _NAMED, 'other')}" if len(titles) > _NAMED else ""
    return (
        f"{counted(len(titles), 'document')}, no question yet",
        f"Here: {named}{more}. Add a question and its answers, or import them; their rows name the document.",
    )
