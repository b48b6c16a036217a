"""How large things are: a model by its config, a checkpoint on disk, a step in memory, this process, this machine."""

from __future__ import annotations

import math
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForCausalLM

from lrstudio.domain.errors import Refused
from lrstudio.training import estimate, processes
from lrstudio.training.estimate import GIB, ModelShape
from lrstudio.worker import loading
from lrstudio.worker.prefix import Tree

if sys.platform != "win32":
    import resource

_TOKENIZER_BYTES: Final = 32 << 20
_LOG_BYTES: Final = 64 << 20
_BLANKS: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Sizes:
    """A model by its config, and the weights that a method trains."""

    shape: ModelShape
    trained: int


@dataclass(frozen=True, slots=True)
class OnDisk:
    """Bytes that a run writes: the largest file, one checkpoint, and everything that is there at one time."""

    file: int
    checkpoint: int
    whole: int


def sizes(folder: Path, options: Mapping[str, Any]) -> Sizes:
    """Measure a model without loading a weight.

    Raises:
        Refused: the folder holds no language model that is known.
    """
    config = loading.load_config(folder)
    with torch.device("meta"):
        build: Any = AutoModelForCausalLM.from_config
        model = build(config)
    parameters = sum(it.numel() for it in model.parameters())
    heads = config.num_attention_heads
    head = getattr(config, "head_dim", None) or config.hidden_size // heads
    shape = ModelShape(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        intermediate=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        kv_width=(getattr(config, "num_key_value_heads", None) or heads) * head,
        vocabulary=config.vocab_size,
        parameters=parameters,
    )
    return Sizes(shape, parameters if options["method"] == "full" else _adapter(model, options))


def _adapter(model: Any, options: Mapping[str, Any]) -> int:
    """Count the weights of a LoRA adapter: rank x (inputs + outputs) for each layer that gets one."""
    targets = options["lora_targets"]
    wanted = None if targets == "all-linear" else {it.strip() for it in targets.split(",")}
    head = model.get_output_embeddings()
    linear = [(name.split(".")[-1], it) for name, it in model.named_modules() if isinstance(it, torch.nn.Linear)]
    fitted = [it for name, it in linear if (it is not head if wanted is None else name in wanted)]
    return sum(int(options["lora_r"]) * (it.in_features + it.out_features) for it in fitted)


def on_disk(model: Sizes, options: Mapping[str, Any]) -> OnDisk:
    """Return what a run writes: float32 weights, both moments, and the merged model in bfloat16 in the end.

    One checkpoint more than are kept is there while a new one is written.
    """
    weights, moments = 4 * model.trained, 8 * model.trained
    checkpoint = weights + moments + _TOKENIZER_BYTES
    result = 2 * model.shape.parameters + _TOKENIZER_BYTES
    return OnDisk(max(weights, moments), checkpoint, checkpoint * (int(options["keep"]) + 1) + result + _LOG_BYTES)


def refuse_full_disk(folder: Path, needed: OnDisk) -> None:
    """See that a folder can take what is needed: space, and a file of the largest size; nothing stays behind.

    Raises:
        Refused: it cannot.
    """
    free = shutil.disk_usage(folder).free
    why = "not enough space" if free < needed.whole else _try_file(folder / ".space", needed.file)
    if why:
        raise Refused(
            f"the disk has no room for this run: its checkpoints and result need {needed.whole / GIB:.2f} GiB, and "
            f"{free / GIB:.2f} GiB are free ({why}); free some space, keep fewer checkpoints, or put the project on "
            "another disk",
            where=str(folder),
        )


def _try_file(path: Path, size: int) -> str:
    """Make a file of a size and throw it away; return why it cannot be made, "" where it can."""
    try:
        with path.open("wb") as file:
            file.truncate(size)  # a limit on the size of a file shows here, without anything being written
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return (error.strerror or str(error)).lower()
    finally:
        path.unlink(missing_ok=True)
    return ""


def peak_bytes(model: Sizes, tree: Tree, options: Mapping[str, Any], *, longest: int) -> float:
    """Return the estimated bytes on the device at the peak of a step on one tree; `longest` is the longest row."""
    shared = options["engine"] == "shared"
    spans = tree.spans
    plan = estimate.Plan(
        method=options["method"],
        lora_parameters=model.trained,
        prompt=spans[0],
        answer=math.ceil(sum(spans[1:]) / 2) if shared else max(spans[1:]),
        shared=shared,
        offload=loading.offloads(options, longest=longest),
    )
    found = estimate.memory(model.shape, plan)
    if options.get("sharding", "none") != "none":  # embeddings and head are whole while a step is computed
        parts, whole = processes.count(options), 2.0 * 2 * model.shape.vocabulary * model.shape.hidden
        found = replace(found, weights=found.weights / parts + whole, trained=found.trained / parts)
    if not options["checkpointing"]:  # the activations of every layer stay
        found = replace(found, layer=found.layer * model.shape.layers)
    if options["dtype"] == "fp32":
        wider = {name: 2 * getattr(found, name) for name in ("layer_inputs", "layer")}
        found = replace(found, weights=found.weights * (1 if options["method"] == "full" else 2), **wider)
    return found.peak


def host_bytes() -> int:
    """Return the memory of this machine."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0


def most_of_process() -> int:
    """Return the most memory that this process ever had."""
    if sys.platform == "win32":
        return 0
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024


def settled(text: str) -> str:
    """Return a text with one form for each character and one blank for each run of them."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", text)).strip()
