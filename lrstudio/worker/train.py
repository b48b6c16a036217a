"""The training loop: rows in, a run folder that says at every moment how far it is, and goes on where it stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from functools import partial
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
from lrstudio.worker.objective import Cost, Step, cost, over_a_step, step_of
from lrstudio.worker.plan import deal, groups, plan, rate
from lrstudio.worker.prefix import Together
from lrstudio.worker.preflight import Ready
from lrstudio.worker.preparing import numbers
from lrstudio.worker.ranks import ALONE, Ranks
from lrstudio.worker.reference import Sums
from lrstudio.worker.result import Result
from lrstudio.worker.samples import Companion
from lrstudio.worker.sources import makes_data
from lrstudio.worker.sppo_rounds import SelfPlay
from lrstudio.worker.spread import backward, turns
from lrstudio.worker.starting import begun, reference_of, resumed, wanted

MODEL: Final = "model"
"""The folder of a checkpoint with the adapter, or with all weights."""

_STATE: Final = "trainer.pt"


def train(run: Path, spool: Spool, orders: Orders, *, ranks: Ranks = ALONE) -> None:
    """Train as the spec of a run folder says, from its last checkpoint on, until it is done or told to stop.

    Of several processes every one calls it; the first has the spool that writes and the orders that hear.

    Raises:
        Refused: something is wrong that a person can mend; nothing has been trained then.
    """
    spec, options = wanted(run)
    ranks.check(options)
    if makes_data(spec.recipe, options) and not ranks.lead(
        lambda: make_data(run, spec, options, spool=spool, orders=orders)
    ):
        return
    spool.phase(Phase.PREFLIGHT)
    # What a kill has left, where no checkpoint comes any more; several at once would take it away under each other.
    ranks.lead(lambda: checkpoints.prune(run, keep=options["keep"]))
    start = checkpoints.latest(run)
    if start is not None and not ranks.lead(partial(checkpoints.verified, start)):
        raise Refused(
            "the files of this checkpoint are not those that were saved; is the disk sound? Remove its folder, and the "
            "run goes on from the one before",
            where=str(start.path),
        )
    saved = start.path / MODEL if start else None
    if saved is None:
        ready = begun(run, spec, options, spool, ranks=ranks)
    else:
        ready = resumed(run, spec, options, saved, spool, ranks=ranks)
    rows, model, engine, tokenizer = ready.all()
    loop = Loop(run, spec.recipe, options, ready=ready, spool=spool, orders=orders)
    result = Result(run, spec, options, model, tokenizer, spool, orders, numbers=lambda: numbers(options))
    if spec.recipe == "sppo" and options["rounds"]:
        loop.accompany(rows.held_out)
        loop.take_up(start)
        play = SelfPlay(run, options, model, tokenizer, engine, spool, orders, lambda: numbers(options), ranks)
        if play.train(loop, [row.row for row in rows.training]):
            ranks.lead(lambda: result.publish(rows.training, rows.held_out))
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
        weights = ready.spread.weights()
        ranks.lead(lambda: result.publish(rows.training, rows.held_out, weights=weights))


class Loop:
    """The steps of one attempt."""

    def __init__(
        self,
        run: Path,
        recipe: str,
        options: Mapping[str, Any],
        *,
        ready: Ready,
        spool: Spool,
        orders: Orders,
    ) -> None:
        """Prepare the optimizer; nothing is computed yet."""
        self._run, self._recipe, self._options = run, recipe, options
        _, model, self._engine, self._tokenizer = ready.all()
        self._model, self._spread, self._ranks = model, ready.spread, ready.spread.ranks
        self._spool, self._orders = spool, orders
        self._weights = [it for it in model.parameters() if it.requires_grad]
        self._optimizer = self._spread.optimizer(self._weights, options)
        self.step = 0
        self.round = 0
        """The round of self-play, from 1; 0 where there is none."""
        self.began = 0
        """The step behind which the round began."""
        self._companion: Companion | None = None

    def accompany(self, held_out: Sequence[Conversation]) -> None:
        """Answer held-out questions on the way, and mind the health rules; the first process does it for all."""
        if not self._ranks.first:
            return
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
        """Restore optimizer, step and random numbers from a checkpoint; without one seed them.

        Raises:
            Refused: it is of another number of processes.
        """
        if start is None:
            torch.manual_seed(self._seed("start") if self._ranks.rank else self._options["seed"])
            return
        state = torch.load(start.path / _STATE, map_location="cpu", weights_only=True)
        if len(state["dice"]) != self._ranks.count:
            raise Refused(
                f"the checkpoint {start.name} is of {len(state['dice'])} processes, and these are {self._ranks.count}: "
                "other rows would make a step; go on with as many, or start a new run",
                where="processes",
            )
        self._spread.take_moments(self._optimizer, state["optimizer"])
        self.step = start.step
        self.round, self.began = state.get("round", (0, 0))
        if self._companion is not None and state.get("companion"):
            self._companion.take_up(state["companion"])
        own = state["dice"][self._ranks.rank]
        torch.set_rng_state(own["host"])
        if torch.cuda.is_available() and own["card"] is not None:
            torch.cuda.set_rng_state(own["card"])

    def _seed(self, *parts: object) -> int:
        """Return a seed for some part of the run, another one for each process."""
        mine = (self._ranks.rank,) if self._ranks.rank else ()
        return generate.seed_of(self._options["seed"], *parts, *mine)

    def begin_round(self, number: int, began: int) -> None:
        """Begin a round of self-play behind a step, with a new optimizer and new dice, or go on with it."""
        self.round, self.began = number, began
        if self.step == began:
            self._optimizer = self._spread.optimizer(self._weights, self._options)
            torch.manual_seed(self._seed("round", number))

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
            # The first process hears; all do the same at the same step.
            stopping, asked = self._ranks.share(
                (self._orders.stop.is_set() or bool(ill), self._orders.take_checkpoint())
            )
            due = self.step % self._options["save_every"] == 0 or self.step == end
            if (stopping or asked or due) and saved != self.step:
                self._save()
                saved = self.step
            if stopping:
                return False
        return True

    def _one_step(self, rows: Sequence[tuple[Conversation, Sums]], *, steps: int) -> dict[str, float]:
        began = time.monotonic()
        self._spread.forget(self._weights)
        mine, step = self._work(rows)
        found: dict[int, Mapping[str, float]] = {}
        computed = 0
        for places, counts in mine:
            costs, tokens = self._costs(rows, places, step)
            loss = torch.stack([it.loss for it in costs]).sum() / len(rows)
            backward(self._spread, loss, counts=counts)
            if counts:
                found |= {place: one.metrics for place, one in zip(places, costs, strict=True)}
                computed += tokens
        means, computed = self._together(rows, found, computed)
        self._spread.add_up(self._weights)
        norm = self._spread.clip(self._weights, self._options["max_grad_norm"] or math.inf)
        if not math.isfinite(norm):  # before it gets into weights and moments, and with them into a checkpoint
            raise Refused(
                f"the gradient of step {self.step} is not a number, though its loss is; lower the learning rate, or "
                "train in fp32"
            )
        now = rate(self.step - self.began, steps, self._options)
        for group in self._optimizer.param_groups:
            group["lr"] = now
        self._spread.step(self._optimizer)
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

    def _together(
        self, rows: Sequence[tuple[Conversation, Sums]], found: Mapping[int, Mapping[str, float]], computed: int
    ) -> tuple[dict[str, float], int]:
        """Return the means over the rows of all processes, and the tokens that all computed.

        Raises:
            Refused: a loss is not a number.
        """
        gathered = self._ranks.gather((dict(found), computed))
        every = dict(it for one, _ in gathered for it in one.items())
        for place, metrics in sorted(every.items()):
            if not math.isfinite(metrics["loss"]):
                raise Refused(
                    f"the loss of step {self.step} is not a number; lower the learning rate, or train in fp32",
                    where=rows[place][0].row.row_id,
                )
        return _means([every[place] for place in range(len(rows))]), sum(it for _, it in gathered)

    def _work(self, rows: Sequence[tuple[Conversation, Sums]]) -> tuple[list[tuple[list[int], bool]], Step | None]:
        """Return the places of rows that this process computes, pass by pass, and what was scored ahead of them.

        Each row goes alone where all are scored ahead, by the same dice.
        """
        ahead = over_a_step(self._recipe, self._options)
        passes = [[it] for it in range(len(rows))] if ahead else groups([row.policy.prompt for row, _ in rows])
        dealt = deal(passes, [row.tokens for row, _ in rows], self._ranks.count)
        mine = turns(self._spread, dealt)
        with numbers(self._options):
            step = step_of(
                self._engine,
                rows,
                recipe=self._recipe,
                options=self._options,
                places=[(places[0], counts) for places, counts in mine],
                ranks=self._ranks,
            )
        return mine, step

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
        found: dict[int, Mapping[str, float]] = {}
        with torch.no_grad(), loading.narrow_inputs(self._model, self._options):
            mine, step = self._work(rows)
            for places, counts in mine:
                costs = self._costs(rows, places, step)[0]
                found |= {place: it.metrics for place, it in zip(places, costs, strict=True) if counts}
        self._model.train()
        every = dict(it for one in self._ranks.gather(found) for it in one.items())
        self._spool.say(Kind.EVALUATION, step=self.step, metrics=_means([every[place] for place in range(len(rows))]))

    def _save(self) -> None:
        """Save a checkpoint: every process gives its part, the first writes."""
        weights, moments = self._spread.weights(), self._spread.moments(self._optimizer)
        card = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        dice = self._ranks.gather({"host": torch.get_rng_state(), "card": card})
        if not self._ranks.first:
            return
        self._spool.sync()
        with checkpoints.publishing(self._run, self.step) as folder:
            self._model.save_pretrained(folder / MODEL, **({} if weights is None else {"state_dict": weights}))
            self._tokenizer.save_pretrained(folder / MODEL)
            state = {
                "optimizer": moments,
                "dice": dice,
                "round": (self.round, self.began),
                "companion": self._companion.state() if self._companion else {},
            }
            torch.save(state, folder / _STATE)
        self._spool.say(Kind.CHECKPOINT, step=self.step)
        checkpoints.prune(self._run, keep=self._options["keep"])


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _memory() -> dict[str, float]:
    return {"memory_gib": torch.cuda.max_memory_allocated() / 2**30} if torch.cuda.is_available() else {}
