"""Pairs and sets out of a real project: what is in the file, what is left out, and the way back in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from lrstudio.domain.errors import Refused
from lrstudio.domain.pair_lists import PairFilter
from lrstudio.domain.pairs import PairRule, PairState
from lrstudio.domain.sets import Split
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Claim, Dimension, Evidence, Judgment, State, Support
from lrstudio.formats.datasets_folder import DataFiles
from lrstudio.formats.trl import Form, Trainer
from lrstudio.services.import_report import Counts
from lrstudio.services.set_exports import SetChoice, SetFormat
from lrstudio.services.wiring import Project, create_project
from lrstudio.store.store import Store
from tests.doubles.rated_project import FIVE, add_question, start_run

DATA = Path(__file__).parents[1] / "data" / "formats"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two documents with a question each, five candidates on each, one pair each: one gold, one proposed."""
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    store = Store.open(made.path)
    start_run(store)
    for name in ("one", "two"):
        scores = {f"{name}-{it}": values for it, values in FIVE.items()}
        add_question(store, scores, question_id=f"q{name}", document_id=name, licence="CC-BY-4.0")
    store.close()
    made.pairs.propose(PairRule())
    first = made.pairs.page(PairFilter()).rows[0]
    made.pairs.approve(first.pair.pair_id, reason="plain", blind=True)
    yield made
    made.close()


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_gold_pairs_with_what_they_rest_on(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "pairs.jsonl"
    assert project.set_exports.export_pairs(out).rows == 1
    (row,) = rows(out)
    assert row["prompt"] == [{"role": "user", "content": "The text of one.\n\nWhat of qone?"}]
    assert row["chosen"] == [{"role": "assistant", "content": "answer one-a"}]
    assert row["rejected"] == [{"role": "assistant", "content": "answer one-e"}]
    assert (row["chosen_reward"], row["rejected_reward"], row["reward_margin"]) == (9.0, 3.5, 5.5)
    assert (row["gold"], row["reviewer"], row["blind"], row["rule"]) == (True, "ann", True, "longreward")
    assert (row["judges"], row["licence"]) == (["scripted m1 pack1"], "CC-BY-4.0")
    assert row["reward_dimensions"] == [dimension.value for dimension in Dimension]


def test_proposed_pairs_are_asked_for(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "pairs.parquet"
    choice = SetChoice(form=Form.EXPLICIT, layout="Q: {question}\nD: {document}")
    assert project.set_exports.export_pairs(out, proposed=True, choice=choice).rows == 2
    table = parquet.read_table(out).to_pylist()
    assert [row["prompt"] for row in table] == [
        "Q: What of qone?\nD: The text of one.\n\n",
        "Q: What of qtwo?\nD: The text of two.\n\n",
    ]
    assert [(row["gold"], row["reviewer"]) for row in table] == [(True, "ann"), (False, "")]


def test_stale_pairs_stay_out(project: Project, tmp_path: Path) -> None:
    from lrstudio.domain.decisions import Target

    project.decisions.set_score(Target("one-a", Dimension.HELPFULNESS), 0.0)
    with pytest.raises(Refused, match="no pair to write"):
        project.set_exports.export_pairs(tmp_path / "pairs.jsonl")
    assert not (tmp_path / "pairs.jsonl").exists()


def test_a_set_comes_out_as_it_was_frozen(project: Project, tmp_path: Path) -> None:
    project.sets.freeze("first", split=Split((1.0, 0.0, 0.0)))
    project.pairs.swap(project.pairs.page(PairFilter()).rows[0].pair.pair_id)
    out = tmp_path / "set"
    choice = SetChoice(format=SetFormat.DATASETS, files=DataFiles.JSON)
    done = project.set_exports.export_set(out, "first", choice=choice)
    assert (done.rows, done.splits) == (1, {"train": 1})
    (row,) = rows(out / "data" / "train-00000-of-00001.jsonl")
    assert (row["chosen_candidate"], row["split"]) == ("one-a", "train")
    card = (out / "README.md").read_text(encoding="utf-8")
    assert 'license: "cc-by-4.0"' in card
    assert f"Content hash: `{project.sets.get('first').content_hash}`" in card
    for said in (
        "- 1 approved by a person, 1 of them blind",
        "judge scripted m1 pack1: 1",
        "model model-a: 1",
        "seed 0",
    ):
        assert said in card
    with pytest.raises(Refused, match="unknown part"):
        project.set_exports.export_set(tmp_path / "x.jsonl", "first", choice=SetChoice(part="all"))
    with pytest.raises(Refused, match="no pair to write"):
        project.set_exports.export_set(tmp_path / "x.jsonl", "first", choice=SetChoice(part="test"))
    with pytest.raises(Refused, match="freeze one"):
        project.set_exports.export_pairs(tmp_path / "x.jsonl", choice=SetChoice(part="train"))
    with pytest.raises(Refused, match="project itself"):
        project.set_exports.export_set(project.path, "first")


def evidence(project: Project, candidate_id: str, *places: tuple[int, int]) -> None:
    store = Store.open(project.path)
    spans = tuple(Evidence(Span(*place), rank) for rank, place in enumerate(places, start=1))
    claim = Claim("c1", "a claim", None, State.SCORED, support=Support.FULL, evidence=spans)
    judgment = Judgment("r1", candidate_id, Dimension.FAITHFULNESS, State.SCORED, score=9.0, claims=(claim,))
    store.judging.save_judgment(judgment)
    store.close()


def test_longpo_has_the_passages_that_a_pair_rests_on(project: Project, tmp_path: Path) -> None:
    evidence(project, "one-a", (9, 16), (0, 3))
    evidence(project, "one-b", (4, 8))
    out = tmp_path / "longpo.jsonl"
    choice = SetChoice(format=SetFormat.LONGPO, form=Form.EXPLICIT)
    done = project.set_exports.export_pairs(out, proposed=True, choice=choice)
    (row,) = rows(out)
    assert row["short_prompt"] == "The\n\nof one.\n\nWhat of qone?\n\n"
    assert row["prompt"] == "The text of one.\n\nWhat of qone?\n\n"
    (left_out,) = done.left_out
    assert left_out.endswith("has no evidence, and LongPO needs a short document")


def test_the_files_of_longreward(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "longreward"
    done = project.set_exports.export_pairs(out, choice=SetChoice(format=SetFormat.LONGREWARD))
    (pair,) = rows(out / "preference_pairs.jsonl")
    scored = rows(out / "scored_responses.jsonl")
    assert done.rows == 1
    assert list(pair) == ["idx", "context", "query", "win_response", "lose_response"]
    assert [row["idx"] for row in scored] == [f"{pair['idx']}-{n}" for n in range(5)]
    assert scored[0]["scores"] == {**{dimension.value: 9.0 for dimension in Dimension}, "total": 36.0}


def test_a_run_of_the_scripts_goes_through_the_studio_and_comes_out_the_same(tmp_path: Path) -> None:
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    made.imports.import_paths([DATA / "longreward"])
    choice = SetChoice(format=SetFormat.LONGREWARD)
    done = made.set_exports.export_pairs(tmp_path / "out", proposed=True, choice=choice)
    made.close()
    assert done.left_out == ("candidates without a score in all four dimensions, which have no row of scores: 1",)
    assert rows(tmp_path / "out/preference_pairs.jsonl") == rows(DATA / "longreward/preference_pairs.jsonl")
    (mine,) = rows(tmp_path / "out/scored_responses.jsonl")
    theirs = rows(DATA / "longreward/scored_responses.jsonl")[0]
    assert (mine["idx"], mine["query"], mine["answer"], mine["scores"]) == tuple(
        theirs[name] for name in ("idx", "query", "answer", "scores")
    )
    details, wanted = mine["details"], theirs["details"]
    assert [details[name]["analysis"] for name in ("helpfulness", "logicality", "completeness")] == [
        wanted[name]["analysis"] for name in ("helpfulness", "logicality", "completeness")
    ]
    assert details["completeness"]["info_list"] == wanted["completeness"]["info_list"]
    assert details["faithfulness"]["facts"] == wanted["faithfulness"]["facts"]
    assert [len(fact["evidences"]) for fact in details["faithfulness"]["details"]] == [2, 1]


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.jsonl.gz", "pairs.parquet"])
@pytest.mark.parametrize("form", Form)
def test_what_is_exported_comes_back_into_another_project(
    project: Project, tmp_path: Path, name: str, form: Form
) -> None:
    out = tmp_path / name
    project.set_exports.export_pairs(out, proposed=True, choice=SetChoice(form=form))
    here = project.imports.import_paths([out])
    assert (here.new.candidates, here.same.candidates) == (0, 4)
    assert project.imports.import_paths([out]).new == Counts()
    other = create_project(tmp_path / "other.lrs", reviewer="ben")
    report = other.imports.import_paths([out])
    assert (report.new, report.errors) == (Counts(2, 2, 4, pairs=2), ())
    pairs = {row.pair.pair_id: row.pair for row in other.pairs.page(PairFilter()).rows}
    before = {row.pair.pair_id: row.pair for row in project.pairs.page(PairFilter()).rows}
    assert pairs.keys() == before.keys()
    for name in pairs:
        after, was = pairs[name], before[name]
        assert (after.state, after.chosen_id, after.reason, after.blind) == (
            was.state,
            was.chosen_id,
            was.reason,
            was.blind,
        )
        if was.state is PairState.GOLD:
            assert (after.reviewer, after.time) == (was.reviewer, was.time)
    other.close()


def test_every_trainer_in_a_folder(project: Project, tmp_path: Path) -> None:
    evidence(project, "one-a", (0, 3))
    for trainer in Trainer:
        choice = SetChoice(format=SetFormat.DATASETS, rows_for=trainer)
        done = project.set_exports.export_pairs(tmp_path / trainer.value, choice=choice)
        assert done.splits == {"train": 2 if trainer is Trainer.KTO else 1}
