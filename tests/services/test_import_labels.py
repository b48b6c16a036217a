"""Human labels in a project: people become reviewers, recorded judges judge runs, and nothing overwrites anything."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.decisions import Act, Decision
from lrstudio.domain.verdicts import Dimension, Reason, State, Support, SupportReason
from lrstudio.services.wiring import Project, create_project

LABELLED = Path(__file__).resolve().parents[1] / "data" / "labelled"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    yield made
    made.close()


def decisions(project: Project, candidate_id: str) -> tuple[Decision, ...]:
    return project.audit.candidate(candidate_id).decisions


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def row(*answers: dict[str, Any]) -> dict[str, Any]:
    return {"dataset": "set", "document_id": "d", "document_text": "Text.", "query": "q", "candidates": list(answers)}


def test_three_reviewers_decide_side_by_side(project: Project) -> None:
    report = project.imports.import_paths([LABELLED / "squality.jsonl"])
    assert (report.errors, report.new.candidates, report.new.decisions) == ((), 18, 18 * 3 * 2)
    rows = [json.loads(line) for line in (LABELLED / "squality.jsonl").read_text("utf-8").splitlines()]
    for answer in (answer for row in rows for answer in row["candidates"]):
        made = decisions(project, answer["id"])
        assert all(it.blind and not it.shown.judge_visible and it.shown.surface.startswith("import") for it in made)
        said = {(it.reviewer, it.target.dimension): it.after.score for it in made}
        wanted = {}
        for review in answer["human"]["reviews"]:
            who = f"squality_humaneval reviewer {review['worker_id']}"
            wanted[who, Dimension.FAITHFULNESS] = review["correctness"] / 10
            wanted[who, Dimension.COMPLETENESS] = review["coverage"] / 10
        assert said == wanted


def test_original_numbers_stay_on_their_scale(project: Project) -> None:
    project.imports.import_paths([LABELLED / "squality.jsonl"])
    rows = [json.loads(line) for line in (LABELLED / "squality.jsonl").read_text("utf-8").splitlines()]
    kept = project.frames().labels
    kept = kept[kept["name"] == "overall"]
    given = Counter(
        (answer["id"], f"squality_humaneval reviewer {review['worker_id']}", float(review["overall"]))
        for row in rows
        for answer in row["candidates"]
        for review in answer["human"]["reviews"]
    )
    assert Counter(zip(kept["candidate_id"], kept["reviewer"], kept["value"], strict=True)) == given
    assert set(zip(kept["lowest"], kept["highest"], strict=True)) == {(0.0, 100.0)}


def test_recorded_judges_are_judge_runs_and_undecided_stays_undecided(project: Project) -> None:
    report = project.imports.import_paths([LABELLED / "nocha.jsonl"])
    assert (report.errors, report.new.judge_runs, report.new.judgments) == ((), 3, 3 * 36)
    judges = {choice.identity.model: choice for choice in project.audit.judges()}
    assert {choice.identity.judge for choice in judges.values()} == {"recorded"}
    (given,) = [json.loads(line) for line in (LABELLED / "nocha.jsonl").read_text("utf-8").splitlines()]
    for answer in given["candidates"]:
        for name, choice in judges.items():
            now = project.audit.candidate(answer["id"], choice.identity).standings[Dimension.FAITHFULNESS]
            (claim,) = now.claims
            assert claim.support is (Support.FULL if answer["human"]["supported"] else Support.NONE)
            said = {"TRUE": Support.FULL, "FALSE": Support.NONE, None: None}[answer["judges"][name]["label"]]
            assert now.judgment is not None
            assert now.judgment.claims[0].support is said
            if said is None:
                assert (now.judgment.state, now.judgment.claims[0].reason) == (State.UNSCORED, Reason.UNREADABLE)


def test_key_points_of_people_and_judges_are_the_same_ones(project: Project, tmp_path: Path) -> None:
    points = [
        {"insight": "A", "coverage_score": 0.5, "judges": {"x": 1.0, "y": 0.0}},
        {"insight": "B", "coverage_score": 0.0, "judges": {"x": 0.5, "y": 0.5}},
    ]
    path = write(tmp_path / "r.jsonl", row({"id": "a", "text": "It says so.", "human": {"reference_points": points}}))
    assert project.imports.import_paths([path]).errors == ()
    for choice in project.audit.judges():
        now = project.audit.candidate("a", choice.identity).standings[Dimension.COMPLETENESS]
        assert [(it.key_point.text, it.covered) for it in now.key_points] == [
            ("A", Support.PARTIAL),
            ("B", Support.NONE),
        ]
        assert now.judgment is not None
        assert now.judgment.score == {"x": 7.5, "y": 2.5}[choice.identity.model]


def test_sentences_touched_by_a_labelled_passage_are_without_support(project: Project, tmp_path: Path) -> None:
    text = "The ship sailed in May. It carried iron ore. In short:\nThe crew was paid in gold."
    spans = [
        {"start": text.index("iron"), "end": text.index("ore") + 3, "type": "Subtle Baseless Info"},
        {"start": text.index("It carried"), "end": text.index("It carried") + 2, "type": "Evident Conflict"},
    ]
    one = {"id": "1", "source_id": "s", "source_text": "T.", "query": "q", "response": text, "human_label_spans": spans}
    assert project.imports.import_paths([write(tmp_path / "r.jsonl", one)]).errors == ()
    claims = project.audit.candidate("1").standings[Dimension.FAITHFULNESS].claims
    assert [(it.claim.text, it.support, it.support_reason) for it in claims] == [
        ("The ship sailed in May.", Support.FULL, SupportReason.UNSTATED),
        ("It carried iron ore.", Support.NONE, SupportReason.CONTRADICTED),
        ("The crew was paid in gold.", Support.FULL, SupportReason.UNSTATED),
    ]


def test_importing_again_adds_nothing_and_another_reviewer_only_his_own(project: Project, tmp_path: Path) -> None:
    def answer(*workers: str) -> dict[str, Any]:
        reviews = [{"worker_id": name, "correctness": 50, "coverage": 20, "overall": 30} for name in workers]
        return row({"id": "a", "text": "So.", "human": {"reviews": reviews}})

    project.imports.import_paths([write(tmp_path / "r.jsonl", answer("1", "2"))])
    before = decisions(project, "a")
    again = project.imports.import_paths([write(tmp_path / "s.jsonl", answer("1", "2"))])
    assert (again.new.decisions, again.new.labels, again.same.decisions) == (0, 0, 4)
    assert decisions(project, "a") == before
    more = project.imports.import_paths([write(tmp_path / "t.jsonl", answer("1", "2", "3"))])
    assert (more.new.decisions, more.new.labels) == (2, 3)
    assert decisions(project, "a")[:4] == before


def test_labels_of_a_candidate_that_was_left_out_land_nowhere(project: Project, tmp_path: Path) -> None:
    project.imports.import_paths([write(tmp_path / "r.jsonl", row({"id": "a", "text": "One."}))])
    other = row({"id": "a", "text": "Other.", "human": {"reviews": [{"correctness": 10}]}})
    report = project.imports.import_paths([write(tmp_path / "s.jsonl", other)])
    assert "already names a different answer" in str(report.errors[0])
    assert decisions(project, "a") == ()
    assert report.new.labels == 0


def test_what_no_report_reads_is_kept_and_said(project: Project) -> None:
    report = project.imports.import_paths([LABELLED / "storysumm.jsonl"])
    assert report.notes == ("storysumm: difficulty is kept as a label; no report reads it",)
    kept = project.frames().labels
    rows = [json.loads(line) for line in (LABELLED / "storysumm.jsonl").read_text("utf-8").splitlines()]
    given = {answer["id"]: json.dumps(answer["human"]["difficulty"]) for row in rows for answer in row["candidates"]}
    found = kept[kept["name"] == "difficulty"]
    assert dict(zip(found["candidate_id"], found["note"], strict=True)) == given


def test_a_claim_that_a_judge_finds_too_is_one_claim(project: Project, tmp_path: Path) -> None:
    sentences = [{"text": "The ship sailed.", "faithful": 1}]
    judges = {"x": {"sentence_labels": [0]}}
    said = {"id": "a", "text": "The ship sailed.", "human": {"sentences": sentences}, "judges": judges}
    project.imports.import_paths([write(tmp_path / "r.jsonl", row(said))])
    (claim,) = project.audit.candidate("a").standings[Dimension.FAITHFULNESS].claims
    assert (claim.support, claim.claim.support) == (Support.FULL, Support.NONE)


def test_a_project_file_carries_labels_and_chances(project: Project, tmp_path: Path) -> None:
    from lrstudio.domain.decisions import Shown, Target

    project.imports.import_paths([LABELLED / "squality.jsonl"])
    first = project.frames().candidates["candidate_id"][0]
    shown = Shown(surface="audit", inclusion_probability=0.25)
    project.decisions.set_score(Target(first, Dimension.LOGICALITY), 4.0, blind=True, shown=shown)
    project.exports.export(tmp_path / "whole.jsonl")
    other = create_project(tmp_path / "other.lrs", reviewer="bob")
    report = other.imports.import_paths([tmp_path / "whole.jsonl"])
    assert report.errors == ()
    assert report.new.labels == len(project.frames().labels) > 0
    again = other.imports.import_paths([tmp_path / "whole.jsonl"])
    assert again.new.labels == 0
    mine = [
        it for it in decisions(other, first) if it.act is Act.OVERRIDE and it.target.dimension is Dimension.LOGICALITY
    ]
    assert [it.shown.inclusion_probability for it in mine] == [0.25]
    other.close()


@pytest.mark.parametrize("chance", [0.0, -0.1, 1.5])
def test_a_chance_that_cannot_be_divided_by_is_refused(chance: float) -> None:
    from lrstudio.domain.decisions import Shown

    with pytest.raises(ValueError, match="not a chance"):
        Shown(inclusion_probability=chance)


def test_every_open_set_comes_in_without_a_bad_row(project: Project, eval_data: Path) -> None:
    paths = sorted(eval_data.rglob("*.jsonl.gz"))
    report = project.imports.import_paths(paths)
    assert report.errors == ()
    new = report.new
    assert (new.candidates, new.judge_runs, new.judgments) == (736, 24, 336 + 360 + 264)
