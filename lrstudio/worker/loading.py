"""A model and its tokenizer from a folder, ready to be trained; what is wrong with them is said before step one."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

from lrstudio.domain.errors import Refused

OFFLOAD_FROM: Final = 65_536
"""Tokens of the longest row from which the option `offload` keeps the layers' inputs in host memory by itself."""

_BROKEN: Final = (OSError, ValueError, KeyError, RuntimeError, SafetensorError)


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
        raise Refused(
            f"the model folder has no tokenizer that can be loaded: {first_line(error)}; put the tokenizer's files, "
            "tokenizer.json and tokenizer_config.json, beside the weights",
            where=str(folder),
        ) from error
    if not tokenizer.chat_template:
        raise Refused(
            "the model has no chat template; take an instruct model, or add chat_template.jinja to its folder",
            where=str(folder),
        )
    return tokenizer


def load_config(folder: Path) -> Any:
    """Load the config of a model folder.

    Raises:
        Refused: there is none, or it is of no language model that writes text from left to right.
    """
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise Refused(
            f"the model folder holds no language model that is known here: {first_line(error)}; a model newer than the "
            "transformers package of the worker environment needs a newer one",
            where=str(folder),
        ) from error
    named = [*(getattr(config, "architectures", None) or ())]
    writes = any("CausalLM" in it or "LMHead" in it or "ConditionalGeneration" in it for it in named)
    if config.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or (named and not writes):
        raise Refused(
            f"the model ({', '.join(named) or config.model_type}) does not write text from left to right, so it cannot "
            "be trained on answers; take a model for causal language modelling, such as a Llama or Qwen",
            where=str(folder),
        )
    return config


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
    logging.disable_progress_bar()  # in a log file, and between the lines of an error, it is noise
    full = options["method"] == "full"
    where = device(options.get("device", "auto"))
    dtype = torch.float32 if full or options["dtype"] == "fp32" else torch.bfloat16
    settings: dict[str, Any] = {"dtype": dtype, "attn_implementation": "sdpa", "local_files_only": True}
    if options["method"] == "qlora":
        settings |= {"quantization_config": _four_bits(where), "device_map": {"": where}}
    source = checkpoint if full and checkpoint else folder
    load_config(source)
    load: Any = AutoModelForCausalLM.from_pretrained
    try:
        model, found = load(source, output_loading_info=True, **settings)
    except _BROKEN as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise Refused(
            f"the model folder holds no language model that can be trained: {first_line(error)}; fetch its files again",
            where=str(folder),
        ) from error
    missing = sorted(found["missing_keys"])
    if missing:
        raise Refused(
            f"{len(missing)} weights of the model are missing ({', '.join(missing[:3])} ...), and random ones would "
            "stand in their place; fetch the files of the model again",
            where=str(folder),
        )
    torch.manual_seed(options["seed"])
    if not full:
        model = with_adapter(model, options, checkpoint=checkpoint)
    # A model that is split is moved layer by layer then: whole it may not fit.
    stays = options["method"] == "qlora" or options.get("sharding", "none") != "none"
    return (model if stays else model.to(where)).train()


def device(wanted: str = "auto") -> str:
    """Name what computes: cuda where there is a card, else cpu.

    Raises:
        Refused: a card is wanted, and there is none that can be used.
    """
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        built = torch.version.cuda is not None
        why = (
            "no card is seen; look whether the driver is loaded (nvidia-smi)"
            if built
            else f"the torch package here ({torch.__version__}) is built without CUDA; install the one with it"
        )
        raise Refused(
            f"the option device asks for a GPU, and there is none: {why}, or set device to cpu", where="device"
        )
    return "cuda" if there and wanted != "cpu" else "cpu"


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, without a full stop; its kind where it says nothing."""
    said = str(error).strip().split("\n")[0].rstrip(". ")
    return said[:300] or type(error).__name__


def _four_bits(where: str) -> Any:
    if find_spec("bitsandbytes") is None:
        raise Refused(
            "training over 4-bit weights needs the package bitsandbytes in the worker environment (pip install "
            "bitsandbytes); or choose lora or full",
            where="method",
        )
    if where != "cuda":
        raise Refused("training over 4-bit weights needs a GPU; choose lora or full", where="method")
    import transformers

    settings: Any = transformers.BitsAndBytesConfig
    return settings(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def with_adapter(model: Any, options: Mapping[str, Any], *, checkpoint: Path | None = None) -> Any:
    """Put a new LoRA adapter into a model, or the one that a checkpoint has.

    Raises:
        Refused: no layer of the model is one that the options name.
    """
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


def base(model: Any) -> Any:
    """Return the model inside an adapter, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def release(model: Any) -> None:
    """Let go of a model's weights, whoever still holds the model; it can do nothing afterwards."""
    for weights in (*model.parameters(), *model.buffers()):
        weights.data = torch.empty(0, dtype=weights.dtype, device=weights.device)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def as_reference(model: Any) -> Iterator[None]:
    """Make a model answer as its reference does meanwhile: no dropout, and no adapter where it has one."""
    training = model.training
    model.eval()
    with ExitStack() as stack:
        if hasattr(model, "disable_adapter"):
            stack.enter_context(model.disable_adapter())
        try:
            yield
        finally:
            model.train(training)


@contextmanager
def narrow_inputs(model: Any, options: Mapping[str, Any]) -> Iterator[None]:
    """Let adapters read bfloat16 as it comes meanwhile, under autocast; else each copies its input to float32."""
    if options["dtype"] != "bf16" or not hasattr(model, "get_base_model"):
        yield
        return
    from peft.helpers import disable_input_dtype_casting

    with disable_input_dtype_casting(model):
        yield


def offloads(options: Mapping[str, Any], *, longest: int) -> bool:
    """Tell whether the inputs of the layers are kept in host memory: with a card, and where the option says so."""
    asked = options["offload"] == "on" or (options["offload"] == "auto" and longest >= OFFLOAD_FROM)
    return asked and bool(options["checkpointing"]) and device(options.get("device", "auto")) == "cuda"


def checkpointed(model: Any, options: Mapping[str, Any], *, longest: int) -> None:
    """Make a model compute its activations again in the backward pass, where the options ask for it."""
    if options["checkpointing"]:
        recompute(model, offload=offloads(options, longest=longest))


def recompute(model: Any, *, offload: bool = False) -> None:
    """Make a model compute its activations again in the backward pass.

    `offload` keeps what is needed for that, the input of each layer, in pinned host memory meanwhile.
    """
    # As an argument of its own: among the keywords of the checkpoint `offload` would be handed to the layers, which
    # pass over it without a word (transformers 5.23).
    base(model).activation_checkpointing_enable({"use_reentrant": False}, offload=offload)


def with_rope_theta(model: Any, theta: float) -> None:
    """Change the base of a model's rotary embedding; 0 keeps it.

    Raises:
        Refused: the model has none that can be changed.
    """
    if not theta:
        return
    causal = base(model)
    inner = causal.base_model
    parameters = getattr(causal.config, "rope_parameters", None)
    if not isinstance(parameters, dict) or "rope_theta" not in parameters or not hasattr(inner, "rotary_emb"):
        raise Refused("this model has no rotary base that can be changed", where="rope_theta")
    parameters["rope_theta"] = theta
    on = next(model.parameters()).device
    inner.rotary_emb = type(inner.rotary_emb)(config=causal.config).to(on)
