"""What other programs judged, decided and preferred, in a real project: new once, the same the second time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.decisions import Act
from lrstudio.domain.pair_lists import PairFilter
from lrstudio.domain.pairs import PairState, RuleName
from lrstudio.domain.verdicts import Dimension, Reason, RunState, State, Support
from lrstudio.services.import_report import Counts
from lrstudio.services.wiring import Project, create_project
from lrstudio.store.store import Store

DATA = Path(__file__).parents[1] / "data" / "formats"
HELP, LOGIC, FAITH, COMPLETE = Dimension


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    yield made
    made.close()


@pytest.fixture
def store(project: Project) -> Iterator[Store]:
    opened = Store.open(project.path)
    yield opened
    opened.close()


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def line(name: str, number: int = 0, **fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8").splitlines()[number])
    return row | fields


NEW = {
    "longreward": Counts(1, 1, 2, 1, 8, 0, 1),
    "longreward-10k.jsonl": Counts(1, 1, 2, pairs=1),
    "trl-explicit.jsonl": Counts(1, 2, 4, pairs=2),
    "trl-implicit.jsonl": Counts(1, 1, 2, pairs=1),
    "trl-chat.jsonl": Counts(1, 2, 4, pairs=2),
    "trl-chat-implicit.jsonl": Counts(1, 1, 2, pairs=1),
    "ultrafeedback.jsonl": Counts(0, 1, 3, 1, 2),
    "helpsteer.jsonl": Counts(0, 1, 2, decisions=4),
    "label-studio.json": Counts(1, 1, 2, 1, 1, 2, 1),
    "argilla.json": Counts(1, 1, 2, 1, 1, 2, 1),
    "inspect.json": Counts(1, 1, 2, 2, 4, 1),
    "inspect-popularity.json": Counts(0, 1, 1),
}


@pytest.mark.parametrize("name", NEW)
def test_every_format_comes_in_once(project: Project, name: str) -> None:
    first = project.imports.import_paths([DATA / name])
    assert first.new == NEW[name]
    again = project.imports.import_paths([DATA / name])
    assert again.new == Counts()
    assert again.same == NEW[name]
    assert again.errors == first.errors


def test_all_formats_beside_each_other_meet_on_one_document(project: Project) -> None:
    """The same document, question and answers in nine formats: they are one in the project."""
    names = [name for name in NEW if name not in ("longreward", "inspect-popularity.json")]
    report = project.imports.import_paths([DATA / name for name in names])
    assert report.new.documents == 1
    assert {it.sentence for it in report.errors} == {
        "the sample has no answer: RuntimeError('out of memory')",
        "the scores of 'match' were left out: it names none of the four dimensions",
    }
    reefs = [it for it in project.audit.questions() if it.query.startswith("Name a reef near")]
    assert len(reefs) == 1


def test_scores_of_longreward_become_judgments_with_claims_and_evidence(project: Project, store: Store) -> None:
    project.imports.import_paths([DATA / "longreward"])
    (run,) = store.judging.runs()
    assert (run.identity.judge, run.state, run.run_id[:7]) == ("longreward", RunState.DONE, "import-")
    said = {(it.candidate_id, it.dimension): it for it in store.judging.judgments()}
    faithful = said["7-0", FAITH]
    assert (faithful.score, faithful.aggregated) == (10.0, True)
    assert [claim.support for claim in faithful.claims] == [Support.FULL, Support.FULL]
    text = store.library.text("7") or ""
    places = [[it.span.of(text)[:30] for it in claim.evidence] for claim in faithful.claims]
    assert places == [
        ["The bar is sand and shingle an", "Skarrow lies at the mouth of t"],
        ["The bar is sand and shingle an"],
    ]
    wrong = said["7-1", FAITH]
    assert [claim.evidence for claim in wrong.claims][1] == ()
    odd = said["7-1", LOGIC]
    assert (odd.state, odd.reason, odd.score, odd.reference_score) == (State.UNSCORED, Reason.OUT_OF_RANGE, None, 11.0)
    assert [point.text[:10] for point in said["7-0", COMPLETE].key_points] == ["1. The bar"]


def test_a_pair_is_of_the_candidates_that_are_there(project: Project) -> None:
    project.imports.import_paths([DATA / "longreward"])
    (row,) = project.pairs.page(PairFilter()).rows
    pair = row.pair
    assert (pair.chosen_id, pair.rejected_id, pair.state) == ("7-0", "7-1", PairState.PROPOSED)
    assert pair.rules == (RuleName.IMPORTED,)
    assert pair.dimensions == (HELP, FAITH, COMPLETE)
    assert pair.margin == pytest.approx((9 + 10 + 8) / 3 - (4 + 0 + 2) / 3)


def test_who_preferred_is_kept(project: Project) -> None:
    project.imports.import_paths([DATA / "label-studio.json"])
    (row,) = project.pairs.page(PairFilter()).rows
    assert (row.pair.state, row.pair.reviewer) == (PairState.GOLD, "Label Studio 9")
    assert row.pair.time == "2026-03-03T10:00:00.000000Z"
    project.pairs.reject(row.pair.pair_id)
    again = project.imports.import_paths([DATA / "label-studio.json"])
    assert again.same.pairs == 1
    assert project.pairs.page(PairFilter()).rows[0].pair.state is PairState.REJECTED


def test_an_imported_pair_leaves_what_a_person_said(project: Project, tmp_path: Path) -> None:
    project.imports.import_paths([DATA / "trl-explicit.jsonl"])
    (pair, _) = (row.pair for row in project.pairs.page(PairFilter()).rows)
    project.pairs.swap(pair.pair_id)
    copy = tmp_path / "other.jsonl"
    copy.write_bytes((DATA / "trl-explicit.jsonl").read_bytes())
    assert project.imports.import_paths([copy]).new == Counts()
    assert project.pairs.history(pair.pair_id).pair.chosen_id == pair.rejected_id


def test_decisions_say_who_and_whether_blind(project: Project, store: Store) -> None:
    project.imports.import_paths([DATA / "helpsteer.jsonl", DATA / "inspect.json"])
    decisions = store.journal.decisions()
    assert {it.act for it in decisions} == {Act.OVERRIDE}
    assert [(it.reviewer, it.blind, it.after.score) for it in decisions][-1] == ("edith", False, 5.0)
    assert all(it.blind and it.reviewer == "people of HelpSteer" and it.time for it in decisions[:4])
    assert {it.shown.surface for it in decisions} == {"import"}
    candidate_id = decisions[0].target.candidate_id
    standing = project.audit.candidate(candidate_id).standings[HELP]
    assert (standing.score.score, standing.score.decided) == (10.0, True)


def test_a_judge_that_says_otherwise_is_named(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "scored_responses.jsonl"
    row = line("longreward/scored_responses.jsonl")
    project.imports.import_paths([write(path, row)])
    other = json.loads(json.dumps(row))
    other["scores"]["helpfulness"] = 1.0
    report = project.imports.import_paths([write(path, other)])
    (error,) = report.errors
    assert error.where == "scored_responses.jsonl row 1"
    assert error.sentence == "longreward has judged the helpfulness of this candidate otherwise before"
    assert (report.new, report.same.judgments) == (Counts(), 3)


def test_what_was_said_of_a_refused_candidate_stays_out(project: Project, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", line("longreward/scored_responses.jsonl"))
    project.imports.import_paths([path])
    other = write(tmp_path / "b.jsonl", line("longreward/scored_responses.jsonl", answer="Another answer."))
    report = project.imports.import_paths([other])
    assert [it.sentence for it in report.errors] == [
        "candidate id '7-0' already names a different answer in this project"
    ]
    assert report.new == Counts()


def test_an_import_broken_off_leaves_no_finished_run(project: Project, store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", *(line("ultrafeedback.jsonl") for _ in range(2)))
    seen: list[int] = []

    def stop(read: int) -> None:
        seen.append(read)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.imports.import_paths([path], progress=stop)
    assert seen
    assert [run.state for run in store.judging.runs()] == [RunState.INTERRUPTED]
    project.imports.import_paths([path])
    assert [run.state for run in store.judging.runs()] == [RunState.DONE]
