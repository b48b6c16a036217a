"""The reference's log-probabilities: computed once, kept in the run folder and in a cache for all runs beside it.

The cache is a file for each reference, by a key over the model's files, its numbers and the way of computing; in it one
sum for each answer, by a key over the tokens of prompt and answer. Another run over the same answers computes none.
"""

from __future__ import annotations

import hashlib
import json
import time
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
import transformers

from lrstudio.domain.errors import Refused
from lrstudio.training.folder import replace_file
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.prefix import Branch, Engine, Tree
from lrstudio.worker.ranks import ALONE
from lrstudio.worker.spread import Spread, Whole, turns

REFERENCE: Final = "reference.json"
"""The file of a run folder with the reference's log-probabilities, so that a run that goes on has the same ones."""

CACHE: Final = ".reference"
"""The folder of the cache, beside the run folders."""

Sums = tuple[float, float]
"""Summed log-probabilities of chosen and rejected by the reference."""

_TOGETHER: Final = 8  # answers in one pass: a longer row would take more memory than a step of training
_KEEP_SECONDS: Final = 60.0
_EDGE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """The sums of every row, in order, and how many answers were in the cache and how many were computed."""

    sums: list[Sums]
    cached: int
    computed: int


@dataclass(frozen=True, slots=True)
class _Part:
    """An answer behind a prompt, and how many of its counted tokens are summed; `key` stands for all of it."""

    key: str
    prompt: tuple[int, ...]
    branch: Branch
    tokens: int


@dataclass(frozen=True, slots=True)
class _Pair:
    """What one tree needs of the reference: both answers, and the longer one as far as the shorter one goes."""

    chosen: _Part
    rejected: _Part
    head: _Part | None

    @property
    def parts(self) -> tuple[_Part, ...]:
        return (self.chosen, self.rejected) if self.head is None else (self.chosen, self.rejected, self.head)

    def sums(self, known: Mapping[str, float], ld_alpha: float) -> Sums:
        chosen, rejected = known[self.chosen.key], known[self.rejected.key]
        if self.head is None:
            return chosen, rejected
        head = known[self.head.key]
        if self.chosen.tokens > self.rejected.tokens:
            return head + ld_alpha * (chosen - head), rejected
        return chosen, head + ld_alpha * (rejected - head)


def _pair(tree: Tree, ld_alpha: float) -> _Pair:
    prompt = hashlib.sha256(array("q", tree.prompt).tobytes()).digest()

    def part(branch: Branch, tokens: int) -> _Part:
        digest = hashlib.sha256(prompt + array("q", (tokens, *branch.tokens)).tobytes() + bytes(branch.counted))
        return _Part(digest.hexdigest()[:32], tree.prompt, branch, tokens)

    both = [part(it, sum(it.counted)) for it in tree.branches]
    shorter, longer = sorted(both, key=lambda it: it.tokens)
    differ = ld_alpha != 1.0 and shorter.tokens < longer.tokens
    return _Pair(both[0], both[1], part(longer.branch, shorter.tokens) if differ else None)


class ReferenceCache:
    """Sums by key, in one file for each reference, replaced whole."""

    def __init__(self, folder: Path, reference: str) -> None:
        """Read what is there; a file that cannot be read counts as empty."""
        self._path = folder / f"{reference}.json"
        self._sums = self._read()

    def get(self, key: str) -> float | None:
        """Return the sum of an answer, None where it is not known."""
        return self._sums.get(key)

    def put(self, key: str, value: float) -> None:
        """Take one in; `keep` writes it."""
        self._sums[key] = value

    def keep(self) -> None:
        """Write the cache, with what other runs have added meanwhile; a cache that cannot be written is none."""
        with suppress(OSError):
            self._path.parent.mkdir(exist_ok=True)
            replace_file(self._path, json.dumps(self._read() | self._sums))

    def _read(self) -> dict[str, float]:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def reference_key(model: Path, options: Mapping[str, Any], *, engine: str, device: str) -> str:
    """Return the key of a reference: the model's files, the numbers it computes in, and how.

    A file counts by name, size, time of change and its first and last megabyte: 16 GB are not read for it.
    """
    digest = hashlib.sha256()
    for path in sorted(it for it in model.iterdir() if it.is_file()):
        about = path.stat()
        digest.update(repr((path.name, about.st_size, about.st_mtime_ns)).encode())
        with path.open("rb") as file:
            digest.update(file.read(_EDGE))
            file.seek(max(0, about.st_size - _EDGE))
            digest.update(file.read(_EDGE))
    said = (options["dtype"], options["method"], engine, device, torch.__version__, transformers.__version__)
    digest.update(repr(said).encode())
    return digest.hexdigest()[:32]


