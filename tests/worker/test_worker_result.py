"""A finished run leaves an adapter and a merged model that load and agree, and a card that tells their origin."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")
peft = pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")

from lrstudio.training import checkpoints, wire  # noqa: E402
from lrstudio.training.folder import RunFolder  # noqa: E402
from lrstudio.training.rows import Row, line_of  # noqa: E402
from lrstudio.worker import result  # noqa: E402
from lrstudio.worker.conversations import Conversation  # noqa: E402
from lrstudio.worker.generate import Generated  # noqa: E402
from lrstudio.worker.prefix import Tree  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402
from tests.doubles.ready_workers import worker  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's
OPTIONS: dict[str, Any] = {
    "dtype": "fp32", "accumulation": 1, "max_steps": 3, "learning_rate": 1e-2, "lora_r": 4, "sample_tokens": 12,
    "check_count": 2,
}  # fmt: skip
PROVENANCE = {
    "set": {"pairs": 5, "gold": 3}, "judges": {"lexical 1": 4}, "agreement": {"accuracy": 0.8125, "pairs": 16},
    "studio": "0.1",
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def rows() -> list[Row]:
    made = [
        Row(row_id=f"r{number}", prompt=f"Forty tons of mud, {number}.\n\nWhose?", chosen="Mine.", rejected="Nobody's.",
            short="Forty tons.\n\nWhose?")
        for number in range(3)
    ]  # fmt: skip
    held = replace(made[0], split="validation")
    return [*made, replace(held, row_id="h1", prompt="Which harbour?"), replace(held, row_id="h2", prompt="Which mud?")]


def finished(path: Path, model: Path, *, kind: str = "dpo", **options: Any) -> RunFolder:
    spec = wire.Spec(
        run_id=path.name, recipe=kind, model=str(model), command=(sys.executable, "-m", "lrstudio.worker"),
        options=OPTIONS | options, threads=1, set_name="harbour", set_hash="abc123", name="Mud one",
        provenance=PROVENANCE,
    )  # fmt: skip
    run = RunFolder.create(path, spec, pairs=[line_of(row) for row in rows()])
    with worker(run, 1) as process:
        assert process.wait() == 0, (run.path / wire.LOG).read_text()[-3000:]
    return run


@pytest.fixture(scope="module")
def merged(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run with everything a result can have; the tests change nothing in it."""
    return finished(tmp_path_factory.mktemp("runs") / "run", tiny)


def test_adapter_and_merged_model_load_and_answer_alike(tiny: Path, merged: RunFolder) -> None:
    folder = merged.path / result.RESULT
    assert sorted(it.name for it in folder.iterdir()) == ["adapter", "card.md", "check.json", "merged"]
    check = json.loads((folder / result.CHECK).read_text())
    assert check["compared"] == ["adapter", "merged"]
    assert check["asked"] == "held-out"
    assert [(it["row_id"], it["first_difference"]) for it in check["questions"]] == [("h1", None), ("h2", None)]
    assert all(it["tokens"] > 0 and it["texts"][0] == it["texts"][1] for it in check["questions"])
    assert 0 < check["largest_gap"] < 1e-4
    assert check["adapter"]["sha256"].keys() == {"adapter_model.safetensors"}
    saved = transformers.AutoModelForCausalLM.from_pretrained(folder / "merged")
    base = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    over = peft.PeftModel.from_pretrained(base, folder / "adapter").eval()
    tokens = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        ours, theirs = saved(tokens).logits, over(tokens).logits
        with over.disable_adapter():
            untrained = over(tokens).logits
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert not torch.allclose(ours, untrained, atol=1e-3), "training has changed it"
    assert transformers.AutoTokenizer.from_pretrained(folder / "merged").chat_template


