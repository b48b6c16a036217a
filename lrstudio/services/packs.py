"""The prompt packs that the studio knows: ours, which nobody changes, and those of the person."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lrstudio.domain.errors import Environment, Refused
from lrstudio.judge.packs import CallName, PackKind, Problem, PromptPack, TemplateFile, find_problems, template_files
from lrstudio.services.pack_versions import PackVersion, PackVersions, pack_files, write_files
from lrstudio.services.who_when import Clock, utc_now
from lrstudio.text.resources import resource

_NAME = re.compile(r"\w(?:[\w.-]{0,62}\w)?")
_NAME_LINE = re.compile(r"^(name[ \t]*=[ \t]*).*$", re.MULTILINE)


class Origin(StrEnum):
    """Where a pack lies: with the studio, in the person's own folder, beside the project, or where they said."""

    SHIPPED = "shipped"
    OWN = "own"
    PROJECT = "project"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class PackInfo:
    """A prompt pack. `version` is "" where no judge could use it, and `trouble` then says why."""

    name: str
    folder: Path
    origin: Origin
    kind: PackKind
    version: str
    trouble: str = ""

    @property
    def editable(self) -> bool:
        """Whether it may be changed."""
        return self.origin is not Origin.SHIPPED


@dataclass(frozen=True, slots=True)
class TemplateText:
    """A template of a pack, with the text that stands in its file."""

    template: TemplateFile
    text: str

    @property
    def file(self) -> str:
        """The template's file, which names it within the pack."""
        return self.template.file


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What changed in one template: lines of a unified diff, without its head; empty where nothing did."""

    file: str
    lines: tuple[str, ...]


class Packs:
    """Find, read, check, copy and change prompt packs.

    Args:
        home: the folder with the person's own packs, one folder each; it need not exist.
        project: the project file, None where none is open. Its packs are in NAME.prompts beside it.
        named: folders of packs that the person named.
        clock: the time that versions are kept with.
    """

    def __init__(
        self, home: Path, *, project: Path | None = None, named: Sequence[Path] = (), clock: Clock = utc_now
    ) -> None:
        self._home = home
        self._beside = project.with_suffix(".prompts") if project else None
        self._named = named
        self._clock = clock

    def known(self) -> tuple[PackInfo, ...]:
        """Return the packs: ours first, then the person's, the project's, and the folders named; by name."""
        shipped = _folders(resource("prompts"))
        found = [_info(folder, Origin.SHIPPED) for folder in shipped]
        found += [_info(folder, Origin.OWN) for folder in _folders(self._home)]
        found += [_info(folder, Origin.PROJECT) for folder in (_folders(self._beside) if self._beside else ())]
        there = {it.folder.resolve() for it in found}
        named = [folder for folder in dict.fromkeys(self._named) if folder.resolve() not in there]
        return (*found, *(_info(folder, Origin.FOLDER) for folder in named))

    def find(self, name: str) -> PackInfo:
        """Return a pack by its name, or by its folder.

        Raises:
            Refused: there is none.
        """
        known = self.known()
        for it in known:
            if it.name == name:
                return it
        folder = Path(name).expanduser()
        if name and folder.is_dir():
            resolved = folder.resolve()
            return next((it for it in known if it.folder.resolve() == resolved), _info(folder, Origin.FOLDER))
        names = ", ".join(it.name for it in known)
        raise Refused(f"there is no prompt pack {name!r}: name a folder, or one of {names}", where="prompt pack")

    def folder(self, name: str) -> Path:
        """Return the folder to judge with: of a pack, or of one of its versions as NAME@DIGITS.

        Raises:
            Refused: there is no such pack or version.
        """
        try:
            info = self.find(name)
        except Refused:
            pack, at, digits = name.rpartition("@")
            if not at:
                raise
            return self.versions(self.find(pack)).folder(digits)
        return self.versions(info).settled()

    def versions(self, info: PackInfo) -> PackVersions:
        """Return the versions of a pack."""
        return PackVersions(info.folder, clock=self._clock)

    def history(self, info: PackInfo) -> tuple[PackVersion, ...]:
        """Return the versions of a pack, the latest first."""
        return self.versions(info).history()

    def templates(self, info: PackInfo, *, version: str = "") -> tuple[TemplateText, ...]:
        """Return the templates of a pack, or of a version of it, as they stand in their files.

        Raises:
            Refused: there is no such version, or a file cannot be read.
        """
        return read_templates(self._at(info, version))

    def problems(self, info: PackInfo) -> tuple[Problem, ...]:
        """Return what is wrong with a pack; where that is with no template, it is named as a file of its own."""
        try:
            found = [problem for it in self.templates(info) for problem in find_problems(it.template, it.text)]
            if not any(problem.blocks for problem in found):
                PromptPack.load(info.folder)
        except Refused as error:
            return (Problem(error.where or info.name, 0, error.sentence),)
        return tuple(found)

    def copy(self, info: PackInfo, name: str, *, version: str = "", beside_project: bool = False) -> PackInfo:
        """Copy a pack under a new name, into the person's own folder or beside the project, and return the copy.

        Raises:
            Refused: the name is taken or cannot be a folder's, no project is open, or there is no such version.
            Environment: the folder cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise Refused("a name has letters, digits, points, hyphens and underscores, 64 at most", where="name")
        if any(it.name.casefold() == name.casefold() for it in self.known()):
            raise Refused(f"there is a prompt pack {name!r} already; choose another name", where="name")
        if beside_project and self._beside is None:
            raise Refused("no project is open to put it beside", where="project")
        into = self._beside if beside_project and self._beside else self._home
        source = self._at(info, version)
        contents = {file: (source / file).read_bytes() for file in pack_files(source)}
        if "pack.toml" in contents:
            text = contents["pack.toml"].decode()
            contents["pack.toml"] = _NAME_LINE.sub(lambda found: f'{found[1]}"{name}"', text, count=1).encode()
        try:
            into.mkdir(parents=True, exist_ok=True)
            staged = Path(tempfile.mkdtemp(dir=into, prefix=".new-"))
            try:
                write_files(staged, contents)
                PackVersions(staged, clock=self._clock).keep(note=f"copied from {info.name}")
                staged.chmod(0o755)
                staged.rename(into / name)
            finally:
                shutil.rmtree(staged, ignore_errors=True)
        except OSError as error:
            raise Environment(f"the copy cannot be written ({error.strerror})", where=str(into / name)) from error
        return _info(into / name, Origin.PROJECT if beside_project else Origin.OWN)

    def save(self, info: PackInfo, edits: Mapping[str, str], *, note: str = "") -> PackInfo:
        """Save edited templates as a new version; `info` is the pack as it was when the person began.

        Raises:
            Refused: the pack comes with the studio, was changed meanwhile, or a template is not sound.
            Environment: the folder cannot be written.
        """
        self._changeable(info)
        versions = self.versions(info)
        if info.version and (now := versions.current()) != info.version:
            raise Refused(
                f"the pack has become {now or 'unusable'} since you opened it as {info.version}; look at it again",
                where=info.name,
            )
        versions.save(edits, note=note)
        return _info(info.folder, info.origin)

    def restore(self, info: PackInfo, version: str) -> PackInfo:
        """Go back to a version of a pack.

        Raises:
            Refused: the pack comes with the studio, or there is no such version.
            Environment: the folder cannot be written.
        """
        self._changeable(info)
        self.versions(info).restore(version)
        return _info(info.folder, info.origin)

    def keep(self, *names: str) -> None:
        """Keep what is to be tried as versions, as far as the packs are the person's: numbers are about one text.

        Raises:
            Refused: there is no such pack, or it cannot be used.
            Environment: the folder cannot be written.
        """
        for info in self.known():
            if info.name in names and info.origin in (Origin.OWN, Origin.PROJECT):
                self.versions(info).keep(note="tried")

    def diff(self, before: str, after: str) -> tuple[FileDiff, ...]:
        """Return what tells two packs or versions apart, template by template; each is named as `folder` takes it.

        Raises:
            Refused: there is no such pack or version, or they are of different kinds.
        """
        one, other = (read_templates(self.folder(name)) for name in (before, after))
        by_place = {_place(it): it for it in one}
        if by_place.keys() != {_place(it) for it in other}:
            raise Refused(f"{before} and {after} are packs of different kinds: their templates cannot be compared")
        return tuple(diff_of(it.file, by_place[_place(it)].text, it.text) for it in other)

    def _at(self, info: PackInfo, version: str) -> Path:
        versions = self.versions(info)
        return versions.folder(version) if version else versions.settled()

    def _changeable(self, info: PackInfo) -> None:
        if not info.editable:
            raise Refused(
                "this pack comes with the studio; copy it under a name of your own and change the copy",
                where=info.name,
            )


