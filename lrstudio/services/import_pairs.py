"""The entries about pairs, and the sets, of a project written elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lrstudio.domain.errors import Refused
from lrstudio.domain.pairs import PairEntry
from lrstudio.domain.sets import FrozenPair, FrozenSet, SetHash
from lrstudio.services.import_report import Tally
from lrstudio.store.records import Added
from lrstudio.store.store import Store

_AT_ONCE = 400


class PairImporter:
    """Adds entries about pairs; those that are in the journal already are passed over.

    Entries wait for each other, so that many are written at once; `finish` writes the last ones.
    """

    def __init__(self, store: Store, *, decisions: Mapping[int, int]) -> None:
        """Take the numbers that decisions had where they come from, and have here; it may still grow."""
        self._store = store
        self._decisions = decisions
        self._renumbered: dict[int, int] = {}
        self._known: dict[PairEntry, list[int]] | None = None
        self._waiting: list[PairEntry] = []
        self._placed: list[str] = []
        self._last = ""

    def add(self, entry: PairEntry, tally: Tally) -> None:
        """Add an entry, numbered anew together with what it rests on."""
        if entry.undoes is not None:
            self.finish()
        undoes = None if entry.undoes is None else self._renumbered[entry.undoes]
        wanted = replace(
            entry,
            undoes=undoes,
            grounds=tuple(
                replace(
                    it, decisions=tuple(self._decisions[number] for number in it.decisions if number in self._decisions)
                )
                for it in entry.grounds
            ),
        )
        places = self._already().get(replace(wanted, entry_id=0), [])
        tally.note("pairs", entry.pair_id, Added.SAME if places else Added.NEW)
        # It stands among the entries that are here as its own journal places it: by time, unless a clock went back.
        self._last = max(self._last, entry.time)
        if places:
            self._renumbered[entry.entry_id] = places.pop(0)
        else:
            self._waiting.append(wanted)
            self._placed.append(self._last)
        if len(self._waiting) >= _AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """Write what waits. Judgments and decisions may differ here, so the pairs are looked at again."""
        written = self._store.pairs.append(self._waiting, placed=self._placed, suspect=True)
        for old, new in zip(self._waiting, written, strict=True):
            self._renumbered[old.entry_id] = new.entry_id
        self._waiting, self._placed = [], []

    def _already(self) -> dict[PairEntry, list[int]]:
        # two equal entries differ in their place alone, so places are kept, first to last
        if self._known is None:
            self._known = {}
            for entry in self._store.pairs.entries():
                self._known.setdefault(replace(entry, entry_id=0), []).append(entry.entry_id)
        return self._known


class SetImporter:
    """Adds sets; one that is there already, with the same pairs, is passed over. Pairs wait as entries do."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._being_made: dict[str, tuple[FrozenSet, SetHash]] = {}
        self._waiting: list[FrozenPair] = []
        self._same: set[str] = set()

    def start(self, frozen: FrozenSet, tally: Tally) -> None:
        """Begin a set.

        Raises:
            Refused: there is another set of this name.
        """
        here = self._store.sets.find(frozen.name)
        if here is not None and here.content_hash != frozen.content_hash:
            raise Refused("there is a set of this name with other pairs already, and a set never changes")
        if here is not None:
            self._same.add(frozen.name)
        else:
            self._store.sets.start(frozen.name)
            self._being_made[frozen.name] = (frozen, SetHash())
        tally.note("sets", frozen.name, Added.SAME if here else Added.NEW)

    def add(self, pair: FrozenPair) -> None:
        """Add a pair to its set."""
        if pair.set_name in self._same:
            return
        if pair.set_name not in self._being_made:
            raise Refused(f"its set '{pair.set_name}' does not come before it")
        self._being_made[pair.set_name][1].add(pair.canonical())
        if len(self._waiting) >= _AT_ONCE or (self._waiting and self._waiting[0].set_name != pair.set_name):
            self._write()
        self._waiting.append(pair)

    def finish(self) -> Iterator[tuple[str, str]]:
        """Seal the sets; yields the name of each whose pairs are not those that were frozen, with a sentence."""
        self._write()
        for name, (frozen, found) in self._being_made.items():
            if found.hexdigest() == frozen.content_hash:
                self._store.sets.seal(frozen)
            else:
                self._store.sets.drop(name)
                yield name, "its pairs are not those that were frozen; it was left out"

    def _write(self) -> None:
        if self._waiting:
            self._store.sets.add(self._waiting[0].set_name, self._waiting)
        self._waiting = []
