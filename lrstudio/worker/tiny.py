"""A tiny random model, so that every recipe runs on any computer with no network: `python -m lrstudio.worker.tiny DIR`.

A Llama of about 0.4 million random weights, with a byte-level tokenizer trained on the sample documents and a chat
template. It knows nothing; it shows that the machinery works.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Environment, Refused, StudioError
from lrstudio.text.resources import resource

VOCABULARY: Final = 2048
LONGEST: Final = 65_536
"""Tokens that the model takes."""

PAD, START, END, TURN = "<|pad|>", "<|start|>", "<|end|>", "<|turn|>"

TEMPLATE: Final = (
    "{{ '" + START + "' }}"
    "{% for message in messages %}"
    "{{ '" + TURN + "' + message['role'] + '\n' + message['content'] + '" + END + "' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '" + TURN + "assistant\n' }}{% endif %}"
)


def tiny_model(folder: Path, *, seed: int = 0) -> Path:
    """Build the tiny model into a folder that is not there, and return it.

    The same seed gives the same weights. The folder appears when it is whole.

    Raises:
        Refused: something is there already.
        Environment: it cannot be written.
    """
    if os.path.lexists(folder):
        raise Refused("there is something of this name already; choose another folder", where=str(folder))
    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    try:
        unfinished.mkdir(parents=True)
        tokenizer = _tokenizer()
        tokenizer.save_pretrained(unfinished)
        _model(tokenizer, seed=seed).save_pretrained(unfinished)
        unfinished.rename(folder)
    except OSError as error:
        raise Environment(f"the model cannot be written: {error.strerror or error}", where=str(folder)) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _tokenizer() -> Any:
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    documents = sorted(str(path) for path in resource("samples").glob("*.md") if path.stem != "README")
    core = ByteLevelBPETokenizer()
    special = [PAD, START, END, TURN]
    core.train(documents, vocab_size=VOCABULARY, min_frequency=2, special_tokens=special, show_progress=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core._tokenizer, pad_token=PAD, bos_token=START, eos_token=END, model_max_length=LONGEST
    )
    tokenizer.add_special_tokens({"extra_special_tokens": [TURN]})
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _model(tokenizer: Any, *, seed: int) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=LONGEST,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def main(words: Sequence[str]) -> int:
    """Build the model into the folder that is named; status 1 says why not."""
    try:
        folder = tiny_model(Path(words[0]))
    except ImportError as error:
        sys.stderr.write(f"{error.name or error} is missing here; add it with: pip install 'lrstudio[train]'\n")
        return 1
    except StudioError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
