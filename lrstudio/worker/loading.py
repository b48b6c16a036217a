"""A model and its tokenizer from a folder, ready to be trained; what is wrong with them is said before step one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lrstudio.domain.errors import Refused


def load_tokenizer(folder: Path) -> Any:
    """Load the tokenizer of a model folder.

    Raises:
        Refused: there is none, or it has no chat template.
    """
    if not folder.is_dir():
        raise Refused("there is no model folder here", where=str(folder))
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise Refused(f"the model folder has no tokenizer that can be loaded: {error}", where=str(folder)) from error
    if not tokenizer.chat_template:
        raise Refused(
            "the model has no chat template; take an instruct model, or add chat_template.jinja to its folder",
            where=str(folder),
        )
    return tokenizer


def load_model(folder: Path, options: Mapping[str, Any], *, checkpoint: Path | None = None) -> Any:
    """Load a model for training, seeded by the option `seed`.

    With full training the weights are float32 and computation is the option's; with LoRA the frozen weights are the
    option's and the adapter is float32: at learning rates of 1e-6 bfloat16 weights would not move.

    Args:
        folder: the model that the run starts from.
        options: of the recipe, settled.
        checkpoint: what a run that goes on has saved, as `save_model` left it.

    Raises:
        Refused: it is no causal language model that can be loaded, or the method is not at hand.
    """
    full = options["method"] == "full"
    if options["method"] == "qlora":
        raise Refused("training over 4-bit weights is not available here; choose lora or full", where="method")
    dtype = torch.float32 if full or options["dtype"] == "fp32" else torch.bfloat16
    source = checkpoint if full and checkpoint else folder
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source, local_files_only=True, dtype=dtype, attn_implementation="sdpa"
        )
    except (OSError, ValueError, KeyError) as error:
        raise Refused(
            f"the model folder holds no language model that can be trained: {error}", where=str(folder)
        ) from error
    torch.manual_seed(options["seed"])
    if not full:
        model = _with_adapter(model, options, checkpoint=checkpoint)
    return model.to(device()).train()


def device() -> str:
    """Name what computes: cuda where there is a card, else cpu."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _with_adapter(model: Any, options: Mapping[str, Any], *, checkpoint: Path | None) -> Any:
    from peft import LoraConfig, PeftModel, get_peft_model

    if checkpoint:
        return PeftModel.from_pretrained(model, checkpoint, is_trainable=True)
    targets = options["lora_targets"]
    config = LoraConfig(
        r=options["lora_r"],
        lora_alpha=options["lora_alpha"],
        lora_dropout=options["lora_dropout"],
        target_modules=targets if targets == "all-linear" else [it.strip() for it in targets.split(",")],
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise Refused(f"the adapter does not fit this model: {error}", where="lora_targets") from error


def checkpointed(model: Any, options: Mapping[str, Any], *, longest: int) -> None:
    """Make a model compute its activations again in the backward pass, where the options ask for it."""
    if not options["checkpointing"]:
        return
    offload = options["offload"] == "on" or (options["offload"] == "auto" and longest >= 65_536)
    settings: dict[str, Any] = {"use_reentrant": False}
    if offload and device() == "cuda":
        settings["offload"] = True
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    causal.activation_checkpointing_enable(settings)


def with_rope_theta(model: Any, theta: float) -> None:
    """Change the base of a model's rotary embedding; 0 keeps it.

    Raises:
        Refused: the model has none that can be changed.
    """
    if not theta:
        return
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    inner = causal.base_model
    parameters = getattr(causal.config, "rope_parameters", None)
    if not isinstance(parameters, dict) or "rope_theta" not in parameters or not hasattr(inner, "rotary_emb"):
        raise Refused("this model has no rotary base that can be changed", where="rope_theta")
    parameters["rope_theta"] = theta
    inner.rotary_emb = type(inner.rotary_emb)(config=causal.config).to(device())
