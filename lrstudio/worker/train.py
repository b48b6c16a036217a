"""The training loop: rows in, a run folder that says at every moment how far it is, and goes on where it stopped."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from lrstudio.domain.errors import Refused, StudioError
from lrstudio.training import checkpoints, wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.recipes import recipe as recipe_of
from lrstudio.training.rows import TRAIN, VALIDATION, rows_of
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind, Phase
from lrstudio.worker import loading, parity
from lrstudio.worker.conversations import Conversation, conversation
from lrstudio.worker.objective import Cost, Step, Sums, check_options, cost, reference_sums, step_of
from lrstudio.worker.prefix import Engine, PlainPairs
from lrstudio.worker.samples import Companion

MODEL: Final = "model"
"""The folder of a checkpoint with the adapter, or with all weights."""

_STATE: Final = "trainer.pt"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which rows make which step: `rows` are numbers of rows, one list for each step."""

    rows: tuple[tuple[int, ...], ...]


def plan(lengths: Sequence[int], options: Mapping[str, Any]) -> Plan:
    """Deal the rows out over the steps: shuffled in each epoch, the longest row first of all.

    So what does not fit into memory shows in the first step.
    """
    count, size = len(lengths), options["accumulation"]
    wanted = options["max_steps"] * size or math.ceil(options["epochs"] * count)
    order: list[int] = []
    epoch = 0
    while len(order) < wanted:
        numbers = list(range(count))
        random.Random(f"{options['seed']}/{epoch}").shuffle(numbers)
        order += numbers
        epoch += 1
    order = order[:wanted]
    longest = max(order, key=lambda number: lengths[number])
    order.remove(longest)
    order.insert(0, longest)
    return Plan(tuple(tuple(order[start : start + size]) for start in range(0, len(order), size)))


def rate(step: int, steps: int, options: Mapping[str, Any]) -> float:
    """Return the learning rate of a step, counted from 1: rising over the warm-up, then by the schedule."""
    warmup = math.ceil(options["warmup"] * steps) if options["warmup"] else 0
    peak: float = options["learning_rate"]
    if step <= warmup:
        return peak * step / warmup
    done = (step - warmup - 1) / max(1, steps - warmup)
    if options["schedule"] == "linear":
        return peak * (1 - done)
    return peak * 0.5 * (1 + math.cos(math.pi * done)) if options["schedule"] == "cosine" else peak


def train(run: Path, spool: Spool, orders: Orders) -> None:
    """Train as the spec of a run folder says, from its last checkpoint on, until it is done or told to stop.

    Raises:
        Refused: something is wrong that a person can mend; nothing has been trained then.
    """
    spec = RunFolder.open(run).spec()
    if spec.threads:
        torch.set_num_threads(spec.threads)
    options = recipe_of(spec.recipe).settle(spec.options)
    check_options(spec.recipe, options)
    spool.phase(Phase.PREFLIGHT)
    tokenizer = loading.load_tokenizer(Path(spec.model))
    short = spec.recipe == "longpo"
    rows = [conversation(row, tokenizer, short_reference=short) for row in rows_of(run / wire.PAIRS)]
    training = _within([row for row in rows if row.row.split == TRAIN], options)
    if not training:
        raise Refused("there is no row to train on", where=wire.PAIRS)
    held_out = [row for row in rows if row.row.split == VALIDATION]
    start = checkpoints.latest(run)
    folder = start.path / MODEL if start else None
    model = loading.load_model(Path(spec.model), options, checkpoint=folder)
    loading.checkpointed(model, options, longest=max(row.tokens for row in training))
    engine = _engine(model, training[0], options, spool)
    everything = [*training, *(held_out if options["evaluate_every"] else [])]
    model.eval()
    with _numbers(options):
        sums = reference_sums(
            None if start else engine,
            everything,
            run,
            go_on=lambda: not orders.stop.is_set(),
            ld_alpha=options.get("ld_alpha", 1.0),
        )
    model.train()
    if sums is None:
        return
    if short:
        loading.with_rope_theta(model, float(str(options["rope_theta"])))
    loop = Loop(run, spec.recipe, options, model=model, engine=engine, tokenizer=tokenizer, spool=spool, orders=orders)
    loop.accompany(held_out)
    loop.take_up(start)
    loop.run(everything, sums, training=len(training))


def _within(rows: list[Conversation], options: Mapping[str, Any]) -> list[Conversation]:
    if not options["max_tokens"]:
        return rows
    kept = [row for row in rows if row.tokens <= options["max_tokens"]]
    if len(rows) - len(kept) > options["accept_dropped"]:
        names = ", ".join(row.row.row_id for row in rows if row.tokens > options["max_tokens"])
        raise Refused(
            f"{len(rows) - len(kept)} rows are longer than {options['max_tokens']} tokens ({names}); raise max_tokens, "
            "or accept that they are dropped",
            where="max_tokens",
        )
    return kept


