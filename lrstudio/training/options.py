"""What can be set of a recipe: name, kind, default, meaning and source of every option, and a check of what is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from lrstudio.domain.errors import Refused

Value = bool | int | float | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One option. Its kind is that of `default`; a tuple takes several words from `choices`.

    `meaning` is one sentence for the form; `source` says where the default comes from. `least` and `most` bound a
    number, both included. `advanced` ones are folded away in the form.
    """

    name: str
    default: Value
    meaning: str
    source: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    advanced: bool = True

    def read(self, given: Any) -> Value:
        """Return a value of this option's kind from a word of the command line, a form, or JSON.

        Raises:
            Refused: it is of another kind, or out of bounds; names the option.
        """
        try:
            value = self._of_kind(given)
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(f"{self.name} is {_KINDS[type(self.default)]}, not {given!r}", where=self.name) from error
        if isinstance(value, int | float) and not isinstance(value, bool):
            self._bound(value)
        words = value if isinstance(value, tuple) else (value,)
        for word in words if self.choices else ():
            if word not in self.choices:
                raise Refused(f"{self.name} has no {word!r}; choose from {', '.join(self.choices)}", where=self.name)
        return value

    def _of_kind(self, given: Any) -> Value:
        if isinstance(self.default, bool):
            if isinstance(given, bool):
                return given
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(given).lower()]
        if isinstance(self.default, int):
            if isinstance(given, float) and not given.is_integer():
                raise ValueError(given)
            return int(given)
        if isinstance(self.default, float):
            value = float(given)
            if not isfinite(value):
                raise ValueError(given)
            return value
        if isinstance(self.default, tuple):
            words = given.split(",") if isinstance(given, str) else given
            return tuple(word.strip() for word in words if word.strip())
        if not isinstance(given, str):
            raise TypeError(given)
        return given

    def _bound(self, value: float) -> None:
        low = self.least is not None and value < self.least
        high = self.most is not None and value > self.most
        if low or high:
            bounds = " to ".join(f"{it:g}" for it in (self.least, self.most) if it is not None)
            least = "at least " if self.most is None else ""
            raise Refused(f"{self.name} is {least}{bounds}, not {value:g}", where=self.name)


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", tuple: "words with commas"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A way to train: its options in the order of the form, and named presets of some of them."""

    name: str
    title: str
    meaning: str
    options: tuple[Option, ...]
    presets: Mapping[str, Mapping[str, Value]]

    def option(self, name: str) -> Option:
        """Return one option.

        Raises:
            Refused: there is no such option; names those that are near.
        """
        for option in self.options:
            if option.name == name:
                return option
        known = ", ".join(option.name for option in self.options)
        raise Refused(f"the recipe {self.name} has no option {name!r}; it has {known}", where=name)

    def settle(self, given: Mapping[str, Any], *, preset: str = "") -> dict[str, Value]:
        """Return every option with its value: what is given, else the preset's, else the default.

        Raises:
            Refused: an unknown option or preset, or a value that does not fit; names it.
        """
        if preset and preset not in self.presets:
            raise Refused(f"{self.name} has no preset {preset!r}; choose from {', '.join(self.presets)}", where=preset)
        for name in given:
            self.option(name)
        chosen = {**(self.presets[preset] if preset else {}), **given}
        return {it.name: it.read(chosen[it.name]) if it.name in chosen else it.default for it in self.options}
