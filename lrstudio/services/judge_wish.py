"""From what a person filled in before a judge run to a request, and to what the settings remember of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.settings import HttpSettings, JudgeSettings, Settings

if TYPE_CHECKING:
    from lrstudio.services.audit import Audit
    from lrstudio.services.judges import JudgeRequest

SCOPES = ("all", "question", "candidate")


@dataclass(frozen=True, slots=True)
class JudgeWish:
    """What a person asked for. `scope` is one of `SCOPES`, the ids are of what was on screen then, "" for nothing.

    `served` says that `http.serve` is to be started instead of asking `http.base_url`; `host` names the host that is to
    answer instead, by batch files, "" where none is chosen yet, None for no host; there is room for `context` tokens
    there (0: as the host says). `key` is "" to take the stored
    one. `limit` and `spend_limit` are 0 for none. `agreed` says that the person was told what goes to another machine,
    and agreed.
    """

    judge: str = "lexical"
    scope: str = "all"
    dimensions: tuple[Dimension, ...] = tuple(Dimension)
    http: HttpSettings = field(default_factory=HttpSettings)
    served: bool = False
    key: str = ""
    script: Path | None = None
    samples: int = 1
    limit: int = 0
    spend_limit: float = 0.0
    agreed: bool = False
    host: str | None = None
    context: int = 0
    question_id: str = ""
    candidate_id: str = ""

    @property
    def name(self) -> str:
        """What the run is called in the window."""
        if self.judge != "http":
            return self.judge
        model = self.http.model
        return (model.rstrip("/").rpartition("/")[2] if model.startswith("/") else model) or "served model"


def request_of(wish: JudgeWish, audit: Audit) -> JudgeRequest:
    """Return the request that the wish comes to; the key is looked up, nothing is stored.

    Raises:
        Refused: no dimension is chosen, or the http judge lacks something; names the field.
        Environment: the keyring cannot be read.
    """
    from lrstudio.services.judges import JudgeRequest
    from lrstudio.services.keys import ApiKey
    from lrstudio.services.network import http_request

    if not wish.dimensions:
        raise Refused("choose at least one", where="Dimensions")
    shared: dict[str, Any] = {
        "dimensions": wish.dimensions,
        "candidate_ids": _candidates(wish, audit),
        "limit": wish.limit or None,
        "agreed": wish.agreed,
    }
    if wish.judge != "http":
        return replace(JudgeRequest(wish.judge, script=wish.script, concurrency=wish.http.concurrency), **shared)
    _check(wish)
    request = http_request(wish.http)
    return replace(
        request,
        base_url="" if wish.served or wish.host is not None else request.base_url,
        **shared,
        api_key=ApiKey(wish.key, "typed for this session") if wish.key else request.api_key,
        serve=wish.http.serve if wish.served else "",
        samples=wish.samples,
        spend_limit=wish.spend_limit or None,
        on=wish.host or "",
        context=wish.context,
    )


def remember(wish: JudgeWish, settings: Settings) -> Settings:
    """Return the settings with what was asked for; the key is put into the keyring, where there is one."""
    from lrstudio.services.keys import store_key

    if wish.key:
        with suppress(Environment):  # without a keyring the key lives as long as this run
            store_key(wish.key)
    chosen = tuple(it.value for it in wish.dimensions) if set(wish.dimensions) != set(Dimension) else ()
    lasting = JudgeSettings(
        wish.judge, chosen, wish.samples, wish.limit, wish.spend_limit, wish.served, wish.host or "", wish.context
    )
    if wish.judge != "http":  # what concerns a model was not on screen
        was = settings.judge
        lasting = replace(was, judge=wish.judge, limit=wish.limit)
        return replace(settings, judge=lasting)
    return replace(settings, judge=lasting, http=wish.http)


def at_address(http: HttpSettings, base_url: str) -> HttpSettings:
    """Return the settings with another address; headers stay with the host that they were set for.

    They may hold a secret of that host: what is typed into a form must not send it elsewhere.
    """
    from lrstudio.judge.transport import host_of

    old, new = host_of(http.base_url), host_of(base_url)
    if old in ("", new) or not http.headers:
        return replace(http, base_url=base_url)
    hosts = {old: http.headers, **dict(http.host_headers)}
    return replace(http, base_url=base_url, headers=(), host_headers=tuple(hosts.items()))


def _candidates(wish: JudgeWish, audit: Audit) -> tuple[str, ...] | None:
    if wish.scope == "candidate":
        return (wish.candidate_id,)
    if wish.scope == "question":
        listed = {it.question_id: it.candidates for it in audit.questions()}
        return tuple(it.candidate_id for it in listed.get(wish.question_id, ()))
    return None


def _check(wish: JudgeWish) -> None:
    if wish.served:
        if not wish.http.serve.strip():
            raise Refused("name the command that starts the server, or choose one of the presets", where="Command")
        return
    if wish.host is not None:
        if not wish.host:
            raise Refused("choose the host that is to answer, or add one first", where="Host")
        if not wish.http.model:
            raise Refused("name the model as the host knows it: a name, or an absolute folder there", where="Model")
        return
    if not wish.http.base_url.startswith(("http://", "https://")):
        raise Refused("an address starts with http:// or https://", where="Base URL")
    if not wish.http.model:
        raise Refused("the endpoint needs the name of a model", where="Model")