def packs_home(profile: Path) -> Path:
    """Return the folder of the person's own packs: the platform's for data, or in the profile where one was named."""
    if os.environ.get("LRSTUDIO_PROFILE"):
        return profile / "prompts"
    import platformdirs

    return platformdirs.user_data_path("lrstudio", appauthor=False) / "prompts"


def read_templates(folder: Path) -> tuple[TemplateText, ...]:
    """Return the templates in a folder as they stand.

    Raises:
        Refused: the folder is no pack, or a file of it cannot be read.
    """
    _, files = template_files(folder)
    made = []
    for it in files:
        try:
            text = (folder / it.file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"this template cannot be read ({error})", where=f"{folder.name}/{it.file}") from error
        made.append(TemplateText(it, text))
    return tuple(made)


def diff_of(file: str, before: str, after: str, *, around: int = 3) -> FileDiff:
    """Return what changed from one text to another, with some lines around it."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=around)
    return FileDiff(file, tuple(lines)[2:])


def _place(it: TemplateText) -> tuple[CallName, bool]:
    return it.template.call, it.template.chinese


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(it for it in parent.iterdir() if it.is_dir() and not it.name.startswith((".", "_")))


def _info(folder: Path, origin: Origin) -> PackInfo:
    name = folder.resolve().name if origin is not Origin.FOLDER else str(folder)
    kind = PackKind.STUDIO if (folder / "pack.toml").exists() else PackKind.REFERENCE
    try:
        pack = PromptPack.load(PackVersions(folder, clock=utc_now).settled())
    except Refused as error:
        return PackInfo(name, folder, origin, kind, "", str(error))
    return PackInfo(name, folder, origin, kind, pack.version)
