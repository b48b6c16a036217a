"""The folder of a LongReward run: documents, sampled answers, their scores and the pairs, each in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.formats.jsonl import read_jsonl
from lrstudio.formats.records import FormatName, ImportItem
from lrstudio.formats.rows import Rows

FILES = ("sft.jsonl", "sampled_responses.jsonl", "scored_responses.jsonl", "preference_pairs.jsonl")


def read_longreward(path: Path) -> Iterator[ImportItem]:
    """Yield documents and questions from `sft.jsonl`, sampled answers, scores, pairs; of a file, what it holds alone.

    `idx` is the id of document and question ("11") and, as given, of the sampled answer ("11-7"). The `answer` of
    `sft.jsonl` is the question's reference answer.

    Raises:
        Refused: the folder has none of the files, or one of them is empty.
    """
    files = [path / name for name in FILES if (path / name).is_file()] if path.is_dir() else [path]
    if not files:
        raise Refused(f"the folder has none of {', '.join(FILES)}", where=path.name)
    rows = Rows(file=path.name, format_name=FormatName.LONGREWARD.value)
    for file in files:
        rows.file = file.name
        yield from read_jsonl(file, rows=rows)
