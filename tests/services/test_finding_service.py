"""A search of the whole project: everything in it, as it stands now, and nothing that went away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrstudio.domain.decisions import Target
from lrstudio.domain.finding import Found
from lrstudio.domain.marks import Place, Thing
from lrstudio.domain.text import Candidate, Document, Question, Span
from lrstudio.domain.verdicts import (
    Claim,
    Dimension,
    JudgeIdentity,
    JudgeRun,
    Judgment,
    KeyPoint,
    RunState,
    State,
    Support,
)
from lrstudio.services.decisions import Decisions
from lrstudio.services.finding import Finding
from lrstudio.services.marking import Marking
from lrstudio.store.store import Store
from lrstudio.text.words import words
from tests.doubles.backends import BOTH

DOCUMENT = "The collier turned back.\n\n" + "Nothing happened at sea. " * 200 + "\n\nA squall spoiled the first night."
F, C, H = Dimension.FAITHFULNESS, Dimension.COMPLETENESS, Dimension.HELPFULNESS


def judge(store: Store, claim: str, *, run: str = "r1") -> None:
    if run not in {it.run_id for it in store.judging.runs()}:
        store.judging.start_run(
            JudgeRun(run, JudgeIdentity("scripted", run), (F, C, H), RunState.DONE, "2026-01-01T00:00:00Z")
        )
    claims = (Claim("c1", claim, None, State.SCORED, support=Support.FULL),)
    store.judging.save_judgment(
        Judgment(run, "a", F, State.SCORED, score=10.0, claims=claims, explanation="every lighthouse is named")
    )


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    shared = request.param == "postgresql"
    with Store.create(request.getfixturevalue("postgres").new_database() if shared else tmp_path / "p.lrs") as made:
        made.library.add_document(Document("d", DOCUMENT, "Log"))
        made.library.add_question(Question("q", "d", "Which ship reported the minefield?"))
        made.library.add_candidate(Candidate("a", "q", "The collier saw a floating mine.", "m"))
        yield made


def find(store: Store, query: str, **more: object) -> list[tuple[Found, str]]:
    return [(hit.found, hit.snippet) for hit in Finding(store).find(query, **more).hits]  # type: ignore[arg-type]


def test_everything_said_in_a_project_is_found(store: Store) -> None:
    judge(store, "A collier saw the buoy.")
    points = (KeyPoint("k1", "the pilots' almanac", Span(0, 10), state=State.SCORED, covered=Support.FULL),)
    store.judging.save_judgment(Judgment("r1", "a", C, State.SCORED, score=10.0, key_points=points))
    Decisions(store, reviewer=lambda: "ann").set_score(Target("a", H), 3.0, reason="too terse for a pilot")
    Marking(store, reviewer=lambda: "ann").note([Place(Thing.CANDIDATE, "a")], "ask the archivist")
    wanted = {
        "squall": Found.DOCUMENT,
        "minefield": Found.QUESTION,
        "floating": Found.CANDIDATE,
        "buoy": Found.CLAIM,
        "almanac": Found.KEY_POINT,
        "lighthouse": Found.EXPLANATION,
        "terse": Found.REASON,
        "archivist": Found.NOTE,
    }
    for word, found in wanted.items():
        (hit,) = Finding(store).find(word).hits
        assert hit.found is found, word
        assert [span.of(hit.snippet) for span in hit.matches] == [word]
        assert hit.document_id == "d"
        assert (hit.candidate_id == "a") == (found not in (Found.DOCUMENT, Found.QUESTION)), word
    assert Finding(store).find("collier").counts == {Found.DOCUMENT: 1, Found.CANDIDATE: 1, Found.CLAIM: 1}


def test_a_hit_leads_to_its_place_in_a_long_document(store: Store) -> None:
    (hit,) = Finding(store).find('"spoiled the first"').hits
    assert hit.span is not None
    assert hit.span.of(DOCUMENT) == "spoiled"
    assert hit.snippet.startswith("… ")


def test_a_judgment_kept_anew_is_found_by_its_new_words_only(store: Store) -> None:
    judge(store, "An old buoy.")
    assert find(store, "buoy")
    judge(store, "A new beacon.")
    assert not find(store, "buoy")
    assert find(store, "beacon") == [(Found.CLAIM, "A new beacon.")]
    assert len(find(store, "lighthouse")) == 1


def test_the_claim_that_two_judges_found_is_shown_once(store: Store) -> None:
    judge(store, "The same buoy.")
    judge(store, "The same buoy.", run="r2")
    assert find(store, "buoy") == [(Found.CLAIM, "The same buoy.")]


def test_a_note_taken_away_is_not_found(store: Store) -> None:
    marking = Marking(store, reviewer=lambda: "ann")
    marking.note([Place(Thing.DOCUMENT, "d")], "check the almanac")
    assert [hit.document_id for hit in Finding(store).find("almanac").hits] == ["d"]
    (note,) = marking.marks()
    marking.remove(note.mark_id)
    assert not find(store, "almanac")


def test_kinds_phrases_prefixes_and_exclusions(store: Store) -> None:
    assert [kind for kind, _ in find(store, "collier")] == [Found.CANDIDATE, Found.DOCUMENT]
    assert [kind for kind, _ in find(store, "collier", kinds=[Found.DOCUMENT])] == [Found.DOCUMENT]
    assert [kind for kind, _ in find(store, "collier -mine")] == [Found.DOCUMENT]
    assert [kind for kind, _ in find(store, "coll* mine")] == [Found.CANDIDATE]
    assert not find(store, '"mine floating"')
    assert find(store, "-mine") == find(store, '"') == []


def test_a_search_that_is_told_to_hurry_says_that_it_is_not_complete(store: Store) -> None:
    found = Finding(store).find("collier", keep_on=lambda: False)
    assert (found.hits, found.complete) == ((), False)
    assert Finding(store).find("collier").complete


def test_a_project_that_cannot_be_written_to_is_searched_as_far_as_it_is_indexed(tmp_path: Path) -> None:
    with Store.create(tmp_path / "p.lrs") as store:
        store.library.add_question(Question("q", None, "Which collier?"))
        assert find(store, "collier")
        store.library.add_candidate(Candidate("b", "q", "A brand new answer.", "m"))
        with Store.open(store.path) as reader:
            connection = reader._connections._engine.raw_connection()
            connection.execute("PRAGMA query_only=ON")  # root may write wherever the file is
            connection.close()
            assert find(reader, "collier")
            assert not Finding(reader).find("brand").complete


SENTENCES = st.lists(
    st.sampled_from(["mine", "buoy", "ship", "水雷线", "café", "lamp's", "night"]), min_size=1, max_size=6
)


@settings(max_examples=20)
@given(st.lists(SENTENCES, min_size=1, max_size=6), st.sampled_from(["mine", "水雷", "雷线", "cafe", "lamp's", "buoy"]))
def test_search_finds_what_reading_finds(
    tmp_path_factory: pytest.TempPathFactory, texts: list[list[str]], query: str
) -> None:
    with Store.create(tmp_path_factory.mktemp("s") / "p.lrs") as store:
        store.library.add_question(Question("q", None, "?"))
        said = [" ".join(text) + f" {number}" for number, text in enumerate(texts)]
        for number, text in enumerate(said):
            store.library.add_candidate(Candidate(str(number), "q", text))
        found = {hit.candidate_id for hit in Finding(store).find(query).hits}
        plain = words(query.replace("cafe", "café"))
        assert found == {str(n) for n, text in enumerate(said) if set(plain) <= set(words(text))}
