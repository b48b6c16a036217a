"""Sets through the service into a real project file."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from lrstudio.domain.decisions import Target
from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_lists import GOLD, PairFilter
from lrstudio.domain.pairs import PairRule, PairState, RuleName
from lrstudio.domain.sets import Split
from lrstudio.services.decisions import Decisions
from lrstudio.services.pairs import Pairs
from lrstudio.services.sets import Sets
from lrstudio.store.store import Store
from tests.doubles.rated_project import C, F, H, L, add_question, five_candidates, judge_as, start_run

ALL = PairFilter(states=(PairState.GOLD, PairState.PROPOSED))
DOCUMENTS = 40
ONE_PART = Split((1.0, 0.0, 0.0))


def now() -> str:
    return "2026-01-02T00:00:00Z"


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that every test begins with a copy of."""
    path = tmp_path_factory.mktemp("proposed") / "p.lrs"
    with Store.create(path) as made:
        with made.writing():
            five_candidates(made)
            for number in range(DOCUMENTS):
                for question in "ab":
                    name = f"{number}{question}"
                    scores = {f"{name}1": (9, 9, 9, 9), f"{name}2": (number / 10, 1, 1, 1)}
                    add_question(made, scores, question_id=f"q{name}", document_id=f"d{number}", licence="CC BY 4.0")
        Pairs(made, reviewer=lambda: "ann", clock=now).propose(PairRule(RuleName.MARGIN))
    return path


@pytest.fixture
def store(proposed: Path, tmp_path: Path) -> Iterator[Store]:
    with Store.open(Path(shutil.copy(proposed, tmp_path))) as again:
        yield again


@pytest.fixture
def pairs(store: Store) -> Pairs:
    return Pairs(store, reviewer=lambda: "ann", clock=now)


@pytest.fixture
def sets(store: Store, pairs: Pairs) -> Sets:
    return Sets(store, pairs=pairs, reviewer=lambda: "ann", clock=now)


def first(pairs: Pairs, document_id: str = "d") -> str:
    return pairs.page(PairFilter(document_id=document_id)).rows[0].pair.pair_id


def test_only_gold_pairs_are_frozen_unless_asked(pairs: Pairs, sets: Sets) -> None:
    with pytest.raises(Refused, match="no pair fits"):
        sets.freeze("none")
    assert sets.all() == ()

    pairs.approve(first(pairs), reason="clear", blind=True)
    pairs.reject(first(pairs, "d1"))
    gold = sets.freeze("gold", split=ONE_PART)
    everything = sets.freeze("all", wanted=ALL)

    assert gold.changes.sets == {"gold"}
    assert (gold.set.card.pairs, gold.set.card.gold, gold.set.card.blind) == (1, 1, 1)
    assert (everything.set.card.pairs, everything.set.card.gold) == (10 + 2 * DOCUMENTS - 1, 1)
    assert [it.name for it in sets.all()] == ["gold", "all"]


def test_a_frozen_pair_is_a_copy(store: Store, pairs: Pairs, sets: Sets) -> None:
    pairs.approve(first(pairs), reason="clear", blind=True)
    sets.freeze("gold", split=ONE_PART)
    before = list(sets.rows("gold"))
    Decisions(store, reviewer=lambda: "ann").set_score(Target("a", F), 0.0)
    pairs.swap(first(pairs))

    assert list(sets.rows("gold")) == before
    (row,) = before
    assert (row.question, row.document_id, row.document, row.split) == ("What of q?", "d", "The text of d.", "train")
    assert (row.chosen.text, row.chosen.model, row.chosen.reward) == ("answer a", "model-a", 9.0)
    assert row.chosen.scores == {H: 9.0, L: 9.0, F: 9.0, C: 9.0}
    assert (row.dimensions, row.margin) == ((H, L, F, C), 5.5)
    said = row.provenance
    assert (said.rule, said.gold, said.reviewer, said.time) == ("margin", True, "ann", now())
    assert (said.reason, said.blind, said.judges, said.licence) == ("clear", True, ("scripted m1 pack1",), "")