def _engine(model: Any, first: Conversation, options: Mapping[str, Any], spool: Spool) -> Engine:
    """Choose how pairs are computed, after a check on the first row, and say so."""
    engine: Engine
    why = ""
    if options["engine"] == "shared":
        try:
            # Enough tokens to tell a wrong mask, few enough for the plain pass to fit beside the weights.
            engine = parity.checked(model, first.policy.pruned(prompt=1024, answer=128))
        except (Refused, TypeError, ValueError, AttributeError, RuntimeError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            why = error.sentence if isinstance(error, StudioError) else f"this model cannot share a prompt: {error}"
            engine = PlainPairs(model)
            spool.say(Kind.WARNING, why=f"each answer is computed with its document, at twice the time: {why}")
    else:
        engine = PlainPairs(model)
    spool.say(Kind.ENGINE, engine=engine.name, why=why)
    return engine


def _numbers(options: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """Compute in bfloat16 where the options say so; weights that are trained stay float32."""
    return torch.autocast(loading.device(), torch.bfloat16) if options["dtype"] == "bf16" else nullcontext()


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
        self._companion: Companion | None = None

    def accompany(self, held_out: Sequence[Conversation]) -> None:
        """Answer held-out questions on the way, and mind the health rules."""
        self._companion = Companion(
            self._options,
            recipe=self._recipe,
            model=self._model,
            tokenizer=self._tokenizer,
            held_out=held_out,
            spool=self._spool,
            numbers=lambda: _numbers(self._options),
        )

    def take_up(self, start: checkpoints.Checkpoint | None) -> None:
        """Restore optimizer, step and random numbers from a checkpoint; without one seed them."""
        if start is None:
            torch.manual_seed(self._options["seed"])
            return
        state = torch.load(start.path / _STATE, map_location="cpu", weights_only=True)
        self._optimizer.load_state_dict(state["optimizer"])
        self._step = start.step
        if self._companion is not None and state.get("companion"):
            self._companion.take_up(state["companion"])
        torch.set_rng_state(state["random"])
        if torch.cuda.is_available() and state["random_cuda"]:
            torch.cuda.set_rng_state_all(state["random_cuda"])

    def run(self, rows: Sequence[Conversation], sums: Sequence[Sums], *, training: int) -> bool:
        """Train on the first `training` rows and evaluate on the others; False where it was stopped before its end."""
        steps = plan([row.tokens for row in rows[:training]], self._options).rows
        self._spool.phase(Phase.RUNNING, steps=len(steps))
        saved = self._step
        ill = self._companion.begin(self._step) if self._companion else ""
        while self._step < len(steps):
            numbers = steps[self._step]
            self._step += 1
            said = self._one_step([(rows[number], sums[number]) for number in numbers], steps=len(steps))
            every = self._options["evaluate_every"]
            if every and self._step % every == 0 and training < len(rows):
                self._evaluate(list(zip(rows[training:], sums[training:], strict=True)))
            if self._companion:
                ill = self._companion.after(self._step, said, last=self._step == len(steps)) or ill
            stopping = self._orders.stop.is_set() or bool(ill)
            asked = self._orders.take_checkpoint()
            due = self._step % self._options["save_every"] == 0 or self._step == len(steps)
            if (stopping or asked or due) and saved != self._step:
                self._save()
                saved = self._step
            if stopping:
                return False
        return True

    def _one_step(self, rows: Sequence[tuple[Conversation, Sums]], *, steps: int) -> dict[str, float]:
        began = time.monotonic()
        self._optimizer.zero_grad(set_to_none=True)
        found = []
        step = self._ahead(rows)
        for place, (row, sums) in enumerate(rows):
            one = self._cost(row, sums, step=step, place=place)
            if not math.isfinite(one.metrics["loss"]):
                raise Refused(
                    f"the loss of step {self._step} is not a number; lower the learning rate, or train in fp32",
                    where=row.row.row_id,
                )
            (one.loss / len(rows)).backward()
            found.append(one.metrics)
        limit = self._options["max_grad_norm"] or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self._weights, limit).item()
        now = rate(self._step, steps, self._options)
        for group in self._optimizer.param_groups:
            group["lr"] = now
        self._optimizer.step()
        tokens = sum(sum(row.policy.spans) for row, _ in rows)
        means = _means(found)
        seconds = time.monotonic() - began
        self._spool.metrics(
            self._step,
            **means,
            grad_norm=norm,
            learning_rate=now,
            tokens_per_second=tokens / max(1e-9, seconds),
            seconds=seconds,
            **_memory(),
        )
        return means

    def _ahead(self, rows: Sequence[tuple[Conversation, Sums]]) -> Step | None:
        with _numbers(self._options):
            return step_of(self._engine, rows, recipe=self._recipe, options=self._options)

    def _cost(self, row: Conversation, sums: Sums, *, step: Step | None, place: int) -> Cost:
        with _numbers(self._options):
            return cost(self._engine, row, sums, recipe=self._recipe, options=self._options, step=step, place=place)

    def _evaluate(self, rows: Sequence[tuple[Conversation, Sums]]) -> None:
        self._model.eval()
        with torch.no_grad():
            step = self._ahead(rows)
            costs = [self._cost(row, sums, step=step, place=place) for place, (row, sums) in enumerate(rows)]
        found = [it.metrics for it in costs]
        self._model.train()
        self._spool.say(Kind.EVALUATION, step=self._step, metrics=_means(found))

    def _save(self) -> None:
        with checkpoints.publishing(self._run, self._step) as folder:
            self._model.save_pretrained(folder / MODEL)
            self._tokenizer.save_pretrained(folder / MODEL)
            state = {
                "optimizer": self._optimizer.state_dict(),
                "random": torch.get_rng_state(),
                "companion": self._companion.state() if self._companion else {},
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
