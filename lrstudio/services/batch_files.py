"""Files of calls: those on one document together, equal beginnings beside each other, no file larger than allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from lrstudio.domain.errors import Refused
from lrstudio.judge.batch import request_row
from lrstudio.judge.caller import Unsent

Named = Callable[[int, int], Path]
"""Gives the name of the file of a number, from 1, of so many."""


class CallFiles:
    """Files that appear together when all are written.

    The calls on one document follow each other, ordered by their prompts: a server that keeps what prompts begin with
    computes that once. So the order does not depend on the order in which they came.
    """

    def __init__(self, named: Named, *, rows: int, size: int) -> None:
        """Prepare; at most `rows` calls and `size` bytes go into one file."""
        self._named = named
        self._rows = rows
        self._size = size
        self._document = ""
        self._waiting: list[tuple[str, str, dict[str, Any]]] = []
        self._written: list[Path] = []
        self._counts: list[int] = []
        self._file: IO[bytes] | None = None
        self._bytes = 0

    def add(self, unsent: Unsent[Any]) -> None:
        """Take a call; those on one document come one after another.

        Raises:
            Refused: it alone is larger than a file may be.
        """
        document = unsent.ask.behalf.lane.document
        if document != self._document:
            self._flush()
            self._document = document
        self._waiting.append((unsent.ask.prompt, unsent.key, request_row(unsent)))

    def part(self) -> None:
        """Let what comes next begin a file of its own."""
        self._flush()
        self._close()

    def publish(self) -> tuple[tuple[Path, int], ...]:
        """Give the files their names, and return each with the number of calls in it."""
        self.part()
        names = [self._named(number, len(self._written)) for number in range(1, len(self._written) + 1)]
        for temporary, name in zip(self._written, names, strict=True):
            temporary.replace(name)
        return tuple(zip(names, self._counts, strict=True))

    def discard(self) -> None:
        """Take away what has no name yet."""
        self._waiting.clear()
        self._close()
        for temporary in self._written:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        for _, _, row in sorted(self._waiting, key=lambda it: it[:2]):
            self._write(row)
        self._waiting.clear()

    def _write(self, row: dict[str, Any]) -> None:
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"
        if len(line) > self._size:
            where = str(self._named(1, 1))
            raise Refused(f"the call {row['custom_id'][:12]} alone takes {len(line)} bytes", where=where)
        if self._file is not None and (self._counts[-1] == self._rows or self._bytes + len(line) > self._size):
            self._close()
        if self._file is None:
            name = self._named(1, 1)
            path = name.with_name(f".{name.name}.{len(self._written) + 1}.part")
            self._file, self._bytes = path.open("wb"), 0
            self._written.append(path)
            self._counts.append(0)
        self._file.write(line)
        self._counts[-1] += 1
        self._bytes += len(line)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
