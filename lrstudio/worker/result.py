"""What a finished run leaves: adapter, merged model and card; saved, loaded again and compared before it is published.

    result/adapter/    the LoRA adapter, safetensors
    result/merged/     base and adapter as one model, safetensors; model/ after full training
    result/check.json  what was found when both were loaded again
    result/card.md     the model card

The folder gets its name when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from lrstudio.domain.errors import Environment
from lrstudio.training import preflight
from lrstudio.training.folder import replace_file, sync_folder
from lrstudio.training.room import DiskFull, is_full
from lrstudio.training.rounds import ROUNDS
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind, Phase, Spec, to_json
from lrstudio.worker import generate, loading
from lrstudio.worker.card import card, said_in
from lrstudio.worker.conversations import Conversation
from lrstudio.worker.generate import Generated
from lrstudio.worker.longpo_data import COUNTS
from lrstudio.worker.prefix import Branch, PlainPairs, Tree
from lrstudio.worker.samples import answer, held_out_questions
from lrstudio.worker.sources import FOLDER, PAIRS

RESULT: Final = "result"
ADAPTER, MERGED, MODEL = "adapter", "merged", "model"
CARD: Final = "card.md"
CHECK: Final = "check.json"

_TOKENS: Final = 64  # of an answer that is compared: later ones differ because earlier ones do
_ROOM: Final = 1.3  # times the weights, to load a model and ask it
_GAP: Final = 0.5  # nats; rounding to bfloat16 stays below it
_PACKAGES: Final = ("torch", "transformers", "peft", "safetensors", "tokenizers", "accelerate", "trl")


@dataclass(frozen=True, slots=True)
class Looked:
    """The greedy answers of a model, and the log-probability of each of their tokens."""

    answers: tuple[Generated, ...]
    log_probs: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run whose training has ended leaves its result with."""

    run: Path
    spec: Spec
    options: Mapping[str, Any]
    model: Any
    tokenizer: Any
    spool: Spool
    orders: Orders
    numbers: Callable[[], AbstractContextManager[Any]]

    def publish(
        self,
        training: Sequence[Conversation],
        held_out: Sequence[Conversation],
        *,
        weights: Mapping[str, torch.Tensor] | None = None,
    ) -> bool:
        """Save, load again, compare, and give the folder its name; False where told to stop. The model is used up.

        Args:
            training: the rows that were trained on.
            held_out: those that were not; their questions are asked.
            weights: that were trained, where the model lies in parts over several processes.

        Raises:
            Environment: it cannot be written; DiskFull where no space is left.
        """
        final = self.run / RESULT
        unfinished = final.with_name(f".{RESULT}")
        rows = held_out_questions(held_out or training, self.options["check_count"])
        self.spool.phase(Phase.RUNNING, why="saves the result and looks whether it loads")
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            if self.options["method"] != "full":
                check = self._lora(unfinished, rows, weights)
            elif weights is None:
                check = self._full(unfinished, rows)
            else:
                check = self._full_of_parts(unfinished, weights)
            if check is None:
                return False
            check["asked"] = "held-out" if held_out else "trained"
            self._warn(check)
            replace_file(unfinished / CHECK, to_json(check))
            replace_file(unfinished / CARD, self._card(training, held_out, check))
            shutil.rmtree(final, ignore_errors=True)  # of an attempt before
            os.rename(unfinished, final)
            sync_folder(self.run)
        except BaseException as error:  # of a full disk libraries say each something else
            if is_full(error, self.run):
                raise DiskFull(
                    "no space is left on the disk for the result; free some, then go on from the last checkpoint"
                ) from error
            if isinstance(error, OSError):
                raise Environment(f"the result cannot be saved: {error.strerror or error}", where=str(final)) from error
            raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return True

    def _lora(
        self, folder: Path, rows: Sequence[Conversation], weights: Mapping[str, torch.Tensor] | None
    ) -> dict[str, Any] | None:
        self._save(self.model, folder / ADAPTER, weights)
        _same_weights(self.model, folder / ADAPTER, weights)
        check: dict[str, Any] = {ADAPTER: _files(folder / ADAPTER, hashes=True)}
        if weights is None:
            loading.release(self.model)
        elif not self._fits():
            check["left_out"] = "the adapter was not tried: the whole model does not fit onto one GPU"
            return check
        model = self._base(Path(self.spec.model))
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, folder / ADAPTER).eval()
        first = self._look(model, rows)
        if not self.options["merged"] or self.orders.stop.is_set():
            loading.release(model)
            return None if self.orders.stop.is_set() else check
        needed = sum(it.numel() * it.element_size() for it in model.parameters())
        free = shutil.disk_usage(folder).free
        if free < needed * 1.1:
            check["left_out"] = (
                f"the merged model was left out: it needs {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} are free"
            )
            loading.release(model)
            return check
        model = model.merge_and_unload()
        self._save(model, folder / MERGED)
        loading.release(model)
        return self._compared(check, folder, rows, first, names=(ADAPTER, MERGED))

    def _full(self, folder: Path, rows: Sequence[Conversation]) -> dict[str, Any] | None:
        first = self._look(self.model, rows, numbers=self.numbers)
        self._save(self.model.to(self._dtype()), folder / MODEL)
        loading.release(self.model)
        return self._compared({}, folder, rows, first, names=("trained", MODEL))

    def _full_of_parts(self, folder: Path, weights: Mapping[str, torch.Tensor]) -> dict[str, Any]:
        self._save(self.model, folder / MODEL, {name: it.to(self._dtype()) for name, it in weights.items()})
        left_out = "the saved model was not asked: no process has the trained one whole to compare it with"
        return {MODEL: _files(folder / MODEL), "left_out": left_out}

    def _fits(self) -> bool:
        """Tell whether the model that the run started from fits whole beside what this process still has."""
        if loading.device(str(self.options.get("device", "auto"))) != "cuda":
            return True
        needed = sum(it.stat().st_size for it in Path(self.spec.model).glob("*.safetensors")) * _ROOM
        return bool(needed < torch.cuda.mem_get_info()[0])

    def _compared(
        self,
        check: dict[str, Any],
        folder: Path,
        rows: Sequence[Conversation],
        first: Looked,
        *,
        names: tuple[str, str],
    ) -> dict[str, Any] | None:
        if self.orders.stop.is_set():
            return None
        check[names[1]] = _files(folder / names[1])
        model = self._base(folder / names[1])
        second = self._look(model, rows)
        again = self._score(model, rows, first.answers, nullcontext())
        loading.release(model)
        check["compared"] = names
        check["questions"] = [
            _difference(row, pair, scores)
            for row, pair, scores in zip(
                rows,
                zip(first.answers, second.answers, strict=True),
                zip(first.log_probs, again, strict=True),
                strict=True,
            )
        ]
        check["largest_gap"] = max((it["largest_gap"] for it in check["questions"]), default=0.0)
        return check

    def _warn(self, check: Mapping[str, Any]) -> None:
        if check.get("left_out"):
            self.spool.say(Kind.WARNING, rule="result", why=check["left_out"])
        if check.get("largest_gap", 0.0) > _GAP:
            first, second = check["compared"]
            why = (
                f"{second} is not quite {first}: the same tokens are {check['largest_gap']:.2f} nats apart; "
                f"{RESULT}/{CHECK} has them question by question"
            )
            self.spool.say(Kind.WARNING, rule="result", why=why)

    def _base(self, folder: Path) -> Any:
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=self._dtype(), attn_implementation="sdpa"
        )
        model = model.to(loading.device(str(self.options.get("device", "auto")))).eval()
        if folder == Path(self.spec.model):
            loading.with_rope_theta(model, float(self.options.get("rope_theta", 0.0)))
        return model

    def _dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.options["dtype"] == "bf16" else torch.float32

    def _save(self, model: Any, folder: Path, weights: Mapping[str, torch.Tensor] | None = None) -> None:
        model.save_pretrained(
            folder, safe_serialization=True, **({} if weights is None else {"state_dict": dict(weights)})
        )
        self.tokenizer.save_pretrained(folder)

    def _look(
        self,
        model: Any,
        rows: Sequence[Conversation],
        *,
        numbers: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> Looked:
        limit = min(_TOKENS, self.options["sample_tokens"])
        answers = answer(model, self.tokenizer, rows, limit=limit, numbers=numbers())
        return Looked(tuple(answers), self._score(model, rows, answers, numbers()))

    def _score(
        self,
        model: Any,
        rows: Sequence[Conversation],
        answers: Sequence[Generated],
        numbers: AbstractContextManager[Any],
    ) -> tuple[tuple[float, ...], ...]:
        found: list[tuple[float, ...]] = []
        with generate.ready(model), numbers:
            engine = PlainPairs(model)
            for row, its in zip(rows, answers, strict=True):
                tree = Tree(row.policy.prompt, (Branch.answer(its.tokens),))
                found.append(tuple(engine.score(tree).branches[0].tolist()) if its.tokens else ())
        return tuple(found)

    def _card(
        self, training: Sequence[Conversation], held_out: Sequence[Conversation], check: Mapping[str, Any]
    ) -> str:
        counts = _counts(self.run, training, held_out)
        return card(
            self.spec, self.options, said=said_in(self.run), counts=counts, versions=_versions(), check=check
        ).rstrip("\n")


def _counts(run: Path, training: Sequence[Conversation], held_out: Sequence[Conversation]) -> dict[str, int]:
    """Count what was trained on, what was made on the way, and what was left out, as far as the run folder says."""
    counts = {"rows": len(training), "held-out rows": len(held_out)}
    counts |= {"of the rows mixed in, short": sum(row.row.mixed for row in training)}
    looked = preflight.read(run)
    if looked is not None:
        counts |= {"rows cut": len(looked.cut), "rows dropped": len(looked.dropped)}
    made = run / FOLDER / COUNTS
    if made.exists():
        said = json.loads(made.read_text(encoding="utf-8"))
        counts |= {f"made by the model, {name.replace('_', ' ')}": count for name, count in said.items()}
    for path in sorted((run / ROUNDS).glob(f"[0-9]*/{PAIRS}")):
        lines = path.read_text(encoding="utf-8").split("\n")
        counts[f"pairs of round {int(path.parent.name)}"] = sum(1 for line in lines if line.strip())
    return {name: count for name, count in counts.items() if count or name in ("rows", "held-out rows")}


def _difference(
    row: Conversation, answers: tuple[Generated, Generated], scores: tuple[Sequence[float], Sequence[float]]
) -> dict[str, Any]:
    """Hold two answers to one question against each other: where they part, and how far the same tokens are apart."""
    first, second = answers
    both = zip((*first.tokens, None), (*second.tokens, None), strict=False)
    parted = next((place for place, (ours, theirs) in enumerate(both) if ours != theirs), None)
    gaps = [abs(ours - theirs) for ours, theirs in zip(*scores, strict=True)]
    return {
        "row_id": row.row.row_id,
        "tokens": len(first.tokens),
        "first_difference": parted,
        "largest_gap": max(gaps, default=0.0),
        "mean_gap": sum(gaps) / len(gaps) if gaps else 0.0,
        "texts": [first.text, second.text],
    }


def _same_weights(model: Any, folder: Path, weights: Mapping[str, torch.Tensor] | None) -> None:
    """See that the adapter's file holds the weights that were trained, bit for bit."""
    from peft import get_peft_model_state_dict

    kept = {name: it for path in sorted(folder.glob("*.safetensors")) for name, it in load_file(path).items()}
    its = get_peft_model_state_dict(model, state_dict=None if weights is None else dict(weights))
    ours = {name: it.detach().cpu().contiguous() for name, it in its.items()}
    if kept.keys() != ours.keys() or not all(torch.equal(kept[name], it) for name, it in ours.items()):
        raise Environment(
            "the adapter on the disk is not the one that was trained; is the disk sound?", where=str(folder)
        )


def _files(folder: Path, *, hashes: bool = False) -> dict[str, Any]:
    """Tell of the weights of a folder: tensors, bytes, and each file's hash where it is asked for."""
    paths = sorted(folder.glob("*.safetensors"))
    tensors = 0
    for path in paths:
        with path.open("rb") as file:
            head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        tensors += len(head) - ("__metadata__" in head)
    said: dict[str, Any] = {"tensors": tensors, "bytes": sum(path.stat().st_size for path in paths)}
    if hashes:
        said["sha256"] = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    return said


def _versions() -> dict[str, str]:
    found = {}
    for name in ("lrstudio", *_PACKAGES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
