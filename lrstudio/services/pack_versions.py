"""The versions of one prompt pack: every one that was saved is kept whole, in a hidden folder inside the pack's own.

A version is written beside the others and renamed into place, so it is there whole or not at all. The files that a
judge reads are then replaced one by one; a note says to which version, so that the next look at the pack ends what a
crash broke off.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lrstudio.domain.errors import Environment, Refused
from lrstudio.judge.packs import PackKind, PromptPack, find_problems, template_files
from lrstudio.services.who_when import Clock

FOLDER = ".versions"
_ABOUT = "version.json"
_PENDING = "pending"
_DIGITS = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class PackVersion:
    """A version of a pack as it was kept. `number` counts from 1; `current` is what a judge would read now."""

    version: str
    number: int
    time: str
    note: str
    folder: Path
    current: bool = False

    @property
    def digits(self) -> str:
        """The twelve digits behind the @."""
        return digits_of(self.version)


class PackVersions:
    """The versions of the pack in one folder. Reading writes nothing; the methods that write say so."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    @property
    def _kept(self) -> Path:
        return self._folder / FOLDER

    def history(self) -> tuple[PackVersion, ...]:
        """Return the kept versions and the current one, the latest first; one that cannot be read is left out."""
        current = self.current()
        folders = self._kept.iterdir() if self._kept.is_dir() else ()
        kept = [_read_about(folder) for folder in folders if _DIGITS.fullmatch(folder.name)]
        found = [replace(it, current=it.version == current) for it in kept if it is not None]
        if current and not any(it.current for it in found):
            number = max((it.number for it in found), default=0) + 1
            note = "edited outside the studio" if found else ""
            found.append(PackVersion(current, number, "", note, self._folder, current=True))
        return tuple(sorted(found, key=lambda it: (it.number, it.time, it.version), reverse=True))

    def current(self) -> str:
        """Return the version that a judge would read now, "" where the pack cannot be used."""
        try:
            return PromptPack.load(self.settled()).version
        except Refused:
            return ""

    def settled(self) -> Path:
        """Return the folder to read the pack from: its own, or the version that a broken-off save was putting there."""
        pending = self._pending()
        return pending if pending is not None else self._folder

    def folder(self, version: str) -> Path:
        """Return the folder of a version: its name, its digits, or enough of them; the pack's own for the current one.

        Raises:
            Refused: there is no such version, or several begin so.
        """
        wanted = digits_of(version)
        history = self.history()
        found = [it for it in history if wanted and it.digits.startswith(wanted)]
        if len(found) == 1:
            return found[0].folder
        known = ", ".join(it.digits for it in history) or "none"
        what = f"several versions begin with {wanted}" if found else f"there is no version {version!r}"
        raise Refused(f"{what}; these are kept: {known}", where=self._folder.name)

    def save(self, edits: Mapping[str, str], *, note: str = "") -> str:
        """Put new texts in place of templates, as a new version, and return its name. Nothing stays half-written.

        Args:
            edits: texts by the template's file; the others stay as they are.
            note: what was changed, in words.

        Raises:
            Refused: a template would lack a placeholder, has an unknown one, or is no part of the pack.
            Environment: the folder cannot be written.
        """
        with self._writing():
            self._finish()
            _, templates = template_files(self._folder)
            known = {it.file: it for it in templates}
            for file, text in edits.items():
                if file not in known:
                    raise Refused(f"this pack has no template {file!r}", where=self._folder.name)
                for problem in find_problems(known[file], text):
                    if problem.blocks:
                        raise Refused(problem.sentence, where=_where(file, problem.line))
            texts = {file: text.replace("\r\n", "\n").replace("\r", "\n").encode() for file, text in edits.items()}
            changed = {file: text for file, text in texts.items() if not _unchanged(self._folder / file, text)}
            self._keep_current(note="edited outside the studio" if self._kept.is_dir() else "")
            self._put_in_place(self._keep(self._contents() | changed, note=note, sound=True))
            return PromptPack.load(self._folder).version

    def restore(self, version: str) -> str:
        """Go back, or forward, to a kept version, and return its name. What is there now is kept first.

        Raises:
            Refused: there is no such version.
            Environment: the folder cannot be written.
        """
        with self._writing():
            self._finish()
            folder = self.folder(version)
            if folder != self._folder:
                self._keep_current(note="edited outside the studio")
                self._put_in_place(folder)
            return PromptPack.load(self._folder).version

    def keep(self, *, note: str = "") -> str:
        """Keep what is there now as a version, where it is none yet, and return its name.

        Raises:
            Refused: the pack cannot be used as it is.
            Environment: the folder cannot be written.
        """
        with self._writing():
            self._finish()
            version = PromptPack.load(self._folder).version
            self._keep_current(note=note)
            return version

    def _keep_current(self, *, note: str) -> None:
        """Keep what is there now. What no judge could use is no version, but its files are put aside all the same."""
        self._keep(self._contents(), note=note)

    def _contents(self) -> dict[str, bytes]:
        return {name: (self._folder / name).read_bytes() for name in pack_files(self._folder)}

    def _keep(self, contents: Mapping[str, bytes], *, note: str, sound: bool = False) -> Path:
        self._kept.mkdir(exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=self._kept, prefix=".new-"))
        try:
            write_files(staged, contents)
            try:
                version = PromptPack.load(staged).version
            except Refused as error:
                if sound:  # named as the person knows it, not by the folder it was put together in
                    where = error.where.removeprefix(f"{staged.name}/")
                    raise Refused(error.sentence, where=where) from error
                whole = hashlib.sha256(json.dumps({k: v.hex() for k, v in sorted(contents.items())}).encode())
                target = self._kept / f"unusable-{whole.hexdigest()[:12]}"
            else:
                target = self._kept / digits_of(version)
                if not target.exists():
                    number = max((it.number for it in self.history() if it.folder != self._folder), default=0) + 1
                    about = {"version": version, "number": number, "time": self._clock(), "note": note}
                    (staged / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
            if not target.exists():
                staged.rename(target)
            return target
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def _put_in_place(self, version: Path) -> None:
        """Make the pack's own files those of a version; a note is there as long as they are not."""
        replaced = [
            name for name in pack_files(version) if not _unchanged(self._folder / name, (version / name).read_bytes())
        ]
        if len(replaced) > 1:
            replace_file(self._kept / _PENDING, version.name.encode())
        for name in replaced:
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._folder / name, (version / name).read_bytes())
        (self._kept / _PENDING).unlink(missing_ok=True)

    def _finish(self) -> None:
        """End what a crash broke off."""
        pending = self._pending()
        if pending is not None:
            self._put_in_place(pending)

    def _pending(self) -> Path | None:
        try:
            name = (self._kept / _PENDING).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return None
        folder = self._kept / name
        return folder if _DIGITS.fullmatch(name) and folder.is_dir() else None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            sentence = f"the prompt pack cannot be written ({error.strerror or error}); it is as it was"
            raise Environment(sentence, where=str(self._folder)) from error


