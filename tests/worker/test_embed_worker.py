"""The process that turns texts into vectors: its protocol, and a tiny random model where torch is installed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import anyio
import numpy as np
import pytest

from lrstudio.judge.local_embedder import LocalEmbedder
from tests.doubles.call_log import MemoryCallLog
from tests.doubles.ready_workers import python

TORCH = importlib.util.find_spec("torch") and importlib.util.find_spec("transformers")
TINY = """
import sys, tokenizers, torch, transformers
torch.manual_seed(0)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "harbour", "was", "dredged", "whales", "sang", "tons", "mud"]
core = tokenizers.Tokenizer(tokenizers.models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
core.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]")
config = transformers.BertConfig(
    vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    max_position_embeddings=24,
)
tokenizer.save_pretrained(sys.argv[1])
transformers.BertModel(config).save_pretrained(sys.argv[1])
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not TORCH:
        pytest.skip("torch and transformers are not installed: the extra `train` brings them")
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    subprocess.run([python(), "-c", TINY, str(folder)], check=True, capture_output=True)
    return folder


def embed(folder: Path, *batches: list[str]) -> list[np.ndarray]:
    async def run() -> list[np.ndarray]:
        made = LocalEmbedder(folder, command=(str(python()), "-m", "lrstudio.worker.embed"))
        try:
            return [await made.embed(batch, calls=MemoryCallLog()) for batch in batches]
        finally:
            await made.aclose()

    return anyio.run(run)


def test_a_folder_without_a_model_or_a_python_without_torch_is_refused(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "lrstudio.worker.embed", str(tmp_path)]
    done = subprocess.run(words, input="", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    refused = json.loads(done.stdout)["refused"]
    assert ("no model that can be loaded" if TORCH else "lrstudio[train]") in refused


def test_vectors_are_means_over_the_tokens_and_do_not_depend_on_the_batch(tiny: Path) -> None:
    texts = ["the harbour was dredged", "whales sang", "mud"]
    together, alone = embed(tiny, texts, texts[1:2])
    assert together.shape == (3, 16)
    assert np.isfinite(together).all()
    assert np.allclose(together[1], alone[0], atol=1e-5), "padding counts for nothing"
    assert not np.allclose(together[0], together[1])


def test_a_text_beyond_the_model_is_cut_and_any_text_can_be_sent(tiny: Path) -> None:
    long, longer, strange = embed(tiny, ["mud " * 24, "mud " * 500, "\ud800 \x00"])[0]
    assert np.allclose(long, longer, atol=1e-5)
    assert np.isfinite(strange).all()
