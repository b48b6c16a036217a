"""What is exported is what `datasets` loads and the trainers of TRL take, without a change of columns.

It needs a Python with the extra `train`: this one, or the one that LRSTUDIO_TRAIN_PYTHON names.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrstudio.formats.columns import write_table
from lrstudio.formats.datasets_folder import Card, DataFiles, write_datasets_folder
from lrstudio.formats.preference import PreferenceRow, Provenance, RatedCandidate
from lrstudio.formats.trl import Form, Trainer, shape_for

Ask = Callable[..., dict[str, Any]]

# A process apart does all that needs these libraries: it makes a model, and then, for each line that it is sent, either
# loads one file, or builds a trainer on a folder as it was loaded and trains two steps; it says what it saw.
TRAIN = """
import json, sys
import trl
from datasets import load_dataset
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

model = sys.argv[1]
core = ByteLevelBPETokenizer()
core.train_from_iterator(["the harbour was dredged", "whales sang", "7 feet"], 400, special_tokens=["<pad>", "</s>"])
tokenizer = PreTrainedTokenizerFast(tokenizer_object=core._tokenizer, pad_token="<pad>", eos_token="</s>")
tokenizer.chat_template = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}</s>{% endfor %}"
tokenizer.chat_template += "{% if add_generation_prompt %}[assistant]{% endif %}"
tokenizer.save_pretrained(model)
config = LlamaConfig(
    vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, pad_token_id=0, eos_token_id=1,
)
LlamaForCausalLM(config).save_pretrained(model)

def train(folder, name, out):
    loaded = load_dataset(folder)
    if name == "KTO":
        try:
            from trl import KTOConfig as Config, KTOTrainer as Trainer
        except ImportError:
            from trl.experimental.kto import KTOConfig as Config, KTOTrainer as Trainer
    else:
        Config, Trainer = getattr(trl, name + "Config"), getattr(trl, name + "Trainer")
    arguments = Config(
        output_dir=out, max_steps=2, per_device_train_batch_size=2, max_length=None, bf16=False, use_cpu=True,
        report_to=[], logging_steps=1, gradient_checkpointing=False, save_strategy="no", disable_tqdm=True,
    )
    tokenizer = AutoTokenizer.from_pretrained(model)
    kind = AutoModelForSequenceClassification if name == "Reward" else AutoModelForCausalLM
    options = {"num_labels": 1} if name == "Reward" else {}
    trainer = Trainer(
        model=kind.from_pretrained(model, **options), args=arguments, train_dataset=loaded["train"],
        processing_class=tokenizer,
    )
    trainer.train()
    return {
        "splits": {split: len(rows) for split, rows in loaded.items()},
        "columns": loaded["train"].column_names,
        "first": loaded["train"][0],
        "prepared": len(trainer.train_dataset),
        "losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
    }

def load(kind, path):
    return load_dataset(kind, data_files=path)["train"][0]

for line in sys.stdin:
    what, *words = json.loads(line)
    print("FACTS" + json.dumps({"train": train, "load": load}[what](*words)), flush=True)
"""


@pytest.fixture(scope="module")
def python() -> str:
    """The interpreter that trains."""
    if chosen := os.environ.get("LRSTUDIO_TRAIN_PYTHON", ""):
        return chosen
    if not all(importlib.util.find_spec(name) for name in ("torch", "transformers", "trl", "datasets")):
        pytest.skip("trl and datasets are not installed: the extra `train` brings them (or set LRSTUDIO_TRAIN_PYTHON)")
    return sys.executable


def alone() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def ask(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask one process apart, which imports these libraries once: what they warn of is none of this test's business."""
    home = tmp_path_factory.mktemp("trainer")
    log = home / "log"
    with log.open("wb") as errors, subprocess.Popen(
        [python, "-c", TRAIN, str(home / "tiny-llama")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        env=alone(), text=True,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        asked, said = process.stdin, process.stdout

        def ask(*words: str) -> dict[str, Any]:
            asked.write(json.dumps(words) + "\n")
            asked.flush()
            for line in said:
                if line.startswith("FACTS"):
                    facts: dict[str, Any] = json.loads(line.removeprefix("FACTS"))
                    return facts
            raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-3000:])

        yield ask
        asked.close()
        process.kill()


def pairs(count: int) -> Iterator[PreferenceRow]:
    for n in range(count):
        yield PreferenceRow(
            pair_id=f"p{n}",
            question_id=f"q{n}",
            question=f"How deep was the bar in {1870 + n}?",
            document_id="harbour",
            document=f"The bar had {n} feet.\n\nThe harbour was dredged.",
            short_document=f"The bar had {n} feet.",
            chosen=RatedCandidate(candidate_id=f"c{n}", text=f"It had {n} feet.", model="a", reward=8.0),
            rejected=RatedCandidate(candidate_id=f"r{n}", text="Whales sang.", reward=2.0),
            margin=6.0,
            split="test" if n % 4 == 0 else "train",
            provenance=Provenance(gold=True, reviewer="ann", judges=("lexical",)) if n % 2 else Provenance(),
        )


@pytest.mark.parametrize(
    ("trainer", "form", "files", "name"),
    [
        (Trainer.TRL, Form.CHAT, DataFiles.PARQUET, "DPO"),
        (Trainer.TRL, Form.IMPLICIT, DataFiles.JSON, "DPO"),
        (Trainer.LONGPO, Form.EXPLICIT, DataFiles.PARQUET, "DPO"),
        (Trainer.REWARD, Form.CHAT_IMPLICIT, DataFiles.PARQUET, "Reward"),
        (Trainer.KTO, Form.CHAT, DataFiles.JSON, "KTO"),
    ],
)
def test_a_trainer_is_built_from_the_folder_as_it_is(
    ask: Ask, tmp_path: Path, trainer: Trainer, form: Form, files: DataFiles, name: str
) -> None:
    shape = shape_for(trainer, form=form)
    folder = tmp_path / "set"
    counts = write_datasets_folder(
        folder, shape.rows(pairs(12)), columns=shape.columns, card=Card(title="Harbour"), files=files
    )
    facts = ask("train", str(folder), name, str(tmp_path / "trained"))
    first = next(row for row in shape.rows(pairs(12)) if row["split"] == "train")
    assert facts["splits"] == counts
    assert set(facts["columns"]) == set(shape.columns)
    assert facts["first"] == first
    assert facts["prepared"] == counts["train"]
    assert len(facts["losses"]) == 2
    assert all(loss > 0 for loss in facts["losses"])


def test_a_single_file_loads_by_itself(ask: Ask, tmp_path: Path) -> None:
    shape = shape_for(Trainer.TRL, form=Form.CHAT)
    one = [replace(next(pairs(1)), margin=None)]
    for kind, name in (("parquet", "pairs.parquet"), ("json", "pairs.jsonl")):
        write_table(tmp_path / name, shape.rows(one), columns=shape.columns)
        assert ask("load", kind, str(tmp_path / name)) == next(shape.rows(one))
