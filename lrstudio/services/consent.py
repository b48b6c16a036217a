"""What may leave this machine, and where to: asked before the first byte goes, remembered in the project."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lrstudio.domain.changes import Changes
from lrstudio.domain.errors import Refused
from lrstudio.judge.transport import host_of, is_loopback
from lrstudio.services.local_only import LOCAL_ONLY, project_is_local
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.store.store import Store

ALLOWED_HOSTS = "allowed_hosts"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a run would send to one other machine: whole documents, with their questions and so many candidates.

    `kept_back` names the documents among them that may not leave this machine. `allowed` is whether the project
    remembers consent for this host.
    """

    host: str
    documents: int
    characters: int
    candidates: int
    kept_back: tuple[str, ...]
    allowed: bool

    def __str__(self) -> str:
        """Say to a person where it goes and how much."""
        parts = [_count(self.documents, "document"), _count(self.characters, "character")]
        parts += [_count(self.candidates, "candidate")] if self.candidates else []
        return f"{self.host} is another machine; it would be sent {', '.join(parts)} and the questions on them"


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What the project says: whether all of it stays here, which documents do, which hosts are allowed since when."""

    local_only: bool
    documents: tuple[str, ...]
    hosts: Mapping[str, str]


class Consent:
    """Marks and remembered hosts of one project. This machine itself (loopback) never needs consent."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    def state(self) -> ConsentState:
        """Return what stands."""
        marked = tuple(info.document_id for info in self._store.library.documents() if info.local_only)
        return ConsentState(self._all_local(), marked, self._hosts())

    def keep_local(self, local_only: bool, *, document_ids: Sequence[str] = ()) -> Changes:
        """Say whether these documents, or without any the whole project, must stay on this machine.

        Raises:
            Refused: there is no document of an id; nothing is changed then.
        """
        with self._store.writing():
            for name in document_ids:
                self._store.library.set_local_only(name, local_only)
            if not document_ids:
                self._store.meta.set(LOCAL_ONLY, "1" if local_only else "")
        return Changes(documents=frozenset(document_ids), settings=not document_ids)

    def allow(self, host: str) -> Changes:
        """Remember that documents may go to this host, given by name or address.

        Raises:
            Refused: it is no host.
        """
        with self._store.writing():
            self._store.meta.set(ALLOWED_HOSTS, json.dumps({**self._hosts(), named_host(host): self._clock()}))
        return Changes(settings=True)

    def forbid(self, host: str) -> Changes:
        """Forget that consent.

        Raises:
            Refused: there was none.
        """
        with self._store.writing():
            hosts = self._hosts()
            if hosts.pop(named_host(host), None) is None:
                raise Refused(f"this project remembers no consent for {named_host(host)}", where="host")
            self._store.meta.set(ALLOWED_HOSTS, json.dumps(hosts))
        return Changes(settings=True)

    def outgoing(
        self, addresses: Iterable[str], *, questions: Collection[str], candidates: int = 0
    ) -> tuple[Outgoing, ...]:
        """Return what would go to each other machine among `addresses`, for these questions."""
        hosts = dict.fromkeys(host for it in addresses if (host := host_of(it)) and not is_loopback(host))
        if not hosts:
            return ()
        infos = {info.document_id: info for info in self._store.library.documents()}
        asked = [it for it in self._store.library.questions() if it.question_id in questions]
        documents = [infos[name] for name in dict.fromkeys(it.document_id for it in asked) if name in infos]
        kept_back = tuple(info.document_id for info in documents if info.local_only)
        if self._all_local():
            # A question that stands on no document stays here as well.
            kept_back = tuple(info.document_id for info in documents) or tuple(it.question_id for it in asked)
        return tuple(
            Outgoing(
                host=host,
                documents=len(documents),
                characters=sum(info.length or 0 for info in documents),
                candidates=candidates,
                kept_back=kept_back,
                allowed=host in self._hosts(),
            )
            for host in hosts
        )

    def check(self, outgoing: Iterable[Outgoing], *, agreed: bool) -> None:
        """Let pass what may go.

        Args:
            outgoing: what would be sent.
            agreed: whether a person agreed to it for this once.

        Raises:
            Refused: a document must stay on this machine, or nobody has agreed; says how to.
        """
        for it in outgoing:
            if it.kept_back:
                more = f" and {len(it.kept_back) - 1} more" if len(it.kept_back) > 1 else ""
                raise Refused(
                    f"{it.kept_back[0]!r}{more} must stay on this machine, and {it.host} is another one; choose a "
                    "judge on this machine, or take the mark off with `lrstudio consent PROJECT --no-local-only`",
                    where="local only",
                )
            if not agreed and not it.allowed:
                raise Refused(
                    f"{it}; agree to it once with --yes, or for this project with `lrstudio consent PROJECT --allow "
                    f"{it.host}`",
                    where="consent",
                )

    def _all_local(self) -> bool:
        return project_is_local(self._store)

    def _hosts(self) -> dict[str, str]:
        hosts: dict[str, str] = json.loads(self._store.meta.get(ALLOWED_HOSTS) or "{}")
        return hosts


def named_host(host: str) -> str:
    """Return the host of an address or of a bare name, with or without its port.

    Raises:
        Refused: it is neither.
    """
    name = host_of(host if "://" in host else f"http://{host}")
    if not name:
        raise Refused(f"{host!r} is not a host; one looks like judge.example or https://judge.example/v1", where="host")
    return name


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
