"""One request to an OpenAI-compatible endpoint: what it understands, and what its refusals mean."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

import anyio

from lrstudio.domain.errors import Environment, Refused
from lrstudio.judge.secrets import Secrets
from lrstudio.judge.spread import Spread
from lrstudio.judge.transport import Transport

if TYPE_CHECKING:
    import httpx2
    import openai

_CONNECT_TIMEOUT = 10.0
_PATHS = ("chat/completions", "embeddings")

_OVERFLOW = re.compile(
    r"context[ _-]?(?:length|window|size)|maximum (?:input|prompt|sequence) length"
    r"|(?:prompt|input|request) is too (?:long|large)|too many (?:input )?tokens|reduce the length|max_model_len",
    re.IGNORECASE,
)
_OUT_OF_CREDIT = re.compile(
    r"insufficient[ _](?:quota|credit|balance|funds)|exceeded your current quota", re.IGNORECASE
)
_FILTERED = re.compile(r"content[ _](?:filter|policy|management)", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_STRUCTURED = re.compile(r"response[ _]format|json[ _]schema|structured[ _]output|guided|grammar", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which optional fields of a chat completion an endpoint takes; all are assumed until it refuses one."""

    structured: bool = True
    temperature: bool = True
    seed: bool = True
    max_tokens: bool = True

    def body(self, wanted: Mapping[str, Any]) -> str:
        """Return the JSON body for `wanted`, in what the endpoint is known to understand."""
        body = dict(wanted)
        if not self.structured:
            body.pop("response_format", None)
        if not self.temperature:
            body.pop("temperature", None)
        if not self.seed:
            body.pop("seed", None)
        if not self.max_tokens:
            body["max_completion_tokens"] = body.pop("max_tokens")
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    def after(self, complaint: str) -> Dialect:
        """Return the dialect without the first field that the complaint names; the same one where it names none."""
        if self.structured and _STRUCTURED.search(complaint):
            return replace(self, structured=False)
        if self.max_tokens and "max_completion_tokens" in complaint:
            return replace(self, max_tokens=False)
        if self.temperature and re.search(r"\btemperature\b", complaint):
            return replace(self, temperature=False)
        if self.seed and re.search(r"\bseed\b", complaint):
            return replace(self, seed=False)
        return self


class Trouble(Enum):
    """Why a request brought no reply of the model."""

    AGAIN = "again"
    UNREACHABLE = "unreachable"
    CONTEXT_OVERFLOW = "context_overflow"
    FILTERED = "filtered"
    REJECTED = "rejected"


class NoReply(Exception):
    """A request without a reply. `wait` is what the server asked for, in seconds; `busy` that it had too much to do."""

    def __init__(self, trouble: Trouble, message: str, *, wait: float | None = None, busy: bool = False) -> None:
        """Keep what kind of trouble it is, what the server said, and for how long to leave it alone."""
        super().__init__(message)
        self.trouble = trouble
        self.wait = wait
        self.busy = busy


