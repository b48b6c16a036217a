"""Prompt packs: a folder with one template per judge call, named by what is in it. There are two kinds of folders."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from lrstudio.domain.errors import Refused


class CallName(StrEnum):
    """The calls of a judge that asks a language model."""

    HELPFULNESS = "helpfulness"
    LOGICALITY = "logicality"
    CLAIMS = "claims"
    SUPPORT = "support"
    KEY_POINTS = "key_points"
    COMPLETENESS = "completeness"


class PackKind(StrEnum):
    """Ours, described by a `pack.toml`; or the LongReward repository's own folder, which has fixed file names."""

    STUDIO = "studio"
    REFERENCE = "reference"


# What the studio has to fill in for each call; a template must use each of them.
_VALUES: Mapping[CallName, frozenset[str]] = {
    CallName.HELPFULNESS: frozenset({"question", "answer"}),
    CallName.LOGICALITY: frozenset({"question", "answer"}),
    CallName.CLAIMS: frozenset({"question", "answer"}),
    CallName.SUPPORT: frozenset({"passages", "claim"}),
    CallName.KEY_POINTS: frozenset({"chunk", "question"}),
    CallName.COMPLETENESS: frozenset({"question", "key_points", "answer"}),
}
# The LongReward repository's files and their placeholders. Chinese chunks have an extraction template of their own.
_REFERENCE: Mapping[CallName, tuple[str, frozenset[str]]] = {
    CallName.HELPFULNESS: ("helpfulness_few_shot.txt", frozenset({"question", "answer"})),
    CallName.LOGICALITY: ("logicality_few_shot.txt", frozenset({"question", "answer"})),
    CallName.CLAIMS: ("find_fact_few_shot.txt", frozenset({"question", "answer"})),
    CallName.SUPPORT: ("faithfulness_few_shot.txt", frozenset({"statement", "context"})),
    CallName.KEY_POINTS: ("extract_info_en.txt", frozenset({"context", "question"})),
    CallName.COMPLETENESS: ("completeness_few_shot.txt", frozenset({"question", "context", "answer"})),
}
_REFERENCE_CHINESE = "extract_info_zh.txt"
_PLACEHOLDER = re.compile(r"<<(\w+)>>")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class PromptPack:
    """The templates of one judge. `version` is the pack's name, "@" and 12 hex digits of the SHA-256 of its files.

    `chinese` has the templates that take the place of others where the material is Chinese.
    """

    name: str
    version: str
    language: str
    templates: Mapping[CallName, str]
    material: tuple[str, ...] = ()
    kind: PackKind = PackKind.STUDIO
    chinese: Mapping[CallName, str] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a folder of either kind: `pack.toml` and the templates it names, or the LongReward repository's files.

        Line ends do not enter the version, so that a checkout on another system has the same one.

        Raises:
            Refused: a file is missing or unreadable, a call has no template, or a placeholder is missing or unknown.
        """
        if (folder / "pack.toml").exists():
            return cls._studio(folder)
        names = [name for name, _ in _REFERENCE.values()] + [_REFERENCE_CHINESE]
        missing = [name for name in names if not (folder / name).exists()]
        if not missing:
            return cls._reference(folder)
        what = "there is no such folder" if not folder.is_dir() else "this folder is no prompt pack"
        raise Refused(
            f"{what}: it needs a pack.toml, or the files of the LongReward repository, of which these are missing: "
            + ", ".join(missing),
            where=str(folder),
        )

    @classmethod
    def _reference(cls, folder: Path) -> Self:
        digest = hashlib.sha256()

        def template(name: str, needed: frozenset[str]) -> str:
            text = _read(folder / name)
            if missing := needed - set(_PLACEHOLDER.findall(text)):
                sentence = f"the placeholder <<{min(missing)}>> is missing from the template"
                raise Refused(sentence, where=f"{folder.name}/{name}")
            digest.update(f"\x1e{name}\x1f{text}".encode())
            return text

        templates = {call: template(name, needed) for call, (name, needed) in _REFERENCE.items()}
        chinese = {CallName.KEY_POINTS: template(_REFERENCE_CHINESE, _REFERENCE[CallName.KEY_POINTS][1])}
        name = PackKind.REFERENCE.value
        return cls(
            name=name,
            version=f"{name}@{digest.hexdigest()[:12]}",
            language="zh",
            templates=templates,
            kind=PackKind.REFERENCE,
            chinese=chinese,
        )

    @classmethod
    def _studio(cls, folder: Path) -> Self:
        manifest = _read(folder / "pack.toml")
        try:
            pack = tomllib.loads(manifest)
        except tomllib.TOMLDecodeError as error:
            raise Refused(f"this is not TOML ({error})", where=f"{folder.name}/pack.toml") from error
        where = f"{folder.name}/pack.toml"
        digest = hashlib.sha256(manifest.encode("utf-8"))
        templates: dict[CallName, str] = {}
        for call in CallName:
            entry = _table(_table(pack, "templates", where=where), call.value, where=where)
            file = _string(entry, "file", where=where)
            templates[call] = _read(folder / file)
            _check(call, templates[call], declared=entry.get("placeholders"), where=f"{folder.name}/{file}")
            digest.update(f"\x1e{call.value}\x1f{templates[call]}".encode())
        name = _string(pack, "name", where=where)
        return cls(
            name=name,
            version=f"{name}@{digest.hexdigest()[:12]}",
            language=_string(pack, "language", where=where),
            templates=templates,
            material=tuple(str(tag) for tag in pack.get("material", ())),
        )

    def render(self, call: CallName, **values: str) -> str:
        """Fill in the template of a call of a studio pack, in one pass: no value is ever filled in again.

        A closing tag of the pack's `material` inside a value is broken up, so that a document cannot pretend to end
        where it does not. Lone surrogates, which no request could carry, become U+FFFD.

        Raises:
            ValueError: `values` are not exactly those of the call.
        """
        if values.keys() != _VALUES[call]:
            raise ValueError(f"{call.value} takes {sorted(_VALUES[call])}, not {sorted(values)}")
        safe = {name: self._harmless(value) for name, value in values.items()}
        return _PLACEHOLDER.sub(lambda found: safe[found[1]], self.templates[call])

    def _harmless(self, value: str) -> str:
        if self.material and "</" in value:
            tags = "|".join(map(re.escape, self.material))
            value = re.sub(rf"<(/\s*(?:{tags})\s*>)", r"< \1", value, flags=re.IGNORECASE)
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def _read(path: Path) -> str:
    where = f"{path.parent.name}/{path.name}"
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"this file of the prompt pack is not UTF-8 ({error})", where=where) from error
    except OSError as error:
        raise Refused(f"this file of the prompt pack cannot be read ({error.strerror})", where=where) from error


def _table(parent: Mapping[str, Any], key: str, *, where: str) -> Mapping[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise Refused(f"the table {key!r} is missing", where=where)
    return value


def _string(parent: Mapping[str, Any], key: str, *, where: str) -> str:
    value = parent.get(key)
    if not isinstance(value, str) or not value:
        raise Refused(f"{key!r} is missing or is not a text", where=where)
    return value


def _check(call: CallName, template: str, *, declared: object, where: str) -> None:
    used = set(_PLACEHOLDER.findall(template))
    needed = _VALUES[call]
    if not isinstance(declared, list) or set(map(str, declared)) != needed:
        raise Refused(f"the placeholders of {call.value} must be declared as {sorted(needed)}", where=where)
    if missing := needed - used:
        raise Refused(f"the placeholder <<{min(missing)}>> is missing from the template", where=where)
    if unknown := used - needed:
        raise Refused(f"the template has an unknown placeholder <<{min(unknown)}>>", where=where)
