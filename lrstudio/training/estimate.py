"""What a run will take before it starts: peak memory and time, by arithmetic, corrected by what earlier runs took.

Memory is that of one pair a step with bf16 weights and checkpointed layers; the terms and their constants are fitted on
published single-card runs (ArcticTraining on an H200, flash-preference on an A800) and lie 0-30 % above them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

GIB = 2**30

_MLP = 5.0
"""Bytes of one MLP in the backward pass, as multiples of tokens x width x 2 bytes."""
_ATTENTION = 1.55
"""The same of attention, residuals and norms, of 16 H + 8 KV bytes a token."""
_TILED_ROWS = 4096
_LOGITS = 0.3 * GIB
"""TRL 1.16 and ours compute log-probabilities in tiles, never whole logits."""
_ADAM_BYTES = 16  # a trained parameter in fp32: weight, gradient and both moments
_FULL_BYTES = 14  # bf16 gradient, fp32 moments and fp32 master copy of a bf16 weight
_QLORA_BYTES = 1 / 1.6


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A decoder as its config gives it; `parameters` counts all weights, `kv_width` is key-value heads x head size."""

    layers: int
    hidden: int
    intermediate: int
    kv_width: int
    vocabulary: int
    parameters: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of a run before it starts. `prompt` and `answer` are the tokens of its longest row."""

    method: str
    lora_parameters: int
    prompt: int
    answer: int
    shared: bool
    offload: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes at the peak on the device, by what they are for, and pinned bytes in host memory."""

    weights: float
    trained: float
    layer_inputs: float
    layer: float
    logits: float
    host: float

    @property
    def peak(self) -> float:
        """Bytes on the device at the peak."""
        return self.weights + self.trained + self.layer_inputs + self.layer + self.logits


def tokens_computed(plan: Plan) -> int:
    """Return the tokens that go through the model for one pair: the document once where it is shared, else twice."""
    both = plan.prompt + 2 * plan.answer
    return both if plan.shared else both + plan.prompt


def memory(shape: ModelShape, plan: Plan) -> Memory:
    """Return the memory of one step on the longest row."""
    tokens = tokens_computed(plan)
    inputs = 2.0 * shape.layers * tokens * shape.hidden
    layer = _MLP * 2.0 * tokens * shape.intermediate + _ATTENTION * tokens * (16 * shape.hidden + 8 * shape.kv_width)
    embeddings = 2 * shape.vocabulary * shape.hidden
    weights = 2.0 * shape.parameters
    if plan.method == "qlora":
        weights = (shape.parameters - embeddings) * _QLORA_BYTES + 2.0 * embeddings
    trained = _ADAM_BYTES * plan.lora_parameters if plan.method != "full" else _FULL_BYTES * shape.parameters
    return Memory(
        weights=weights,
        trained=float(trained),
        layer_inputs=0.0 if plan.offload else inputs,
        layer=layer,
        logits=_LOGITS,
        host=inputs if plan.offload else 0.0,
    )


def learnt(estimate: float, earlier: Sequence[tuple[float, float]]) -> float:
    """Correct an estimated peak by what earlier runs of the machine took, as (estimated, measured) bytes.

    The median of measured / estimated, from three runs on; a run that took more than was estimated for it counts from
    the first.
    """
    ratios = [measured / estimated for estimated, measured in earlier if estimated > 0]
    if len(ratios) >= 3:
        return estimate * median(ratios)
    return estimate * max([1.0, *ratios])


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of a row: a x tokens + b x tokens squared, fitted on the rows done so far."""

    linear: float
    square: float

    def seconds(self, tokens: Sequence[int]) -> float:
        """Return how long rows of these lengths take."""
        return sum(self.linear * it + self.square * it * it for it in tokens)


def pace(done: Sequence[tuple[int, float]]) -> Pace | None:
    """Fit a pace to (tokens, seconds) by least squares with both terms at least 0; None before the first row."""
    rows = [(float(tokens), seconds) for tokens, seconds in done if tokens > 0]
    if not rows:
        return None
    s2, s3, s4 = (sum(tokens**power for tokens, _ in rows) for power in (2, 3, 4))
    y1 = sum(tokens * seconds for tokens, seconds in rows)
    y2 = sum(tokens**2 * seconds for tokens, seconds in rows)
    determinant = s2 * s4 - s3 * s3
    if determinant > 1e-9 * s2 * s4:
        linear, square = (y1 * s4 - y2 * s3) / determinant, (y2 * s2 - y1 * s3) / determinant
        if linear >= 0 and square >= 0:
            return Pace(linear, square)
        if linear < 0:
            return Pace(0.0, y2 / s4)
    return Pace(y1 / s2, 0.0)
