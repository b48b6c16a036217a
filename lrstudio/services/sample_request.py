"""What is asked of a model that answers questions, what that would take, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Reason
from lrstudio.judge.endpoint import without_secrets
from lrstudio.judge.limits import Prices
from lrstudio.judge.transport import Transport
from lrstudio.services.keys import ApiKey


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """Which answers are wanted: `count` from each model to each question; `question_ids` None means all questions.

    The n-th answer is drawn with `seed` + n, n from 0. `timeout` is in seconds for one call, the prices are per million
    tokens and None where unknown, `agreed` says that a person agreed, for this once, to what is sent elsewhere.
    `concurrency`, the limits a minute (0 where nothing is limited) and `spend_limit`, in the currency of the prices,
    hold for all models together. `take_over` is a person's word that the drawing which another machine began is over.
    `serve` is the command of a model server to start for the drawing: it gives
    `base_url`, and where `models` is empty the model.
    """

    base_url: str = ""
    models: tuple[str, ...] = ()
    question_ids: tuple[str, ...] | None = None
    count: int = 1
    temperature: float = 1.0
    seed: int = 0
    system: str = ""
    max_tokens: int = 1024
    api_key: ApiKey | None = None
    concurrency: int = 8
    timeout: float = 600.0
    input_price: float | None = None
    output_price: float | None = None
    transport: Transport = field(default_factory=Transport)
    agreed: bool = False
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    spend_limit: float | None = None
    take_over: bool = False
    serve: str = ""
    serve_timeout: float = 900.0
    known_as: str = ""

    @property
    def prices(self) -> Prices | None:
        """A price of one direction alone means that the other is free; none at all, that costs are unknown."""
        if self.input_price is None and self.output_price is None:
            return None
        return Prices(input=self.input_price or 0.0, output=self.output_price or 0.0)

    @property
    def endpoint(self) -> str:
        """The address as it may be kept, or what stands for it."""
        return self.known_as or without_secrets(self.base_url)

    def check(self) -> None:
        """Look it over.

        Raises:
            Refused: it lacks something; names the field.
        """
        missing: Iterable[tuple[bool, str, str]] = (
            (not self.base_url, "base URL", "give the address of an OpenAI-compatible endpoint"),
            (not all(self.models) or not self.models, "model", "name at least one model to ask"),
            (self.count < 1, "count", f"at least one answer must be wanted, not {self.count}"),
            (not 0 <= self.temperature <= 2, "temperature", f"it goes from 0 to 2, not {self.temperature:g}"),
            (self.max_tokens < 1, "max tokens", f"an answer needs at least one token, not {self.max_tokens}"),
            (self.concurrency < 1, "concurrency", f"at least one call must be in flight, not {self.concurrency}"),
            (
                self.spend_limit is not None and self.prices is None,
                "prices",
                "a spend limit needs the price of the model's tokens; set it in the settings",
            ),
        )
        for wrong, where, sentence in missing:
            if wrong:
                raise Refused(sentence, where=where)


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """What a request would take: calls to be sent and calls in the log already, and the cost of those to be sent.

    Input tokens are counted with the studio's own tokenizer, output tokens at their limit, so both and the cost are
    estimates; `cost` is None where no price is known. `without_text` names questions whose document has no text.
    """

    calls: int
    logged: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    without_text: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SampleOutcome:
    """What came of it: candidates that are new and that were there, and how many answers failed, by reason.

    `stopped` says what ended it before its time, "" where nothing did; drawn again, it goes on there.
    """

    new: int
    same: int
    failed: Mapping[Reason, int]
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    changes: Changes
    stopped: str = ""
