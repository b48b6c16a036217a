"""How a model lies over the processes of a run: whole in each of them, or in parts by FSDP2 or ZeRO-3.

A step's rows are dealt out, each process adds up the gradients of its own, and what every process steps by is the sum
over all. The numbers are those of one process with all the rows, up to the order in which sums are rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from lrstudio.domain.errors import Refused
from lrstudio.worker import loading, optimizers
from lrstudio.worker.prefix import Engine, PlainPairs, Scored, Tree
from lrstudio.worker.ranks import Ranks

T = TypeVar("T")
Vectors = tuple[Tensor, ...]


class Spread(Protocol):
    """A model over the processes of a run."""

    ranks: Ranks
    lockstep: bool
    """Whether every process must make the same number of passes, because each needs the others' weights."""
    scale: float
    """What a process multiplies its losses by, so that the sums over processes come out."""

    def engine(self, engine: Engine) -> Engine:
        """Return an engine that scores by the model as it lies."""
        ...

    def optimizer(self, weights: Sequence[Any], options: Mapping[str, Any]) -> torch.optim.Optimizer:
        """Return a new optimizer of the trained weights, as the options name it."""
        ...

    def forget(self, weights: Sequence[Any]) -> None:
        """Throw the gradients of weights away."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss; of one forward pass only once."""
        ...

    def gradient(self, weight: Any) -> Tensor | None:
        """Return the gradient of a weight whole; all processes call it."""
        ...

    def own_gradient(self, weight: Any) -> Tensor | None:
        """Return what this process has of the gradient of a weight."""
        ...

    def add_up(self, weights: Sequence[Any]) -> None:
        """Make the gradients of all processes one sum, before the step."""
        ...

    def clip(self, weights: Sequence[Any], limit: float) -> float:
        """Cut the gradients to a norm, and return what it was."""
        ...

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Change the weights by their gradients."""
        ...

    def weights(self) -> dict[str, Tensor] | None:
        """Return all trained weights whole, on the first process; None where the model has them itself."""
        ...

    def moments(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Return the state of an optimizer whole; all processes call it, the first alone gets the tensors."""
        ...

    def take_moments(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Give an optimizer what `moments` returned."""
        ...

    def release(self) -> None:
        """Let go of what holds a model that is not needed any more."""
        ...


class _Plain:
    """What is done with a model whose weights hold their gradients themselves, whole or in parts."""

    def optimizer(self, weights: Sequence[Any], options: Mapping[str, Any]) -> torch.optim.Optimizer:
        """Make it."""
        return optimizers.optimizer(weights, options)

    def forget(self, weights: Sequence[Any]) -> None:
        """Let go of them."""
        for it in weights:
            it.grad = None

    def backward(self, loss: Tensor) -> None:
        """Add the gradients."""
        loss.backward()

    def gradient(self, weight: Any) -> Tensor | None:
        """Put it together where it lies in parts."""
        return None if weight.grad is None else whole(weight.grad)

    def own_gradient(self, weight: Any) -> Tensor | None:
        """Return the part, or the whole where there are no parts."""
        own: Any = weight.grad
        found: Tensor | None = own.to_local() if hasattr(own, "to_local") else own
        return found

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Make the step."""
        optimizer.step()

    def release(self) -> None:
        """Do nothing: nobody else holds the model."""


class Whole(_Plain):
    """Every process has the model whole, the only one, too."""

    lockstep = False
    scale = 1.0

    def __init__(self, ranks: Ranks) -> None:
        """Take the processes."""
        self.ranks = ranks

    def engine(self, engine: Engine) -> Engine:
        """Return it as it is."""
        return engine

    def add_up(self, weights: Sequence[Any]) -> None:
        """Add up the gradients; what has none in any process keeps none."""
        if self.ranks.count == 1 or not weights:
            return
        there = torch.tensor([it.grad is not None for it in weights], dtype=torch.int32, device=weights[0].device)
        dist.all_reduce(there, op=dist.ReduceOp.MAX)
        used = [it for it, has in zip(weights, there.tolist(), strict=True) if has]
        for it in used:
            if it.grad is None:
                it.grad = torch.zeros_like(it)
        self.ranks.add_up([it.grad for it in used])

    def clip(self, weights: Sequence[Any], limit: float) -> float:
        """Cut the gradients, the same in every process."""
        return float(torch.nn.utils.clip_grad_norm_(weights, limit))

    def weights(self) -> None:
        """Return None: the model can be saved as it is."""

    def moments(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Return the state."""
        state: dict[str, Any] = optimizer.state_dict()
        return state

    def take_moments(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Give it back."""
        optimizer.load_state_dict(state)


class Sharded(_Plain):
    """Each process has a part of every weight; a layer is put together when it is computed (FSDP2)."""

    lockstep = True

    def __init__(self, ranks: Ranks, model: Any) -> None:
        """Split a model over the processes: its layers one by one, then what is left.

        Raises:
            Refused: the model does not say what its layers are.
        """
        from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

        self.ranks, self._model = ranks, model
        self.scale = float(ranks.count)  # FSDP2 takes the mean over the processes
        causal = loading.base(model)
        kinds = set(getattr(causal, "_no_split_modules", None) or ())
        layers = [it for it in causal.modules() if type(it).__name__ in kinds]
        if not layers:
            raise Refused("the model does not say what its layers are, so it cannot be split", where="sharding")
        mesh = dist.init_device_mesh("cuda" if _on_card() else "cpu", (ranks.count,))
        for layer in layers:
            fully_shard(layer, mesh=mesh)
        # Apart again behind each pass: what is left put together is whole where the optimizer looks for its weights.
        fully_shard(model, mesh=mesh, reshard_after_forward=True)
        # Rows are scored beside the model's own forward, by layers and head; this makes that a forward, too.
        model.lrstudio_within = _do
        register_fsdp_forward_method(model, "lrstudio_within")
        # Once with the adapter on: whether a weight is trained is looked at in the first pass.
        with torch.no_grad():
            device = causal.get_input_embeddings().weight.device
            model.lrstudio_within(
                lambda: causal.base_model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=device))[0]
            )

    def engine(self, engine: Engine) -> Engine:
        """Return an engine that puts the weights together while it scores."""
        return Within(engine, self._model.lrstudio_within, self.ranks)

    def add_up(self, weights: Sequence[Any]) -> None:
        """Do nothing: the backward pass has added up."""

    def clip(self, weights: Sequence[Any], limit: float) -> float:
        """Cut the gradients by the norm of all parts together."""
        norm: Any = torch.nn.utils.clip_grad_norm_(weights, limit)
        return float(whole(norm))

    def weights(self) -> dict[str, Tensor]:
        """Return the adapter's weights, or all, under the names that files have; empty beside the first process."""
        adapter = hasattr(self._model, "get_base_model")
        found = {}
        for name, it in self._model.state_dict().items():
            if adapter and "lora_" not in name:
                continue
            one = whole(it.detach())
            if self.ranks.first:
                found[name] = one.cpu().clone()
        return found

    def moments(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Put the state together."""
        state = optimizer.state_dict()
        kept: dict[Any, Any] = {}
        for number, its in state["state"].items():
            ones = {name: whole(it) if isinstance(it, Tensor) else it for name, it in its.items()}
            if self.ranks.first:
                kept[number] = {name: it.cpu() if isinstance(it, Tensor) else it for name, it in ones.items()}
        return {"state": kept, "param_groups": state["param_groups"]}

    def take_moments(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Split the state as the weights are split."""
        from torch.distributed.tensor import distribute_tensor

        weights = [it for group in optimizer.param_groups for it in group["params"]]
        split: dict[Any, Any] = {}
        for number, its in state["state"].items():
            by = weights[number]
            split[number] = {
                name: distribute_tensor(it.to(by.device), by.device_mesh, by.placements, src_data_rank=None)
                if isinstance(it, Tensor) and it.shape == by.shape
                else it
                for name, it in its.items()
            }
        optimizer.load_state_dict({"state": split, "param_groups": state["param_groups"]})


class Within:
    """An engine whose passes are passes of the split model as a whole, in every process as many."""

    def __init__(self, engine: Engine, within: Callable[[Callable[[], Vectors]], Vectors], ranks: Ranks) -> None:
        """Take what does some work as a pass of the model."""
        self.name = engine.name
        self._engine, self._within, self._ranks = engine, within, ranks

    def score(self, tree: Tree, *, prompt: bool = False, entropy: bool = False) -> Scored:
        """Return what the engine does."""
        count = len(tree.branches)
        most = count
        if self.name == PlainPairs.name:  # each branch is a pass of its own
            most = max(self._ranks.gather(count))
        filled = Tree(tree.prompt, tree.branches + tree.branches[:1] * (most - count))

        # Tensors alone go out: by them the weights are put together again in the backward pass.
        def work() -> Vectors:
            scored = self._engine.score(filled, prompt=prompt, entropy=entropy)
            nothing = [0.0 * it.sum() for it in scored.branches[count:]]
            first = scored.branches[0] + sum(nothing) if nothing else scored.branches[0]
            every = (first, *scored.branches[1:count], *scored.entropies[:count])
            every += () if scored.prompt is None else (scored.prompt,)
            return tuple(it.clone() for it in every)  # of a view, changed in place, the weights would stay apart

        found = self._within(work)
        return Scored(
            tree,
            tuple(found[:count]),
            found[-1] if prompt else None,
            tuple(found[count : 2 * count]) if entropy else (),
        )


def spread(ranks: Ranks, model: Any, options: Mapping[str, Any]) -> Spread:
    """Lay a model over the processes as the options say.

    Raises:
        Refused: it cannot be split so.
    """
    if options["sharding"] == "zero3":
        from lrstudio.worker.zero3 import Zero3

        return Zero3(ranks, model, options)
    return Sharded(ranks, model) if options["sharding"] == "fsdp2" else Whole(ranks)


def backward(of: Spread, loss: Tensor, *, counts: bool) -> None:
    """Add the gradients of a process's own loss, a share of the step's; one that does not count adds nothing."""
    of.backward(loss * of.scale if counts else loss * 0.0)


def turns(of: Spread, dealt: Sequence[Sequence[T]]) -> list[tuple[T, bool]]:
    """Return the work of this process, and False beside what it does only because the others need its weights.

    Args:
        of: how the model lies.
        dealt: the work of every process.
    """
    mine = [(it, True) for it in dealt[of.ranks.rank]]
    if of.lockstep:
        filler = next((it for part in dealt for it in part), None)
        if filler is not None:
            mine += [(filler, False)] * (max(map(len, dealt)) - len(mine))
    return mine


def _do(work: Callable[[], T]) -> T:
    return work()


def whole(tensor: Any) -> Tensor:
    """Return a tensor whole, put together where it lies in parts; all processes must call it then."""
    found: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return found


def _on_card() -> bool:
    return "nccl" in str(dist.get_backend_config())
