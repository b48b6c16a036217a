"""Undo and redo over an append-only journal: an entry is turned off, or on again, by a later one that names it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar


class Entry(Protocol):
    """An entry of a journal, numbered in the order of writing."""

    @property
    def number(self) -> int:
        """Its place in the journal."""

    @property
    def reviewer(self) -> str:
        """Who wrote it."""

    @property
    def undoes(self) -> int | None:
        """The number of the entry that it turns off or on."""

    @property
    def is_undo(self) -> bool:
        """Whether it turns an entry off."""

    @property
    def is_redo(self) -> bool:
        """Whether it turns an entry on again."""


E = TypeVar("E", bound=Entry)


def in_force(entries: Iterable[E]) -> tuple[E, ...]:
    """Return the entries that are neither undone nor an undo or redo themselves, in the order they came.

    An undo may come before what it undoes: the clocks of two merged projects need not agree.
    """
    written = tuple(entries)
    made = {entry.number for entry in written if not (entry.is_undo or entry.is_redo)}
    live = set(made)
    for entry in written:
        if entry.is_undo and entry.undoes in live:
            live.discard(entry.undoes)
        elif entry.is_redo and entry.undoes in made:
            live.add(entry.undoes)
    return tuple(entry for entry in written if entry.number in live)


def undo_and_redo(entries: Iterable[E], *, reviewer: str) -> tuple[E | None, E | None]:
    """Return the entry that undo would turn off and the one that redo would turn on again, for this reviewer.

    It is computed from the journal alone, so it survives a restart. A new entry empties the redo stack.
    """
    done: list[E] = []
    undone: list[E] = []
    for entry in entries:
        if entry.reviewer != reviewer:
            continue
        if entry.is_undo:
            _move(entry.undoes, done, undone)
        elif entry.is_redo:
            _move(entry.undoes, undone, done)
        else:
            done.append(entry)
            undone.clear()
    return (done[-1] if done else None, undone[-1] if undone else None)


def _move(number: int | None, source: list[E], to: list[E]) -> None:
    """Move an entry, which is last in its list except where two journals of one reviewer were merged."""
    at = next((at for at in reversed(range(len(source))) if source[at].number == number), None)
    if at is not None:
        to.append(source.pop(at))
