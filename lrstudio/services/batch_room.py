"""Whether a prompt has room in a model on a host: asked before it is sent, since one too long can cost a whole file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.judge.caller import Unsent
from lrstudio.text.tokens import Tokenizer
from lrstudio.training.hosts.transport import Transport, Unreachable

_TEMPLATE_TOKENS: Final = 256
"""What a chat template may add to a prompt; those of common models add between 5 and 120."""

_CACHE: Final = ".cache/huggingface/hub"
_LENGTH = re.compile(r"(\d+)([kKmM]?)")
_UNITS: Final = {"": 1, "k": 1000, "K": 1024, "m": 1_000_000, "M": 1 << 20}


class Fit(Enum):
    """Whether a prompt fits; `UNSURE` where it would not by a count that is too high rather than too low."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


@dataclass(slots=True)
class Room:
    """The room in a model: `context` tokens for prompt and reply. `exact`: `count` counts as the model does."""

    context: int
    count: Callable[[str], int]
    exact: bool
    _known: dict[str, tuple[Fit, int]] = field(default_factory=dict, init=False)

    def fit(self, unsent: Unsent[Any]) -> Fit:
        """Tell whether a call fits, with its reply. Takes about a second for a million tokens."""
        return self._measured(unsent)[0]

    def refusal(self, unsent: Unsent[Any]) -> str:
        """Say why a call is not sent, "" where it may be."""
        fit, tokens = self._measured(unsent)
        if fit is not Fit.NO:
            return ""
        return (
            f"not sent: the prompt takes {tokens:,} tokens, {int(unsent.wanted['max_tokens']):,} are kept for the "
            f"reply, and the model has room for {self.context:,}"
        )

    def _measured(self, unsent: Unsent[Any]) -> tuple[Fit, int]:
        if (known := self._known.get(unsent.key)) is None:
            known = self._known[unsent.key] = self._measure(unsent)
        return known

    def _measure(self, unsent: Unsent[Any]) -> tuple[Fit, int]:
        left = self.context - _TEMPLATE_TOKENS - int(unsent.wanted["max_tokens"])
        prompt = unsent.ask.prompt
        if len(prompt.encode("utf-8", "replace")) <= left:  # no token is shorter than a byte
            return Fit.YES, 0
        tokens = self.count(prompt)
        if tokens <= left:
            return Fit.YES, tokens
        return (Fit.NO if self.exact else Fit.UNSURE), tokens


def find_room(
    transport: Transport, *, model: str, words: Sequence[str], context: int, folder: Path, tokenizer: Tokenizer
) -> Room:
    """Find out how long prompts may be, and how the model counts.

    The context is what a person gives, else what `--max-model-len` among the words says, else what the model's
    config.json on the host says. Tokens are counted by the model's own tokenizer, where it is found there beside it;
    else by `tokenizer`.

    Args:
        transport: the host.
        model: a folder there, or a name that is looked up in the Hugging Face cache there.
        words: what starts the program that answers.
        context: tokens, 0 where nobody says.
        folder: where the tokenizer is put on this machine.
        tokenizer: the judge's.

    Raises:
        Refused: nobody knows how long prompts may be.
        Unreachable: the host cannot be asked.
    """
    there = _folder_of(transport, model)
    context = context or _said(words) or (_configured(transport, there) if there else 0)
    if not context:
        raise Refused(
            f"how long a prompt of {model} may be is not known: neither the host's command (--max-model-len) nor a "
            "config.json there says it; give the number of tokens",
            where="context",
        )
    own = _tokenizer(transport, there, folder) if there and "--tokenizer" not in words else None
    return Room(context, (own or tokenizer).count, exact=own is not None)


def _folder_of(transport: Transport, model: str) -> str:
    """Return where the model's files lie on the host, "" where they are not there yet."""
    if model.startswith("/"):
        return model.rstrip("/")
    at = f"{_CACHE}/models--{model.replace('/', '--')}"
    named = transport.read(f"{at}/refs/main")
    return f"{at}/snapshots/{named.data.decode('ascii', 'replace').strip()}" if named else ""


def _said(words: Sequence[str]) -> int:
    """Return the length that the command names, as vLLM reads it: 32k is 32,000, 32K is 32,768."""
    flat = [part for word in words for part in word.split("=", 1)]
    for name, value in pairwise(flat):
        found = _LENGTH.fullmatch(value)
        if name in ("--max-model-len", "--max_model_len") and found:
            return int(found[1]) * _UNITS[found[2]]
    return 0


def _configured(transport: Transport, folder: str) -> int:
    """Return the length that a model was made for, 0 where its config.json does not say."""
    piece = transport.read(f"{folder}/config.json")
    try:
        whole = json.loads(piece.data) if piece else {}
    except ValueError:
        return 0
    config: Mapping[str, Any] = whole.get("text_config") or whole
    length = config.get("max_position_embeddings")
    if not isinstance(length, int):
        return 0
    scaling = config.get("rope_scaling") or config.get("rope_parameters") or {}
    if isinstance(scaling, dict) and "yarn" in (scaling.get("rope_type"), scaling.get("type")):
        # vLLM takes the length before scaling times the factor, whatever max_position_embeddings is.
        before, factor = scaling.get("original_max_position_embeddings"), scaling.get("factor")
        if isinstance(before, int) and isinstance(factor, int | float):
            return int(before * factor)
    return length


def _tokenizer(transport: Transport, folder: str, target: Path) -> Tokenizer | None:
    """Fetch the model's own tokenizer; None where there is none, or one that cannot be used here."""
    path = target / "tokenizer.json"
    if transport.read(f"{folder}/tokenizer.json", most=1) is None:
        return None
    try:
        target.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        transport.download(f"{folder}/tokenizer.json", path)
        return Tokenizer.load(path)
    except Unreachable:
        raise
    except (Refused, Environment, OSError):
        return None
