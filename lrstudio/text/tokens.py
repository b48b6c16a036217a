"""Tokens as ranges of code points."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lrstudio.domain.errors import Environment, Refused
from lrstudio.text.resources import resource

if TYPE_CHECKING:
    import tokenizers

# The encoder holds the interpreter lock. 16,384 characters take 4 ms, and encode twice as fast as 1 MB in one call.
PIECE = 16_384
# A text without any place to cut (one endless word) is cut here at the latest.
_FARTHEST = 16 * PIECE

# Places where every byte-level pre-tokenizer starts a new word, so that pieces have the tokens of the whole: a space
# between letters; failing that, the end of a letter run before punctuation (Chinese and Japanese, minified text).
_SPACE = re.compile(r"(?<=[^\W\d_])(?= [^\W\d_])")
_PUNCTUATION = re.compile(r"(?<=[^\W\d_])(?=[^\w\s])")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")


class Tokenizer:
    """A byte-level tokenizer that says where its tokens are.

    `name` tells two tokenizers apart by content: file stem, "@", the first 12 digits of the file's SHA-256.
    """

    def __init__(self, encoder: tokenizers.Tokenizer, *, name: str) -> None:
        """Wrap a loaded encoder."""
        self._encoder = encoder
        self.name = name

    @classmethod
    def shipped(cls) -> Tokenizer:
        """Load the tokenizer that ships with the studio (4096 tokens, trained on its own samples)."""
        return cls.load(resource("tokenizer", "lrstudio-bpe.json"))

    @classmethod
    def load(cls, source: Path | str) -> Tokenizer:
        """Load a `tokenizer.json`, given as a file or as its text.

        Raises:
            Refused: it is not one, or it cannot be read.
        """
        import tokenizers

        stem, where, content = "tokenizer", "tokenizer", source
        if isinstance(source, Path):
            stem, where = source.stem, source.name
            try:
                content = source.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise Refused(f"the tokenizer cannot be read ({error})", where=where) from error
        try:
            encoder = tokenizers.Tokenizer.from_str(str(content))
        except Exception as error:  # the library raises nothing narrower
            raise Refused(f"this is not a tokenizer.json of the tokenizers library ({error})", where=where) from error
        return cls._whole(encoder, stem=stem, content=str(content))

    @classmethod
    def named(cls, name: str) -> Tokenizer:
        """Load the tokenizer that a person names: a local `tokenizer.json`, or an id of the Hugging Face hub.

        A path that exists is a file. An id is looked up in the hub's cache on this machine and fetched where it is not
        there, unless HF_HUB_OFFLINE forbids it.

        Raises:
            Refused: neither a file nor an id, or the hub may not be asked or has no such tokenizer.
            Environment: the hub cannot be reached.
        """
        path = Path(name).expanduser()
        if path.is_dir():
            path = path / "tokenizer.json"
        if path.exists() or not _HUB_ID.fullmatch(name) or path.suffix == ".json":
            return cls.load(path)
        return cls._from_hub(name)

    @classmethod
    def _from_hub(cls, name: str) -> Tokenizer:
        import tokenizers
        from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

        where, remedy = f"tokenizer {name}", "download its tokenizer.json and name that file"
        try:
            encoder = tokenizers.Tokenizer.from_pretrained(name)
        except LocalEntryNotFoundError as error:
            if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
                sentence = "it is not in the hub's cache here and HF_HUB_OFFLINE forbids fetching it; unset that, or"
                raise Refused(f"{sentence} {remedy}", where=where) from error
            sentence = f"the Hugging Face hub cannot be reached; try again, or {remedy}"
            raise Environment(sentence, where=where) from error
        except RepositoryNotFoundError as error:
            raise Refused(
                f"the hub has no such repository, or keeps it behind a login; {remedy}", where=where
            ) from error
        except Exception as error:  # neither library raises anything narrower
            raise Refused(f"the hub has no usable tokenizer.json there ({error}); {remedy}", where=where) from error
        return cls._whole(encoder, stem=name.replace("/", "--"), content=encoder.to_str())

    @classmethod
    def _whole(cls, encoder: tokenizers.Tokenizer, *, stem: str, content: str) -> Tokenizer:
        """Wrap an encoder that neither cuts nor fills up, whatever its file says: documents are longer than that."""
        encoder.no_truncation()
        encoder.no_padding()
        return cls(encoder, name=f"{stem}@{hashlib.sha256(content.encode('utf-8')).hexdigest()[:12]}")

    def offsets(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return where each token starts and ends in `text`, as two int32 arrays of one length.

        A character of several bytes may be several tokens, all with the range of that character. Long texts are
        encoded in pieces that start where a byte-level pre-tokenizer starts a word, so the result is that of one call.
        """
        starts: list[NDArray[np.int32]] = []
        ends: list[NDArray[np.int32]] = []
        for at, piece in pieces(text):
            encoding = self._encoder.encode(_SURROGATE.sub("\ufffd", piece), add_special_tokens=False)
            pairs = np.array(encoding.offsets, dtype=np.int32).reshape(-1, 2)
            starts.append(pairs[:, 0] + np.int32(at))
            ends.append(pairs[:, 1] + np.int32(at))
        if not starts:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
        return np.concatenate(starts), np.concatenate(ends)

    def ids(self, text: str) -> list[int]:
        """Return the tokens themselves, as many as `offsets` has."""
        found: list[int] = []
        for _, piece in pieces(text):
            found.extend(self._encoder.encode(_SURROGATE.sub("\ufffd", piece), add_special_tokens=False).ids)
        return found

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, taken by themselves: half a character becomes U+FFFD, special tokens stay."""
        return str(self._encoder.decode(list(ids), skip_special_tokens=False))

    def count(self, text: str) -> int:
        """Return the number of tokens."""
        return sum(
            len(self._encoder.encode(_SURROGATE.sub("\ufffd", piece), add_special_tokens=False))
            for _, piece in pieces(text)
        )


def pieces(text: str, *, size: int = PIECE) -> Iterator[tuple[int, str]]:
    """Yield (offset, piece) so that the pieces join to `text`; a piece ends at the first good cut after `size`."""
    start = 0
    while len(text) - start > size:
        cut = _cut(text, start + size)
        yield start, text[start:cut]
        start = cut
    if start < len(text):
        yield start, text[start:]


def _cut(text: str, at: int) -> int:
    near = min(len(text), at + PIECE)
    for pattern, end in (
        (_SPACE, near),
        (_PUNCTUATION, near),
        (_SPACE, at + _FARTHEST),
        (_PUNCTUATION, at + _FARTHEST),
    ):
        found = pattern.search(text, at, min(len(text), end))
        if found:
            return found.start()
    return min(len(text), at + _FARTHEST)
