"""A folder that `datasets.load_dataset` reads: data files by split, and a card (README.md) that says what they are.

The front matter of the card follows the hub's data set cards: `configs` with `data_files` of each split.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from lrstudio.domain.errors import Refused
from lrstudio.formats.columns import Columns, Kind, Row, TableWriter
from lrstudio.formats.whole import whole_folder

SHARD_CHARACTERS = 400_000_000
"""A data file is closed before it holds much more than this; the hub advises files of some hundred megabytes."""

_SPLIT = re.compile(r"\w+")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MOST = "1M<n<10M"
_FEATURES = {
    Kind.TEXT: ("dtype: string",),
    Kind.TEXTS: ("list: string",),
    Kind.NUMBER: ("dtype: float64",),
    Kind.FLAG: ("dtype: bool",),
    Kind.MESSAGES: ("list:", "- name: role", "  dtype: string", "- name: content", "  dtype: string"),
}


class DataFiles(StrEnum):
    """What the data files of a folder are; the value is their suffix."""

    PARQUET = "parquet"
    JSON = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the card says beside the counts.

    `sections` are headings with lines of Markdown under them, in order. `licence` is an identifier of the hub (such as
    "mit", "cc-by-4.0"), "" where the sources state none or several: the hub calls that "other".
    """

    title: str
    summary: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()
    sections: tuple[tuple[str, tuple[str, ...]], ...] = ()


def write_datasets_folder(
    path: Path,
    rows: Iterable[Row],
    *,
    columns: Columns,
    card: Card,
    files: DataFiles = DataFiles.PARQUET,
    shard_characters: int = SHARD_CHARACTERS,
) -> dict[str, int]:
    """Write rows into a new folder, each into the split that its column `split` names ("train" where it is empty).

    Splits may come in any order. What is held in memory does not grow with the number of rows.

    Returns:
        how many rows each split has, in order of appearance.

    Raises:
        Refused: there is something of that name already, no row, or a split has a name that `datasets` does not take.
        Environment: it cannot be written.
    """
    with whole_folder(path) as folder, ExitStack() as stack:
        (folder / "data").mkdir()
        splits: dict[str, _Split] = {}
        for row in rows:
            name = row.get("split") or "train"
            if name not in splits:
                splits[name] = stack.enter_context(
                    _Split(folder / "data", name, columns=columns, files=files, most=shard_characters)
                )
            splits[name].add(row)
        if not splits:
            raise Refused("there is no pair to write", where=str(path))
        for split in splits.values():
            split.finish()
        counts = {name: split.count for name, split in splits.items()}
        text = _card_text(card, counts, files, columns)
        (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")
    return counts


class _Split:
    """The data files of one split. Their number is in their names, so they are named at the end."""

    def __init__(self, folder: Path, name: str, *, columns: Columns, files: DataFiles, most: int) -> None:
        if not _SPLIT.fullmatch(name):
            raise Refused("a split is named with letters, digits and underscores", where=f"split '{name}'")
        self.count = 0
        self._folder, self._name, self._columns, self._files, self._most = folder, name, columns, files, most
        self._shards: list[Path] = []
        self._file: IO[bytes] | None = None
        self._writer: TableWriter | None = None
        self._size = 0

    def add(self, row: Row) -> None:
        if self._writer is None or self._size > self._most:
            self._end_shard()
            self._shards.append(self._folder / f"{self._name}-{len(self._shards):05d}.unfinished")
            self._file = self._shards[-1].open("xb")
            self._writer = TableWriter(self._file, columns=self._columns, parquet=self._files is DataFiles.PARQUET)
        self._writer.add(row)
        self._size += sum(len(value) for value in row.values() if isinstance(value, str))
        self._size += sum(len(turn["content"]) for value in row.values() for turn in _turns(value))
        self.count += 1

    def finish(self) -> None:
        """Close the last file and give all of them their names."""
        self._end_shard()
        for number, shard in enumerate(self._shards):
            name = f"{self._name}-{number:05d}-of-{len(self._shards):05d}.{self._files.value}"
            shard.rename(shard.with_name(name))

    def _end_shard(self, kind: type[BaseException] | None = None) -> None:
        if self._writer is not None:
            self._writer.__exit__(kind)
        if self._file is not None:
            self._file.close()
        self._writer, self._file, self._size = None, None, 0

    def __enter__(self) -> _Split:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._end_shard(kind)


def _turns(value: object) -> list[dict[str, str]]:
    return [turn for turn in value if isinstance(turn, dict)] if isinstance(value, list) else []


def _features(columns: Columns) -> list[str]:
    """Say what the columns hold: of JSON lines `datasets` would go by the first file, and fail where that has nulls."""
    lines = ["dataset_info:", "  features:"]
    for name, kind in columns.items():
        lines += [f"  - name: {name}", *(f"    {line}" for line in _FEATURES[kind])]
    return lines


def _card_text(card: Card, counts: dict[str, int], files: DataFiles, columns: Columns) -> str:
    total = sum(counts.values())
    size = next((name for most, name in _SIZES if total < most), _MOST)
    # A JSON string is a YAML string, whatever is in it.
    front = [
        "---",
        f"pretty_name: {json.dumps(card.title)}",
        f"license: {json.dumps(card.licence or 'other')}",
        "tags:",
        *(f"- {json.dumps(tag)}" for tag in card.tags or ("preference",)),
        "size_categories:",
        f"- {size}",
        "configs:",
        "- config_name: default",
        "  data_files:",
    ]
    for split in counts:
        front += [f"  - split: {split}", f"    path: data/{split}-*.{files.value}"]
    lines = [*front, *_features(columns), "---", "", f"# {card.title}", ""]
    if card.summary:
        lines += [card.summary, ""]
    lines += ["| split | rows |", "|---|---|", *(f"| {split} | {count} |" for split, count in counts.items()), ""]
    for heading, body in card.sections:
        lines += [f"## {heading}", "", *body, ""]
    return "\n".join(lines)
