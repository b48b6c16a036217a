"""Encodings, found out from the bytes alone."""

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.formats.encoding import Decoded, decode, normalise

TEXTS = {
    "cp1252": [
        "Les élèves étaient très fatigués après leur longue journée à l'école. Où êtes-vous allés hier, mon garçon ?",
        "The “harbour” – as it’s called – cost £46,000 in 1839.",
        "Die Größe des Hafens überraschte alle; für die Bürger war es eine schöne Überraschung.",
        "caf\u00e9",
    ],
    "cp1250": ["Zażółć gęślą jaźń. Książka leży na stole, a wódka jest w lodówce. Święta były bardzo miłe."],
    "cp1251": ["Всеобщая декларация прав человека принята и провозглашена"],
    "koi8-r": ["Всеобщая декларация прав человека принята и провозглашена"],
    "cp1253": ["Η οικουμενική διακήρυξη για τα ανθρώπινα δικαιώματα"],
    "cp1254": ["İnsan hakları evrensel beyannamesi; bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar."],
    "cp932": ["人類社会のすべての構成員の固有の尊厳と平等で譲ることのできない権利"],
    "euc-jp": ["人類社会のすべての構成員の固有の尊厳と平等で譲ることのできない権利"],
    "cp949": ["모든 인류 구성원의 천부의 존엄성과 동등하고 양도할 수 없는 권리를 인정하는 것이"],
    "gb18030": ["世界人权宣言 联合国大会一九四八年十二月十日决议通过并颁布"],
    "big5": ["世界人權宣言 聯合國大會一九四八年十二月十日決議通過並頒布"],
    "utf-8": ["naïve 東京 😀", "ASCII only"],
    "utf-8-sig": ["naïve"],
    "utf-16": ["naïve 東京 😀"],
    "utf-16-le": ["An English text without a mark."],
    "utf-16-be": ["An English text without a mark."],
    "utf-32": ["naïve 東京 😀"],
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_the_text_comes_out_right(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding), where="a.txt").text == text


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_file_cut_in_its_last_character_loses_that_one(cut: int) -> None:
    data = "Größe 😀".encode()[:-cut]
    found = decode(data, where="a.txt")
    assert found == Decoded("Größe ", "utf-8", 0)
    text, source_map = normalise(found, size=len(data))
    assert text == "Größe "
    assert source_map is not None


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(Refused, match=r"^a\.bin: this is no text: it holds binary data"):
        decode(bytes(range(256)) * 40, where="a.bin")


def test_a_text_that_does_not_lead_back_to_its_bytes_has_no_map() -> None:
    data = b"\xef\xbb\xbfline\n\xff and more"
    text, source_map = normalise(decode(data, where="a.txt"), size=len(data))
    assert "\ufffd" in text
    assert source_map is None


def test_the_map_of_a_long_text_stays_small() -> None:
    data = b"short line\n" * 200_000
    text, source_map = normalise(decode(data, where="a.txt"), size=len(data))
    assert source_map is not None
    assert 5_000 <= len(source_map.offsets) <= 11_000
    assert all(text[offset - 1] == "\n" for offset in source_map.offsets[1:])
    assert source_map.places[-1] == str(source_map.offsets[-1])
