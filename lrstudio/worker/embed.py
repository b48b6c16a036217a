"""Vectors of texts by a sentence-embedding model on this machine: `python -m lrstudio.worker.embed MODEL_FOLDER`.

Standard input brings one JSON object a line, `{"number": 1, "texts": [...]}`; standard output answers each with
`{"number": 1, "width": 384, "vectors": "<base64>"}`: one row of little-endian float32 for each text, in order, the mean
over the tokens of the last layer. The first line out is `{"ready": true}`, or `{"refused": "why"}` where the model
cannot be used. The end of the input ends the process.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from torch import Tensor

_LONGEST = 512  # tokens, where neither model nor tokenizer names a limit


def main(words: Sequence[str]) -> int:
    """Serve one model until the input ends."""
    folder = Path(words[0])
    out, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints must not get between the answers
    try:
        model = _Model(folder)
    except ImportError as error:
        _say(out, {"refused": f"{error.name or error} is missing here; add it with: pip install 'lrstudio[train]'"})
        return 1
    except (OSError, ValueError, KeyError) as error:
        _say(out, {"refused": f"{folder} holds no model that can be loaded: {error}"})
        return 1
    _say(out, {"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        rows = model.vectors(asked["texts"])
        blob = base64.b64encode(rows.numpy().astype("<f4").tobytes()).decode("ascii")
        _say(out, {"number": asked["number"], "width": rows.shape[1], "vectors": blob})
    return 0


class _Model:
    """A transformer encoder with mean pooling over its last layer."""

    def __init__(self, folder: Path) -> None:
        import torch
        import transformers

        transformers.logging.set_verbosity_error()
        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = transformers.AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        self._model.eval().to(self._device)
        self._longest = _longest(folder, self._tokenizer.model_max_length, self._model.config)

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Return one row for each text."""
        given = self._tokenizer(
            [text.encode("utf-8", "replace").decode("utf-8") for text in texts],
            padding=True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        ).to(self._device)
        with self._torch.inference_mode():
            last = self._model(**given).last_hidden_state
        mask = given["attention_mask"].unsqueeze(-1).to(last.dtype)
        pooled: Tensor = ((last * mask).sum(1) / mask.sum(1).clamp(min=1)).cpu()
        return pooled


def _longest(folder: Path, tokenizer_limit: int, config: Any) -> int:
    """Return how many tokens of a text are read: the least of what the model, its tokenizer and its card name."""
    limits = [tokenizer_limit, getattr(config, "max_position_embeddings", None) or _LONGEST]
    card = folder / "sentence_bert_config.json"
    if card.exists():
        limits.append(json.loads(card.read_text(encoding="utf-8")).get("max_seq_length") or _LONGEST)
    return int(min(limits))


def _say(out: TextIO, message: dict[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
