"""Length bias and rankings of a project, checked against plain counts straight from its frames."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.domain.errors import Refused
from lrstudio.domain.length_choices import LengthChoice, Mitigation
from lrstudio.domain.pair_lists import GOLD
from lrstudio.domain.reports import By, JudgeName, Report, Section
from lrstudio.domain.sets import Split
from lrstudio.domain.verdicts import Dimension
from lrstudio.services.length_choice import PairLengths, kept, usual_choices
from lrstudio.services.report_agreement import How
from lrstudio.services.report_items import About
from lrstudio.services.report_length import length_sections, length_warning
from lrstudio.services.report_scatter import scatter
from lrstudio.services.wiring import Project, create_project

LABELLED = Path(__file__).resolve().parents[1] / "data" / "labelled"
QUICK = How(draws=200)
ONE_PART = Split((1.0, 0.0, 0.0))


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = create_project(tmp_path / "p.lrs", reviewer="ann")
    yield made
    made.close()


def scored(project: Project, tmp_path: Path, *, documents: int = 12) -> None:
    """Bring in three models on each document: the better a model, the longer its answers, but for every third one."""
    rows = []
    for number in range(documents):
        answers: list[dict[str, Any]] = []
        for place, model in enumerate(("poor", "fair", "good")):
            words = (place + 1) * 40 if number % 3 else (3 - place) * 40
            score = 20 + 30 * place + (number * (place + 2)) % 5
            reviews = [{"worker_id": who, "correctness": score, "overall": score} for who in ("1", "2")]
            text = f"{model} {number} " + "word " * words
            answers.append({"id": f"{model}-{number}", "model": model, "text": text, "human": {"reviews": reviews}})
        document = {"document_id": f"d{number}", "document_text": f"Text {number}.", "query": "q"}
        rows.append({"dataset": "set", **document, "candidates": answers})
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert project.imports.import_paths([path]).errors == ()


def section(report: Report, *, dimension: str, of: str, part: str = "") -> Section:
    (one,) = [it for it in report.sections if (it.dimension, it.of, it.part) == (dimension, of, part)]
    return one


def test_models_are_ranked_by_what_stands(project: Project, tmp_path: Path) -> None:
    scored(project, tmp_path, documents=24)
    found = section(project.reports.leaderboard(how=QUICK), dimension="faithfulness", of="models")
    rewards = project.frames().effective
    rewards = rewards[rewards["dimension"] == "faithfulness"]
    means = {model: float(each.mean()) for model, each in rewards.groupby("model")["score"]}
    assert [it.key for it in found.figures] == ["good", "fair", "poor"]
    for it in found.figures:
        assert it.value == pytest.approx(means[it.key])
        assert it.low is not None
        assert it.high is not None
        assert it.low <= it.value <= it.high
    standings, comparisons = found.tables
    assert [row[0] for row in standings.rows] == ["good", "fair", "poor"]
    assert [row[-2:] for row in standings.rows] == [(24, 24)] * 3
    for name, questions, difference, low, high, p, corrected in comparisons.rows:
        assert questions == 24
        wanted = 6.0 if name == "good over poor" else 3.0
        assert difference == pytest.approx(wanted, abs=0.5)
        assert isinstance(low, float)
        assert isinstance(high, float)
        assert low <= wanted <= high
        assert isinstance(p, float)
        assert isinstance(corrected, float)
        assert p <= corrected < 0.05


def test_the_trend_by_length_weighs_every_candidate_once() -> None:
    about = {str(at): About(str(at), f"q{at % 12}", f"d{at % 12}", "m", 10, "en", 40 * (at + 1)) for at in range(36)}
    values = {name: float(int(name) % 7) for name in about}
    (found,) = length_sections({"reward": {}, "completeness": values}, about, JudgeName("j"), how=QUICK)
    curve, dots = found.curves
    assert dots.key == "scatter"
    assert [it.x for it in curve.points] == sorted(it.x for it in curve.points)
    assert [it.n for it in curve.points] == [3, 4, 3, 4, 4, 3, 4, 3, 4, 4]
    assert sum(it.y * it.n for it in curve.points) == pytest.approx(sum(values.values()))
    assert curve.points[0].x == pytest.approx(20.0)  # the mean of 10, 20, 30 tokens


def test_every_candidate_is_a_dot_less_the_mean_of_its_question() -> None:
    about = {str(at): About(str(at), f"q{at // 3}", "d", "m", 10, "en", 40 * (at + 1)) for at in range(7)}
    values = {name: float(int(name) % 3) for name in about}
    (found,) = scatter("reward", values, about)  # the seventh is alone in its question
    assert [(it.name, it.x, it.y) for it in found.points] == [
        ("0", -10.0, -1.0), ("3", -10.0, -1.0), ("1", 0.0, 0.0), ("4", 0.0, 0.0), ("2", 10.0, 1.0), ("5", 10.0, 1.0)
    ]  # fmt: skip
    assert scatter("reward", {"0": 1.0, "6": 1.0}, about) == ()
    many = {str(at): About(str(at), f"q{at // 4}", "d", "m", 10, "en", at) for at in range(2000)}
    (found,) = scatter("reward", dict.fromkeys(many, 1.0), many)
    assert len(found.points) == 1000
    assert found.title.endswith("within a question, 1,000 of 2,000 candidates by lot")
    (turned,) = scatter("reward", dict.fromkeys(reversed(many), 1.0), many)
    assert turned == found


@pytest.mark.parametrize("kind", ["agreement", "length_bias", "leaderboard"])
@pytest.mark.parametrize("after", [0, 1, 5, 20])
def test_a_report_can_be_ended_in_the_middle_of_a_judge(project: Project, kind: str, after: int) -> None:
    project.imports.import_paths([LABELLED / "nocha.jsonl"])
    judge = project.reports.judges()[0]
    steps: list[tuple[int, int]] = []
    checks = 0

    def check() -> None:
        nonlocal checks
        checks += bool(steps)
        if checks > after:
            raise InterruptedError

    make = getattr(project.reports, kind)
    with pytest.raises(InterruptedError):
        make(judge=judge, how=How(draws=200, check=check), step=lambda done, of: steps.append((done, of)))
    assert steps == [(0, 1)]  # it never came to the end of the only judge
    assert checks == after + 1


def test_a_judge_is_told_how_far_the_work_is_and_can_be_named_exactly(project: Project) -> None:
    project.imports.import_paths([LABELLED / "nocha.jsonl"])
    names = project.reports.judges()
    steps: list[tuple[int, int]] = []
    project.reports.length_bias(how=QUICK, step=lambda done, of: steps.append((done, of)))
    assert steps == [(at, len(names)) for at in range(len(names) + 1)]
    for name in names:
        assert {it.judge for it in project.reports.agreement(judge=name, how=QUICK).sections} == {name}
    with pytest.raises(Refused, match="no judge is called 'nobody'"):
        project.reports.agreement(judge=JudgeName("recorded", "nobody"))


def test_a_leaderboard_of_one_judge(project: Project) -> None:
    project.imports.import_paths([LABELLED / "nocha.jsonl"])
    report = project.reports.leaderboard(judge="gemini", how=QUICK)
    assert {it.judge.words for it in report.sections} == {"gemini-flash"}
    assert {it.of for it in report.sections} >= {"models", "fully supported claims"}


def test_how_far_people_go_by_length(project: Project, tmp_path: Path) -> None:
    scored(project, tmp_path)
    found = section(project.reports.length_bias(how=QUICK), dimension="overall", of="pairs by length")
    # In four documents of twelve the better answer is the shorter one.
    assert found.figure("longer_chosen").value == pytest.approx(24 / 36)
    (table,) = found.tables
    rows = {row[0]: row for row in table.rows}
    assert rows["as it is"][1:3] == (36, pytest.approx(2 / 3))
    assert rows["length-balanced"][1:3] == (24, 0.5)
    assert found.share("equal").count == 0


def test_correlation_within_questions_is_that_of_numpy(project: Project, eval_data: Path) -> None:
    project.imports.import_paths([eval_data / "claims" / "summhay_coverage.jsonl.gz"])
    how = How(cluster="question", draws=200)
    report = project.reports.length_bias(judge="9fs", how=how)
    found = section(report, dimension="completeness", of="length")
    frames = project.frames()
    lengths = dict(zip(frames.candidates["candidate_id"], frames.candidates["characters"], strict=True))
    question_of = dict(zip(frames.candidates["candidate_id"], frames.candidates["question_id"], strict=True))
    said = frames.judgments[frames.judgments["model"] == "9fs_gpt-4o"]
    by_question: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for name, score in zip(said["candidate_id"], said["score"], strict=True):
        by_question[question_of[name]].append((lengths[name], score))
    longer = [
        (one[0] > other[0]) == (one[1] > other[1])
        for each in by_question.values()
        for one, other in combinations(each, 2)
        if one[0] != other[0] and abs(one[1] - other[1]) > 1e-9
    ]
    assert found.figure("longer_chosen").value == pytest.approx(np.mean(longer))
    assert found.share("questions").of == len(by_question) == 10
    correlations = [np.corrcoef(*zip(*each, strict=True))[0, 1] for each in by_question.values() if len(each) > 2]
    correlation = found.figure("within_question")
    assert (correlation.value is None) == (len(correlations) < 20)


def test_the_whole_and_its_slices(project: Project, tmp_path: Path) -> None:
    scored(project, tmp_path)
    report = project.reports.leaderboard(by=By.MODEL, how=QUICK)
    assert {it.part for it in report.sections} == {"", "good", "fair", "poor"}
    report = project.reports.leaderboard(by=By.CLAIM_KIND, how=QUICK)
    assert "cannot be told apart by claim-kind" in report.notes[0]


def test_only_one_dimension(project: Project, tmp_path: Path) -> None:
    scored(project, tmp_path)
    report = project.reports.leaderboard(dimension=Dimension.FAITHFULNESS, how=QUICK)
    assert {it.dimension for it in report.sections} == {"faithfulness"}


def test_an_empty_project_says_what_to_do(project: Project) -> None:
    for report in (project.reports.leaderboard(), project.reports.length_bias()):
        assert (report.sections, len(report.notes)) == ((), 1)
        assert "run a judge" in report.notes[0]


def lengths(*, longer: int, shorter: int, margin: float | None = 1.0) -> list[PairLengths]:
    """Make pairs, four of a document, in which so many have the longer candidate chosen."""
    made = [PairLengths(200, 100, margin, "")] * longer + [PairLengths(100, 200, margin, "")] * shorter
    return [PairLengths(it.chosen, it.rejected, it.margin, f"d{at % 12}") for at, it in enumerate(made)]


@pytest.mark.parametrize(
    ("longer", "shorter", "words"),
    [
        (45, 3, "in 94% of the pairs the longer candidate is chosen"),
        (3, 45, "in 94% of the pairs the shorter candidate is chosen"),
        (24, 24, ""),
        (28, 20, ""),
        (10, 0, ""),
    ],
)
def test_a_set_that_length_explains_is_warned_of(longer: int, shorter: int, words: str) -> None:
    warning = length_warning(lengths(longer=longer, shorter=shorter), how=QUICK)
    assert warning.startswith(words)
    assert bool(warning) == bool(words)


def test_what_each_mitigation_keeps() -> None:
    pairs = lengths(longer=30, shorter=10)

    def keeps(mitigation: Mitigation, limit: float | None = None, *, of: list[PairLengths] = pairs) -> int:
        return sum(kept(of, LengthChoice(mitigation, limit)))

    assert keeps(Mitigation.BALANCED) == 20
    assert keeps(Mitigation.RATIO, 1.9) == 0
    assert keeps(Mitigation.RATIO, 2.0) == 40
    assert keeps(Mitigation.TRUNCATED, 0.5) == 0
    assert keeps(Mitigation.TRUNCATED, 1.0) == 40
    without = lengths(longer=3, shorter=1, margin=None)
    assert keeps(Mitigation.TRUNCATED, 9.0, of=without) == 0
    with pytest.raises(Refused, match="few lean to chosen"):
        keeps(Mitigation.TRUNCATED, of=without)
    mask = kept(pairs, LengthChoice(Mitigation.BALANCED))
    assert length_warning([it for it, keep in zip(pairs, mask, strict=True) if keep]) == ""


@given(st.permutations(range(40)), st.integers(0, 3))
def test_the_same_pairs_are_kept_in_whatever_order_they_come(order: list[int], seed: int) -> None:
    pairs = [replace(it, name=f"p{at}") for at, it in enumerate(lengths(longer=30, shorter=10))]
    choice = LengthChoice(Mitigation.BALANCED, seed=seed)
    names = {it.name for it, keep in zip(pairs, kept(pairs, choice), strict=True) if keep}
    turned = [pairs[at] for at in order]
    assert {it.name for it, keep in zip(turned, kept(turned, choice), strict=True) if keep} == names
    other = kept(pairs, LengthChoice(Mitigation.BALANCED, seed=seed + 1))
    assert names != {it.name for it, keep in zip(pairs, other, strict=True) if keep}


def test_a_mitigated_set_is_what_the_report_showed_and_its_card_says_so(project: Project, tmp_path: Path) -> None:
    scored(project, tmp_path, documents=24)
    for number in range(24):
        for better, worse in combinations(("good", "fair", "poor"), 2):
            project.pairs.add(f"{better}-{number}", f"{worse}-{number}", blind=True)
    found = section(project.reports.length_bias(how=QUICK), dimension="gold pairs", of="pairs by length")
    rows = found.tables[0].rows
    before, balanced, ratio = rows[0], rows[1], rows[2]
    assert [it.choice.words for it in found.remedies] == [row[0] for row in rows[1:]]
    assert before[1:3] == (72, pytest.approx(2 / 3))

    made = {}
    for row, remedy in zip(rows[1:], found.remedies, strict=True):
        name = remedy.choice.mitigation.value
        made[name] = project.sets.freeze(name, wanted=remedy.wanted, choice=remedy.choice, split=ONE_PART).set
        card = made[name].card
        assert card.lengths is not None
        assert (card.pairs, card.lengths.longer_chosen) == (row[1], pytest.approx(row[2]))
        assert card.mitigated is not None
        assert (card.mitigated.choice, card.mitigated.pairs_before) == (remedy.choice, 72)
        assert card.mitigated.before is not None
        assert card.mitigated.before.longer_chosen == pytest.approx(2 / 3)
        assert project.sets.get(name) == made[name]
    assert balanced[1] == 48
    assert ratio[1] == 24
    again = project.sets.freeze("again", choice=LengthChoice(Mitigation.BALANCED), split=ONE_PART).set
    assert again.content_hash == made["balanced"].content_hash
    other = project.sets.freeze("other", choice=LengthChoice(Mitigation.BALANCED, seed=1), split=ONE_PART).set
    assert other.content_hash != again.content_hash
    assert project.sets.verify("balanced").holds
    with pytest.raises(Refused, match="no pair is left by that choice"):
        project.sets.freeze("none", choice=LengthChoice(Mitigation.RATIO, 1.0), split=ONE_PART)
    outcomes = project.reports.length_outcomes(GOLD, how=QUICK)
    assert [(it.pairs, it.longer) for it in outcomes] == [row[1:3] for row in rows]


def test_gold_pairs_and_sets_are_measured_and_warned_of(project: Project, tmp_path: Path) -> None:
    scored(project, tmp_path, documents=24)
    assert project.reports.length_warning() == ""
    for number in range(24):
        longest, shortest = ("good", "poor") if number % 3 else ("poor", "good")
        project.pairs.add(f"{longest}-{number}", f"{shortest}-{number}", blind=True)
    assert project.reports.length_warning().startswith("in 100% of the pairs the longer candidate is chosen")
    frozen = project.sets.freeze("first", split=Split((1.0, 0.0, 0.0)), agreement=project.reports.card_figures).set
    assert project.reports.length_warning("first") == project.reports.length_warning()
    assert frozen.card.agreement == {}  # no judge has spoken
    report = project.reports.length_bias(how=QUICK)
    for name in ("gold pairs", "set first"):
        found = section(report, dimension=name, of="pairs by length")
        assert found.figure("longer_chosen").value == 1.0
        assert found.tables[0].rows[0][1:3] == (24, 1.0)
    with pytest.raises(Refused, match="second"):
        project.reports.length_warning("second")


def test_a_judge_on_gold_pairs_and_the_figures_for_a_card(project: Project, eval_data: Path) -> None:
    project.imports.import_paths([eval_data / "claims" / "summhay_coverage.jsonl.gz"])
    frames = project.frames()
    said = frames.judgments[frames.judgments["model"] == "9fs_gpt-4o"]
    score = dict(zip(said["candidate_id"], said["score"], strict=True))
    right = wrong = tied = 0
    for question in project.audit.questions():
        for one, other in combinations([it.candidate_id for it in question.candidates], 2):
            project.pairs.add(one, other, blind=True)
            right += score[one] > score[other] + 1e-9
            wrong += score[one] < score[other] - 1e-9
            tied += abs(score[one] - score[other]) <= 1e-9
    report = project.reports.agreement(judge="9fs", how=QUICK)
    (found,) = [it for it in report.sections if it.of == "gold pairs"]
    shares = {it.key: (it.count, it.of) for it in found.shares}
    total = right + wrong + tied
    assert shares == {"covered": (total, total), "tied": (tied, total), "right": (right, right + wrong)}
    figures = project.reports.card_figures()
    assert len(figures) == 12
    assert "of the 8 documents" in str(figures["9fs_gpt-4o, completeness by key point, Cohen's kappa"])


def test_margins_below_zero_have_no_usual_limit() -> None:
    """A person who chooses against the scores leaves such a margin."""
    pairs = [PairLengths(9.0, 5.0, margin, "q", str(margin)) for margin in (-3.4, -0.37, 2.0)]
    assert [it.mitigation for it in usual_choices(pairs)] == [Mitigation.BALANCED, Mitigation.RATIO]
    with pytest.raises(Refused, match="few lean to chosen"):
        kept(pairs, LengthChoice(Mitigation.TRUNCATED))