def test_stale_pairs_stay_out(store: Store, pairs: Pairs, sets: Sets) -> None:
    for name in ("d", "d1"):
        pairs.approve(first(pairs, name))
    start_run(store, "r2", hour=1)
    judge_as(store, "1a1", (1, 1, 1, 1), run_id="r2")

    assert [it.document_id for it in sets_of(sets, "fresh", GOLD)] == ["d"]
    both = PairFilter(states=(PairState.GOLD,))
    assert [it.document_id for it in sets_of(sets, "both", both)] == ["d", "d1"]


def sets_of(sets: Sets, name: str, wanted: PairFilter) -> list:
    sets.freeze(name, wanted=wanted, split=ONE_PART)
    return list(sets.pairs(name))


def test_no_document_is_in_two_parts(store: Store, sets: Sets) -> None:
    split = Split((0.5, 0.25, 0.25), seed=7)
    card = sets.freeze("s", wanted=ALL, split=split).set.card
    parts: dict[str, set[str]] = {}
    for row in sets.rows("s"):
        parts.setdefault(str(row.document_id), set()).add(row.split)

    assert len(parts) == DOCUMENTS + 1
    assert all(len(of) == 1 for of in parts.values())
    assert sum(card.parts.values()) == card.pairs
    assert all(card.parts.values()), card.parts
    assert {row.pair_id for row in sets.rows("s", part="test")} == {
        row.pair_id for row in sets.rows("s") if row.split == "test"
    }
    again = sets.freeze("again", wanted=ALL, split=split).set
    other = sets.freeze("other", wanted=ALL, split=Split((0.5, 0.25, 0.25), seed=8)).set
    assert again.content_hash == sets.get("s").content_hash != other.content_hash


def test_documents_of_one_text_share_a_part(store: Store, pairs: Pairs, sets: Sets) -> None:
    for number in range(20):
        scores = {f"c{number}x": (9, 9, 9, 9), f"c{number}y": (1, 1, 1, 1)}
        add_question(store, scores, question_id=f"copy{number}", document_id=f"copy{number}", text="The text of d.")
    pairs.propose(PairRule(RuleName.MARGIN))
    sets.freeze("s", wanted=ALL, split=Split((0.5, 0.25, 0.25)))
    copies = [it for it in sets.pairs("s") if it.document_id == "d" or str(it.document_id).startswith("copy")]

    assert len(copies) == 30
    assert len({it.part for it in copies}) == 1


def test_the_card_says_what_there_is(pairs: Pairs, sets: Sets) -> None:
    card = sets.freeze("s", wanted=ALL, agreement=lambda: {"kappa": 0.5, "items": 12, "note": "few"}).set.card

    assert (card.pairs, card.questions, card.documents) == (10 + 2 * DOCUMENTS, 1 + 2 * DOCUMENTS, DOCUMENTS + 1)
    assert card.judges == {"scripted m1 pack1": card.pairs}
    assert card.licences == {"": 10, "CC BY 4.0": 2 * DOCUMENTS}
    assert card.rules == {"margin": card.pairs}
    assert card.agreement == {"kappa": 0.5, "items": 12, "note": "few"}
    assert card.wanted == ALL
    assert card.lengths is not None
    assert (card.lengths.equal, card.lengths.longer_chosen) == (card.pairs, None)
    assert sets.get("s").card == card


def test_a_name_is_taken_once(pairs: Pairs, sets: Sets) -> None:
    sets.freeze("s", wanted=ALL)
    with pytest.raises(Refused, match="there is a set 's' already"):
        sets.freeze("s", wanted=ALL)
    with pytest.raises(Refused, match="no set 't'"):
        sets.get("t")


