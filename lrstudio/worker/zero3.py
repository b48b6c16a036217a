"""A model in parts by DeepSpeed's ZeRO stage 3, where the package `deepspeed` is installed beside the others.

Each process has a part of every weight, of its gradient and of what the optimizer keeps for it; a module's weights are
put together when it is computed. Weights stay as the loader leaves them, and computation is the project's own: nothing
of DeepSpeed's mixed precision is used.
"""

from __future__ import annotations

import logging
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor

from lrstudio.domain.errors import Refused
from lrstudio.worker import loading, optimizers
from lrstudio.worker.prefix import Engine
from lrstudio.worker.ranks import Ranks
from lrstudio.worker.spread import Within

PACKAGE: Final = "deepspeed"

_OLDEST: Final = (0, 19)
_BUCKET: Final = 1 << 24  # elements whose gradients travel together; each process keeps a buffer of as many

_STAYS: Final = 100_000  # elements of a weight that stays whole, since splitting it would save little


def look() -> None:
    """See that the package is there and not too old, without loading it.

    Raises:
        Refused: it is not.
    """
    if find_spec(PACKAGE) is None:
        raise Refused(
            "splitting weights by ZeRO-3 needs the package deepspeed in the worker environment; add it (pip install "
            "deepspeed), or set sharding to fsdp2, which needs none",
            where="sharding",
        )
    with suppress(PackageNotFoundError):
        found = version(PACKAGE)
        if tuple(map(int, re.findall(r"\d+", found)[:2])) < _OLDEST:
            raise Refused(
                f"splitting weights by ZeRO-3 needs deepspeed {'.'.join(map(str, _OLDEST))} or newer in the worker "
                f"environment, and there is {found}; install it (pip install --upgrade deepspeed), or set sharding to "
                "fsdp2",
                where="sharding",
            )


