"""From a frozen set to the rows that a run trains on."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Refused
from lrstudio.formats.preference import PreferenceRow, made_prompt
from lrstudio.formats.trl_sides import read_sides
from lrstudio.services.pair_rows import PairRows
from lrstudio.services.sets import Sets
from lrstudio.store.store import Store
from lrstudio.training.rounds import match_of
from lrstudio.training.rows import TRAIN, VALIDATION, Row, line_of


@dataclass(slots=True)
class RowLines:
    """The lines of pairs.jsonl, once; `left_out` and `counts` are whole when they have been taken."""

    lines: Iterator[str]
    left_out: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


class TrainingRows:
    """Makes rows of sets, rendered as the exports render them; memory does not grow with their number."""

    def __init__(self, store: Store, sets: Sets) -> None:
        self._store = store
        self._sets = sets
        self._pairs = PairRows(store)

    def of_set(self, name: str, recipe: str, options: Mapping[str, Any]) -> RowLines:
        """Return the rows of a set's parts train and validation, and the short ones that are mixed in.

        A pair without evidence has no short prompt and is left out where the recipe is LongPO on the set's own pairs.

        Raises:
            Refused: there is no set of this name, short pairs are named and none are to be mixed in, or a text is no
                longer the one that was frozen. While the lines are taken: the file of short pairs cannot be used.
        """
        self._sets.get(name)
        if options.get("short_pairs") and not options.get("short_share"):
            sentence = "a file of short-context pairs is named and none are mixed in; set short_share, or name none"
            raise Refused(sentence, where="short_share")
        made = RowLines(iter(()))
        made.lines = self._lines(made, name, recipe, options)
        return made

    def _lines(self, made: RowLines, name: str, recipe: str, options: Mapping[str, Any]) -> Iterator[str]:
        with self._store.reading():
            for row in self._rows(made, name, recipe, options):
                made.counts[row.split] = made.counts.get(row.split, 0) + 1
                yield line_of(row)
        share = float(options.get("short_share", 0.0))
        if share and not made.counts.get(TRAIN):
            return
        if share:
            wanted = math.ceil(made.counts[TRAIN] * share / (1.0 - share))
            for row in short_rows(str(options.get("short_pairs", "")), wanted, seed=int(options.get("seed", 0))):
                made.counts["mixed"] = made.counts.get("mixed", 0) + 1
                yield line_of(row)

    def _rows(self, made: RowLines, name: str, recipe: str, options: Mapping[str, Any]) -> Iterator[Row]:
        pairs = (it for it in self._sets.rows(name) if it.split in (TRAIN, VALIDATION))
        if recipe != "longpo" or options["data"] == "self":  # a model that makes its own data needs the documents alone
            tau = float(options["judge_tau"]) if recipe == "sppo" else None
            yield from (_row(pair, tau=tau) for pair in pairs)
            return
        for pair in self._pairs.with_short_documents(pairs):
            if pair.short_document is None:
                made.left_out.append(pair.pair_id)
            else:
                yield _row(pair, short=made_prompt(pair.question, pair.short_document))


def _row(pair: PreferenceRow, *, short: str = "", tau: float | None = None) -> Row:
    row = Row(
        row_id=pair.pair_id,
        prompt=made_prompt(pair.question, pair.document),
        chosen=pair.chosen.text,
        rejected=pair.rejected.text,
        split=pair.split,
        question="" if pair.document is None else pair.question,
        short=short,
    )
    match = match_of((pair.chosen.reward, pair.rejected.reward), tau=tau) if tau else None
    if match is None or match.chosen != 0:  # nothing is known of how much better it is, or a person says otherwise
        return row
    return replace(row, win=match.win, chosen_win=match.chosen_win, rejected_win=match.rejected_win)


def short_rows(file: str, wanted: int, *, seed: int) -> Iterator[Row]:
    """Yield so many short-context pairs of a TRL file, which ones decided by the seed, in the order of the file.

    Raises:
        Refused: there is no such file, a row is none, or it has too few.
    """
    if not file:
        raise Refused("name the file of short-context pairs to mix in", where="short_pairs")
    path = Path(file).expanduser()
    sides = list(read_sides(path))
    if len(sides) < wanted:
        raise Refused(
            f"the file has {len(sides)} pairs and {wanted} are to be mixed in; lower short_share or name a larger one",
            where=str(path),
        )
    for number in sorted(random.Random(seed).sample(range(len(sides)), wanted)):
        prompt, chosen, rejected = sides[number]
        yield Row(row_id=f"short-{number + 1}", prompt=prompt, chosen=chosen, rejected=rejected, mixed=True)
