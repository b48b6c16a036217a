"""The optimizer that the options of a run name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch


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
