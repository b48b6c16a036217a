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
    """Return the entries that are neither undone nor an undo or redo themselves, in the order they were made."""
    live: dict[int, E] = {}
    off: dict[int, E] = {}
    for entry in entries:
        if entry.is_undo:
            if entry.undoes in live:
                off[entry.undoes] = live.pop(entry.undoes)
        elif entry.is_redo:
            if entry.undoes in off:
                live[entry.undoes] = off.pop(entry.undoes)
        else:
            live[entry.number] = entry
    return tuple(live[key] for key in sorted(live))


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
            if done and done[-1].number == entry.undoes:
                undone.append(done.pop())
        elif entry.is_redo:
            if undone and undone[-1].number == entry.undoes:
                done.append(undone.pop())
        else:
            done.append(entry)
            undone.clear()
    return (done[-1] if done else None, undone[-1] if undone else None)
