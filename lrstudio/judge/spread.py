"""Sending many requests at once without paying for how many there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

FEW = 8
"""Requests at once through one client: for each, its pool looks at all its connections, at 64 a quarter of the work."""


@dataclass(slots=True)
class _Busy:
    client: httpx2.AsyncClient
    requests: int = 0


class Spread:
    """Clients for one endpoint, as many as its requests in flight need. Belongs to one event loop."""

    def __init__(self, make: Callable[[], httpx2.AsyncClient]) -> None:
        """Make the first one."""
        self._make = make
        self._clients = [_Busy(make())]

    @property
    def first(self) -> httpx2.AsyncClient:
        """The client that is always there."""
        return self._clients[0].client

    async def post(self, url: httpx2.URL, *, content: bytes, headers: httpx2.Headers) -> httpx2.Response:
        """Send a request through the first client that has room; errors are the client's."""
        busy = next((it for it in self._clients if it.requests < FEW), None)
        if busy is None:
            busy = _Busy(self._make())
            self._clients.append(busy)
        busy.requests += 1
        try:
            return await busy.client.post(url, content=content, headers=headers)
        finally:
            busy.requests -= 1

    async def aclose(self) -> None:
        """Close all connections."""
        for busy in self._clients:
            await busy.client.aclose()
