"""Runs in words: what a person must accept of a draft, and what a run is set to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrstudio.training.wire import Spec


def said_unaccepted(needed: Mapping[str, int]) -> str:
    """Say which rows a person must accept, and how."""
    words = {"accept_cut": "would be cut", "accept_dropped": "would be dropped"}
    parts = [f"{count} row{'s' if count > 1 else ''} {words[name]}" for name, count in needed.items()]
    options = ", ".join(f"{name}={count}" for name, count in needed.items())
    return f"{' and '.join(parts)}; accept it ({options}), or change the options or the set"


def settings_of(spec: Spec) -> dict[str, str]:
    """Return what a run is set to, each by its name as words."""
    said: dict[str, Any] = {"set": spec.set_name, "set hash": spec.set_hash[:12], "model": spec.model}
    said |= {"recipe": spec.recipe, "python": spec.command[0], "threads": spec.threads}
    said |= dict(sorted(spec.options.items()))
    return {name: _words(value) for name, value in said.items()}


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
