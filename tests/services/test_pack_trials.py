"""A changed prompt pack, tried on what people labelled: what is asked, what is paid, and what comes out."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.analysis.estimates import Estimate, NotEnough
from lrstudio.analysis.intervals import Mcnemar
from lrstudio.domain.decisions import Target
from lrstudio.domain.errors import Refused
from lrstudio.domain.text import Span
from lrstudio.domain.verdicts import Claim, Judgment, Reason, RunState, State, Support, part_id
from lrstudio.services.judges import JudgeRequest
from lrstudio.services.label_matching import support_in
from lrstudio.services.labels import Label, Part, part_of, split
from lrstudio.services.pack_trials import TrialChoice, TrialOutcome, TrialPlan
from lrstudio.services.packs import Packs
from lrstudio.services.wiring import Project, open_project
from tests.doubles.chat_server import ChatServer
from tests.doubles.labelled import DOCUMENTS, F, H, labelled_project, policy, strict_copy


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer(policy) as made:
        yield made


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, server: ChatServer) -> Path:
    path = tmp_path_factory.mktemp("labelled") / "p.lrs"
    labelled_project(path, server).close()
    return path


@pytest.fixture
def project(tmp_path: Path, labelled: Path) -> Iterator[Project]:
    made = open_project(Path(shutil.copy(labelled, tmp_path / "p.lrs")), reviewer="ann")
    yield made
    made.close()


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(tmp_path / "home")


def request(server: ChatServer, **more: Any) -> JudgeRequest:
    return JudgeRequest(judge="http", base_url=server.base_url, model="judge", **more)


def choice(packs: Packs, **more: Any) -> TrialChoice:
    first, second = strict_copy(packs)
    return TrialChoice(packs.versions(second).folder(first.version), second.folder, **{"part": Part.ALL, **more})


def plan(project: Project, asked: JudgeRequest, chosen: TrialChoice) -> TrialPlan:
    return anyio.run(project.trials.plan, asked, chosen)


def run(project: Project, asked: JudgeRequest, chosen: TrialChoice) -> TrialOutcome:
    return anyio.run(partial(project.trials.run, asked, chosen, emit=lambda _: None))


def test_agreement_before_and_after_is_counted_item_by_item(project: Project, server: ChatServer, packs: Packs) -> None:
    outcome = run(project, request(server), choice(packs))
    helpful, faithful = outcome.comparisons
    assert (helpful.dimension, helpful.parts, faithful.dimension, faithful.scores) == (H, None, F, None)
    parts = faithful.parts
    assert parts is not None
    n, spoilt = 3 * DOCUMENTS, DOCUMENTS // 4
    assert parts.before.labels == ("none", "partial", "full")
    assert parts.before.confusion == ((0, 0, DOCUMENTS), (0, 0, DOCUMENTS), (0, 0, DOCUMENTS))
    assert parts.after.confusion == ((DOCUMENTS, 0, 0), (0, DOCUMENTS, 0), (0, spoilt, DOCUMENTS - spoilt))
    assert (parts.mended, parts.spoilt, parts.lost_before, parts.lost_after) == (2 * DOCUMENTS, spoilt, 0, 0)
    assert isinstance(parts.test, Mcnemar)
    assert parts.test.p < 0.001
    assert isinstance(parts.balanced_accuracy, Estimate)
    assert parts.balanced_accuracy.value == pytest.approx((2 + (DOCUMENTS - spoilt) / DOCUMENTS) / 3 - 1 / 3)
    assert (parts.balanced_accuracy.n, parts.balanced_accuracy.documents) == (n, DOCUMENTS)
    assert parts.balanced_accuracy.low <= parts.balanced_accuracy.value <= parts.balanced_accuracy.high
    scores = helpful.scores
    assert scores is not None
    assert (scores.nearer, scores.farther) == (DOCUMENTS, 0)
    assert isinstance(scores.before.bias, NotEnough), "12 scores are too few for a number"


def test_trials_never_stand_as_verdicts_and_are_told_from_runs(
    project: Project, server: ChatServer, packs: Packs
) -> None:
    before = project.audit.questions()
    judges = project.audit.judges()
    outcome = run(project, request(server), choice(packs))
    assert project.audit.questions() == before
    assert project.audit.judges() == judges
    trials = [it for it in project.audit.runs() if it.trial]
    assert [it.run_id for it in trials] == [outcome.after.run_id if outcome.after else "", outcome.before.run_id]
    uses = {it.version.partition("@")[0]: (it.runs, it.trials, it.judgments) for it in project.trials.uses()}
    assert uses == {"mine": (0, 1, 0), "longreward-studio": (1, 0, 2 * DOCUMENTS)}
    assert len(project.trials.uses()) == 3


def test_what_was_asked_before_is_not_paid_again(project: Project, server: ChatServer, packs: Packs) -> None:
    chosen = choice(packs)
    ahead = plan(project, request(server), chosen)
    so_far = len(server.requests)
    # the templates of the first version are ours but for the pack's name, so all its calls are in the log
    assert sum(it.calls for it in ahead.before.outstanding.values()) == 0
    first = run(project, request(server), chosen)
    assert first.before.calls == 0
    assert len(server.requests) - so_far == 4 * DOCUMENTS == ahead.total.calls
    again = run(project, request(server), chosen)
    assert (len(server.requests) - so_far, again.comparisons) == (4 * DOCUMENTS, first.comparisons)
    assert plan(project, request(server), chosen).total.calls == 0


def test_a_plan_leaves_nothing_behind_and_leaves_out_what_both_ask_alike(
    project: Project, server: ChatServer, packs: Packs
) -> None:
    first, second = strict_copy(packs)
    texts = {it.file: it.text for it in packs.templates(second)}
    third = packs.save(second, {"helpfulness.md": texts["helpfulness.md"] + "\nOnce more.\n"})
    chosen = TrialChoice(packs.versions(third).folder(second.version), third.folder, part=Part.ALL)
    runs, so_far = project.audit.runs(), len(server.requests)
    ahead = plan(project, request(server, input_price=1.0, output_price=1.0), chosen)
    assert ahead.versions == (second.version, third.version)
    assert ahead.before.outstanding[F].calls == 3 * DOCUMENTS
    assert ahead.after.outstanding[F].calls == 0
    assert ahead.after.outstanding[H].calls == ahead.before.outstanding[H].calls == DOCUMENTS
    assert (ahead.total.cost or 0) > 0
    assert (project.audit.runs(), len(server.requests)) == (runs, so_far)
    assert first.version != second.version


def test_the_parts_are_documents_apart(project: Project, server: ChatServer, packs: Packs) -> None:
    chosen = choice(packs, part=Part.LOOK, seed=3)
    look = project.trials.split(chosen)
    held = project.trials.split(replace(chosen, part=Part.HELD_OUT))
    whole = project.trials.split(replace(chosen, part=Part.ALL))
    groups = [{it.group for it in made.labels} for made in (look, held, whole)]
    assert groups[0] | groups[1] == groups[2] == {f"log-{n}" for n in range(1, DOCUMENTS + 1)}
    assert not groups[0] & groups[1]
    assert {part: labels for part, labels, _ in look.counts} == {
        Part.LOOK: len(look.labels),
        Part.HELD_OUT: len(held.labels),
        Part.ALL: 4 * DOCUMENTS,
    }
    outcome = run(project, request(server), chosen)
    assert outcome.changes.judgments == set(look.candidate_ids)


def test_blind_decisions_alone(project: Project, packs: Packs) -> None:
    blind = project.trials.split(choice(packs, blind_only=True))
    assert {it.group for it in blind.labels} == {f"log-{n}" for n in range(1, DOCUMENTS + 1, 2)}
    assert blind.dimensions == (F,)


def test_decisions_that_no_longer_stand_are_no_labels(project: Project, packs: Packs) -> None:
    chosen = choice(packs)
    everything = project.trials.split(chosen).labels
    target = next(it.target for it in everything if it.target.part_id)
    project.decisions.override(target, support=None)
    assert target not in [it.target for it in project.trials.split(chosen).labels]
    project.decisions.undo()
    assert project.trials.split(chosen).labels == everything
    project.decisions.reword(target, "Ship 1 sailed late in May.")
    assert target not in [it.target for it in project.trials.split(chosen).labels]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"share": 1.0}, "share"),
        ({"dimensions": ()}, "split"),
        ({"same": True}, "after"),
        ({"judge": "lexical"}, "judge"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    project: Project, server: ChatServer, packs: Packs, change: dict[str, Any], where: str
) -> None:
    chosen, asked = choice(packs), request(server)
    if change.pop("same", False):
        chosen = replace(chosen, before=chosen.after)
    asked = replace(asked, judge=change.pop("judge", "http"))
    chosen = replace(chosen, **change)
    for attempt in (plan, run):
        with pytest.raises(Refused) as refused:
            attempt(project, asked, chosen)
        assert refused.value.where == where
    assert not any(it.trial for it in project.audit.runs())


def test_the_spend_limit_holds_for_both_together(project: Project, server: ChatServer, packs: Packs) -> None:
    asked = request(server, input_price=1.0, output_price=1.0)
    chosen = choice(packs)
    one = run(project, asked, chosen)
    assert one.before.cost is None
    assert one.after is not None
    cost = one.after.cost or 0.0
    folders = []
    for word in ("third", "fourth"):
        info = packs.find("mine")
        texts = {it.file: f"{it.text}\nOnce more: {word}.\n" for it in packs.templates(info)}
        folders.append(packs.save(info, {file: texts[file] for file in ("support.md", "helpfulness.md")}))
    both = replace(chosen, before=packs.versions(folders[1]).folder(folders[0].version))
    stopped = run(project, replace(asked, spend_limit=1.5 * cost), both)
    assert (stopped.before.state, stopped.stopped != "", stopped.comparisons) == (RunState.DONE, True, ())
    finished = run(project, asked, both)
    assert (finished.stopped, len(finished.comparisons)) == ("", 2)


def test_few_labels_give_sentences_and_no_numbers(tmp_path: Path, server: ChatServer, packs: Packs) -> None:
    small = labelled_project(tmp_path / "small.lrs", server, documents=3)
    try:
        parts = run(small, request(server), choice(packs)).comparisons[1].parts
    finally:
        small.close()
    assert parts is not None
    assert (parts.mended, parts.spoilt, parts.before.n) == (6, 0, 9)
    for result in (parts.balanced_accuracy, parts.kappa, parts.accuracy, parts.before.kappa):
        assert isinstance(result, NotEnough)


TEXT = "Ship 1 sailed in May. It came home."
LABEL = Label(Target("a", F, "c1"), "log", "Ship 1 sailed in May.", Span(0, 21), Support.FULL)


def judgment(*claims: tuple[str, Span | None, Support | None]) -> Judgment:
    made = [
        Claim(
            part_id("c", "a", text, span=span),
            text,
            span,
            state=State.SCORED if support else State.UNSCORED,
            reason=Reason.NONE if support else Reason.UNREADABLE,
            support=support,
        )
        for text, span, support in claims
    ]
    return Judgment("r", "a", F, State.UNSCORED, claims=tuple(made))


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ([("Ship 1 sailed.", Span(0, 20), Support.NONE), ("It came home.", Span(22, 35), Support.FULL)], Support.NONE),
        ([("Home.", Span(22, 35), Support.FULL), ("Sailed.", Span(1, 21), Support.PARTIAL)], Support.PARTIAL),
        ([("Ship 1 sailed in May.", Span(0, 9), Support.NONE)], Support.NONE),  # little in common but the wording
        ([("ship 1  SAILED in may.", None, Support.PARTIAL)], Support.PARTIAL),
        ([("Another.", Span(0, 9), Support.FULL)], None),
        ([("Ship 1 sailed in May.", Span(0, 21), None)], None),
        ([], None),
    ],
)
def test_a_label_finds_its_claim_by_place_and_wording(claims: list[Any], found: Support | None) -> None:
    assert support_in(judgment(*claims), LABEL) is found
    assert support_in(None, LABEL) is None


@given(
    groups=st.lists(st.text(max_size=6), unique=True, max_size=30),
    more=st.lists(st.text(max_size=6), max_size=10),
    seed=st.integers(0, 99),
)
def test_a_document_never_changes_its_part(groups: list[str], more: list[str], seed: int) -> None:
    def parts(names: list[str]) -> dict[str, Part]:
        labels = [Label(Target("a", F), name) for name in names]
        return {it.group: part for part in (Part.LOOK, Part.HELD_OUT) for it in split(labels, part, seed=seed).labels}

    before, after = parts(groups), parts([*more, *reversed(groups)])
    assert {name: after[name] for name in groups} == before
    assert all(part_of(name, seed=seed, share=0.5) is part for name, part in before.items())


def test_another_seed_divides_otherwise() -> None:
    names = [f"log-{number}" for number in range(40)]
    parts = [[part_of(name, seed=seed, share=0.5) for name in names] for seed in range(5)]
    assert all(one != other for one, other in itertools.combinations(parts, 2))
    assert all(5 < part.count(Part.LOOK) < 35 for part in parts)
    assert [part_of(name, seed=0, share=0.01) for name in names].count(Part.LOOK) < 5