@dataclass(frozen=True, slots=True)
class Completion:
    """What an endpoint answered; a refusal stands in `text`, with the finish reason "refusal".

    `empty` says that the message has neither content nor refusal, not even an empty text.
    """

    text: str
    finish_reason: str
    input_tokens: int | None
    output_tokens: int | None
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, and how many tokens the endpoint counts for them."""

    vectors: list[list[float]]
    tokens: int | None


class Endpoint:
    """A chat-completions endpoint and the key to it. Belongs to one event loop from its first request on.

    `base_url` is its address as it may be kept, or what it is known as where its address changes from run to run.
    """

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        *,
        http: Spread,
        base_url: str,
        model: str,
        secrets: Secrets,
        has_key: bool,
        key_source: str,
        timeout: float,
    ) -> None:
        """Wrap a client of the openai package and what it sends with.

        `secrets` are taken out of everything that the server says.
        """
        import httpx2

        self._http = http
        # Made once: the package makes address and headers for each request anew, a third of what a request takes.
        given = {**client.default_headers, **client.auth_headers}
        self._headers = httpx2.Headers({name: value for name, value in given.items() if isinstance(value, str)})
        self._paths = {path: httpx2.URL(client.base_url.join(path), params=client.default_query) for path in _PATHS}
        self._secrets = secrets
        self._has_key = has_key
        self._key_source = key_source
        self._timeout = timeout
        self.base_url = base_url
        self.model = model
        self.dialect = Dialect()

    @classmethod
    def open(
        cls,
        *,
        base_url: str,
        model: str,
        api_key: str,
        key_source: str,
        timeout: float,
        transport: Transport | None = None,
        known_as: str = "",
    ) -> Self:
        """Make ready to ask; nothing is sent yet.

        Args:
            base_url: the address, up to and including `/v1`.
            model: the model's name there.
            api_key: "" for an endpoint that asks for none.
            key_source: where the key was found; without a key, where to put one.
            timeout: seconds that one request may take.
            transport: how requests travel.
            known_as: what stands for the address in call keys and sentences.

        Raises:
            Refused: the base URL is none.
        """
        import httpx2
        import openai  # takes over a second; only who asks an endpoint pays it

        address = _address(base_url)
        transport = transport or Transport()
        timeouts = httpx2.Timeout(timeout, connect=min(timeout, _CONNECT_TIMEOUT))
        http = Spread(transport.clients(base_url, timeout=timeouts))
        # Local servers take any key, but the client insists on one; its own retries would escape our log.
        client = openai.AsyncOpenAI(
            base_url=urlunsplit((address.scheme, address.netloc, address.path, "", "")),
            api_key=api_key or "none",
            default_query=dict(parse_qsl(address.query)),
            max_retries=0,
            timeout=timeouts,
            http_client=http.first,
        )
        return cls(
            client,
            http=http,
            base_url=known_as or without_secrets(base_url),
            model=model,
            secrets=Secrets.of(api_key=api_key, headers=transport.headers_to(base_url)),
            has_key=bool(api_key),
            key_source=key_source,
            timeout=timeout,
        )

    async def send(self, body: str) -> Completion:
        """Send one request, `body` byte for byte, without any retry.

        Raises:
            NoReply: no reply of the model came back.
            Environment: the key is refused or the account is empty; no other call will do better.
            Refused: the endpoint does not know the model or the path.
        """
        response = await self._post("chat/completions", body)
        hidden = self._secrets.hidden
        got = _completion(response.content, shown=lambda: self._start(response))
        return replace(got, text=hidden(got.text), finish_reason=hidden(got.finish_reason))

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Return a vector for each text, in order and all of one length; one request, without any retry.

        Raises:
            NoReply, Environment, Refused: as `send`.
        """
        given = [_SURROGATE.sub("\ufffd", text) for text in texts]
        body = json.dumps({"model": self.model, "input": given}, ensure_ascii=False, separators=(",", ":"))
        response = await self._post("embeddings", body)
        return _vectors(response.content, count=len(texts), shown=lambda: self._start(response))

    async def _post(self, path: str, body: str) -> httpx2.Response:
        import httpx2

        try:
            with anyio.fail_after(self._timeout):
                response = await self._http.post(self._paths[path], content=body.encode("utf-8"), headers=self._headers)
        except TimeoutError as error:
            raise NoReply(Trouble.AGAIN, f"no reply within {self._timeout:g} s", busy=True) from error
        except (httpx2.RequestError, OSError) as error:
            unreachable = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            trouble = Trouble.UNREACHABLE if unreachable else Trouble.AGAIN
            raise NoReply(trouble, self._secrets.hidden(f"Connection error. {error}".strip())) from error
        if not response.is_success:
            raise self._explain(response)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _start(self, response: httpx2.Response) -> str:
        """Return what may be quoted of a reply that is none."""
        return repr(self._secrets.hidden(response.text)[:200])

    def _explain(self, response: httpx2.Response) -> Exception:
        said = self._secrets.hidden(_complaint(response))[:500]
        status = response.status_code
        if status in (401, 403) and not self._has_key:
            place = f"; put one into {self._key_source}" if self._key_source else ""
            return Environment(f"the endpoint asks for an API key and none is set{place}: {said}", where=self.base_url)
        if status in (401, 403):
            source = f" (from {self._key_source})" if self._key_source else ""
            return Environment(f"the endpoint refuses the API key{source}: {said}", where=self.base_url)
        if status == 402 or (status == 429 and _OUT_OF_CREDIT.search(said)):
            return Environment(f"the account of the API key has no credit left: {said}", where=self.base_url)
        if status == 404:
            sentence = f"the endpoint has no model {self.model!r}, or the base URL is wrong (is /v1 missing?): {said}"
            return Refused(sentence, where=self.base_url)
        if status < 400:
            target = self._secrets.hidden(response.headers.get("location", "elsewhere"))
            return Refused(f"the endpoint sends on to {target}; give that as the base URL", where=self.base_url)
        if status in (408, 409, 425, 429) or status >= 500:
            wait = _retry_after(response.headers)
            return NoReply(Trouble.AGAIN, f"status {status}: {said}", wait=wait, busy=True)
        return rejection(status, said)


