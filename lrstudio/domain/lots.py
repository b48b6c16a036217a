"""Lots that fall the same way for the same seed and name, in any project and whatever comes before."""

from __future__ import annotations

import hashlib


def lot(seed: int, name: str) -> float:
    """Return a number in [0, 1) that looks random and depends on the seed and the name alone."""
    digest = hashlib.sha256(f"{seed}\x1f{name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
