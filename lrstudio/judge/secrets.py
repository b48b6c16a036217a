"""What a person gave for an endpoint alone, taken out of everything that is kept of what the endpoint says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Self
from urllib.parse import quote

SHORTEST = 12
"""A shorter key or header value is no secret but a word, and may stand for itself."""

_BETWEEN = re.compile(r"[\s,;]+|(?<=\w)=(?!=|$)")


class Secrets:
    """An API key and the values of headers. Never printed."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """Take each secret with what is written in its place."""
        forms = {form: name for secret, name in secrets.items() for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._forms = forms
        self._any = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    @classmethod
    def of(cls, *, api_key: str, headers: Mapping[str, str]) -> Self:
        """Take the key, the value of each header, and the words of it: a server may say again only the token."""
        named = {part: f"[header {name}]" for name, value in headers.items() for part in _parts(value)}
        return cls({it: name for it, name in {**named, api_key: "[API key]"}.items() if len(it) >= SHORTEST})

    def hidden(self, text: str) -> str:
        """Return the text without them, whichever way JSON or an address writes them."""
        return self._any.sub(lambda found: self._forms[found[0]], text) if self._any else text


def _parts(value: str) -> Iterable[str]:
    return (value.strip(), *_BETWEEN.split(value))


def _forms(secret: str) -> Iterable[str]:
    written = json.dumps(secret)[1:-1]
    return {secret, written, written.replace("/", "\\/"), quote(secret), quote(secret, safe="")}
