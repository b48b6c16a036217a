"""From what a person asks for to a judge that can run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.domain.verdicts import Dimension
from lrstudio.judge.budget import Budget
from lrstudio.judge.embedding import Embedder, VectorStore
from lrstudio.judge.limits import Limits, Prices
from lrstudio.judge.protocol import Judge
from lrstudio.judge.retrieval import Retriever
from lrstudio.judge.transport import Transport, host_of, is_loopback
from lrstudio.services.keys import EMBEDDING_VARIABLE, PLACES, ApiKey
from lrstudio.text.resources import resource
from lrstudio.text.tokens import Tokenizer

JUDGES = ("lexical", "scripted", "http")
RETRIEVALS = ("bm25", "embeddings", "local", "fusion")


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """What to judge and with what.

    `candidate_ids` None means all, `limit` only so many of those that are outstanding. `tokenizer` is a local
    tokenizer.json or an id of the Hugging Face hub, "" the studio's own. `take_over` is a person's word that the judge
    run which another machine began is over. `script` concerns the scripted judge.

    All else concerns the http judge: `timeout` is in seconds for one call; prices are per million tokens, None where
    unknown, `embedding_price` that of the embeddings endpoint; `concurrency` counts calls in flight at most;
    `requests_per_minute` and `tokens_per_minute` are 0 where nothing is limited; `samples` says how often scoring and
    support calls are made; `spend_limit` is what the run may cost from now on, in the currency of the prices.
    `retrieval` is how passages are found: "bm25"; "embeddings" of `embedding_model` at `embedding_base_url` ("" for
    that of the judge); "local", where `embedding_model` is a folder; "fusion" of BM25 with one of these two. `serve` is
    the command of a model server to start for the run: it gives
    `base_url`, which `known_as` then stands for in identities and call keys. `agreed` says that a person agreed, for
    this run, to what is sent to other machines. `trial` tries the judge out, beside what stands in the project. `on` is
    the host that answers the calls by batch files, in the place of an endpoint; `context` are the tokens that prompt
    and reply may have there, 0 where the host is to say.
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
    take_over: bool = False
    retrieval: str = "bm25"
    embedding_model: str = ""
    embedding_base_url: str = ""
    embedding_key: ApiKey | None = None
    embedding_price: float | None = None
    serve: str = ""
    serve_timeout: float = 900.0
    known_as: str = ""
    transport: Transport = field(default_factory=Transport)
    agreed: bool = False
    samples: int = 1
    limit: int | None = None
    spend_limit: float | None = None
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    trial: bool = False
    on: str = ""
    context: int = 0

    @property
    def asks_embeddings(self) -> bool:
        """Whether passages go to an embeddings endpoint, and not to a folder's model or to none."""
        here = bool(self.embedding_model) and Path(self.embedding_model).is_dir()
        asks = self.retrieval == "embeddings" or (self.retrieval == "fusion" and not here)
        return self.judge == "http" and asks

    def addresses(self) -> tuple[str, ...]:
        """Return the addresses that documents are sent to, of this machine or another; a served model has none yet."""
        asked = [] if self.serve or self.judge != "http" else [self.base_url]
        if self.asks_embeddings:
            asked += [self.embedding_base_url] if self.embedding_base_url else asked
        return tuple(dict.fromkeys(it for it in asked if it))