def digits_of(version: str) -> str:
    """Return the digits of a version's name, which stand behind the @; of digits alone, those."""
    return version.rpartition("@")[2]


def pack_files(folder: Path) -> tuple[str, ...]:
    """Return the files that a pack is made of, and no others of its folder.

    Raises:
        Refused: the folder is no pack, or a template lies outside of it.
    """
    kind, templates = template_files(folder)
    names = dict.fromkeys(it.file for it in templates)
    for name in names:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise Refused("a template must lie in the pack's own folder", where=f"{folder.name}/{name}")
    return (("pack.toml",) if kind is PackKind.STUDIO else ()) + tuple(names)


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a new folder."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def replace_file(path: Path, content: bytes) -> None:
    """Put new content in place of a file's at once."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _unchanged(path: Path, content: bytes) -> bool:
    """Tell whether a file holds this but for its line ends, which are no part of a version."""
    try:
        return path.read_bytes().replace(b"\r\n", b"\n") == content.replace(b"\r\n", b"\n")
    except FileNotFoundError:
        return False


def _read_about(folder: Path) -> PackVersion | None:
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return PackVersion(str(about["version"]), int(about["number"]), str(about["time"]), str(about["note"]), folder)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _where(file: str, line: int) -> str:
    return f"{file} line {line}" if line else file
