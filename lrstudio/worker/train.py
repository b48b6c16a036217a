"""The training loop: rows in, a run folder that says at every moment how far it is, and goes on where it stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from lrstudio.domain.errors import Refused
from lrstudio.training import checkpoints
from lrstudio.training.folder import RunFolder
from lrstudio.training.recipes import recipe as recipe_of
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind, Phase, Spec
from lrstudio.worker import loading
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.objective import Cost, check_options, cost
from lrstudio.worker.plan import groups, plan, rate
from lrstudio.worker.prefix import Engine, Together
from lrstudio.worker.preflight import Ready, preflight
from lrstudio.worker.preparing import Rows, engine_of, numbers, rows_in_tokens
from lrstudio.worker.reference import CACHE, ReferenceCache, Sums, reference_key, reference_sums

MODEL: Final = "model"
"""The folder of a checkpoint with the adapter, or with all weights."""

_STATE: Final = "trainer.pt"


def train(run: Path, spool: Spool, orders: Orders) -> None:
    """Train as the spec of a run folder says, from its last checkpoint on, until it is done or told to stop.

    Raises:
        Refused: something is wrong that a person can mend; nothing has been trained then.
    """
    spec, options = wanted(run)
    spool.phase(Phase.PREFLIGHT)
    start = checkpoints.latest(run)
    ready = _first(run, spec, options, spool) if start is None else _again(run, spec, options, start, spool)
    rows, model, engine = ready.rows, ready.model, ready.engine
    assert rows is not None
    assert engine is not None
    spool.say(Kind.ENGINE, engine=engine.name, why=ready.why)
    sums = _reference(run, spec, options, ready, trained=start is not None, spool=spool, orders=orders)
    if sums is None:
        return
    if spec.recipe == "longpo":
        loading.with_rope_theta(model, float(str(options["rope_theta"])))
    loop = Loop(
        run, spec.recipe, options, model=model, engine=engine, tokenizer=ready.tokenizer, spool=spool, orders=orders
    )
    loop.take_up(start)
    loop.run(_used(rows, options), sums, training=len(rows.training))


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


def _first(run: Path, spec: Spec, options: Mapping[str, Any], spool: Spool) -> Ready:
    """Look at everything before step one; what was made for that is trained with."""
    found, ready = preflight(run, spec, options, warn=lambda why: spool.say(Kind.WARNING, why=why))
    spool.say(Kind.PREFLIGHT, **asdict(found))
    if found.problems:
        raise Refused("; ".join(found.problems))
    assert ready.rows is not None
    ready.rows.refuse_unaccepted(options)
    return ready


def _again(run: Path, spec: Spec, options: Mapping[str, Any], start: checkpoints.Checkpoint, spool: Spool) -> Ready:
    """Load what a run that goes on needs; it was looked at when it began."""
    tokenizer = loading.load_tokenizer(Path(spec.model))
    rows = rows_in_tokens(run, spec, options, tokenizer)
    rows.refuse_unaccepted(options)
    model = loading.load_model(Path(spec.model), options, checkpoint=start.path / MODEL)
    loading.checkpointed(model, options, longest=max(row.tokens for row in rows.kept))
    engine, why = engine_of(model, rows.training, options, warn=lambda why: spool.say(Kind.WARNING, why=why))
    return Ready(tokenizer=tokenizer, rows=rows, model=model, engine=engine, why=why)


def _used(rows: Rows, options: Mapping[str, Any]) -> tuple[Conversation, ...]:
    return rows.kept if options["evaluate_every"] else rows.training


def _reference(
    run: Path,
    spec: Spec,
    options: Mapping[str, Any],
    ready: Ready,
    *,
    trained: bool,
    spool: Spool,
    orders: Orders,
) -> list[Sums] | None:
    """Return the reference's sums of the rows in use; None where the run is told to stop before they are whole."""
    assert ready.rows is not None
    assert ready.engine is not None
    key = reference_key(Path(spec.model), options, engine=ready.engine.name, device=loading.device(options["device"]))
    # An adapter that is switched off leaves the reference; of fully trained weights nothing leads back.
    lost = trained and options["method"] == "full"
    with loading.as_reference(ready.model), numbers(options):
        found = reference_sums(
            None if lost else ready.engine,
            _used(ready.rows, options),
            run,
            go_on=lambda: not orders.stop.is_set(),
            cache=ReferenceCache(run.parent / CACHE, key),
            ld_alpha=options.get("ld_alpha", 1.0),
        )
    if found is None:
        return None
    spool.say(Kind.REFERENCE, found=found.cached, computed=found.computed)
    return found.sums


