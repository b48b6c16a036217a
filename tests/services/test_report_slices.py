"""Into which slice an item falls."""

from __future__ import annotations

import pytest

from lrstudio.domain.reports import By
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.report_items import About, Item, Level
from lrstudio.services.report_slices import claim_kind, length_class, slice_of, sliced


def item(*, tokens: int | None = 2000, position: float | None = None, text: str = "", model: str = "m") -> Item:
    about = About("a", "q", "d", model, tokens, "en", 100)
    return Item(Level.CLAIM, Dimension.FAITHFULNESS, about, "c", 1.0, (), None, position, text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("She said “never again” in 1916.", "quotation"),
        ("It cost 40 pounds.", "number"),
        ("Two ships were lost.", "number"),
        ("The board did not meet.", "denial"),
        ("It wasn't raised.", "denial"),
        ("The harbour closed because of ice.", "cause"),
        ("It was built by Corrie.", "name"),
        ("It was built by the board.", "other"),
        ("那艘船在1916年沉没了。", "number"),
    ],
)
def test_what_a_claim_states(text: str, kind: str) -> None:
    assert claim_kind(text) == kind


@pytest.mark.parametrize(
    ("tokens", "name"),
    [
        (None, ""),
        (0, "under 1k tokens"),
        (999, "under 1k tokens"),
        (1000, "1k-4k"),
        (3999, "1k-4k"),
        (4000, "4k-16k"),
        (16_000, "16k-64k"),
        (64_000, "64k tokens and more"),
    ],
)
def test_lengths_are_half_open(tokens: int | None, name: str) -> None:
    assert length_class(tokens) == name


@pytest.mark.parametrize(
    ("position", "name"), [(None, ""), (0.0, "1 of 10"), (0.0999, "1 of 10"), (0.1, "2 of 10"), (1.0, "10 of 10")]
)
def test_tenths_of_the_document(position: float | None, name: str) -> None:
    assert slice_of(item(position=position), By.EVIDENCE_POSITION) == name


def test_slices_come_in_their_order() -> None:
    places = [item(position=at) for at in (0.95, 0.15, 0.05, 0.55)]
    assert list(sliced(places, By.EVIDENCE_POSITION)) == ["1 of 10", "2 of 10", "6 of 10", "10 of 10"]
    lengths = [item(tokens=it) for it in (70_000, 5_000, 100, None)]
    assert list(sliced(lengths, By.LENGTH)) == ["under 1k tokens", "4k-16k", "64k tokens and more"]


def test_a_model_that_nobody_named() -> None:
    assert slice_of(item(model=""), By.MODEL) == "unknown"
