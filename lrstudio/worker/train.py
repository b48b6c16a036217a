"""The training loop: rows in, a run folder that says at every moment how far it is, and goes on where it stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from lrstudio.domain.errors import Refused
from lrstudio.training import checkpoints
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind, Phase
from lrstudio.worker import generate, loading
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.longpo_data import make_data
from lrstudio.worker.objective import Cost, Step, cost, step_of
from lrstudio.worker.plan import groups, plan, rate
from lrstudio.worker.prefix import Engine, Together
from lrstudio.worker.preparing import numbers
from lrstudio.worker.reference import Sums
from lrstudio.worker.result import Result
from lrstudio.worker.samples import Companion
from lrstudio.worker.sources import makes_data
from lrstudio.worker.sppo_rounds import SelfPlay
from lrstudio.worker.starting import begun, reference_of, resumed, wanted

MODEL: Final = "model"
"""The folder of a checkpoint with the adapter, or with all weights."""

_STATE: Final = "trainer.pt"


def train(run: Path, spool: Spool, orders: Orders) -> None:
    """Train as the spec of a run folder says, from its last checkpoint on, until it is done or told to stop.

    Raises:
        Refused: something is wrong that a person can mend; nothing has been trained then.
    """
    spec, options = wanted(run)
    if makes_data(spec.recipe, options) and not make_data(run, spec, options, spool=spool, orders=orders):
        return
    spool.phase(Phase.PREFLIGHT)
    checkpoints.prune(run, keep=options["keep"])  # what a kill has left, where no checkpoint comes any more
    start = checkpoints.latest(run)
    saved = start.path / MODEL if start else None
    ready = begun(run, spec, options, spool) if saved is None else resumed(run, spec, options, saved, spool)
    rows, model, engine, tokenizer = ready.all()
    loop = Loop(run, spec.recipe, options, model=model, engine=engine, tokenizer=tokenizer, spool=spool, orders=orders)
    result = Result(run, spec, options, model, tokenizer, spool, orders, numbers=lambda: numbers(options))
    if spec.recipe == "sppo" and options["rounds"]:
        loop.accompany(rows.held_out)
        loop.take_up(start)
        play = SelfPlay(run, options, model, tokenizer, engine, spool, orders, lambda: numbers(options))
        if play.train(loop, [row.row for row in rows.training]):
            result.publish(rows.training, rows.held_out)
        return
    used = rows.kept if options["evaluate_every"] else rows.training
    sums = reference_of(run, spec, options, ready, used, trained=start is not None, spool=spool, orders=orders)
    if sums is None:
        return
    if spec.recipe == "longpo":
        loading.with_rope_theta(model, float(str(options["rope_theta"])))
    loop.accompany(rows.held_out)
    loop.take_up(start)
    if loop.run(used, sums, training=len(rows.training)):
        result.publish(rows.training, rows.held_out)


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
        self.step = 0
        self.round = 0
        """The round of self-play, from 1; 0 where there is none."""
        self.began = 0
        """The step behind which the round began."""
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
            numbers=lambda: numbers(self._options),
        )

    def take_up(self, start: checkpoints.Checkpoint | None) -> None:
        """Restore optimizer, step and random numbers from a checkpoint; without one seed them."""
        if start is None:
            torch.manual_seed(self._options["seed"])
            return
        state = torch.load(start.path / _STATE, map_location="cpu", weights_only=True)
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = start.step
        self.round, self.began = state.get("round", (0, 0))
        if self._companion is not None and state.get("companion"):
            self._companion.take_up(state["companion"])
        torch.set_rng_state(state["random"])
        if torch.cuda.is_available() and state["random_cuda"]:
            torch.cuda.set_rng_state_all(state["random_cuda"])

    def begin_round(self, number: int, began: int) -> None:
        """Begin a round of self-play behind a step, with a new optimizer and new dice, or go on with it."""
        self.round, self.began = number, began
        if self.step == began:
            self._optimizer = optimizer(self._weights, self._options)
            torch.manual_seed(generate.seed_of(self._options["seed"], "round", number))

    def run(self, rows: Sequence[Conversation], sums: Sequence[Sums], *, training: int) -> bool:
        """Train on the first `training` rows and evaluate on the others; False where it was stopped before its end."""
        prompts = [row.policy.prompt for row in rows[:training]]
        steps = plan([row.tokens for row in rows[:training]], self._options, prompts=prompts).rows
        end = self.began + len(steps)
        self._spool.phase(Phase.RUNNING, steps=end)
        saved = self.step
        ill = self._companion.begin(self.step) if self._companion else ""
        while self.step < end:
            places = steps[self.step - self.began]
            self.step += 1
            with loading.narrow_inputs(self._model, self._options):
                said = self._one_step([(rows[it], sums[it]) for it in places], steps=len(steps))
            every = self._options["evaluate_every"]
            if every and self.step % every == 0 and training < len(rows):
                self._evaluate(list(zip(rows[training:], sums[training:], strict=True)))
            if self._companion:
                ill = self._companion.after(self.step, said, last=self.step == end) or ill
            stopping = self._orders.stop.is_set() or bool(ill)
            asked = self._orders.take_checkpoint()
            due = self.step % self._options["save_every"] == 0 or self.step == end
            if (stopping or asked or due) and saved != self.step:
                self._save()
                saved = self.step
            if stopping:
                return False
        return True

    def _one_step(self, rows: Sequence[tuple[Conversation, Sums]], *, steps: int) -> dict[str, float]:
        began = time.monotonic()
        self._optimizer.zero_grad(set_to_none=True)
        found: list[Mapping[str, float]] = [{}] * len(rows)
        computed = 0
        step = self._ahead(rows)
        for places in self._passes(rows, step):
            costs, tokens = self._costs(rows, places, step)
            for place, one in zip(places, costs, strict=True):
                found[place] = one.metrics
                if not math.isfinite(one.metrics["loss"]):
                    raise Refused(
                        f"the loss of step {self.step} is not a number; lower the learning rate, or train in fp32",
                        where=rows[place][0].row.row_id,
                    )
            (torch.stack([it.loss for it in costs]).sum() / len(rows)).backward()
            computed += tokens
        limit = self._options["max_grad_norm"] or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self._weights, limit).item()
        now = rate(self.step - self.began, steps, self._options)
        for group in self._optimizer.param_groups:
            group["lr"] = now
        self._optimizer.step()
        means = _means(found)
        seconds = time.monotonic() - began
        self._spool.metrics(
            self.step,
            **means,
            grad_norm=norm,
            learning_rate=now,
            tokens_per_second=computed / max(1e-9, seconds),
            seconds=seconds,
            **({"round": float(self.round)} if self.round else {}),
            **_memory(),
        )
        return means

    def _ahead(self, rows: Sequence[tuple[Conversation, Sums]]) -> Step | None:
        with numbers(self._options):
            return step_of(self._engine, rows, recipe=self._recipe, options=self._options)

    def _passes(self, rows: Sequence[tuple[Conversation, Sums]], step: Step | None) -> list[list[int]]:
        """Return the places of rows computed together; each alone where all were scored ahead, by the same dice."""
        return groups([row.policy.prompt for row, _ in rows]) if step is None else [[it] for it in range(len(rows))]

    def _costs(
        self, rows: Sequence[tuple[Conversation, Sums]], places: Sequence[int], step: Step | None
    ) -> tuple[list[Cost], int]:
        """Return the cost of each row at some places, all of one prompt, and the tokens that were computed for them."""
        whole = self._recipe == "longpo" and self._options["nll"] == "whole"
        trees = [rows[place][0].policy for place in places]
        how: dict[str, Any] = {"recipe": self._recipe, "options": self._options, "step": step}
        with numbers(self._options):
            shared = Together(self._engine, trees, prompt=whole, entropy=True)
            return [cost(shared, *rows[place], place=place, **how) for place in places], shared.tokens

    def _evaluate(self, rows: Sequence[tuple[Conversation, Sums]]) -> None:
        self._model.eval()
        found: list[Mapping[str, float]] = []
        with torch.no_grad(), loading.narrow_inputs(self._model, self._options):
            step = self._ahead(rows)
            for places in self._passes(rows, step):
                found += [it.metrics for it in self._costs(rows, places, step)[0]]
        self._model.train()
        self._spool.say(Kind.EVALUATION, step=self.step, metrics=_means(found))

    def _save(self) -> None:
        self._spool.sync()
        with checkpoints.publishing(self._run, self.step) as folder:
            self._model.save_pretrained(folder / MODEL)
            self._tokenizer.save_pretrained(folder / MODEL)
            state = {
                "optimizer": self._optimizer.state_dict(),
                "random": torch.get_rng_state(),
                "round": (self.round, self.began),
                "companion": self._companion.state() if self._companion else {},
                "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            }
            torch.save(state, folder / _STATE)
        self._spool.say(Kind.CHECKPOINT, step=self.step)
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
