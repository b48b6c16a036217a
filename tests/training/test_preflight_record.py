"""What a preflight found goes to JSON and back, counts lengths, and says what is left to accept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.training import preflight
from lrstudio.training.preflight import Check, Preflight

FOUND = Preflight(
    rows=5, kept=4, cut=("r1",), dropped=("r4", "r5"), longest=9000, tokens=20_000, histogram=((1024, 2), (2048, 3)),
    checks=(Check("template", True, "fine"), Check("disk", False, "full")), engine="shared", device="cpu",
    memory_gib=1.5, seconds=12.0, versions={"torch": "2.13"},
)  # fmt: skip


def test_it_goes_into_the_run_folder_and_back(tmp_path: Path) -> None:
    assert preflight.read(tmp_path) is None
    preflight.write(tmp_path, FOUND)
    assert preflight.read(tmp_path) == FOUND
    assert [it.name for it in tmp_path.iterdir()] == [preflight.PREFLIGHT]


def test_fields_of_a_newer_version_are_passed_over_and_anything_else_is_refused() -> None:
    text = '{"v": 1, "rows": 3, "kept": 3, "weather": "fair"}'
    assert preflight.preflight_of(text, where="x") == Preflight(rows=3, kept=3)
    for wrong in ("", "[]", "{}", '{"rows": 1, "kept": 1, "checks": [3]}', '{"rows": 1, "kept": 1, "cut": 4}'):
        with pytest.raises(Refused, match="not what a preflight found"):
            preflight.preflight_of(wrong, where="x")


def test_a_failed_check_is_a_problem_and_rows_that_go_missing_must_be_accepted() -> None:
    assert not FOUND.ok
    assert FOUND.problems == ("full",)
    assert FOUND.unaccepted({}) == {"accept_cut": 1, "accept_dropped": 2}
    assert FOUND.unaccepted({"accept_cut": 1, "accept_dropped": 1}) == {"accept_dropped": 2}
    assert FOUND.unaccepted({"accept_cut": 3, "accept_dropped": 2}) == {}


@given(st.lists(st.integers(min_value=0, max_value=5_000_000)))
def test_every_length_is_counted_once_under_its_bound(lengths: list[int]) -> None:
    found = preflight.histogram(lengths)
    assert sum(count for _, count in found) == len(lengths)
    bounds = [bound for bound, _ in found]
    assert bounds == sorted(bounds)
    for (bound, count), below in zip(found, [-1, *bounds], strict=False):
        assert count == sum(below < it <= bound for it in lengths)