def reference_sums(
    engine: Engine | None,
    rows: Sequence[Conversation],
    run: Path,
    *,
    go_on: Callable[[], bool],
    cache: ReferenceCache | None = None,
    ld_alpha: float = 1.0,
    spread: Spread | None = None,
) -> Found | None:
    """Return the reference's sums for every row, from the run folder where it has them, else found or computed.

    Args:
        engine: scores by the reference; None where the model has been trained and is no reference any more.
        rows: in tokens.
        run: the run folder; what is found is kept there.
        go_on: asked before each pass; where it says no, None is returned, and the cache has what was computed.
        cache: shared with other runs.
        ld_alpha: weight of an answer's tokens beyond the length of the shorter one; LD-DPO, arXiv 2409.06411.
        spread: the processes that compute together: the first one's files and cache count for all.

    Raises:
        Refused: they are to be computed, and there is no engine.
    """
    path = run / REFERENCE
    pairs = [[_pair(tree, ld_alpha) for tree in row.reference] for row in rows]
    key = _key_of_all(pairs, ld_alpha)
    lies = spread or Whole(ALONE)
    kept = lies.ranks.share(_kept(path) if lies.ranks.first else None)
    if kept is not None and kept["key"] == key:
        return Found([(chosen, rejected) for chosen, rejected in kept["sums"]], 2 * len(rows), 0)
    wanted = {part.key: part for row in pairs for pair in row for part in pair.parts}
    known = {name: value for name in wanted if cache and (value := cache.get(name)) is not None}
    known = lies.ranks.share(known)
    cached = len(known)
    if len(known) < len(wanted):
        if engine is None:
            raise Refused(
                "what the reference found is gone or belongs to other rows, so this run cannot go on; start a new one",
                where=REFERENCE,
            )
        missing = [it for name, it in wanted.items() if name not in known]
        known |= _computed(engine, missing, cache if lies.ranks.first else None, go_on=go_on, spread=lies)
        if len(known) < len(wanted):
            return None
    sums = [_added(pair.sums(known, ld_alpha) for pair in row) for row in pairs]
    if lies.ranks.first:
        replace_file(path, json.dumps({"key": key, "sums": sums}))
    return Found(sums, cached, len(known) - cached)


def _kept(path: Path) -> dict[str, Any] | None:
    kept: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return kept


def _computed(
    engine: Engine,
    missing: Sequence[_Part],
    cache: ReferenceCache | None,
    *,
    go_on: Callable[[], bool],
    spread: Spread,
) -> dict[str, float]:
    """Compute what is missing, prompt by prompt, as far as it goes on; the cache is written now and then.

    Each process takes one pass of as many as there are processes, and all are told what came out.
    """
    by_prompt: dict[tuple[int, ...], list[_Part]] = {}
    for part in missing:
        by_prompt.setdefault(part.prompt, []).append(part)
    passes = [
        group[start : start + _TOGETHER] for group in by_prompt.values() for start in range(0, len(group), _TOGETHER)
    ]
    found: dict[str, float] = {}
    written = time.monotonic()
    ranks = spread.ranks
    for start in range(0, len(passes), ranks.count):
        if not ranks.share(go_on()):
            break
        together = [[it] for it in passes[start : start + ranks.count]]
        mine: dict[str, float] = {}
        for parts, counts in turns(spread, [*together, *([] for _ in range(ranks.count - len(together)))]):
            scored = _scored(engine, parts)
            mine |= scored if counts else {}
        for name, value in (it for one in ranks.gather(mine) for it in one.items()):
            found[name] = value
            if cache:
                cache.put(name, value)
        if cache and time.monotonic() - written > _KEEP_SECONDS:
            cache.keep()
            written = time.monotonic()
    if cache and found:
        cache.keep()
    return found


def _scored(engine: Engine, parts: Sequence[_Part]) -> dict[str, float]:
    """Score some answers to one prompt in one pass."""
    branches = tuple(dict.fromkeys(part.branch for part in parts))
    with torch.no_grad():
        counted = dict(zip(branches, engine.score(Tree(parts[0].prompt, branches)).counted(), strict=True))
    return {part.key: counted[part.branch][: part.tokens].sum().double().item() for part in parts}


def _added(sums: Iterable[Sums]) -> Sums:
    chosen, rejected = zip(*sums, strict=True)
    return sum(chosen), sum(rejected)


def _key_of_all(pairs: Sequence[Sequence[_Pair]], ld_alpha: float) -> str:
    digest = hashlib.sha256(repr(ld_alpha).encode())
    for row in pairs:
        for pair in row:
            digest.update(f"{pair.chosen.key} {pair.rejected.key}\n".encode())
    return digest.hexdigest()
