"""Vectors from a model on this machine, in a process of its own: only that one imports torch."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import anyio
import numpy as np
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from lrstudio.domain.errors import Environment, Refused
from lrstudio.judge.protocol import CallLog
from lrstudio.text.vectors import Vectors

_LONGEST_LINE = 1 << 26
_GRACE = 5.0
_EDGE = 1 << 20
_WEIGHTS = (".safetensors", ".bin")


class LocalEmbedder:
    """A folder with a sentence-embedding model. One batch at a time: the model uses every core it is given."""

    def __init__(self, folder: Path, *, command: Sequence[str] = ()) -> None:
        """Name the model; it is loaded when the first text comes.

        Args:
            folder: the model as transformers saves it.
            command: what to start, followed by the folder; else the worker, in this Python.

        Raises:
            Refused: the folder holds no model.
        """
        self._folder = folder
        self._command = [*(command or (sys.executable, "-m", "lrstudio.worker.embed")), str(folder)]
        self._name = f"local {folder.resolve().name}@{_fingerprint(folder)}"
        self._turn = anyio.Lock()
        self._process: Process | None = None
        self._lines: BufferedByteReceiveStream | None = None
        self._errors: IO[bytes] | None = None
        self._number = 0

    @property
    def name(self) -> str:
        """The folder's name and what is in it: a moved model keeps its vectors, an exchanged one does not."""
        return self._name

    async def embed(self, texts: Sequence[str], *, calls: CallLog) -> Vectors:
        """Return one row for each text. Nothing leaves the machine, so nothing is written down.

        Raises:
            Refused: the model cannot be loaded, or torch is not installed.
            Environment: the process ended.
        """
        async with self._turn:
            if self._process is None:
                await self._start()
            self._number += 1
            reply = await self._exchange({"number": self._number, "texts": list(texts)})
        rows = np.frombuffer(base64.b64decode(reply["vectors"]), dtype="<f4").reshape(len(texts), reply["width"])
        return rows.astype(np.float32)

    async def aclose(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with anyio.CancelScope(shield=True):
            if process.stdin is not None:
                await process.stdin.aclose()
            with anyio.move_on_after(_GRACE):
                await process.wait()
            if process.returncode is None:
                process.kill()
            await process.aclose()
        if self._errors is not None:
            self._errors.close()

    async def _start(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads would fill up
        self._process = await anyio.open_process(self._command, stderr=self._errors)
        if self._process.stdout is None:
            raise RuntimeError("the process was started without its standard output")
        self._lines = BufferedByteReceiveStream(self._process.stdout)
        first = await self._read()
        if "refused" in first:
            await self.aclose()
            raise Refused(f"the local model cannot be used: {first['refused']}", where="embedding model")

    async def _exchange(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Send one line and read the answer to it; answers to questions that were given up are passed over."""
        line = json.dumps(asked).encode("ascii") + b"\n"
        try:
            with anyio.CancelScope(shield=True):  # half a line would spoil the next one
                if self._process is not None and self._process.stdin is not None:
                    await self._process.stdin.send(line)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise await self._ended() from error
        while True:
            reply = await self._read()
            if reply.get("number") == asked["number"]:
                return reply

    async def _read(self) -> dict[str, Any]:
        if self._lines is None:
            raise RuntimeError("the process was not started")
        try:
            line = await self._lines.receive_until(b"\n", _LONGEST_LINE)
            reply: dict[str, Any] = json.loads(line)
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError, ValueError) as error:
            raise await self._ended() from error
        return reply

    async def _ended(self) -> Environment:
        """Say that the process is gone, with the last it said; the next text starts another one."""
        said = b""
        with anyio.move_on_after(1.0):
            if self._process is not None:
                await self._process.wait()
        if self._errors is not None:
            self._errors.seek(0)
            said = self._errors.read()
        last = " ".join(said.decode("utf-8", "replace").strip().splitlines()[-1:])
        status = self._process.returncode if self._process else None
        await self.aclose()
        return Environment(f"the local embedding model ended (status {status}): {last}", where=str(self._folder))


def _fingerprint(folder: Path) -> str:
    """Return 12 digits that change with the model: of its settings, and of size and edges of each file of weights."""
    if not (folder / "config.json").is_file():
        raise Refused(
            "no sentence-embedding model is there; name a folder with config.json, weights and tokenizer, for instance "
            "one made by `hf download NAME --local-dir FOLDER`",
            where=str(folder),
        )
    digest = hashlib.sha256()
    for part in _parts(folder):
        digest.update(part)
    return digest.hexdigest()[:12]


def _parts(folder: Path) -> Iterator[bytes]:
    try:
        for path in sorted(folder.iterdir()):
            if path.suffix in (".json", ".txt"):
                yield path.name.encode() + path.read_bytes()
            elif path.suffix in _WEIGHTS:
                size = path.stat().st_size
                with path.open("rb") as file:
                    yield f"{path.name} {size}".encode() + file.read(_EDGE)
                    file.seek(max(0, size - _EDGE))
                    yield file.read()
    except OSError as error:
        raise Environment(f"the model cannot be read ({error.strerror})", where=str(folder)) from error
