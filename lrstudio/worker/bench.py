"""How long pairs fit and how fast they go on this machine: `python -m lrstudio.worker.bench`, best with a GPU.

A randomly initialised model of the shape of Llama 3.1 8B with a LoRA adapter, bfloat16, layers computed again in the
backward pass; one pair forward and backward, its reference known before. For each length both ways of computing, and
with a GPU the inputs of the layers kept there and in host memory. A row that does not fit is said to be out of memory,
and the next one is tried. The result is a table in Markdown, written line by line.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch.nn.functional import logsigmoid
from transformers import LlamaConfig, LlamaForCausalLM

from lrstudio.domain.errors import Refused
from lrstudio.training.estimate import GIB
from lrstudio.worker import loading, parity
from lrstudio.worker.prefix import Branch, Engine, PlainPairs, Tree
from lrstudio.worker.sizes import most_of_process

LENGTHS: Final = (8192, 32_768, 65_536, 131_072)
_SHORTEST: Final = 32
_TINY_LENGTHS: Final = (128, 256)
_OPTIONS: Final = {
    "dtype": "bf16", "lora_targets": "all-linear", "lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.0,
}  # fmt: skip
_NO_MEMORY: Final = ("out of memory", "can't allocate memory", "not enough memory")
_MEANING: Final = "Measure how long pairs fit and how fast they go on this machine."
_HEAD: Final = (
    "| T | engine | offload | peak GiB | s per pair | tokens/s |",
    "| ---: | --- | --- | ---: | ---: | ---: |",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the table: tokens of prompt and longer answer, and how they are computed."""

    tokens: int
    engine: str
    offload: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What one pair took: bytes at the peak (of the process, without a card), seconds, tokens that count for it."""

    peak: int
    seconds: float
    tokens: int


def main(words: Sequence[str]) -> int:
    """Measure every setting, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m lrstudio.worker.bench", description=_MEANING)
    parser.add_argument("--tiny", action="store_true", help="a tiny model and short rows, for any computer")
    parser.add_argument("--tokens", default="", help="lengths with commas, such as 8192,32768")
    parser.add_argument("--answer", type=int, default=1024, help="tokens of the longer answer at most")
    parser.add_argument("--rounds", type=int, default=2, help="measured times of each line, behind one that warms up")
    parser.add_argument("--device", default="auto", choices=("auto", "cuda", "cpu"))
    asked = parser.parse_args(list(words))
    try:
        where = loading.device(asked.device)
        lengths = [max(_SHORTEST, int(it)) for it in asked.tokens.split(",") if it.strip()] or (
            _TINY_LENGTHS if asked.tiny else LENGTHS
        )
        model = random_model(tiny=asked.tiny, device=where)
    except (Refused, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        sys.stderr.write("the model itself does not fit into the memory here; take --tiny, or a larger card\n")
        return 1
    for line in table(model, settings(lengths, device=where), answer=asked.answer, rounds=asked.rounds):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0


def settings(lengths: Sequence[int], *, device: str) -> list[Setting]:
    """List the lines of the table, the short ones first; inputs are kept in host memory only where there is a card."""
    offloads = (False, True) if device == "cuda" else (False,)
    return [Setting(it, engine, offload) for it in lengths for engine in ("plain", "shared") for offload in offloads]


def random_model(*, tiny: bool, device: str, seed: int = 0) -> Any:
    """Build a model of random weights with an adapter, ready to be trained."""
    shape: dict[str, Any] = {
        "vocab_size": 128_256, "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 2 * LENGTHS[-1],
    }  # fmt: skip
    if tiny:
        shape |= {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
                  "num_attention_heads": 4, "num_key_value_heads": 2}  # fmt: skip
    config = LlamaConfig(**shape, rope_parameters={"rope_type": "default", "rope_theta": 500_000.0})
    torch.manual_seed(seed)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    return loading.with_adapter(model, _OPTIONS).to(device).train()


def table(model: Any, lines: Sequence[Setting], *, answer: int, rounds: int) -> Iterator[str]:
    """Yield the lines of a Markdown table, each when it has been measured."""
    parameters = sum(it.numel() for it in model.parameters())
    yield f"{_machine(model)}; {parameters / 1e9:.2f} billion weights, LoRA, bfloat16; answers up to {answer} tokens"
    yield ""
    yield from _HEAD
    for line in lines:
        said = _try(model, line, answer=answer, rounds=rounds)
        yield f"| {line.tokens:,} | {line.engine} | {'on' if line.offload else 'off'} | {said} |"


def _try(model: Any, line: Setting, *, answer: int, rounds: int) -> str:
    try:
        found = measure(model, line, answer=answer, rounds=rounds)
    except Refused as error:
        return f"refused: {error.sentence} | | "
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return "out of memory | | "
    finally:
        model.zero_grad(set_to_none=True)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return f"{found.peak / GIB:.1f} | {found.seconds:.2f} | {found.tokens / found.seconds:,.0f}"


def measure(model: Any, line: Setting, *, answer: int, rounds: int) -> Measured:
    """Compute one pair some times, and return the most memory and the least time.

    Raises:
        Refused: the prompt cannot be shared with this model.
        RuntimeError, MemoryError: it does not fit, or something else is wrong, see `out_of_memory`.
    """
    tree = random_tree(line.tokens, answer=answer, vocabulary=loading.base(model).config.vocab_size)
    card = next(model.parameters()).is_cuda
    loading.recompute(model, offload=line.offload)
    seconds, peak = [], 0
    with loading.narrow_inputs(model, _OPTIONS):
        engine = _engine(model, tree, line.engine)
        for _ in range(rounds + 1):
            if card:
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
            began = time.perf_counter()
            _step(model, engine, tree)
            if card:
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
            peak = max(peak, torch.cuda.max_memory_allocated() if card else most_of_process())
    return Measured(peak, min(seconds[1:] or seconds), sum(tree.spans))


def random_tree(tokens: int, *, answer: int, vocabulary: int, seed: int = 0) -> Tree:
    """Return a pair of random tokens: prompt and longer answer have `tokens`, the other answer a quarter less."""
    dice = random.Random(seed)
    longer = min(answer, tokens // 4)
    lengths = (tokens - longer, longer, longer - longer // 4)
    prompt, *answers = (tuple(dice.randrange(vocabulary) for _ in range(count)) for count in lengths)
    return Tree(prompt, tuple(Branch.answer(it) for it in answers))


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory is not enough, on a card or in the host."""
    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(it in said for it in _NO_MEMORY)


def _engine(model: Any, tree: Tree, name: str) -> Engine:
    if name == "plain":
        return PlainPairs(model)
    with _numbers(model):
        return parity.checked(model, tree.pruned(prompt=512, answer=64), longest=sum(tree.spans))


def _step(model: Any, engine: Engine, tree: Tree) -> None:
    model.zero_grad(set_to_none=True)
    with _numbers(model):
        chosen, rejected = engine.score(tree).sums()
        loss = -logsigmoid(0.1 * (chosen - rejected - (chosen - rejected).detach()))
    loss.backward()


def _numbers(model: Any) -> AbstractContextManager[Any]:
    where: str = next(model.parameters()).device.type
    computing: AbstractContextManager[Any] = torch.autocast(where, torch.bfloat16)
    return computing


def _machine(model: Any) -> str:
    if next(model.parameters()).is_cuda:
        whole = torch.cuda.mem_get_info()[1]
        name = f"{torch.cuda.get_device_name()}, {whole / GIB:.0f} GiB"
    else:
        name = f"processor, {torch.get_num_threads()} threads"
    return f"{name}; torch {torch.__version__}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
