"""Themes: colours by meaning, read from `resources/themes/*.toml`.

Colours of the chrome reach widgets through the palette (`palette.apply`); colours of the data (support, evidence, hits)
are asked for by token here and mean the same in every theme. Each of full, partial, contradicted, not_found, unchecked,
evidence, found and found_current comes as `X` (text, glyphs), `X_mark` (underlines, ticks) and `X_tint` (the ground).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from PySide6.QtGui import QColor

from lrstudio.domain.errors import Refused
from lrstudio.text.resources import resource

THEMES = ("light", "dark")
"""The themes that ship with the studio."""

CHROME = ("window", "panel", "line", "text", "muted", "accent", "on_accent", "selection", "text_selection")
DATA = ("full", "partial", "contradicted", "not_found", "unchecked", "evidence", "found", "found_current")
TOKENS = CHROME + tuple(f"{name}{part}" for name in DATA for part in ("", "_mark", "_tint"))
"""The tokens that every theme has."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by token, as `#rrggbb`."""

    name: str
    title: str
    dark: bool
    tokens: Mapping[str, str]

    def color(self, token: str) -> QColor:
        """Return the colour of a token.

        Raises:
            KeyError: the theme has no such token.
        """
        return QColor(self.tokens[token])


def load_theme(name: str) -> Theme:
    """Read a theme that ships with the studio."""
    return read_theme(resource("themes", f"{name}.toml"))


def read_theme(path: Path) -> Theme:
    """Read a theme file.

    Raises:
        Refused: it is not TOML, a token is missing, or a value is no colour.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"this is not a theme: {error}", where=path.name) from error
    tokens = data.get("tokens")
    if not isinstance(tokens, dict):
        raise Refused("a theme needs a [tokens] table", where=path.name)
    missing = [token for token in TOKENS if token not in tokens]
    if missing:
        raise Refused(f"the theme lacks {', '.join(missing)}; copy them from another theme", where=path.name)
    for token, value in tokens.items():
        if not isinstance(value, str) or not QColor.isValidColorName(value):
            raise Refused(f"{token} is no colour: {value!r}; write it as #rrggbb", where=path.name)
    name = str(data.get("name", path.stem))
    return Theme(
        name=name,
        title=str(data.get("title", name)),
        dark=bool(data.get("dark", False)),
        tokens=MappingProxyType(dict(tokens)),
    )


def contrast(one: QColor, other: QColor) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def blend(over: QColor, under: QColor, *, share: float) -> QColor:
    """Return the colour of `over` laid on `under` with an opacity of `share`."""
    red, green, blue = (
        share * top + (1 - share) * ground for top, ground in zip(_channels(over), _channels(under), strict=True)
    )
    return QColor.fromRgbF(red, green, blue)


def _channels(color: QColor) -> tuple[float, float, float]:
    return color.redF(), color.greenF(), color.blueF()


def _luminance(color: QColor) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in _channels(color)
    )
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)
