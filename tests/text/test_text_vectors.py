"""Ranking by vectors and joining rankings: order, ties, and the formula by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.text.retrieval import Hit
from lrstudio.text.vectors import fused, nearest, unit


def test_the_nearest_come_first_and_equal_ones_in_document_order() -> None:
    passages = unit(np.array([[0, 1.0], [1, 1], [2, 2], [1, 0], [0.5, 0.5]]))
    hits = nearest(passages, unit(np.array([[3.0, 3.0], [0, 1]])), 4)
    assert [hit.index for hit in hits[0]] == [1, 2, 4, 0]
    assert [hit.index for hit in hits[1]] == [0, 1, 2, 4]
    assert hits[0][0].score == pytest.approx(1)
    assert hits[1][3].score == pytest.approx(0.5**0.5)


def test_equal_rows_tie_whatever_their_place_in_a_large_matrix() -> None:
    rng = np.random.default_rng(3)
    row = rng.standard_normal(384)
    passages = unit(np.tile(row, (1001, 1)))
    (hits,) = nearest(passages, unit(rng.standard_normal((1, 384))), 1001)
    assert [hit.index for hit in hits] == list(range(1001))


def test_a_row_of_zeros_is_equally_far_from_everything() -> None:
    rows = unit(np.zeros((2, 3)))
    assert not np.isnan(rows).any()
    assert [hit.score for hit in nearest(rows, rows[:1], 2)[0]] == [0, 0]


def ranking(*indexes: int) -> list[Hit]:
    return [Hit(index, 1.0) for index in indexes]


def test_fusion_adds_reciprocal_ranks() -> None:
    hits = fused([ranking(7, 3), ranking(3, 5)], 5)
    assert [hit.index for hit in hits] == [3, 7, 5]
    assert [hit.score for hit in hits] == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])
    assert [hit.index for hit in fused([ranking(9, 2), ranking(2, 9)], 5)] == [2, 9], "equal sums in document order"
    assert fused([[], []], 5) == ()


@given(st.lists(st.permutations(list(range(8))), min_size=1, max_size=3))
def test_fusion_keeps_every_passage_once(orders: list[list[int]]) -> None:
    hits = fused([ranking(*order) for order in orders], 8)
    assert sorted(hit.index for hit in hits) == list(range(8))
    if len(orders) == 1:
        assert [hit.index for hit in hits] == orders[0]