class Loop:
    """The steps of one attempt."""

    def __init__(
        self,
        run: Path,
        recipe: str,
        options: Mapping[str, Any],
        *,
        model: Any,
        engine: Engine,
        tokenizer: Any,
        spool: Spool,
        orders: Orders,
    ) -> None:
        """Prepare the optimizer; nothing is computed yet."""
        self._run, self._recipe, self._options = run, recipe, options
        self._model, self._engine, self._tokenizer = model, engine, tokenizer
        self._spool, self._orders = spool, orders
        self._weights = [it for it in model.parameters() if it.requires_grad]
        self._optimizer = optimizer(self._weights, options)
        self._step = 0

    def take_up(self, start: checkpoints.Checkpoint | None) -> None:
        """Restore optimizer, step and random numbers from a checkpoint; without one seed them."""
        if start is None:
            torch.manual_seed(self._options["seed"])
            return
        state = torch.load(start.path / _STATE, map_location="cpu", weights_only=True)
        self._optimizer.load_state_dict(state["optimizer"])
        self._step = start.step
        torch.set_rng_state(state["random"])
        if torch.cuda.is_available() and state["random_cuda"]:
            torch.cuda.set_rng_state_all(state["random_cuda"])

    def run(self, rows: Sequence[Conversation], sums: Sequence[Sums], *, training: int) -> None:
        """Train on the first `training` rows and evaluate on the others, until done or told to stop."""
        prompts = [row.policy.prompt for row in rows[:training]]
        steps = plan([row.tokens for row in rows[:training]], self._options, prompts=prompts).rows
        self._spool.phase(Phase.RUNNING, steps=len(steps))
        saved = self._step
        while self._step < len(steps):
            numbers = steps[self._step]
            self._step += 1
            with loading.narrow_inputs(self._model, self._options):
                self._one_step([(rows[number], sums[number]) for number in numbers], steps=len(steps))
            every = self._options["evaluate_every"]
            if every and self._step % every == 0 and training < len(rows):
                self._evaluate(list(zip(rows[training:], sums[training:], strict=True)))
            stopping = self._orders.stop.is_set()
            asked = self._orders.take_checkpoint()
            due = self._step % self._options["save_every"] == 0 or self._step == len(steps)
            if (stopping or asked or due) and saved != self._step:
                self._save()
                saved = self._step
            if stopping:
                return

    def _one_step(self, rows: Sequence[tuple[Conversation, Sums]], *, steps: int) -> None:
        began = time.monotonic()
        self._optimizer.zero_grad(set_to_none=True)
        found: list[Mapping[str, float]] = [{}] * len(rows)
        computed = 0
        for places in groups([row.policy.prompt for row, _ in rows]):
            costs, tokens = self._costs([rows[place] for place in places])
            for place, one in zip(places, costs, strict=True):
                found[place] = one.metrics
                if not math.isfinite(one.metrics["loss"]):
                    raise Refused(
                        f"the loss of step {self._step} is not a number; lower the learning rate, or train in fp32",
                        where=rows[place][0].row.row_id,
                    )
            (torch.stack([it.loss for it in costs]).sum() / len(rows)).backward()
            computed += tokens
        limit = self._options["max_grad_norm"] or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self._weights, limit).item()
        now = rate(self._step, steps, self._options)
        for group in self._optimizer.param_groups:
            group["lr"] = now
        self._optimizer.step()
        seconds = time.monotonic() - began
        self._spool.metrics(
            self._step,
            **_means(found),
            grad_norm=norm,
            learning_rate=now,
            seconds=seconds,
            tokens_per_second=computed / max(1e-9, seconds),
            **_memory(),
        )

    def _costs(self, rows: Sequence[tuple[Conversation, Sums]]) -> tuple[list[Cost], int]:
        """Return the cost of each of some rows with one prompt, computed together, and the tokens that took."""
        whole = self._recipe == "longpo" and self._options["nll"] == "whole"
        with numbers(self._options):
            shared = Together(self._engine, [row.policy for row, _ in rows], prompt=whole, entropy=True)
            found = [cost(shared, row, sums, recipe=self._recipe, options=self._options) for row, sums in rows]
        return found, shared.tokens

    def _evaluate(self, rows: Sequence[tuple[Conversation, Sums]]) -> None:
        self._model.eval()
        found: list[Mapping[str, float]] = []
        with torch.no_grad(), loading.narrow_inputs(self._model, self._options):
            for places in groups([row.policy.prompt for row, _ in rows]):
                found += [it.metrics for it in self._costs([rows[place] for place in places])[0]]
        self._model.train()
        self._spool.say(Kind.EVALUATION, step=self._step, metrics=_means(found))

    def _save(self) -> None:
        with checkpoints.publishing(self._run, self._step) as folder:
            self._model.save_pretrained(folder / MODEL)
            self._tokenizer.save_pretrained(folder / MODEL)
            state = {
                "optimizer": self._optimizer.state_dict(),
                "random": torch.get_rng_state(),
                "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            }
            torch.save(state, folder / _STATE)
        self._spool.say(Kind.CHECKPOINT, step=self._step)
        checkpoints.prune(self._run, keep=self._options["keep"])


def optimizer(weights: Iterable[Any], options: Mapping[str, Any]) -> torch.optim.Optimizer:
    """Make the optimizer that the options name."""
    name, common = options["optimizer"], {"lr": options["learning_rate"], "weight_decay": options["weight_decay"]}
    if name == "rmsprop":
        return torch.optim.RMSprop(weights, **common)
    if name == "adafactor":
        return torch.optim.Adafactor(weights, **common)
    if name == "sgd":
        return torch.optim.SGD(weights, **common)
    return torch.optim.AdamW(weights, fused=name == "adamw_torch_fused", **common)


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _memory() -> dict[str, float]:
    return {"memory_gib": torch.cuda.max_memory_allocated() / 2**30} if torch.cuda.is_available() else {}
