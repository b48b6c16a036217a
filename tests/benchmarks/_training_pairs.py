"""One pair forward and backward, ours and TRL's, in turns: `python -m tests.benchmarks._training_pairs`.

It runs in a Python with the extra `train` and prints one JSON object. All sides have the same tiny model, the same rows
in tokens, and the reference's log-probabilities computed before; nothing of the optimizer is timed. TRL's side is its
`DPOTrainer` as it comes, with the mask that its collator makes, and once more with that mask all ones.
"""

from __future__ import annotations

import ctypes
import json
import random
import resource
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer

from lrstudio.training.recipes import recipe
from lrstudio.training.rows import Row
from lrstudio.worker import loading, parity
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.objective import cost
from lrstudio.worker.prefix import Branch, SharedPrefix, Tree
from lrstudio.worker.tiny import tiny_model
from tests.benchmarks import Case, in_turns

PROMPT, CHOSEN, REJECTED = 4096, 96, 128
BETA = 0.15


def rows_of_words(tokenizer: Any, *, seed: int = 0) -> Dataset:
    """One row whose parts have a number of tokens each, of words that are one token."""
    words = [text for text in (tokenizer.decode([it]) for it in range(len(tokenizer)))
             if text[:1] == " " and text[1:].isalpha() and text[1:].islower()]  # fmt: skip
    dice = random.Random(seed)
    parts = {
        name: "".join(dice.choice(words) for _ in range(count))
        for name, count in (("prompt", PROMPT), ("chosen", CHOSEN), ("rejected", REJECTED))
    }
    return Dataset.from_list([parts])


def trl_side(folder: Path, out: Path) -> tuple[DPOTrainer, dict[str, Any]]:
    """TRL's trainer as it comes, nothing cut, and its own batch of the row."""
    arguments = DPOConfig(
        output_dir=str(out), per_device_train_batch_size=1, max_length=None, bf16=False, use_cpu=True, beta=BETA,
        report_to=[], precompute_ref_log_probs=True, disable_tqdm=True,
    )  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(folder)
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        args=arguments,
        train_dataset=rows_of_words(tokenizer),
        processing_class=tokenizer,
    )
    return trainer, next(iter(trainer.get_train_dataloader()))


def our_side(folder: Path, batch: dict[str, Any]) -> tuple[Any, SharedPrefix, Conversation, dict[str, Any]]:
    """Our engine behind its parity check, and the row of TRL's batch, token for token."""
    options = recipe("dpo").settle(
        {"method": "full", "dtype": "fp32", "nll_weight": 0.0, "beta": BETA, "device": "cpu"}
    )
    model = loading.load_model(folder, options)
    sides = []
    for ids, mask, seen in zip(
        batch["input_ids"].tolist(), batch["completion_mask"].tolist(), batch["attention_mask"].tolist(), strict=True
    ):
        whole = ids[: sum(seen)]
        count = sum(mask)
        sides.append((tuple(whole[:-count]), Branch.answer(whole[-count:])))
    assert sides[0][0] == sides[1][0], "both sides share the prompt"
    tree = Tree(sides[0][0], (sides[0][1], sides[1][1]))
    assert tree.spans[0] >= PROMPT, tree.spans
    engine = parity.checked(model, tree.pruned(prompt=1024, answer=128), longest=sum(tree.spans))
    row = Conversation(Row(row_id="row", prompt="", chosen="", rejected=""), tree, (tree,))
    return model, engine, row, options


def peak_mib(step: Callable[[], object]) -> float:
    """The most memory of this process during a step, less what it had before."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what the steps before have freed must not hide what this one takes
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = resident("VmRSS")
    step()
    return (resident("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024 - before / 1024


def resident(name: str) -> int:
    """A line of this process's status, in KiB; 0 where the system has none."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0


def main(rounds: int) -> dict[str, Any]:
    """Time and weigh all sides, with activations kept and computed again."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = tiny_model(Path(name) / "tiny")
        trainer, batch = trl_side(folder, Path(name) / "out")
        model, engine, row, options = our_side(folder, batch)
        ones = {**batch, "attention_mask": torch.ones_like(batch["attention_mask"])}
        reference = (float(batch["ref_chosen_logps"][0]), float(batch["ref_rejected_logps"][0]))
        trainer.model.train()

        def theirs(inputs: dict[str, Any]) -> float:
            trainer.model.zero_grad(set_to_none=True)
            loss = trainer.compute_loss(trainer.model, dict(inputs))
            loss.backward()
            return float(loss.detach())

        def ours() -> float:
            model.zero_grad(set_to_none=True)
            loss = cost(engine, row, reference, recipe="dpo", options=options).loss
            loss.backward()
            return float(loss.detach())

        sides: dict[str, Callable[[], float]] = {
            "shared": ours, "stock": lambda: theirs(batch), "ones": lambda: theirs(ones)
        }  # fmt: skip
        found: dict[str, Any] = {"engine": engine.name, "spans": row.policy.spans}
        for how in ("kept", "recomputed"):
            if how == "recomputed":
                loading.recompute(model)
                trainer.model.activation_checkpointing_enable({"use_reentrant": False})
            losses = {side: step() for side, step in sides.items()}
            assert max(losses.values()) - min(losses.values()) < 1e-4, losses
            cases = [Case(lambda: None, lambda _, step=step: step(), lambda _: None) for step in sides.values()]
            seconds = in_turns(*cases, rounds=rounds)
            found[how] = {
                side: {"seconds": its, "peak_mib": peak_mib(step)}
                for (side, step), its in zip(sides.items(), seconds, strict=True)
            }
        return found


if __name__ == "__main__":
    sys.stdout.write("FOUND" + json.dumps(main(int(sys.argv[1]))) + "\n")
