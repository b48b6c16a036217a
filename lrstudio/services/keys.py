"""The key of the http judge: in the system keyring or an environment variable, never in a file of ours."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lrstudio.domain.errors import Environment

VARIABLE = "LRSTUDIO_API_KEY"
PLACES = f"the variable {VARIABLE} or the system keyring"
EMBEDDING_VARIABLE = "LRSTUDIO_EMBEDDING_API_KEY"
_SERVICE = "lrstudio"
_USER = "http-judge"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key and where it was found, so that a refused key can be traced. Never printed."""

    value: str
    source: str

    def __repr__(self) -> str:
        """Keep the value out of logs and tracebacks."""
        return f"ApiKey(source={self.source!r})"


def find_key() -> ApiKey | None:
    """Return the key from the environment variable, which wins for one run, else from the keyring, else None."""
    value = os.environ.get(VARIABLE, "")
    if value:
        return ApiKey(value, f"the variable {VARIABLE}")
    import keyring
    import keyring.errors

    try:
        stored = keyring.get_password(_SERVICE, _USER)
    except keyring.errors.KeyringError:
        return None  # no keyring here: the variable is the other way
    return ApiKey(stored, "the system keyring") if stored else None


def find_embedding_key() -> ApiKey | None:
    """Return the key of an embeddings endpoint on a host of its own: the judge's key is never sent to another host."""
    value = os.environ.get(EMBEDDING_VARIABLE, "")
    return ApiKey(value, f"the variable {EMBEDDING_VARIABLE}") if value else None


def store_key(value: str) -> None:
    """Put the key into the system keyring; "" removes it.

    Raises:
        Environment: there is no usable keyring; says what to do instead.
    """
    import keyring
    import keyring.errors

    try:
        if value:
            keyring.set_password(_SERVICE, _USER, value)
        elif keyring.get_password(_SERVICE, _USER):
            keyring.delete_password(_SERVICE, _USER)
    except keyring.errors.KeyringError as error:
        raise Environment(
            f"this system has no usable keyring ({error}); set the variable {VARIABLE} instead"
        ) from error
    if value and keyring.get_password(_SERVICE, _USER) != value:
        raise Environment(f"this system's keyring keeps nothing; set the variable {VARIABLE} instead")