def make_judge(request: JudgeRequest, *, vectors: VectorStore | None = None) -> Judge:
    """Build the judge that the request names; heavy libraries are imported only for the judge that needs them.

    `vectors` is where vectors are kept; only a request whose retrieval asks for them needs it.

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

        return LexicalJudge.default(tokenizer=tokenizer_of(request))
    if request.judge == "scripted":
        from lrstudio.judge.scripted import Script, ScriptedJudge

        return ScriptedJudge(Script.load(request.script) if request.script else Script.by_rule())
    if request.judge == "http":
        return _http_judge(request, vectors)
    raise Refused(f"unknown judge {request.judge!r}: choose one of {', '.join(JUDGES)}", where="judge")


def _http_judge(request: JudgeRequest, vectors: VectorStore | None) -> Judge:
    if request.on:
        raise Refused("only a project's candidates are judged on a host; name an address here", where="host")
    if not request.base_url:
        raise Refused("the http judge needs the address of an OpenAI-compatible endpoint", where="base URL")
    if not request.base_url.startswith(("http://", "https://")):
        raise Refused(f"an address starts with http:// or https://, not {request.base_url!r}", where="base URL")
    if not request.model:
        raise Refused("the http judge needs the name of a model", where="model")
    prices = _prices(request)
    if request.spend_limit is not None and prices is None:
        raise Refused("a spend limit needs the price of the model's tokens; set it in the settings", where="prices")
    budget, tokenizer = Budget(request.spend_limit), tokenizer_of(request)
    from lrstudio.judge.http import HttpJudge
    from lrstudio.judge.packs import PromptPack

    return HttpJudge.create(
        base_url=request.base_url,
        model=request.model,
        api_key=request.api_key.value if request.api_key else "",
        key_source=request.api_key.source if request.api_key else PLACES,
        pack=PromptPack.load(request.prompts or resource("prompts", "longreward-studio")),
        tokenizer=tokenizer,
        prices=prices,
        concurrency=request.concurrency,
        timeout=request.timeout,
        retriever=_retriever(request, vectors, budget=budget, count=tokenizer.count),
        embedding_price=request.embedding_price if request.asks_embeddings else None,
        budget=budget,
        transport=request.transport,
        known_as=request.known_as,
        limits=Limits(
            samples=request.samples,
            requests_per_minute=request.requests_per_minute,
            tokens_per_minute=request.tokens_per_minute,
        ),
    )


def _retriever(
    request: JudgeRequest, vectors: VectorStore | None, *, budget: Budget, count: Callable[[str], int]
) -> Retriever:
    from lrstudio.judge.retrieval import Bm25Retriever, FusedRetriever, VectorRetriever

    if request.retrieval not in RETRIEVALS:
        sentence = f"unknown retrieval {request.retrieval!r}: choose one of {', '.join(RETRIEVALS)}"
        raise Refused(sentence, where="retrieval")
    if request.retrieval == "bm25":
        return Bm25Retriever()
    if not request.embedding_model:
        raise Refused(f"retrieval by {request.retrieval} needs the name of a model", where="embedding model")
    if vectors is None:
        raise ValueError("vectors need a place where they are kept")
    from lrstudio.judge.embedding import VectorCache

    if request.asks_embeddings:
        embedder: Embedder = _http_embedder(request, budget=budget, count=count)
    else:
        embedder = _local_embedder(request)
    by_vectors = VectorRetriever(VectorCache(embedder, vectors))
    return FusedRetriever(Bm25Retriever(), by_vectors) if request.retrieval == "fusion" else by_vectors


def _http_embedder(request: JudgeRequest, *, budget: Budget, count: Callable[[str], int]) -> Embedder:
    from lrstudio.judge.http_embedder import HttpEmbedder
    from lrstudio.judge.limits import Limits

    base_url = request.embedding_base_url or request.base_url
    same = host_of(base_url) == host_of(request.base_url)
    key = request.embedding_key or (request.api_key if same else None)  # a key is for the host it was given for
    place = PLACES if same else f"the variable {EMBEDDING_VARIABLE}"
    if budget.limited and request.embedding_price is None and not is_loopback(host_of(base_url)):
        sentence = "a spend limit needs the price of the embedding model's tokens; set it in the settings"
        raise Refused(sentence, where="prices")
    return HttpEmbedder.open(
        base_url=base_url,
        model=request.embedding_model,
        api_key=key.value if key else "",
        key_source=key.source if key else place,
        limits=Limits(timeout=request.timeout),
        transport=request.transport.bound_to(request.base_url),
        known_as="" if request.embedding_base_url else request.known_as,
        price=request.embedding_price,
        budget=budget,
        count=count,
    )


def _local_embedder(request: JudgeRequest) -> Embedder:
    from lrstudio.judge.local_embedder import LocalEmbedder

    if missing := [name for name in ("torch", "transformers") if find_spec(name) is None]:
        raise Refused(
            f"a model on this machine needs {' and '.join(missing)}; add the extra with: pip install 'lrstudio[train]'",
            where="retrieval",
        )
    return LocalEmbedder(Path(request.embedding_model))


def _prices(request: JudgeRequest) -> Prices | None:
    """A price of one direction alone means that the other is free; none at all, that costs are unknown."""
    if request.input_price is None and request.output_price is None:
        return None
    return Prices(input=request.input_price or 0.0, output=request.output_price or 0.0)


def tokenizer_of(request: JudgeRequest) -> Tokenizer:
    """Return the tokenizer that the request measures chunks with."""
    return Tokenizer.named(request.tokenizer) if request.tokenizer else Tokenizer.shipped()
