"""What a scripted judge is to say: a JSON file, read strictly."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension, Reason, State, Support, SupportReason


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Verdict(_Strict):
    """What is said of a claim."""

    state: State
    reason: Reason = Reason.NONE
    support: Support | None = None
    support_reason: SupportReason = SupportReason.UNSTATED


VERDICTS = {
    "full": Verdict(state=State.SCORED, support=Support.FULL),
    "partial": Verdict(state=State.SCORED, support=Support.PARTIAL),
    "contradicted": Verdict(state=State.SCORED, support=Support.NONE, support_reason=SupportReason.CONTRADICTED),
    "not_found": Verdict(state=State.SCORED, support=Support.NONE, support_reason=SupportReason.NOT_FOUND),
    "not_checkable": Verdict(state=State.NOT_CHECKABLE, reason=Reason.OPINION),
}


def verdict(word: object) -> Verdict:
    """Return the verdict that a script calls by this word; a verdict comes back as it is.

    Raises:
        ValueError: there is none of that name.
    """
    if isinstance(word, Verdict):
        return word
    if isinstance(word, str) and word in VERDICTS:
        return VERDICTS[word]
    state, _, reason = str(word).partition(":")
    if state == "unscored" and reason in set(Reason) - {Reason.NONE}:
        return Verdict(state=State.UNSCORED, reason=Reason(reason))
    raise ValueError(f"{word!r} is none of {', '.join(VERDICTS)} and unscored:REASON")


def _covered(value: object) -> Support:
    for support in Support:
        if value == support.value and not isinstance(value, bool):
            return support
    raise ValueError(f"{value!r} is none of 1, 0.5 and 0")


def _score(value: object) -> object:
    return value if isinstance(value, dict) else {"score": value}


class ScriptedScore(_Strict):
    """A score, or the reason why there is none."""

    score: float | None = Field(default=None, ge=0.0, le=10.0)
    unscored: Reason | None = None
    explanation: str = ""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.score is None) == (self.unscored in (None, Reason.NONE)):
            raise ValueError("give a score from 0 to 10 or the reason for which there is none")
        return self


class ScriptedClaim(_Strict):
    """A claim in the words of the candidate, what is said of it, and verbatim quotes from the document."""

    text: str = Field(min_length=1)
    support: Annotated[Verdict, BeforeValidator(verdict)]
    evidence: tuple[str, ...] = ()
    explanation: str = ""
    probability: float | None = Field(default=None, ge=0.0, le=1.0)


class ScriptedKeyPoint(_Strict):
    """A key point of a question, the document's words for it, and how far each candidate covers it."""

    text: str = Field(min_length=1)
    quote: str = ""
    covered: dict[str, Annotated[Support, BeforeValidator(_covered)]]


class Script(_Strict):
    """What to say of whom: by candidate, key points by question. What is not in it is made up by rule."""

    name: str = Field(min_length=1)
    scores: dict[str, dict[Dimension, Annotated[ScriptedScore, BeforeValidator(_score)]]] = {}
    claims: dict[str, tuple[ScriptedClaim, ...]] = {}
    key_points: dict[str, tuple[ScriptedKeyPoint, ...]] = {}

    @classmethod
    def by_rule(cls, name: str = "by-rule") -> Self:
        """Return the empty script: everything is made up, the same for the same text."""
        return cls(name=name)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a script.

        Raises:
            Refused: the file is not one; the sentence names the field.
        """
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"the script cannot be read ({error})", where=path.name) from error
        except (json.JSONDecodeError, RecursionError) as error:
            raise Refused(f"this is not JSON ({error})", where=path.name) from error
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the whole"
            raise Refused(f"field {field}: {first['msg'].removeprefix('Value error, ')}", where=path.name) from error

    @property
    def digest(self) -> str:
        """The first 12 digits of the SHA-256 of what it says."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:12]
