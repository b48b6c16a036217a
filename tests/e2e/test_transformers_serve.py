"""A real model server: `transformers serve` with a tiny random model, whose replies are garbage."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lrstudio.services.wiring import create_project

MISSING = [name for name in ("torch", "transformers", "fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
PROGRAM = Path(sys.executable).with_name("transformers")
TINY = """
import sys, tokenizers, torch, transformers
torch.manual_seed(0)
core = tokenizers.Tokenizer(tokenizers.models.BPE())
core.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
core.decoder = tokenizers.decoders.ByteLevel()
alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, special_tokens=["<s>", "</s>"])
core.train_from_iterator(["the harbour board met in March and dredged the port"] * 4, trainer)
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")
tokenizer.pad_token = "</s>"
tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\\n{% endfor %}assistant:"
config = transformers.LlamaConfig(
    vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=2, max_position_embeddings=65536, bos_token_id=0, eos_token_id=1, pad_token_id=1,
)
model = transformers.LlamaForCausalLM(config)
model.generation_config = transformers.GenerationConfig(bos_token_id=0, eos_token_id=1, pad_token_id=1)
model.save_pretrained(sys.argv[1])
tokenizer.save_pretrained(sys.argv[1])
"""


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (transformers[serving])")
@pytest.mark.skipif(
    not PROGRAM.exists() and not shutil.which("transformers"), reason="there is no transformers command"
)
def test_garbage_replies_end_as_unscored_with_reasons(tmp_path: Path) -> None:
    model = tmp_path / "tiny"
    subprocess.run([sys.executable, "-c", TINY, str(model)], check=True, capture_output=True)
    project = create_project(tmp_path / "p.lrs")
    project.imports.add_document(title="Port", text="The harbour board met in March 1871. " * 20, document_id="d")
    question = project.imports.add_question(document_id="d", query="When did it meet?").id
    for text in ("It met in March 1871.", "It met in 1999, says the harbour board."):
        project.imports.add_candidate(question_id=question, text=text)
    project.close()
    (tmp_path / "hub").mkdir()
    program = PROGRAM if PROGRAM.exists() else "transformers"
    serve = f"{program} serve {model} --device cpu --host 127.0.0.1 --port {{port}}"
    words = ["judge", str(tmp_path / "p.lrs"), "--serve", serve, "--concurrency", "2", "--timeout", "120", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "lrstudio", *words], capture_output=True, text=True, timeout=900, check=False
    )
    said = (tmp_path / "p.serve.log").read_text(encoding="utf-8", errors="replace")[-2000:]
    assert done.returncode == 0, done.stderr + said
    states = json.loads(done.stdout)["states"]
    assert set(states) == {"helpfulness", "logicality", "faithfulness", "completeness"}
    for dimension, counts in states.items():
        assert sum(counts.values()) == 2, dimension
        assert all(name.startswith("unscored: ") for name in counts), counts
    assert not [it for it in psutil.process_iter(["cmdline"]) if str(model) in " ".join(it.info["cmdline"] or [])]
