"""Judges against people, from a project file: what is published is rebuilt, and figures are those of other programs."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, cohen_kappa_score, matthews_corrcoef

from lrstudio.domain.decisions import Act, Decision, Shown, Target, Value
from lrstudio.domain.errors import Refused
from lrstudio.domain.queues import Purpose
from lrstudio.domain.reports import By, Section
from lrstudio.domain.text import Candidate
from lrstudio.domain.verdicts import Claim, Dimension, JudgeIdentity, JudgeRun, Judgment, RunState, State, Support
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.people_pairs import marks_of, pairs_of
from lrstudio.services.queues import Wish
from lrstudio.services.report_agreement import How
from lrstudio.services.wiring import Project, create_project
from lrstudio.store.store import Store

LABELLED = Path(__file__).resolve().parents[1] / "data" / "labelled"
QUICK = How(draws=200)
BY_QUESTION = How(cluster="question", draws=200)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    yield made
    made.close()


def given(path: Path) -> list[dict[str, Any]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.decode().splitlines()]


def section(project: Project, *, judge: str, of: str, how: How = QUICK, dimension: str = "") -> Section:
    found = project.reports.agreement(judge=judge, how=how).sections
    (one,) = [it for it in found if it.of == of and dimension in ("", it.dimension)]
    return one


def judged_by_words(project: Project) -> None:
    request = JudgeRequest(dimensions=(Dimension.FAITHFULNESS, Dimension.COMPLETENESS))

    async def run() -> None:
        await project.judging.run(request, emit=lambda event: None)

    anyio.run(run)


def published_pairs(rows: list[dict[str, Any]]) -> set[tuple[str, str, float, int, int]]:
    return {
        (it["chosen"], it["rejected"], it["overall_margin"], it["reviewers_preferring_chosen"], it["reviewers"])
        for row in rows
        for it in row["human_pairs"]
    }


def rebuilt_pairs(project: Project) -> set[tuple[str, str, float, int, int]]:
    with Store.open(project.path) as store:
        question_of = {it.candidate_id: it.question_id for it in store.library.candidate_infos()}
        marks = marks_of(store.labels.labels(), "overall", question_of)
    pairs = [pair for each in marks for pair in pairs_of(each)]
    return {(it.chosen, it.rejected, round(it.margin, 2), it.preferring, it.reviewers) for it in pairs}


def test_published_pairs_are_rebuilt_to_the_last_one(project: Project) -> None:
    project.imports.import_paths([LABELLED / "squality.jsonl"])
    rebuilt = rebuilt_pairs(project)
    assert rebuilt == published_pairs(given(LABELLED / "squality.jsonl"))
    assert len(rebuilt) == 18


def test_all_published_pairs_are_rebuilt(project: Project, eval_data: Path) -> None:
    path = eval_data / "squality" / "squality_humaneval.jsonl.gz"
    project.imports.import_paths([path])
    rebuilt = rebuilt_pairs(project)
    assert rebuilt == published_pairs(given(path))
    assert len(rebuilt) == 119


def test_accuracy_over_decided_claims_coverage_and_undecided_as_wrong(project: Project) -> None:
    project.imports.import_paths([LABELLED / "nocha.jsonl"])
    check_nocha(project, given(LABELLED / "nocha.jsonl"))


def test_accuracies_of_all_recorded_judges_of_the_book(project: Project, eval_data: Path) -> None:
    path = eval_data / "longdoc" / "nocha_classics.jsonl.gz"
    project.imports.import_paths([path])
    assert check_nocha(project, given(path)) == 10


def check_nocha(project: Project, rows: list[dict[str, Any]]) -> int:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in (answer for row in rows for answer in row["candidates"]):
        for name, said in answer["judges"].items():
            counts[name]["all"] += 1
            counts[name]["decided"] += said["label"] is not None
            counts[name]["right"] += said["label"] == str(answer["human"]["supported"]).upper()
    sections = {it.judge.model: it for it in project.reports.agreement(how=QUICK).sections if it.of == "claim"}
    assert sections.keys() == counts.keys()
    for name, count in counts.items():
        shares = {it.key: (it.count, it.of) for it in sections[name].shares}
        assert shares == {
            "decided": (count["decided"], count["all"]),
            "right_of_decided": (count["right"], count["decided"]),
            "right_of_all": (count["right"], count["all"]),
        }
        # One book says nothing of other books.
        kappa = sections[name].figure("kappa")
        assert kappa.value is None
        assert "needed" in kappa.sentence
    return len(counts)


def test_kappas_are_those_of_scikit_learn_straight_from_the_file(project: Project, eval_data: Path) -> None:
    path = eval_data / "claims" / "summhay_coverage.jsonl.gz"
    project.imports.import_paths([path])
    points = [it for row in given(path) for answer in row["candidates"] for it in answer["human"]["reference_points"]]
    people = [str(it["coverage_score"]) for it in points]
    order = ["0.0", "0.5", "1.0"]
    judges = sorted(points[0]["judges"])
    assert len(judges) == 6
    for name in judges:
        said = [str(float(it["judges"][name])) for it in points]
        found = section(project, judge=name, of="key point", how=BY_QUESTION)
        for key, weights in (("kappa", None), ("kappa_linear", "linear"), ("kappa_quadratic", "quadratic")):
            wanted = cohen_kappa_score(people, said, labels=order, weights=weights)
            figure = found.figure(key)
            assert figure.value == pytest.approx(wanted, abs=1e-9)
            assert figure.low is not None
            assert figure.high is not None
            assert figure.low <= wanted <= figure.high
            assert (figure.n, figure.documents) == (325, 10)
        full = [[it == "1.0" for it in side] for side in (people, said)]
        assert found.figure("balanced_accuracy").value == pytest.approx(balanced_accuracy_score(*full))
        assert found.figure("matthews").value == pytest.approx(matthews_corrcoef(*full))


def test_words_against_people_and_reviewers_against_each_other(project: Project, eval_data: Path) -> None:
    path = eval_data / "squality" / "squality_humaneval.jsonl.gz"
    project.imports.import_paths([path])
    judged_by_words(project)
    found = section(project, judge="lexical", of="pairs by overall", dimension="reward")
    scores = lexical_rewards(project)
    outcomes: Counter[str] = Counter()
    for chosen, rejected, *_ in published_pairs(given(path)):
        if chosen not in scores or rejected not in scores:
            outcomes["uncovered"] += 1
        else:
            apart = round(scores[chosen] - scores[rejected], 9)
            outcomes["right" if apart > 0 else "wrong" if apart < 0 else "tie"] += 1
    covered = 119 - outcomes["uncovered"]
    decided = outcomes["right"] + outcomes["wrong"]
    shares = {it.key: (it.count, it.of) for it in found.shares}
    assert shares["covered"] == (covered, 119)
    assert shares["tied"] == (outcomes["tie"], covered)
    assert shares["right"] == (outcomes["right"], decided)
    assert 0 < decided < covered < 119
    accuracy = found.figure("pair_accuracy")
    assert accuracy.value == pytest.approx(outcomes["right"] / decided)
    assert accuracy.documents == 8
    ceiling = next(it for it in found.ceiling if it.key == "pair_accuracy")
    right, of = one_reviewer_left_out(given(path))
    assert shares["people_right"] == (right, of)
    assert ceiling.value == pytest.approx(right / of)
    assert ceiling.value > accuracy.value


def lexical_rewards(project: Project) -> dict[str, float]:
    scores = project.frames().judgments
    scores = scores[scores["score"].notna()]
    by_candidate: dict[str, dict[str, float]] = defaultdict(dict)
    for candidate, dimension, score in zip(scores["candidate_id"], scores["dimension"], scores["score"], strict=True):
        by_candidate[candidate][dimension] = score
    found = {}
    for question in project.audit.questions():
        names = [it.candidate_id for it in question.candidates]
        shared = set.intersection(*(set(by_candidate[name]) for name in names))
        if shared:
            found |= {name: float(np.mean([by_candidate[name][it] for it in shared])) for name in names}
    return found


def one_reviewer_left_out(rows: list[dict[str, Any]]) -> tuple[int, int]:
    right = of = 0
    for row in rows:
        reviews = {it["id"]: {r["worker_id"]: r for r in it["human"]["reviews"]} for it in row["candidates"]}
        names = list(reviews)
        for at, one in enumerate(names):
            for other in names[at + 1 :]:
                for who in reviews[one]:
                    rest = [w for w in reviews[one] if w != who]
                    apart = sum(reviews[one][w]["overall"] - reviews[other][w]["overall"] for w in rest)
                    if apart:
                        of += 1
                        mine = reviews[other][who]["overall_rank"] - reviews[one][who]["overall_rank"]
                        right += (mine > 0) == (apart > 0)
    return right, of


def decide(project: Project, candidate_id: str, part: str, support: Support, *, blind: bool) -> None:
    target = Target(candidate_id, Dimension.FAITHFULNESS, part)
    project.decisions.override(target, support=support, blind=blind, shown=Shown(judge_visible=not blind))


def labelled(project: Project, tmp_path: Path, *, documents: int = 10) -> list[tuple[str, str]]:
    """Bring in claims with one recorded judge that calls all of them full; return candidates and their claims."""
    rows = []
    for number in range(documents):
        sentences = [{"text": f"Claim {at} of {number} stands."} for at in range(3)]
        text = " ".join(it["text"] for it in sentences)
        answer = {
            "id": f"a{number}",
            "model": "m",
            "text": text,
            "human": {"sentences": sentences},
            "judges": {"yes": {"sentence_labels": [1, 1, 1]}},
        }
        document = {"document_id": f"d{number}", "document_text": f"Text {number}.", "query": "q"}
        rows.append({"dataset": "set", **document, "candidates": [answer]})
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert project.imports.import_paths([path]).errors == ()
    return [
        (f"a{number}", claim.claim.claim_id)
        for number in range(documents)
        for claim in project.audit.candidate(f"a{number}").standings[Dimension.FAITHFULNESS].claims
    ]


def test_blind_and_revealed_are_kept_apart(project: Project, tmp_path: Path) -> None:
    parts = labelled(project, tmp_path)
    for number, (candidate, part) in enumerate(parts):
        decide(project, candidate, part, Support.NONE if number % 2 else Support.FULL, blind=True)
        decide(project, candidate, part, Support.FULL, blind=False)
    sections = {it.seen: it for it in project.reports.agreement(how=QUICK).sections if it.of == "claim"}
    assert {seen: it.share("right_of_all").count for seen, it in sections.items()} == {"blind": 15, "revealed": 30}
    assert sections["blind"].figure("accuracy").value == pytest.approx(0.5)
    assert sections["blind"].tables[0].rows == (
        ("none", 0, 0, 15, 0),
        ("partial", 0, 0, 0, 0),
        ("full", 0, 0, 15, 0),
    )


def test_rates_are_corrected_only_from_items_that_were_drawn_at_random(project: Project, tmp_path: Path) -> None:
    parts = labelled(project, tmp_path, documents=40)
    for candidate, part in parts[:30]:
        decide(project, candidate, part, Support.FULL, blind=True)
    found = section(project, judge="yes", of="fully supported claims")
    assert [(it.key, it.value) for it in found.figures if it.key != "judged"] == [
        ("prediction_powered", None),
        ("rogan_gladen", None),
        ("reviewed", None),
    ]
    assert "None of the 30 decided items was drawn at random" in found.figure("prediction_powered").sentence
    shown = Shown(judge_visible=False, inclusion_probability=0.5)
    for number, (candidate, part) in enumerate(parts[30:90]):
        target = Target(candidate, Dimension.FAITHFULNESS, part)
        support = Support.NONE if number % 4 == 0 else Support.FULL
        project.decisions.override(target, support=support, blind=True, shown=shown)
    found = section(project, judge="yes", of="fully supported claims")
    share = found.share("audited")
    assert (share.count, share.of) == (60, 90)
    rate = found.figure("prediction_powered")
    assert rate.value == pytest.approx(0.75)  # the judge calls all of them full
    assert rate.low is not None
    assert rate.high is not None
    assert rate.low < 0.75 < rate.high < 1.0
    # A judge that says the same of everything cannot be corrected by its rates.
    assert "too close to chance" in found.figure("rogan_gladen").sentence


def test_stated_probabilities_and_what_may_be_accepted(project: Project, eval_data: Path) -> None:
    path = eval_data / "ragtruth" / "ragtruth_public.jsonl.gz"
    project.imports.import_paths([path])
    judged_by_words(project)
    found = section(project, judge="lexical", of="stated probability")
    claims = project.frames().claims
    people = project.frames().decisions
    people = people[people["act"] == "override"].set_index("part_id")["support"]
    both = claims[claims["claim_id"].isin(people.index) & claims["support_probability"].notna()]
    outcome = people.loc[both["claim_id"]].to_numpy(dtype=float) == 1.0
    stated = both["support_probability"].to_numpy(dtype=float)
    assert found.figure("brier").value == pytest.approx(brier_score_loss(outcome, stated))
    assert found.figure("brier").n == len(both) == sum(point.n for point in found.curves[0].points)
    error = found.figure("calibration_error").value
    assert error is not None
    assert 0 < error < 0.03
    accepted = section(project, judge="lexical", of="auto-accept")
    at_five, at_ten = accepted.figure("accepted_0.05").value, accepted.figure("accepted_0.1").value
    assert at_five is not None
    assert at_ten is not None
    assert 0.5 < at_five <= at_ten
    assert accepted.figure("accepted_0.01").sentence


def test_nothing_is_promised_of_items_that_somebody_chose(project: Project, tmp_path: Path) -> None:
    judged = labelled(project, tmp_path, documents=20)
    judged_by_words(project)
    claims = project.frames().claims
    mine = claims[(claims["run_id"].str.startswith("recorded-") == False) & claims["support_probability"].notna()]  # noqa: E712
    for candidate, part in list(zip(mine["candidate_id"], mine["claim_id"], strict=True))[:30]:
        decide(project, candidate, part, Support.FULL, blind=True)
    assert len(judged) == len(mine)
    found = section(project, judge="lexical", of="auto-accept")
    assert f"30 decided of {len(mine)} items were chosen" in found.figures[0].sentence


def test_scores_together_are_graded_beside_two_who_do_not_read(project: Project) -> None:
    project.imports.import_paths([LABELLED / "squality.jsonl"])
    candidates = project.frames().candidates["candidate_id"]
    with Store.open(project.path) as store:
        store.judging.start_run(
            JudgeRun("r", JudgeIdentity("five"), tuple(Dimension), RunState.DONE, "2026-01-01T00:00:00Z")
        )
        for name in candidates:
            for dimension in (Dimension.FAITHFULNESS, Dimension.COMPLETENESS):
                store.judging.save_judgment(Judgment("r", name, dimension, State.SCORED, score=5.0))
    found = section(project, judge="five", of="scores together")
    assert found.dimension == "faithfulness and completeness"
    ((_, random, apart, level), (_, best, _, _)) = found.tables[0].rows
    grades = {it.title: it.count for it in found.shares}
    assert sum(grades.values()) == 18
    accepted = (18 - grades["inaccurate"]) / 18
    assert isinstance(best, float)
    assert best >= accepted
    assert (isinstance(random, float), isinstance(apart, float), level) == (True, True, None)


def test_decisions_on_a_drawn_queue_correct_the_rate_until_the_judge_goes_on(project: Project, tmp_path: Path) -> None:
    labelled(project, tmp_path, documents=40)
    (judge,) = [it.identity for it in project.audit.judges()]
    queue = project.queues.make(Wish(Purpose.RANDOM_AUDIT, judge=judge, size=60, seed=1))
    for number, item in enumerate(project.queues.items(queue.queue_id)):
        support = Support.NONE if number % 4 == 0 else Support.FULL
        project.decisions.override(item.target, support=support, blind=True, shown=Shown(judge_visible=False))
    found = section(project, judge="yes", of="fully supported claims")
    share = found.share("audited")
    assert (share.count, share.of) == (60, 60)
    assert found.figure("prediction_powered").value == pytest.approx(0.75)
    assert project.reports.agreement(how=QUICK).notes == ()
    with Store.open(project.path) as store:
        store.library.add_candidate(Candidate("new", project.audit.questions()[0].question_id, "It is new.", "m"))
        claim = Claim("c-new", "It is new.", None, State.SCORED, support=Support.FULL)
        run = store.judging.runs()[0].run_id
        store.judging.save_judgment(
            Judgment(run, "new", Dimension.FAITHFULNESS, State.SCORED, score=10.0, aggregated=True, claims=(claim,))
        )
    found = section(project, judge="yes", of="fully supported claims")
    assert "None of the 60 decided items was drawn at random" in found.figure("prediction_powered").sentence
    (note,) = project.reports.agreement(how=QUICK).notes
    assert note.startswith("a random audit of yes is left out")


def test_what_was_adjudicated_holds_and_is_no_reviewers_own_word(project: Project, tmp_path: Path) -> None:
    candidate, part = labelled(project, tmp_path)[0]
    target = Target(candidate, Dimension.FAITHFULNESS, part)
    said = [Value(State.SCORED, support) for support in (Support.FULL, Support.NONE, Support.NONE)]
    with Store.open(project.path) as store:
        made = [
            store.journal.append(
                Decision(0, who, "2026-01-01T00:00:00Z", Act.OVERRIDE, target, after=value, blind=True)
            )
            for who, value in zip(("ann", "bob", "cem"), said, strict=True)
        ]
        ids = tuple(it.decision_id for it in made)
        settled = Decision(0, "dora", "2026-01-02T00:00:00Z", Act.OVERRIDE, target, after=said[0], adjudicates=ids)
        store.journal.append(settled)
    (found,) = [it for it in project.reports.agreement(how=QUICK).sections if it.of == "claim"]
    assert found.seen == "blind"
    assert (found.share("right_of_all").count, found.share("right_of_all").of) == (1, 1)
    # Against the two others ann's reference is none; bob and cem have one full and one none against them.
    assert {it.n for it in found.ceiling} <= {0, 1}


def test_the_last_word_of_a_reviewer_counts_and_an_undone_one_does_not(project: Project, tmp_path: Path) -> None:
    candidate, part = labelled(project, tmp_path)[0]
    decide(project, candidate, part, Support.FULL, blind=True)
    decide(project, candidate, part, Support.NONE, blind=True)
    decide(project, candidate, part, Support.FULL, blind=True)
    project.decisions.undo()
    (found,) = [it for it in project.reports.agreement(how=QUICK).sections if it.of == "claim"]
    assert (found.share("right_of_all").count, found.share("right_of_all").of) == (0, 1)


def test_nobody_has_decided_anything(project: Project) -> None:
    project.imports.import_paths([LABELLED / "squality.jsonl"])
    report = project.reports.agreement()
    assert report.sections == ()
    assert "no person has decided" in report.notes[0]


def test_a_judge_of_no_such_name_is_refused_with_those_there_are(project: Project) -> None:
    project.imports.import_paths([LABELLED / "nocha.jsonl"])
    with pytest.raises(Refused, match="'nobody'; there are: claude, gemini-flash, gemma"):
        project.reports.agreement(judge="nobody")


@pytest.mark.parametrize("by", By)
def test_slices_hold_every_item_once(project: Project, tmp_path: Path, by: By) -> None:
    for candidate, part in labelled(project, tmp_path):
        decide(project, candidate, part, Support.FULL, blind=True)
    top, *found = [it for it in project.reports.agreement(how=QUICK, by=by).sections if it.of == "claim"]
    assert (top.part, top.share("decided").of) == ("", 30)
    parts = [table.rows for table in top.tables if table.key == "parts"]
    assert [row[:3] for rows in parts for row in rows] == [
        (it.part, it.share("decided").of, it.share("decided").count) for it in found
    ]
    total = sum(it.share("decided").of for it in found)
    assert total == (0 if by is By.EVIDENCE_POSITION else 30)
    wanted = {By.LENGTH: {"under 1k tokens"}, By.LANGUAGE: {"en"}, By.MODEL: {"m"}, By.CLAIM_KIND: {"number"}}
    assert {it.part for it in found} == wanted.get(by, set())


def test_order_of_reviewers_changes_nothing(project: Project, tmp_path: Path) -> None:
    rows = given(LABELLED / "squality.jsonl")
    for row in rows:
        for answer in row["candidates"]:
            answer["human"]["reviews"].reverse()
        row["candidates"].reverse()
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    project.imports.import_paths([path])
    assert rebuilt_pairs(project) == published_pairs(rows)