class Zero3:
    """Each process has a part of every weight; a module is put together when it is computed (ZeRO-3)."""

    lockstep = True

    def __init__(self, ranks: Ranks, model: Any, options: Mapping[str, Any]) -> None:
        """Split a model over the processes, weight by weight, and make its optimizer.

        Raises:
            Refused: the package is not there, or trained weights are not float32.
        """
        look()
        where = "cuda" if "nccl" in str(dist.get_backend_config()) else "cpu"
        self._deepspeed: Any = _loaded(where)
        self.ranks, self._model, self._where = ranks, model, where
        self.scale = float(ranks.count)  # ZeRO takes the mean over the processes
        self._weights = [it for it in model.parameters() if it.requires_grad]
        other = {str(it.dtype) for it in self._weights} - {"torch.float32"}
        if other:
            raise Refused(
                f"with sharding zero3 trained weights are float32, and this model has {', '.join(sorted(other))}",
                where="sharding",
            )
        settings = _settings(
            every=sum(it.numel() for it in model.parameters()), trained=sum(it.numel() for it in self._weights)
        )
        # Split before the engine is made: that would move the model as a whole, which may not fit.
        self._deepspeed.zero.Init(module=model, config_dict_or_path=settings)
        for it in model.buffers():
            it.data = it.data.to(_device(where))
        self._root = _Root(model)
        self._engine, *_ = self._deepspeed.initialize(
            model=self._root, optimizer=optimizers.optimizer(self._weights, options), config=settings
        )
        self._hold(loading.base(model).get_output_embeddings())

    def engine(self, engine: Engine) -> Engine:
        """Return an engine that puts the weights together while it scores."""
        return Within(engine, self._within, self.ranks)

    def optimizer(self, weights: Sequence[Any], options: Mapping[str, Any]) -> torch.optim.Optimizer:
        """Return the one that was made when the model was split; it has made no step."""
        found: torch.optim.Optimizer = self._engine.optimizer
        return found

    def forget(self, weights: Sequence[Any]) -> None:
        """Set the parts of all gradients to 0; a weight that gets none in a step adds nothing to it."""
        self._engine.optimizer.zero_grad()
        for it in self._weights:
            part = self._part(it)
            self._deepspeed.utils.safe_set_local_grad(it, torch.zeros_like(part))

    def backward(self, loss: Tensor) -> None:
        """Add the gradients, and deal them out."""
        self._engine.backward(loss, scale_wrt_gas=False)

    def gradient(self, weight: Any) -> Tensor | None:
        """Put it together."""
        found: Tensor | None = self._deepspeed.utils.safe_get_full_grad(weight) if weight.requires_grad else None
        return found

    def own_gradient(self, weight: Any) -> Tensor | None:
        """Return the part."""
        return self._part(weight) if weight.requires_grad else None

    def add_up(self, weights: Sequence[Any]) -> None:
        """Do nothing: the backward pass has added up."""

    def clip(self, weights: Sequence[Any], limit: float) -> float:
        """Cut the gradients by the norm of all parts together; DeepSpeed itself cuts nothing."""
        parts = [self._part(it) for it in weights]
        own = torch.stack([torch.linalg.vector_norm(it, dtype=torch.float64) for it in parts]).square().sum()
        dist.all_reduce(own)
        norm = float(own.sqrt())
        share = limit / (norm + 1e-6)
        if share < 1 and math.isfinite(norm):
            for it, part in zip(weights, parts, strict=True):
                self._deepspeed.utils.safe_set_local_grad(it, part * share)
        return norm

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Make the step, each process with its part."""
        self._engine.step()

    def weights(self) -> dict[str, Tensor]:
        """Return the adapter's weights, or all, under the names that files have; empty beside the first process."""
        adapter = hasattr(self._model, "get_base_model")
        split = dict(self._model.named_parameters(remove_duplicate=False))
        found: dict[str, Tensor] = {}
        copies: dict[int, Tensor] = {}  # what has two names stays one
        for name, it in self._model.state_dict().items():
            if adapter and "lora_" not in name:
                continue
            one = split.get(name, it)
            if id(one) not in copies:
                copies[id(one)] = self._whole(one)
            if self.ranks.first:
                found[name] = copies[id(one)]
        return found

    def moments(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Put the state together, weight by weight, as an optimizer of whole weights has it."""
        numbers = {id(it): number for number, it in enumerate(self._weights)}
        inner = self._engine.optimizer.optimizer
        kept: dict[int, dict[str, Any]] = {}
        for flat, weights in self._groups():
            its = inner.state.get(flat, {})
            for weight in weights:
                ones: dict[str, Any] = {}
                for name, value in its.items():
                    if _lies_as(value, flat):
                        value = self._deepspeed.utils.safe_get_full_optimizer_state(weight, name)
                    ones[name] = value.detach().cpu().clone() if isinstance(value, Tensor) else value
                if self.ranks.first and ones:
                    kept[numbers[id(weight)]] = ones
        rest = {name: value for name, value in inner.param_groups[0].items() if name != "params"}
        return {"state": kept, "param_groups": [{**rest, "params": list(range(len(self._weights)))}]}

    def take_moments(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Split the state as the weights are split."""
        numbers = {id(it): number for number, it in enumerate(self._weights)}
        inner = self._engine.optimizer.optimizer
        fused = bool(inner.param_groups[0].get("fused"))
        for flat, weights in self._groups():
            its: dict[str, Any] = {}
            for weight in weights:
                for name, value in state["state"].get(numbers[id(weight)], {}).items():
                    if isinstance(value, Tensor) and value.dim() and value.shape == weight.ds_shape:
                        if name not in its:
                            its[name] = torch.zeros_like(flat)
                            inner.state[flat] = its
                        self._deepspeed.utils.safe_set_local_optimizer_state(weight, self._own(value, weight), name)
                    elif isinstance(value, Tensor):  # the count of steps
                        its[name] = value.to(flat.device) if fused else value.clone()
                    else:
                        its[name] = value
            if its:
                inner.state[flat] = its

    def release(self) -> None:
        """Take the model out of what DeepSpeed keeps."""
        from deepspeed.runtime.zero import parameter_offload

        self._engine.destroy()
        stack = parameter_offload.FWD_MODULE_STACK
        stack[:] = [it for it in stack if it is not self._root]

    def _hold(self, head: Any) -> None:
        """Keep the head together during a pass: its calls are as many as a row has tiles, in each process others."""
        for it in head.parameters():
            self._deepspeed.zero.register_external_parameter(self._root, it)
        its = [hooks for it in head.modules() for hooks in (it._forward_hooks, it._forward_pre_hooks)]
        offload = self._engine.optimizer.parameter_offload
        for handle in (*offload.forward_hooks, *offload.backward_hooks):
            if any(handle.hooks_dict_ref() is hooks for hooks in its):
                handle.remove()

    def _within(self, work: Callable[[], tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """Do some work as one pass of the model, in all processes."""
        # The engine would switch autocast off within; so it begins inside again.
        asked = torch.is_autocast_enabled(self._where)
        wanted = torch.get_autocast_dtype(self._where)
        cached = torch.is_autocast_cache_enabled()

        found: list[Tensor] = []

        # One vector goes out: each would begin the backward pass, and processes differ in how many they have.
        def inside() -> Tensor:
            with torch.autocast(self._where, wanted, enabled=asked, cache_enabled=cached):
                found.extend(work())
            return torch.cat(found)

        with torch.autocast(self._where, enabled=False):
            every = self._engine(inside).split([len(it) for it in found])
        pairs = zip(every, found, strict=True)
        return tuple(out if it.requires_grad else out.detach() for out, it in pairs)

    def _groups(self) -> list[tuple[Tensor, list[Any]]]:
        """Return what the optimizer steps: a flat part of some weights, and those."""
        split = self._engine.optimizer
        return list(zip(split.fp32_partitioned_groups_flat, split.fp16_groups, strict=True))

    def _part(self, weight: Any) -> Tensor:
        part: Tensor = self._deepspeed.utils.safe_get_local_grad(weight)
        return part

    def _own(self, value: Tensor, weight: Any) -> Tensor:
        """Return this process's part of what belongs to a weight; the last parts end in zeros."""
        size = int(weight.ds_tensor.numel())
        part = value.flatten()[self.ranks.rank * size : (self.ranks.rank + 1) * size]
        return torch.nn.functional.pad(part, (0, size - part.numel())).to(weight.device)

    def _whole(self, tensor: Any) -> Tensor:
        if not hasattr(tensor, "ds_id"):
            return torch.as_tensor(tensor).detach().cpu().clone()
        with self._deepspeed.zero.GatheredParameters([tensor]):
            return tensor.detach().cpu().clone() if self.ranks.first else torch.empty(0)


class _Root(torch.nn.Module):  # type: ignore[misc]
    """A model whose forward pass is whatever work is asked for."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, work: Callable[[], Tensor]) -> Tensor:
        return work()


def _loaded(where: str) -> Any:
    # It asks the environment what computes, and would take a GPU that the run is told to leave.
    os.environ["DS_ACCELERATOR"] = where
    try:
        deepspeed: Any = import_module(PACKAGE)
        logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
        deepspeed.init_distributed(verbose=False)  # on processors this builds a module, and asks for a compiler
    except (ImportError, OSError, RuntimeError) as error:
        raise Refused(
            f"the package deepspeed cannot be loaded: {loading.first_line(error)}; install it again, or set sharding "
            "to fsdp2",
            where="sharding",
        ) from error
    return deepspeed


def _settings(*, every: int, trained: int) -> dict[str, Any]:
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,  # the passes of a step are counted here, and differ from step to step
        "gradient_clipping": 0.0,
        "communication_data_type": "fp32",
        "data_types": {"grad_accum_dtype": "fp32"},
        "zero_optimization": {
            "stage": 3,
            "reduce_bucket_size": max(1, min(_BUCKET, trained)),
            "stage3_param_persistence_threshold": min(_STAYS, every // 1000),
        },
        "zero_allow_untested_optimizer": True,
    }


def _device(where: str) -> torch.device:
    return torch.device(where, torch.cuda.current_device()) if where == "cuda" else torch.device(where)


def _lies_as(value: Any, flat: Tensor) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0 and value.shape == flat.shape
