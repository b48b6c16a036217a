"""The running package as a wheel, made from its own files: the same content gives the same bytes, wherever it runs."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lrstudio
from lrstudio.domain.errors import Environment

_PACKAGE: Final = Path(lrstudio.__file__).resolve().parent
_RESOURCES: Final = "_resources"
_CONSTRAINTS: Final = "constraints.txt"
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT: Final = (".pyc", ".pyo")


@dataclass(frozen=True, slots=True)
class OwnWheel:
    """A wheel of this package: the file, and its SHA-256."""

    path: Path
    sha256: str


def own_wheel(folder: Path) -> OwnWheel:
    """Make the wheel of the running package in a folder, or find it there.

    It is not compressed, so that no version of a compressor has a say in its bytes, and it names no dependencies: what
    a host needs is installed beside it, pinned.

    Raises:
        Environment: the package's own files are not there, or the folder cannot be written.
    """
    files = dict(_files())
    if f"{_PACKAGE.name}/__init__.py" not in files:
        raise Environment("the studio's own source is not there to be sent; install it with pip", where=str(_PACKAGE))
    info = f"{_PACKAGE.name}-{lrstudio.__version__}.dist-info"
    texts = {f"{info}/METADATA": _METADATA, f"{info}/WHEEL": _WHEEL}
    try:
        contents = {name: path.read_bytes() for name, path in files.items()}
        contents |= {name: text.encode() for name, text in texts.items()}
        contents[f"{info}/RECORD"] = _record(contents, f"{info}/RECORD")
        return _written(folder, contents)
    except OSError as error:
        raise Environment(
            f"the studio's own wheel cannot be made: {error.strerror or error}", where=str(folder)
        ) from error


def constraints() -> str:
    """Return the versions that the studio is tested with, as pip takes them.

    Raises:
        Environment: the installation lacks them.
    """
    for place in _constraint_places():
        with suppress(FileNotFoundError):
            return place.read_text(encoding="utf-8")
    raise Environment("the list of tested versions is missing from this installation; install the studio again")


def constraints_path() -> Path:
    """Return the file of the versions that the studio is tested with; see `constraints`."""
    return next((it for it in _constraint_places() if it.is_file()), _constraint_places()[0])


def _constraint_places() -> tuple[Path, Path]:
    # A wheel carries the file inside the package; a checkout and an editable install have it beside it.
    return _PACKAGE / _RESOURCES / _CONSTRAINTS, _PACKAGE.parent / "packaging" / _CONSTRAINTS


def _files() -> Iterator[tuple[str, Path]]:
    """List the package's files by their names in the wheel."""
    yield from _below(_PACKAGE, _PACKAGE.name)
    if not (_PACKAGE / _RESOURCES).is_dir():
        yield from _below(_PACKAGE.parent / "resources", f"{_PACKAGE.name}/{_RESOURCES}")
        yield f"{_PACKAGE.name}/{_RESOURCES}/{_CONSTRAINTS}", _constraint_places()[1]


def _below(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    for where, folders, files in os.walk(folder):
        folders[:] = [it for it in folders if it != "__pycache__" and not it.startswith(".")]
        for file in files:
            path = Path(where) / file
            if not file.startswith(".") and path.suffix not in _LEFT_OUT:
                yield "/".join((name, *path.relative_to(folder).parts)), path


def _record(contents: dict[str, bytes], own: str) -> bytes:
    """Return the wheel's list of files: name, SHA-256, size; its own line has neither."""
    lines = []
    for name in sorted(contents):
        digest = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(contents[name])}\n")
    return "".join([*lines, f"{own},,\n"]).encode()


def _written(folder: Path, contents: dict[str, bytes]) -> OwnWheel:
    name = f"{_PACKAGE.name}-{lrstudio.__version__}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{name}-{secrets.token_hex(4)}"
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as wheel:
            for each in sorted(contents, key=lambda it: (".dist-info/" in it, it)):  # as the format advises
                entry = zipfile.ZipInfo(each, _DATE)
                entry.create_system, entry.external_attr = 3, 0o100644 << 16
                wheel.writestr(entry, contents[each])
        sha256 = hashlib.sha256(unfinished.read_bytes()).hexdigest()
        target = folder / sha256 / name
        target.parent.mkdir(exist_ok=True)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return OwnWheel(target, sha256)


_METADATA: Final = f"""\
Metadata-Version: 2.1
Name: {_PACKAGE.name}
Version: {lrstudio.__version__}
Summary: {(lrstudio.__doc__ or "").strip()}
Requires-Python: >=3.11
"""
_WHEEL: Final = """\
Wheel-Version: 1.0
Generator: lrstudio
Root-Is-Purelib: true
Tag: py3-none-any
"""
