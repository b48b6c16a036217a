"""Prompt packs: a folder with one template per judge call, named by what is in it. There are two kinds of folders."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
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
# What somebody took for a placeholder and is none: a space inside, or one bracket short.
_NEARLY = re.compile(r"(?<!<)<<(?!\w+>>)\s*\w+\s*>>?(?!>)|(?<!<)<\w+>>(?!>)")


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """One template in a pack's folder: its file, and the placeholders that it must hold.

    `chinese` takes the place of another where the material is Chinese. `strict` says that other placeholders are a
    fault: the texts of a reference pack may hold them, for they were written for another program.
    """

    call: CallName
    file: str
    needed: frozenset[str]
    chinese: bool = False
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a template: `line` counts from 1 and is 0 for the whole; one that blocks keeps it from use."""

    file: str
    line: int
    sentence: str
    blocks: bool = True

    def __str__(self) -> str:
        """Say where and what."""
        return f"{self.file}{f' line {self.line}' if self.line else ''}: {self.sentence}"


def find_problems(template: TemplateFile, text: str) -> tuple[Problem, ...]:
    """Return what is wrong with the text of a template, in order of its lines."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        for name in dict.fromkeys(_PLACEHOLDER.findall(line)):
            if name not in template.needed:
                sentence = f"the template has an unknown placeholder <<{name}>>"
                found.append(Problem(template.file, number, sentence, blocks=template.strict))
        found += [
            Problem(
                template.file, number, f"{nearly[0]} is no placeholder; it would be sent as it stands", blocks=False
            )
            for nearly in _NEARLY.finditer(line)
        ]
        if _SURROGATE.search(line):
            found.append(Problem(template.file, number, "this line holds half a character, which no file can hold"))
    used = set(_PLACEHOLDER.findall(text))
    found += [
        Problem(template.file, 0, f"the placeholder <<{name}>> is missing from the template")
        for name in sorted(template.needed - used)
    ]
    return tuple(found)


def template_files(folder: Path) -> tuple[PackKind, tuple[TemplateFile, ...]]:
    """Tell what kind of pack a folder is, and the templates it is made of, in the order of the calls.

    Raises:
        Refused: the folder is no pack, or its pack.toml cannot be read.
    """
    if (folder / "pack.toml").exists():
        _, named = _manifest(folder)
        return PackKind.STUDIO, tuple(TemplateFile(call, named[call][0], _VALUES[call]) for call in CallName)
    names = [name for name, _ in _REFERENCE.values()] + [_REFERENCE_CHINESE]
    if missing := [name for name in names if not (folder / name).exists()]:
        what = "there is no such folder" if not folder.is_dir() else "this folder is no prompt pack"
        raise Refused(
            f"{what}: it needs a pack.toml, or the files of the LongReward repository, of which these are missing: "
            + ", ".join(missing),
            where=str(folder),
        )
    files = [TemplateFile(call, name, needed, strict=False) for call, (name, needed) in _REFERENCE.items()]
    of_chinese = _REFERENCE[CallName.KEY_POINTS][1]
    return PackKind.REFERENCE, (
        *files,
        TemplateFile(CallName.KEY_POINTS, _REFERENCE_CHINESE, of_chinese, chinese=True, strict=False),
    )


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
        kind, files = template_files(folder)
        return cls._studio(folder, files) if kind is PackKind.STUDIO else cls._reference(folder, files)

    @classmethod
    def _reference(cls, folder: Path, files: Sequence[TemplateFile]) -> Self:
        digest = hashlib.sha256()
        templates: dict[CallName, str] = {}
        chinese: dict[CallName, str] = {}
        for it in files:
            text = _sound(it, folder)
            digest.update(f"\x1e{it.file}\x1f{text}".encode())
            (chinese if it.chinese else templates)[it.call] = text
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
    def _studio(cls, folder: Path, files: Sequence[TemplateFile]) -> Self:
        manifest, named = _manifest(folder)
        digest = hashlib.sha256(_read(folder / "pack.toml").encode("utf-8"))
        templates: dict[CallName, str] = {}
        for it in files:
            _check_declared(it.call, named[it.call][1], where=f"{folder.name}/{it.file}")
            templates[it.call] = _sound(it, folder)
            digest.update(f"\x1e{it.call.value}\x1f{templates[it.call]}".encode())
        where = f"{folder.name}/pack.toml"
        name = _string(manifest, "name", where=where)
        return cls(
            name=name,
            version=f"{name}@{digest.hexdigest()[:12]}",
            language=_string(manifest, "language", where=where),
            templates=templates,
            material=tuple(str(tag) for tag in manifest.get("material", ())),
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
        for tag in self.material:
            value = re.sub(rf"<(/\s*{re.escape(tag)}\s*>)", r"< \1", value, flags=re.IGNORECASE)
        return _SURROGATE.sub("\ufffd", value)


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


def _manifest(folder: Path) -> tuple[Mapping[str, Any], Mapping[CallName, tuple[str, object]]]:
    """Return what pack.toml says, and for each call the file it names and the placeholders it declares."""
    where = f"{folder.name}/pack.toml"
    try:
        pack = tomllib.loads(_read(folder / "pack.toml"))
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"this is not TOML ({error})", where=where) from error
    named = {}
    for call in CallName:
        entry = _table(_table(pack, "templates", where=where), call.value, where=where)
        named[call] = (_string(entry, "file", where=where), entry.get("placeholders"))
    return pack, named


def _sound(template: TemplateFile, folder: Path) -> str:
    """Return the text of a template that nothing keeps from use."""
    text = _read(folder / template.file)
    for problem in find_problems(template, text):
        if problem.blocks:
            line = f" line {problem.line}" if problem.line else ""
            raise Refused(problem.sentence, where=f"{folder.name}/{template.file}{line}")
    return text


def _check_declared(call: CallName, declared: object, *, where: str) -> None:
    needed = _VALUES[call]
    if not isinstance(declared, list) or set(map(str, declared)) != needed:
        raise Refused(f"the placeholders of {call.value} must be declared as {sorted(needed)}", where=where)
