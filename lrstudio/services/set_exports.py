"""Pairs and sets out, in the format that a trainer or another program reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.domain.length_choices import Mitigation
from lrstudio.domain.pair_lists import GOLD, PairFilter
from lrstudio.domain.pairs import PairState
from lrstudio.domain.places import same_place
from lrstudio.domain.sets import FrozenSet
from lrstudio.formats.columns import write_table
from lrstudio.formats.datasets_folder import Card, DataFiles, write_datasets_folder
from lrstudio.formats.longreward_out import write_longreward
from lrstudio.formats.preference import LONGREWARD_LAYOUT, PreferenceRow
from lrstudio.formats.trl import Form, Shape, Trainer, shape_for
from lrstudio.services.pair_rows import PairRows
from lrstudio.services.pairs import Pairs
from lrstudio.services.sets import Sets
from lrstudio.store.store import Store

PROPOSED_TOO = PairFilter(states=(PairState.GOLD, PairState.PROPOSED), stale=False)

_HUB_LICENCE = re.compile(r"(mit|apache-2\.0|bsd-[23]-clause|cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-[234]\.0|odc-by|unknown)")


class SetFormat(StrEnum):
    """What is written. `longreward` and `datasets` are folders, the others files."""

    TRL = "trl"
    KTO = "kto"
    REWARD = "reward"
    LONGPO = "longpo"
    LONGREWARD = "longreward"
    DATASETS = "datasets"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetChoice:
    """How pairs are written.

    `rows_for` is the trainer that a datasets folder is for. `form` is one turn of the user and one of the assistant
    unless something else is said, as LongReward trained. `layout` has {document} and {question}. `files` are those of a
    datasets folder; any other file is Parquet where its name ends in .parquet, else JSON lines. `part` takes only that
    part of a set's split.
    """

    format: SetFormat = SetFormat.TRL
    rows_for: Trainer = Trainer.TRL
    form: Form = Form.CHAT
    layout: str = LONGREWARD_LAYOUT
    files: DataFiles = DataFiles.PARQUET
    part: str = ""

    @property
    def trainer(self) -> Trainer:
        """The trainer whose rows are written."""
        return self.rows_for if self.format is SetFormat.DATASETS else Trainer(self.format.value)


@dataclass(frozen=True, slots=True)
class SetExport:
    """What was written: rows, by split where it is a datasets folder, and what was left out and why."""

    rows: int
    splits: dict[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


class SetExports:
    """Writes pairs; each file or folder is complete or not there. Memory does not grow with the number of pairs."""

    def __init__(self, store: Store, *, pairs: Pairs, sets: Sets) -> None:
        self._store = store
        self._pairs = pairs
        self._sets = sets
        self._rows = PairRows(store)

    def export_set(self, out: Path, name: str, *, choice: SetChoice = SetChoice()) -> SetExport:
        """Write a frozen set, as it was frozen.

        Raises:
            Refused: there is no set of this name or no such part, a text differs from what was frozen, the format
                cannot hold the pairs, or `out` cannot take them.
            Environment: it cannot be written.
        """
        frozen = self._sets.get(name)
        rows = self._sets.rows(name, part=choice.part)
        questions = (pair.question_id for pair in self._sets.pairs(name) if choice.part in ("", pair.part))
        with self._store.reading():
            return self._write(out, rows, questions, choice, card=set_card(frozen))

    def export_pairs(
        self,
        out: Path,
        *,
        proposed: bool = False,
        choice: SetChoice = SetChoice(),
    ) -> SetExport:
        """Write the pairs that are gold and not stale, as they stand.

        Args:
            out: the file or folder.
            proposed: those that are only proposed, too.
            choice: the format.

        Raises:
            Refused: a part is asked for, which only a set has; the rest is as in `export_set`.
            Environment: it cannot be written.
        """
        if choice.part:
            raise Refused("only a set has parts: freeze one", where="part")
        if self._store.pairs.suspects(most=1):  # a file that cannot be written to can still be read
            self._pairs.settle()
        wanted = PROPOSED_TOO if proposed else GOLD
        questions = (row.pair.question_id for row in self._store.pairs.stream(wanted))
        title = self._store.meta.title or self._store.path.stem
        what = "gold and proposed pairs" if proposed else "gold pairs"
        card = Card(title=title, summary=f"The {what} of a project of LongReward Studio, not frozen into a set.")
        with self._store.reading():
            return self._write(out, self._rows.live(wanted), questions, choice, card=card)

    def _write(
        self, out: Path, rows: Iterator[PreferenceRow], questions: Iterator[str], choice: SetChoice, *, card: Card
    ) -> SetExport:
        if same_place(out, self._store.path):
            raise Refused("this is the project itself; choose another file", where=str(out))
        if choice.format is SetFormat.LONGREWARD:
            return self._longreward(out, rows, questions)
        shape = shape_for(choice.trainer, form=choice.form, layout=choice.layout)
        without: list[str] = []
        if choice.trainer is Trainer.LONGPO:
            rows = _with_short(self._rows.with_short_documents(rows), without)
        exported = _table(out, rows, shape, choice, card)
        left_out = tuple(f"pair '{name}' has no evidence, and LongPO needs a short document" for name in without)
        return SetExport(exported.rows, exported.splits, left_out)

    def _longreward(self, out: Path, rows: Iterator[PreferenceRow], questions: Iterator[str]) -> SetExport:
        once = iter(dict.fromkeys(questions))
        written = write_longreward(out, scored=self._rows.scored(once), pairs=rows)
        sentence = f"candidates without a score in all four dimensions, which have no row of scores: {written.left_out}"
        return SetExport(written.pairs, left_out=(sentence,) if written.left_out else ())


def _table(out: Path, rows: Iterator[PreferenceRow], shape: Shape, choice: SetChoice, card: Card) -> SetExport:
    made = shape.rows(_at_least_one(rows, out))
    if choice.format is SetFormat.DATASETS:
        splits = write_datasets_folder(out, made, columns=shape.columns, card=card, files=choice.files)
        return SetExport(sum(splits.values()), splits)
    return SetExport(write_table(out, made, columns=shape.columns))


def _with_short(rows: Iterator[PreferenceRow], without: list[str]) -> Iterator[PreferenceRow]:
    for row in rows:
        if row.short_document is None:
            without.append(row.pair_id)
        else:
            yield row


def _at_least_one(rows: Iterator[PreferenceRow], out: Path) -> Iterator[PreferenceRow]:
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise Refused("there is no pair to write: approve some, or judge what they rest on", where=str(out))


def set_card(frozen: FrozenSet) -> Card:
    """Return what the README of an exported set says."""
    card = frozen.card
    licences = [name.lower() for name in card.licences]
    known = len(licences) == 1 and bool(_HUB_LICENCE.fullmatch(licences[0]))
    counts = [
        f"- {card.pairs} pairs on {card.questions} questions and {card.documents} documents",
        f"- {card.gold} approved by a person, {card.blind} of them blind",
    ]
    shares = ", ".join(f"{share:g}" for share in card.split.shares)
    sections = [
        ("Pairs", (*counts, *_counted("proposed by rule", card.rules))),
        ("Answers", _counted("model", card.models)),
        ("Judge", _counted("judge", card.judges) or ("No judge scored them.",)),
        ("Agreement of the judge with people", tuple(f"- {name}: {value}" for name, value in card.agreement.items())),
        ("Lengths", (*_lengths(frozen), *_mitigated(frozen))),
        ("Split", (f"By document, seed {card.split.seed}, shares of train, validation and test: {shares}.",)),
        ("Licences of the documents", _counted("licence", card.licences)),
    ]
    summary = f"Preference pairs frozen with LongReward Studio by {frozen.reviewer or 'nobody named'}, {frozen.time}."
    return Card(
        title=frozen.name,
        summary=f"{summary} Content hash: `{frozen.content_hash}`.",
        licence=licences[0] if known else "",
        tags=("preference", "dpo", "long-context", "lrstudio"),
        sections=tuple((heading, lines) for heading, lines in sections if lines),
    )


def _counted(what: str, counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"- {what} {name or 'not stated'}: {count}" for name, count in counts.items() if count)


def _mitigated(frozen: FrozenSet) -> tuple[str, ...]:
    made = frozen.card.mitigated
    if made is None:
        return ()
    before = made.before.longer_chosen if made.before else None
    longer = "not known" if before is None else f"{100 * before:.1f} %"
    lots = f" by lot, seed {made.choice.seed}" if made.choice.mitigation is Mitigation.BALANCED else ""
    return (
        f"- chosen with an eye on length: {made.choice.words}{lots}, out of {made.pairs_before} pairs",
        f"- before, the longer text was chosen: {longer} of the pairs that differ in length",
    )


def _lengths(frozen: FrozenSet) -> tuple[str, ...]:
    lengths = frozen.card.lengths
    if lengths is None:
        return ()
    longer = "not known" if lengths.longer_chosen is None else f"{100 * lengths.longer_chosen:.1f} %"
    return (
        f"- chosen: mean {lengths.chosen_mean:.0f}, median {lengths.chosen_median:.0f} characters",
        f"- rejected: mean {lengths.rejected_mean:.0f}, median {lengths.rejected_median:.0f} characters",
        f"- the longer text is chosen: {longer} of the pairs that differ in length",
    )
