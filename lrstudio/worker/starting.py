"""How an attempt begins: everything is looked at before the first, and loaded again for those behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from lrstudio.domain.errors import Refused
from lrstudio.training.folder import RunFolder
from lrstudio.training.recipes import recipe as recipe_of
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind, Spec
from lrstudio.worker import loading
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.objective import check_options
from lrstudio.worker.preflight import Ready, preflight
from lrstudio.worker.preparing import engine_of, numbers, rows_in_tokens
from lrstudio.worker.ranks import ALONE, Ranks
from lrstudio.worker.reference import CACHE, ReferenceCache, Sums, reference_key, reference_sums
from lrstudio.worker.spread import spread


def wanted(run: Path) -> tuple[Spec, dict[str, Any]]:
    """Read the spec of a run folder, settle its options, and take its number of threads.

    Raises:
        Refused: it is no run folder, or an option does not fit.
    """
    spec = RunFolder.open(run).spec()
    if spec.threads:
        torch.set_num_threads(spec.threads)
    options = recipe_of(spec.recipe).settle(spec.options)
    check_options(spec.recipe, options)
    return spec, dict(options)


def begun(run: Path, spec: Spec, options: Mapping[str, Any], spool: Spool, *, ranks: Ranks = ALONE) -> Ready:
    """Look at everything before step one, say what was found, and return what was made for that.

    Raises:
        Refused: a check was not passed, or rows would go missing that nobody has accepted to lose.
    """
    found, ready = preflight(run, spec, options, warn=lambda why: spool.say(Kind.WARNING, why=why), ranks=ranks)
    spool.say(Kind.PREFLIGHT, **{name: value for name, value in asdict(found).items() if name != "v"})
    if found.problems:
        raise Refused("; ".join(found.problems))
    rows, _, engine, _ = ready.all()
    rows.refuse_unaccepted(options)
    spool.say(Kind.ENGINE, engine=engine.name, why=ready.why)
    return ready


def resumed(
    run: Path, spec: Spec, options: Mapping[str, Any], saved: Path, spool: Spool, *, ranks: Ranks = ALONE
) -> Ready:
    """Load what a run that goes on needs; it was looked at when it began.

    Raises:
        Refused: the model or the rows are not what they were.
    """
    tokenizer = loading.load_tokenizer(Path(spec.model))
    rows = rows_in_tokens(run, spec, options, tokenizer)
    rows.refuse_unaccepted(options)
    model = loading.load_model(Path(spec.model), options, checkpoint=saved)
    loading.checkpointed(model, options, longest=max(row.tokens for row in rows.kept))
    lies = spread(ranks, model, options)
    engine, why = engine_of(
        model, rows.training, options, warn=lambda why: spool.say(Kind.WARNING, why=why), spread=lies
    )
    spool.say(Kind.ENGINE, engine=engine.name, why=why)
    return Ready(tokenizer=tokenizer, rows=rows, model=model, engine=engine, why=why, spread=lies)


def reference_of(
    run: Path,
    spec: Spec,
    options: Mapping[str, Any],
    ready: Ready,
    rows: Sequence[Conversation],
    *,
    trained: bool,
    spool: Spool,
    orders: Orders,
) -> list[Sums] | None:
    """Return the reference's sums of rows, and say how many were cached; None where told to stop before they are whole.

    Raises:
        Refused: they are gone, and the weights are trained already.
    """
    _, model, engine, _ = ready.all()
    key = reference_key(Path(spec.model), options, engine=engine.name, device=loading.device(options["device"]))
    # An adapter that is switched off leaves the reference; of fully trained weights nothing leads back.
    lost = trained and options["method"] == "full"
    with loading.as_reference(model), numbers(options):
        found = reference_sums(
            None if lost else engine,
            rows,
            run,
            go_on=lambda: not orders.stop.is_set(),
            cache=ReferenceCache(run.parent / CACHE, key),
            ld_alpha=options.get("ld_alpha", 1.0),
            spread=ready.spread,
        )
    if found is None:
        return None
    spool.say(Kind.REFERENCE, found=found.cached, computed=found.computed)
    return found.sums