def test_the_card_tells_the_whole_provenance(tiny: Path, merged: RunFolder) -> None:
    card = (merged.path / result.RESULT / result.CARD).read_text()
    for words in (
        'base_model: "tiny"', "library_name: \"peft\"", "# Mud one", "hash of the set: abc123", "- rows: 3",
        "held-out rows: 2", "lexical 1: 4", "accuracy: 0.8125", "| beta | 0.15 | LongReward, section 4.1 |",
        "| learning_rate | 0.01 |  |", "engine: shared", "steps: 3", "answered 2 held-out questions greedily: 2",
        "vllm serve ./merged --served-model-name Mud-one", "convert_hf_to_gguf.py",
        "vllm serve tiny --enable-lora --max-lora-rank 8 --lora-modules Mud-one=./adapter",
        f"torch {torch.__version__.split('+')[0]}", "rewards/margins:",
    ):  # fmt: skip
        assert words in card, words
    assert str(merged.path.parent) not in card
    assert str(tiny) not in card


def test_full_training_leaves_a_model_in_the_numbers_that_were_asked_for(tiny: Path, tmp_path: Path) -> None:
    folder = finished(tmp_path / "run", tiny, method="full", dtype="bf16", learning_rate=1e-4).path / result.RESULT
    assert sorted(it.name for it in folder.iterdir()) == ["card.md", "check.json", "model"]
    check = json.loads((folder / result.CHECK).read_text())
    assert check["compared"] == ["trained", "model"]
    assert 0 < check["largest_gap"] < 0.5
    saved = transformers.AutoModelForCausalLM.from_pretrained(folder / "model")
    assert saved.dtype == torch.bfloat16
    card = (folder / result.CARD).read_text()
    assert 'library_name: "transformers"' in card
    assert "vllm serve ./model" in card


def test_a_merged_longpo_model_keeps_the_rotary_base_that_it_was_trained_with(tiny: Path, tmp_path: Path) -> None:
    run = finished(tmp_path / "run", tiny, kind="longpo", rope_theta=1e6)
    check = json.loads((run.path / result.RESULT / result.CHECK).read_text())
    assert [it["first_difference"] for it in check["questions"]] == [None, None]
    assert check["largest_gap"] < 1e-4
    merged = transformers.AutoConfig.from_pretrained(run.path / result.RESULT / "merged")
    assert merged.rope_parameters["rope_theta"] == 1e6


def test_a_run_without_merging_leaves_the_adapter_alone(tiny: Path, tmp_path: Path) -> None:
    folder = finished(tmp_path / "run", tiny, merged=False).path / result.RESULT
    assert sorted(it.name for it in folder.iterdir()) == ["adapter", "card.md", "check.json"]
    assert "--enable-lora" in (folder / result.CARD).read_text()
    assert "./merged" not in (folder / result.CARD).read_text()


def test_a_result_that_was_interrupted_is_made_again_by_the_next_attempt(merged: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(Path(shutil.copytree(merged.path, tmp_path / "run")))
    whole = (run.path / result.RESULT / "adapter" / "adapter_model.safetensors").read_bytes()
    (run.path / result.RESULT / "adapter").rename(run.path / "away")
    (run.path / result.RESULT).rename(run.path / ".result")  # as a kill leaves it
    (run.path / wire.CHECKPOINTS / "step-00000001.tmp").mkdir()
    with worker(run, 2) as process:
        assert process.wait(300) == 0
    assert checkpoints.latest(run.path) is not None
    assert not (run.path / ".result").exists()
    assert not list((run.path / wire.CHECKPOINTS).glob("*.tmp"))
    assert (run.path / result.RESULT / "adapter" / "adapter_model.safetensors").read_bytes() == whole


def test_where_two_answers_part_and_how_far_the_same_tokens_are_apart() -> None:
    row = Conversation(rows()[0], Tree((1,), ()), ())

    def said(*tokens: int) -> Generated:
        return Generated(tokens, False, "")

    found = result._difference(row, (said(1, 2, 3), said(1, 4, 3)), ((-1.0, -2.0, -3.0), (-1.5, -2.0, -2.75)))
    assert (found["first_difference"], found["largest_gap"], found["mean_gap"]) == (1, 0.5, 0.25)
    assert result._difference(row, (said(1, 2), said(1)), ((), ()))["first_difference"] == 1
    assert result._difference(row, (said(), said()), ((), ()))["first_difference"] is None
