"""How requests travel: proxy, headers, certificates. And which hosts are this machine."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from lrstudio.domain.errors import Refused

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class Transport:
    """What a person's network asks for. `proxy` "" leaves it to the environment, `ca_file` None to the system.

    `headers` go to `host` and to no other, "" being whichever is asked; `host_headers` are those of hosts by name.
    Headers are no part of a call's key: they say who asks, not what.
    """

    proxy: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    ca_file: Path | None = None
    host: str = ""
    host_headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def headers_to(self, base_url: str) -> dict[str, str]:
        """Return the headers that go with every request to this address."""
        host = host_of(base_url)
        return {**(self.headers if self.host in ("", host) else {}), **self.host_headers.get(host, {})}

    def bound_to(self, base_url: str) -> Self:
        """Return the transport with `headers` kept to the host of this address, unless they are kept to one already."""
        return replace(self, host=self.host or host_of(base_url))

    def clients(self, base_url: str, *, timeout: httpx2.Timeout) -> Callable[[], httpx2.AsyncClient]:
        """Return what makes clients for one endpoint, which look at the same certificates.

        They follow no redirect: consent is given to a host, not to where it points.

        No proxy stands between this machine and itself, whatever the environment says.

        Raises:
            Refused: the certificates cannot be read; what is returned raises it where the proxy is no address.
        """
        import httpx2
        import openai

        here = is_loopback(host_of(base_url))
        more: dict[str, Any] = {"proxy": self.proxy} if self.proxy and not here else {}
        if here and urlsplit(base_url).scheme == "http":
            more["verify"] = False  # there is nothing to verify, and loading the certificates takes 20 ms
        else:
            more["verify"] = self._certificates() if self.ca_file else httpx2.create_ssl_context(trust_env=not here)
        headers = self.headers_to(base_url)

        def make() -> httpx2.AsyncClient:
            try:
                return openai.DefaultAsyncHttpxClient(
                    timeout=timeout, headers=headers, follow_redirects=False, trust_env=not here, **more
                )
            except (ValueError, ImportError) as error:
                raise Refused(f"{self.proxy!r} is not a proxy that can be used ({error})", where="proxy") from error

        return make

    def _certificates(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=str(self.ca_file))
        except (OSError, ssl.SSLError) as error:
            raise Refused(f"the certificates cannot be read ({error})", where=str(self.ca_file)) from error


def host_of(base_url: str) -> str:
    """Return the host that an http address names, in lower case and without its port; "" where it names none."""
    try:
        parts = urlsplit(base_url.strip())
        return (parts.hostname or "").rstrip(".") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine for certain. A name that would have to be looked up is not."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)
