"""What is said of an import."""

from __future__ import annotations

from collections.abc import Sequence

from lrstudio.viewstate.audit_signs import counted

_TITLE = 60
_NAMED = 5


def import_sentence(new: tuple[int, int, int], same: tuple[int, int, int], *, left_out: int) -> str:
    """Say what an import came to.

    Args:
        new: documents, questions and candidates that were not there before.
        same: those that were there already.
        left_out: rows and files that could not be read.
    """
    said = _list(new)
    sentence = f"Imported {said}." if said else "Nothing new was imported."
    before = _list(same)
    if before:
        sentence += f" {before[0].upper()}{before[1:]} there already."
    if left_out:
        sentence += f" {counted(left_out, 'row or file', 'rows or files')} left out."
    if new[0] and not new[1] and not same[1]:
        sentence += " Next: add a question to the document."
    return sentence


def _list(counts: tuple[int, int, int]) -> str:
    named = [
        counted(number, noun)
        for number, noun in zip(counts, ("document", "question", "candidate"), strict=True)
        if number
    ]
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