def rejection(status: int, said: str) -> NoReply:
    """Tell what is wrong with a request that an endpoint has turned down for good."""
    if status == 413 or _OVERFLOW.search(said):
        return NoReply(Trouble.CONTEXT_OVERFLOW, f"status {status}: {said}")
    if _FILTERED.search(said):
        return NoReply(Trouble.FILTERED, f"status {status}: {said}")
    return NoReply(Trouble.REJECTED, f"status {status}: {said}")


def _address(base_url: str) -> SplitResult:
    """Take a base URL apart; one that names the call itself is cut back to the base."""
    try:
        parts = urlsplit(base_url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Refused(f"{base_url!r} is not a base URL; one looks like http://localhost:8000/v1", where="base URL")
    return parts._replace(path=parts.path.rstrip("/").removesuffix("/chat/completions"))


def without_secrets(base_url: str) -> str:
    """Return the base URL as it may be kept: no user, password, query or fragment.

    Raises:
        Refused: it is none.
    """
    address = _address(base_url)
    return urlunsplit((address.scheme, address.netloc.rpartition("@")[2], address.path, "", ""))


def _completion(content: bytes, *, shown: Callable[[], str]) -> Completion:
    """Read a chat completion; anything that is none is worth another try, as a reply cut short is."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NoReply(Trouble.AGAIN, f"the reply is not JSON: {shown()}") from error
    return completion_of(body, shown=shown)


def completion_of(body: object, *, shown: Callable[[], str]) -> Completion:
    """Read the JSON value of a chat completion; `shown` gives what a complaint about it quotes.

    Raises:
        NoReply: it is none; to be asked for again.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise NoReply(Trouble.AGAIN, f"the reply is no chat completion: {shown()}")
    usage = body.get("usage") if isinstance(body, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    text, refusal = _text(message.get("content")), _text(message.get("refusal"))
    finish_reason = choice.get("finish_reason")
    return Completion(
        text=text or refusal,
        finish_reason="refusal" if refusal and not text else str(finish_reason or ""),
        input_tokens=_count(counts.get("prompt_tokens")),
        output_tokens=_count(counts.get("completion_tokens")),
        empty=message.get("content") is None and not refusal,
    )


def _vectors(content: bytes, *, count: int, shown: Callable[[], str]) -> Embedded:
    """Read an embeddings reply; anything else is worth another try."""
    try:
        body = json.loads(content)
        numbered = sorted(enumerate(body["data"]), key=lambda entry: int(entry[1].get("index", entry[0])))
        vectors = [[float(number) for number in entry["embedding"]] for _, entry in numbered]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoReply(Trouble.AGAIN, f"the reply is no list of vectors: {shown()}") from error
    if len(vectors) != count or len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
        raise NoReply(Trouble.AGAIN, f"{count} texts were sent and {len(vectors)} vectors of one length asked for")
    if not all(math.isfinite(number) for vector in vectors for number in vector):
        raise NoReply(Trouble.AGAIN, "the reply has vectors with numbers that are none")
    usage = body.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Embedded(vectors, _count(counts.get("prompt_tokens", counts.get("total_tokens"))))


def _text(content: object) -> str:
    """Return a message's content, given as a text or as parts; without lone surrogates, which no database takes."""
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        return ""
    return content.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _complaint(response: httpx2.Response) -> str:
    """Return what the server says is wrong, with the field it names, on one line."""
    try:
        return complaint_of(json.loads(response.content))
    except (ValueError, RecursionError):
        return complaint_of(response.text)


def complaint_of(body: object) -> str:
    """Return what an error body says, with the field it names, on one line."""
    said: object = body
    error = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(error, dict):
        said = " ".join(str(error[key]) for key in ("message", "detail", "code", "param") if error.get(key)) or error
    elif error is not None:
        said = error
    return " ".join(str(said).split())


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a `Retry-After` header; dates, which no model server sends, are passed over."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None
