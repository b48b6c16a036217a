"""The tiny model loads as any other does, and its chat template goes there and back."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.worker.tiny import main, tiny_model  # noqa: E402


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def test_it_loads_from_its_folder_and_answers(tiny: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny, local_files_only=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny, local_files_only=True)
    assert model.config.model_type == "llama"
    assert 100_000 < sum(it.numel() for it in model.parameters()) < 1_000_000
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What was dredged?"}], add_generation_prompt=True, return_tensors="pt"
    )
    with torch.no_grad():
        out = model.generate(**asked, max_new_tokens=4, do_sample=False)
    assert out.shape[1] > asked["input_ids"].shape[1]


def test_every_text_survives_the_tokenizer_and_the_prompt_is_the_beginning_of_the_conversation(tiny: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny, local_files_only=True)
    said = "Größe 港口 🐋 \t 7 feet\n\nof mud"
    assert tokenizer.decode(tokenizer.encode(said)) == said
    asked = [{"role": "user", "content": said}]
    prompt = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template([*asked, {"role": "assistant", "content": "Mud."}], tokenize=False)
    assert whole.startswith(prompt)
    assert whole[len(prompt) :].startswith("Mud." + tokenizer.eos_token)
    assert tokenizer.encode(tokenizer.eos_token) == [tokenizer.eos_token_id]


def test_the_same_seed_gives_the_same_weights_and_nothing_is_written_over(tiny: Path, tmp_path: Path) -> None:
    def digest(folder: Path) -> str:
        return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()

    torch.manual_seed(99)
    assert digest(tiny_model(tmp_path / "again")) == digest(tiny)
    assert digest(tiny_model(tmp_path / "other", seed=1)) != digest(tiny)
    with pytest.raises(Refused, match="already"):
        tiny_model(tmp_path / "again")
    assert sorted(it.name for it in tmp_path.iterdir()) == ["again", "other"]


def test_the_command_builds_one_and_says_why_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "made")]) == 0
    assert (tmp_path / "made" / "model.safetensors").exists()
    assert main([str(tmp_path / "made")]) == 1
    assert "already" in capsys.readouterr().err