@pytest.mark.parametrize("name", ["", " ", "a/b", ".a", "x" * 101, "a\nb", "a\\b"])
def test_a_name_can_be_that_of_a_folder(sets: Sets, name: str) -> None:
    with pytest.raises(Refused):
        sets.freeze(name, wanted=ALL)


def test_rejected_pairs_are_refused(sets: Sets) -> None:
    with pytest.raises(Refused, match="rejected pairs stay out"):
        sets.freeze("s", wanted=PairFilter())


def test_an_empty_training_part_is_refused(pairs: Pairs, sets: Sets) -> None:
    pairs.approve(first(pairs))
    seed = next(seed for seed in range(1000) if Split((0.5, 0.5, 0.0), seed).part(_hash_of("d", sets)) != "train")
    with pytest.raises(Refused, match="choose another seed"):
        sets.freeze("s", split=Split((0.5, 0.5, 0.0), seed))
    assert sets.all() == ()
    sets.freeze("s", split=ONE_PART)


def _hash_of(document_id: str, sets: Sets) -> str:
    return next(it.text_hash for it in sets._store.library.documents() if it.document_id == document_id)


def test_a_set_broken_off_is_not_there(sets: Sets) -> None:
    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sets.freeze("s", wanted=ALL, progress=stop)
    assert sets.all() == ()
    with closing(sqlite3.connect(sets._store.path)) as connection:
        assert connection.execute("SELECT count(*) FROM frozen_pair").fetchone() == (0,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pair_set SET name = 'other'",
        "DELETE FROM pair_set",
        "REPLACE INTO pair_set SELECT id, name, 'x', reviewer, time, card, sealed FROM pair_set",
        "INSERT OR REPLACE INTO pair_set SELECT id + 1, name, 'x', reviewer, time, card, 0 FROM pair_set",
        "UPDATE frozen_pair SET content = ''",
        "DELETE FROM frozen_pair",
        "INSERT INTO frozen_pair SELECT set_key, 1000 + ordinal, content FROM frozen_pair",
        "REPLACE INTO frozen_pair SELECT set_key, ordinal, '' FROM frozen_pair",
    ],
)
def test_the_file_itself_refuses_to_change_a_set(sets: Sets, statement: str) -> None:
    sets.freeze("s", wanted=ALL)
    with (
        closing(sqlite3.connect(sets._store.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="a frozen set is never changed"),
    ):
        connection.execute(statement)
    assert sets.verify("s").holds


def test_the_file_itself_refuses_to_change_what_was_said_of_pairs(pairs: Pairs, store: Store) -> None:
    for statement in ("UPDATE pair_entry SET reviewer = 'x'", "DELETE FROM pair_entry"):
        with (
            closing(sqlite3.connect(store.path)) as connection,
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
        ):
            connection.execute(statement)


def test_a_set_whose_text_is_gone_says_so(store: Store, sets: Sets) -> None:
    sets.freeze("s", wanted=ALL)
    assert sets.verify("s").holds
    with store._connections.write() as connection:
        connection.execute(sa.text("UPDATE candidate SET text = 'another' WHERE candidate_id = 'a'"))

    found = sets.verify("s")
    assert (found.holds, found.missing, found.found) == (False, ("a",), found.expected)
    with pytest.raises(Refused, match="the text of 'a'"):
        list(sets.rows("s"))


def test_a_forged_pair_is_noticed(store: Store, sets: Sets) -> None:
    sets.freeze("s", wanted=ALL)
    with store._connections.write() as connection:
        connection.execute(sa.text("DROP TRIGGER frozen_pair_keeps_wording"))
        connection.exec_driver_sql("UPDATE frozen_pair SET content = replace(content, '9.0', '8.0')")
    assert not sets.verify("s").holds


def test_an_unknown_part_is_refused(sets: Sets) -> None:
    with pytest.raises(Refused, match="unknown part"):
        list(sets.rows("s", part="dev"))
