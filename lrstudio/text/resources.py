"""Where the files that ship with the studio are."""

from __future__ import annotations

from pathlib import Path

from lrstudio.domain.errors import Environment

_PACKAGE = Path(__file__).resolve().parents[1]
# A wheel carries the files inside the package; a checkout and an editable install have them beside it.
_PLACES = (_PACKAGE / "_resources", _PACKAGE.parent / "resources")


def resource(*parts: str) -> Path:
    """Return the path of a shipped file or folder, named by its parts below the resources folder.

    Raises:
        Environment: it is not there, so the installation is incomplete.
    """
    for place in _PLACES:
        path = place.joinpath(*parts)
        if path.exists():
            return path
    name = "/".join(parts) or "resources"
    raise Environment(
        f"the shipped file {name} is missing from this installation; install the studio again", where=name
    )
