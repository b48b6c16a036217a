"""From what a person asks for to a judge that can run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension
from lrstudio.judge.limits import Limits, Prices
from lrstudio.judge.protocol import Judge
from lrstudio.services.keys import ApiKey
from lrstudio.text.resources import resource
from lrstudio.text.tokens import Tokenizer

JUDGES = ("lexical", "scripted", "http")


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """What to judge and with what.

    `candidate_ids` None means all, `limit` only so many of those that are outstanding. `tokenizer` is a local
    tokenizer.json, "" for the studio's own. `script` concerns the scripted judge. All else concerns the http judge:
    `timeout` is in seconds for one call; prices are per million tokens, None where unknown; `concurrency` counts calls
    in flight at most; `requests_per_minute` and `tokens_per_minute` are 0 where nothing is limited; `samples` says how
    often scoring and support calls are made; `spend_limit` is what the run may cost from now on, in the currency of the
    prices.
    """

    judge: str = "lexical"
    base_url: str = ""
    model: str = ""
    api_key: ApiKey | None = None
    script: Path | None = None
    prompts: Path | None = None
    tokenizer: str = ""
    dimensions: tuple[Dimension, ...] = tuple(Dimension)
    candidate_ids: tuple[str, ...] | None = None
    concurrency: int = 8
    timeout: float = 600.0
    input_price: float | None = None
    output_price: float | None = None
    samples: int = 1
    limit: int | None = None
    spend_limit: float | None = None
    requests_per_minute: int = 0
    tokens_per_minute: int = 0


def make_judge(request: JudgeRequest) -> Judge:
    """Build the judge that the request names; heavy libraries are imported only for the judge that needs them.

    Raises:
        Refused: an unknown judge, or a field that the judge needs is missing; names the field.
    """
    if request.concurrency < 1:
        raise Refused(f"at least one call must be in flight, not {request.concurrency}", where="concurrency")
    if request.samples < 1:
        raise Refused(f"each call is made at least once, not {request.samples} times", where="samples")
    if request.limit is not None and request.limit < 1:
        raise Refused(f"at least one candidate must be judged, not {request.limit}", where="limit")
    if request.judge == "lexical":
        from lrstudio.judge.lexical import LexicalJudge

        return LexicalJudge.default(tokenizer=_tokenizer(request))
    if request.judge == "scripted":
        from lrstudio.judge.scripted import Script, ScriptedJudge

        return ScriptedJudge(Script.load(request.script) if request.script else Script.by_rule())
    if request.judge == "http":
        return _http_judge(request)
    raise Refused(f"unknown judge {request.judge!r}: choose one of {', '.join(JUDGES)}", where="judge")


def _http_judge(request: JudgeRequest) -> Judge:
    if not request.base_url:
        raise Refused("the http judge needs the address of an OpenAI-compatible endpoint", where="base URL")
    if not request.base_url.startswith(("http://", "https://")):
        raise Refused(f"an address starts with http:// or https://, not {request.base_url!r}", where="base URL")
    if not request.model:
        raise Refused("the http judge needs the name of a model", where="model")
    prices = _prices(request)
    if request.spend_limit is not None and prices is None:
        raise Refused("a spend limit needs the price of the model's tokens; set it in the settings", where="prices")
    from lrstudio.judge.http import HttpJudge
    from lrstudio.judge.packs import PromptPack

    return HttpJudge.create(
        base_url=request.base_url,
        model=request.model,
        api_key=request.api_key.value if request.api_key else "",
        key_source=request.api_key.source if request.api_key else "",
        pack=PromptPack.load(request.prompts or resource("prompts", "longreward-studio")),
        tokenizer=_tokenizer(request),
        prices=prices,
        concurrency=request.concurrency,
        timeout=request.timeout,
        limits=Limits(
            samples=request.samples,
            requests_per_minute=request.requests_per_minute,
            tokens_per_minute=request.tokens_per_minute,
            spend=request.spend_limit,
        ),
    )


def _prices(request: JudgeRequest) -> Prices | None:
    """A price of one direction alone means that the other is free; none at all, that costs are unknown."""
    if request.input_price is None and request.output_price is None:
        return None
    return Prices(input=request.input_price or 0.0, output=request.output_price or 0.0)


def _tokenizer(request: JudgeRequest) -> Tokenizer:
    return Tokenizer.load(Path(request.tokenizer) if request.tokenizer else resource("tokenizer", "lrstudio-bpe.json"))
