"""The one place where words become text for a shell.

A host is always sent the same command line. The words and the environment follow as one line on its standard input,
quoted, so that they are never seen by the login shell, stand in no list of processes before their program does, and are
not bounded by what a command line may hold. What is left of the input belongs to the program.
"""

from __future__ import annotations

import re
import secrets
import shlex
from dataclasses import dataclass
from typing import Final

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training.hosts.transport import Command, Ran

ENTRY: Final = """exec /bin/sh -c 'IFS= read -r _lrstudio_line && eval "$_lrstudio_line"'"""
"""The command line: free of anything that sh, bash, zsh, csh or fish would read differently."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE_END = """'"$_lrstudio_end"'"""


@dataclass(frozen=True, slots=True)
class Script:
    """A command as bytes for the standard input of `ENTRY`, and the mark behind which its own output begins.

    With `tells_status` the status stands behind a second mark at the end of the errors, for a carrier whose own status
    may be its own trouble.
    """

    data: bytes
    mark: str
    tells_status: bool = False

    def ran(self, *, status: int, out: bytes, err: bytes) -> Ran | None:
        """Take off what a login shell wrote before the command began; None where a told status is missing.

        Raises:
            Environment: the command did not begin.
        """
        begin = f"{self.mark}\n".encode()
        noise, found, out = out.partition(begin)
        if not found and not self.tells_status:
            said = Ran(status, noise, err).said
            raise Environment(f"the login shell there runs no commands{f': {said}' if said else ''}")
        err = err.partition(begin)[2]
        if not self.tells_status:
            return Ran(status, out, err)
        err, found, told = err.rpartition(f"\n{self.mark} ".encode())
        return Ran(_signal_or_status(int(told)), out, err) if found else None


def script(command: Command, *, tells_status: bool = False) -> Script:
    """Write a command down for a shell, every word and value as it is.

    Raises:
        Refused: a word or value has a zero byte or no encoding, a variable has no name, or there is no word.
    """
    if not command.words:
        raise Refused("a command has at least one word", where="command")
    mark = f"lrstudio-{secrets.token_hex(8)}"
    parts = [r"_lrstudio_end=$(printf '\n_'); _lrstudio_end=${_lrstudio_end%_}"]
    parts += [f"printf '%s\\n' {mark}", f"printf '%s\\n' {mark} >&2"]
    for name, value in command.environment.items():
        if not _NAME.fullmatch(name):
            raise Refused("a variable's name has letters, digits and '_', and begins with no digit", where=repr(name))
        parts.append(f"export {name}={_quoted(value)}")
    words = " ".join(_quoted(word) for word in command.words)
    if tells_status:
        parts += [words, f"printf '\\n{mark} %s' $? >&2"]
    else:
        parts.append(f"exec {words}")
    return Script("; ".join(parts).encode("utf-8", "surrogateescape") + b"\n" + command.input, mark, tells_status)


def _quoted(text: str) -> str:
    if "\0" in text:
        raise Refused("a zero byte cannot be part of a word", where=repr(text))
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise Refused("this text has no encoding", where=repr(text)) from error
    # The line is read up to its end, so that none may stand in it; a quoted text has them only within single quotes.
    return shlex.quote(text).replace("\n", _LINE_END)


def _signal_or_status(told: int) -> int:
    """Undo how a shell says that a signal ended a program."""
    return 128 - told if 128 < told < 128 + 65 else told
