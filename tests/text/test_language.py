"""Languages as far as they are told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.text.language import OTHER, language_of

TEXTS = {
    "en": "The ship that was lost in May carried the iron ore of the company, and it is not known who they were.",
    "de": "Das Schiff ist nicht mit der Ladung gesunken, die auch für den Hafen bestimmt war.",
    "fr": "Le navire est dans le port avec les marchandises qui sont arrivées pour la ville.",
    "es": "El barco que se perdió en mayo es de una compañía y los marinos son más de diez.",
    "it": "La nave che è nel porto non è della compagnia, ma di una ditta anche più grande.",
    "pt": "O navio que não chegou ao porto é de uma empresa e os marinheiros são mais de dez.",
    "nl": "Het schip dat niet op tijd is aangekomen, werd door een storm van de weg gebracht.",
    "zh": "这艘船在五月沉没了，船上装着铁矿石。",
    "ja": "その船は五月に沈み、鉄鉱石を積んでいた。",
    "ko": "그 배는 오월에 가라앉았고 철광석을 싣고 있었다.",
    "ru": "Корабль затонул в мае, он вёз железную руду.",
    "ar": "غرقت السفينة في شهر مايو وكانت تحمل خام الحديد.",
    "he": "הספינה טבעה בחודש מאי ונשאה עפרות ברזל.",
    "el": "Το πλοίο βυθίστηκε τον Μάιο και μετέφερε σιδηρομετάλλευμα.",
    "hi": "जहाज मई में डूब गया और लौह अयस्क ले जा रहा था।",
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_sentence_in_each_language(code: str) -> None:
    assert language_of(TEXTS[code]) == code


@pytest.mark.parametrize("text", ["", "12 345 — 67", "Xyzzy plugh frobozz."])
def test_what_cannot_be_told_is_other(text: str) -> None:
    assert language_of(text) == OTHER


def test_an_english_answer_with_a_name_in_chinese_is_english() -> None:
    assert language_of(TEXTS["en"] + " Its name was 東風.") == "en"


@given(st.text())
def test_every_text_has_an_answer(text: str) -> None:
    assert language_of(text) in {*TEXTS, OTHER}
