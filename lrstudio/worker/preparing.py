"""What a training loop starts from: rows in tokens, none lost unseen, a model, and a way to compute pairs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from lrstudio.domain.errors import Refused, StudioError
from lrstudio.training import wire
from lrstudio.training.rows import TRAIN, VALIDATION
from lrstudio.training.wire import Spec
from lrstudio.worker import loading, parity
from lrstudio.worker.conversations import Conversation, Remembering, conversation
from lrstudio.worker.prefix import Engine, PlainPairs
from lrstudio.worker.ranks import ALONE
from lrstudio.worker.sources import source_rows
from lrstudio.worker.spread import Spread, Whole


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a run in tokens, as the limit leaves them.

    `lengths` are those of all rows before that, in the order of the file; `cut` and `dropped` are row ids; `limit` is
    in tokens, 0 for none.
    """

    training: tuple[Conversation, ...]
    held_out: tuple[Conversation, ...]
    lengths: tuple[int, ...]
    cut: tuple[str, ...]
    dropped: tuple[str, ...]
    limit: int

    @property
    def kept(self) -> tuple[Conversation, ...]:
        """Rows that are trained on, then those that are held out."""
        return (*self.training, *self.held_out)

    def refuse_unaccepted(self, options: Mapping[str, Any]) -> None:
        """See that what is cut or dropped has been accepted, and that something is left.

        Raises:
            Refused: it has not; names the rows.
        """
        for ids, option, done in ((self.dropped, "accept_dropped", "dropped"), (self.cut, "accept_cut", "cut")):
            if len(ids) > options[option]:
                raise Refused(
                    f"{many(len(ids), 'row is', 'rows are')} longer than {self.limit} tokens ({names(ids)}); raise "
                    f"max_tokens, or accept with {option} that {len(ids)} will be {done}",
                    where="max_tokens",
                )
        if not self.training:
            raise Refused("there is no row to train on", where=wire.PAIRS)


def rows_in_tokens(
    run: Path,
    spec: Spec,
    options: Mapping[str, Any],
    tokenizer: Any,
    *,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> Rows:
    """Put the rows of a run into tokens; those beyond the limit are dropped or cut, as the options say.

    `told` hears of each row how many are done, of how many; first of none.

    Raises:
        Refused: a row cannot be put into tokens; names it.
    """
    remembering = Remembering(tokenizer)
    short = spec.recipe == "longpo"
    found, every = list(source_rows(run, spec.recipe, options)), []
    told(0, len(found))
    for row in found:
        every.append(conversation(row, remembering, short_reference=short))
        told(len(every), len(found))
    limit = limit_of(spec, options)
    kept, cut, dropped = [], [], []
    for whole in every:
        fitting = whole if not limit or whole.tokens <= limit else None
        if fitting is None and options.get("too_long") == "cut":
            fitting = whole.cut(limit)
            cut += [whole.row.row_id] if fitting else []
        if fitting is None:
            dropped.append(whole.row.row_id)
        else:
            kept.append(fitting)
    return Rows(
        training=tuple(it for it in kept if it.row.split == TRAIN),
        held_out=tuple(it for it in kept if it.row.split == VALIDATION),
        lengths=tuple(it.tokens for it in every),
        cut=tuple(cut),
        dropped=tuple(dropped),
        limit=limit,
    )


def limit_of(spec: Spec, options: Mapping[str, Any]) -> int:
    """Return the longest row allowed in tokens: what the options say, else what the model was built for; 0 for none."""
    if options["max_tokens"]:
        return int(options["max_tokens"])
    if options.get("rope_theta"):  # the positions are stretched on purpose
        return 0
    try:
        config = loading.load_config(Path(spec.model))
    except Refused:  # said where the model is looked at
        return 0
    return int(getattr(config, "max_position_embeddings", 0) or 0)


def engine_of(
    model: Any,
    rows: Sequence[Conversation],
    options: Mapping[str, Any],
    *,
    warn: Callable[[str], None],
    spread: Spread | None = None,
) -> tuple[Engine, str]:
    """Choose how pairs are computed, after a check on the first row; with a fallback, say why it is one.

    Returns:
        the engine, and why it is not the one that was asked for, "" where it is.
    """
    lies = spread or Whole(ALONE)
    if options["engine"] != "shared":
        return lies.engine(PlainPairs(model)), ""
    try:
        # Enough tokens to tell a wrong mask, few enough for the plain pass to fit beside the weights.
        pruned = rows[0].policy.pruned(prompt=1024, answer=128)
        with numbers(options), loading.narrow_inputs(model, options):
            checked = parity.checked(model, pruned, longest=max(it.tokens for it in rows), spread=lies)
            return lies.engine(checked), ""
    except (Refused, TypeError, ValueError, AttributeError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        why = error.sentence if isinstance(error, StudioError) else f"this model cannot share a prompt: {error}"
        warn(f"each answer is computed with its document, at twice the time: {why}")
        return lies.engine(PlainPairs(model)), why


def numbers(options: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """Compute in bfloat16 where the options say so; weights that are trained stay float32."""
    if options["dtype"] != "bf16":
        return nullcontext()
    # A cast that is kept from one pass to the next belongs to weights that were put together for that pass.
    kept = options.get("sharding", "none") == "none"
    where = loading.device(options.get("device", "auto"))
    return cast("AbstractContextManager[Any]", torch.autocast(where, torch.bfloat16, cache_enabled=kept))


class NowAndThen:
    """Says how many rows are done: of the first and the last, and between them once a second."""

    def __init__(self, say: Callable[[str], None], what: str) -> None:
        """Say it to `say`, of rows that are `what`."""
        self._say, self._what = say, what
        self._next = 0.0

    def __call__(self, done: int, of: int) -> None:
        """Hear how many are done, of how many."""
        now = time.monotonic()
        if done in (1, of) or now >= self._next:
            self._next = now + 1.0
            self._say(f"{done:,} of {many(of, 'row', 'rows')} {self._what}")


def names(ids: Sequence[str]) -> str:
    """Name rows in a sentence, the first ten of many."""
    return ", ".join(ids[:10]) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")


def many(count: int, one: str, more: str) -> str:
    """Write a number with its noun."""
    return f"{count:,} {one if count == 1 else more}"
