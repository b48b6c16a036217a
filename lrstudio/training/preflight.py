"""What was found before step one: lengths of the rows, what would be cut or dropped, and a list of checks.

The worker writes it into the run folder as preflight.json; who launches a run reads it there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Refused
from lrstudio.training import wire
from lrstudio.training.folder import replace_file

PREFLIGHT: Final = "preflight.json"
"""Its file in a run folder."""

CHECKS: Final = ("template", "ids", "rows", "disk", "device", "versions", "memory", "model", "parity", "pilot")
"""The names of the checks, in the order in which they are made."""

TOLD: Final = "@ "
"""How a line begins in which the worker says what it is at; whatever else stands there libraries have printed."""

_SHORTEST_BIN: Final = 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: whether it passed, and a sentence with what was found."""

    name: str
    passed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found before step one.

    `rows` counts all rows of pairs.jsonl, `kept` those that are trained on or held out, cut ones among them; `cut` and
    `dropped` are row ids. `longest` is the longest kept row in tokens of the prompt and its longer answer, `tokens` the
    sum of that over all kept rows. `histogram` has (upper bound in tokens, rows) of all rows, short to long. `engine`
    is shared or plain, "" where it was not reached. `memory_gib` is the estimated peak on the device, corrected by what
    earlier runs took (`formula_gib` is it uncorrected), `peak_gib` what the pilot step measured. `seconds` is the
    estimate for the whole run.
    """

    rows: int
    kept: int
    cut: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    longest: int = 0
    tokens: int = 0
    histogram: tuple[tuple[int, int], ...] = ()
    checks: tuple[Check, ...] = ()
    engine: str = ""
    device: str = ""
    device_gib: float | None = None
    formula_gib: float | None = None
    memory_gib: float | None = None
    peak_gib: float | None = None
    seconds: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    v: int = wire.VERSION

    @property
    def ok(self) -> bool:
        """Tell whether every check passed. What is cut or dropped must be accepted besides, see `unaccepted`."""
        return all(it.passed for it in self.checks)

    @property
    def problems(self) -> tuple[str, ...]:
        """What the checks that failed said."""
        return tuple(it.said for it in self.checks if not it.passed)

    def unaccepted(self, options: Mapping[str, Any]) -> dict[str, int]:
        """Return what a person has still to accept: the options accept_cut and accept_dropped with the numbers needed.

        The result can be merged into the options of the run; it is empty where nothing is left to accept.
        """
        needed = {"accept_cut": len(self.cut), "accept_dropped": len(self.dropped)}
        return {name: count for name, count in needed.items() if count > int(options.get(name, 0))}


def histogram(lengths: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Count lengths by doubling bounds from 1,024 tokens on, up to the bin of the longest."""
    counts = Counter(max(_SHORTEST_BIN, 1 << max(0, length - 1).bit_length()) for length in lengths)
    found, bound = [], _SHORTEST_BIN
    while counts and bound <= max(counts):
        found.append((bound, counts[bound]))
        bound *= 2
    return tuple(found)


def write(run: Path, found: Preflight) -> None:
    """Put it into a run folder, whole."""
    replace_file(run / PREFLIGHT, wire.to_json(found))


def read(run: Path) -> Preflight | None:
    """Read it from a run folder, None where there is none.

    Raises:
        Refused: the file is no such record.
    """
    try:
        text = (run / PREFLIGHT).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return preflight_of(text, where=str(run / PREFLIGHT))


def preflight_of(text: str, *, where: str) -> Preflight:
    """Read the record from JSON; fields of a newer version are passed over.

    Raises:
        Refused: it is none.
    """
    try:
        row = json.loads(text)
        known = {it.name: row[it.name] for it in fields(Preflight) if it.name in row}
        changed = {
            "cut": tuple(known.get("cut", ())),
            "dropped": tuple(known.get("dropped", ())),
            "histogram": tuple((int(bound), int(count)) for bound, count in known.get("histogram", ())),
            "checks": tuple(Check(it["name"], it["passed"], it["said"]) for it in known.get("checks", ())),
        }
        return Preflight(**(known | changed))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(f"not what a preflight found ({error})", where=where) from error
