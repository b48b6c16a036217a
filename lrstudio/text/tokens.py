"""Tokens as ranges of code points."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lrstudio.domain.errors import Refused
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
        digest = hashlib.sha256(str(content).encode("utf-8")).hexdigest()[:12]
        return cls(encoder, name=f"{stem}@{digest}")

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
