"""How long a prompt may be on a host: what a person, the command and the model's own files say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.services.batch_room import Room, find_room
from lrstudio.text.tokens import Tokenizer
from tests.doubles.folder_host import FolderHost

SHIPPED = Path(__file__).parents[2] / "resources" / "tokenizer" / "lrstudio-bpe.json"
CACHE = Path(".cache", "huggingface", "hub", "models--org--judge")


def room(home: Path, *words: str, model: str = "org/judge", context: int = 0) -> Room:
    return find_room(
        FolderHost(home),
        model=model,
        words=("vllm", "run-batch", *words),
        context=context,
        folder=home / "here",
        tokenizer=Tokenizer.shipped(),
    )


def cached(home: Path, config: Any, *, tokenizer: bool = True) -> None:
    """Put a model into the Hugging Face cache of a host."""
    (home / CACHE / "refs").mkdir(parents=True, exist_ok=True)
    (home / CACHE / "refs" / "main").write_text("abc\n")
    there = home / CACHE / "snapshots" / "abc"
    there.mkdir(parents=True, exist_ok=True)
    (there / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    if tokenizer:
        (there / "tokenizer.json").write_bytes(SHIPPED.read_bytes())


@pytest.mark.parametrize(
    ("words", "length"),
    [
        (("--max-model-len", "4096"), 4096),
        (("--max-model-len=32k",), 32_000),
        (("--dtype", "auto", "--max_model_len", "32K"), 32_768),
    ],
)
def test_the_command_says_it(tmp_path: Path, words: tuple[str, ...], length: int) -> None:
    assert room(tmp_path, *words).context == length
    assert room(tmp_path, *words, context=77).context == 77, "a person's word is the last"


@pytest.mark.parametrize(
    ("config", "length"),
    [
        ({"max_position_embeddings": 131_072}, 131_072),
        ({"text_config": {"max_position_embeddings": 8192}}, 8192),
        (
            {
                "max_position_embeddings": 32_768,
                "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32_768},
            },
            131_072,
        ),
        (
            {"max_position_embeddings": 131_072, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
            131_072,
        ),
    ],
)
def test_the_model_says_it(tmp_path: Path, config: Any, length: int) -> None:
    cached(tmp_path, config)
    found = room(tmp_path)
    assert (found.context, found.exact) == (length, True)


def test_another_tokenizer_may_count_too_much(tmp_path: Path) -> None:
    cached(tmp_path, {"max_position_embeddings": 4096}, tokenizer=False)
    assert not room(tmp_path).exact
    cached(tmp_path, {"max_position_embeddings": 4096})
    assert not room(tmp_path, "--tokenizer", "/other").exact
    (tmp_path / CACHE / "snapshots" / "abc" / "tokenizer.json").write_text("{}")
    assert not room(tmp_path).exact


def test_nobody_says_it(tmp_path: Path) -> None:
    for config in ("{", {}, {"max_position_embeddings": "many"}):
        cached(tmp_path, config)
        with pytest.raises(Refused, match="how long a prompt of org/judge may be is not known"):
            room(tmp_path)
    with pytest.raises(Refused, match="give the number of tokens"):
        room(tmp_path, model="/nowhere")
