"""Bytes to text: which encoding, and the way back to the byte."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from lrstudio.domain.errors import Refused
from lrstudio.domain.text import PlaceKind, SourceMap
from lrstudio.formats.records import MAX_BYTES, MAX_MB

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 1_000_000
_LINE = re.compile(r"([^\r\n\f]*)(\r\n|\r|\n|\f|\Z)")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a]")
# Known by mark or zero bytes; as a guess they make Chinese of any four letters.
_WIDE = ["utf_7", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be"]
# What a Windows-1252 text in English holds beyond ASCII. Where nothing else occurs, no letter frequency can tell the
# code page, and other guesses turn dashes into letters.
_WESTERN_SIGNS = frozenset("“”‘’‚„–—…•€£¥§©®™°±²³½¼¾×«»¿¡·´\u00a0")
# Fewer bytes beyond ASCII than this say nothing of the code page; the commonest is taken.
_EVIDENCE = 4
# Anchors are every line of a text up to 10,000 lines, and no more than about that many for a longer one.
_ANCHORS = 10_000


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text as the file has it, its encoding by Python's name, and the bytes of its byte order mark."""

    text: str
    encoding: str
    bom: int


def check_size(path: Path) -> None:
    """Refuse a document file that is larger than a document may be, naming both sizes."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        sentence = f"the file has {-(-size // 1_000_000)} MB and a document must have less than {MAX_MB} MB; split it"
        raise Refused(sentence, where=path.name)


def read_bytes(path: Path) -> bytes:
    """Return the content of a document file.

    Raises:
        Refused: it is larger than a document may be.
    """
    check_size(path)
    return path.read_bytes()


def decode(data: bytes, *, where: str, declared: str = "") -> Decoded:
    """Decode by byte order mark, else as UTF-8, else as declared, else by the letters found in it.

    A file cut in the middle of its last character loses that character only.

    Raises:
        Refused: these bytes are no text.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return Decoded(_decoded(data[len(bom) :], encoding, errors="replace"), encoding, len(bom))
    wide = _without_mark(data)
    if wide:
        return Decoded(_decoded(data, wide, errors="replace"), wide, 0)
    for encoding in ("utf-8", declared):
        try:
            text = _decoded(data, encoding, errors="strict")
        except (UnicodeDecodeError, LookupError):
            continue
        # A single high byte at the end of an ASCII text is a letter of another encoding, not a character cut off.
        if encoding == declared or data.isascii() or not text.isascii():
            return Decoded(text, encoding, 0)
    if len(_CONTROLS.findall(data[:_SAMPLE])) * 20 > len(data[:_SAMPLE]):
        raise Refused("this is no text: it holds binary data; import a text, PDF, DOCX, HTML or EPUB file", where=where)
    guess = _guess(data)
    if guess is None:
        raise Refused("its text encoding cannot be recognised; save it as UTF-8 and import it again", where=where)
    return Decoded(_decoded(data, guess, errors="replace"), guess, 0)


def normalise(decoded: Decoded, *, size: int) -> tuple[str, SourceMap | None]:
    """Return the text with LF line ends and without NUL, and the map from its lines to bytes of the file.

    A form feed becomes a line end. The map is None where the text does not encode back to the `size` bytes it came
    from (a character was replaced), because every later place would be wrong.
    """
    minimum = len(decoded.text) // _ANCHORS if decoded.text.count("\n") > _ANCHORS else 0
    parts: list[str] = []
    offsets, places = [0], [str(decoded.bom)]
    length, byte = 0, decoded.bom
    for line in _LINE.finditer(decoded.text):
        if length > offsets[-1] and length - offsets[-1] >= minimum and line[0]:
            offsets.append(length)
            places.append(str(byte))
        kept = line[1].replace("\0", "") + ("\n" if line[2] else "")
        parts.append(kept)
        length += len(kept)
        byte += len(line[0].encode(decoded.encoding, "surrogatepass"))
    # A last character that was cut off in the file is up to three bytes.
    exact = 0 <= size - byte <= 3
    return "".join(parts), SourceMap(PlaceKind.BYTE, tuple(offsets), tuple(places)) if exact else None


def _decoded(data: bytes, encoding: str, *, errors: str) -> str:
    codec = codecs.lookup(encoding)
    if codec.incrementaldecoder is None or not getattr(codec, "_is_text_encoding", True):
        raise LookupError(encoding)
    return codec.incrementaldecoder(errors).decode(data, final=False)


def _without_mark(data: bytes) -> str | None:
    """Recognise UTF-16 without a mark by its zero bytes: nearly every second one, of Latin text at least."""
    sample = data[:4096]
    half = len(sample) // 2
    if half < 2 or len(data) % 2:
        return None
    for encoding, zeros, others in (
        ("utf-16-le", sample[1::2], sample[0::2]),
        ("utf-16-be", sample[0::2], sample[1::2]),
    ):
        if zeros.count(0) > 0.7 * half and others.count(0) < 0.1 * half:
            return encoding
    return None


def _guess(data: bytes) -> str | None:
    import charset_normalizer

    sample = data if len(data) <= _SAMPLE else data[: data.rfind(b"\n", 0, _SAMPLE) + 1] or data[:_SAMPLE]
    beyond = [character for character in sample.decode("cp1252", "replace") if not character.isascii()]
    if len(beyond) < _EVIDENCE or _WESTERN_SIGNS.issuperset(beyond):
        return "cp1252"
    matches = list(charset_normalizer.from_bytes(sample, cp_exclusion=_WIDE))
    if not matches:
        return None
    best = matches[0]
    # The guess prefers cp1250 to cp1252 on equal evidence; French and Spanish then get Polish letters.
    latin = all(ord(character) < 0x250 or 0x2000 <= ord(character) < 0x2C00 for character in set(str(best)))
    for match in matches:
        as_likely = match.chaos <= best.chaos and match.coherence >= best.coherence - 0.05
        if latin and match.encoding == "cp1252" and as_likely:
            return "cp1252"
    return best.encoding
