"""Hand-made records of a small project: enough to fill every corner of a screen without a project file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lrstudio.domain.decisions import Act, Decision, Shown, Standing, Target, Value, standing
from lrstudio.domain.reward import reward
from lrstudio.domain.summaries import (
    CandidateDetail,
    CandidateSummary,
    DimensionSummary,
    DocumentInfo,
    Glyph,
    QuestionSummary,
)
from lrstudio.domain.text import Candidate, PlaceKind, Question, Source, SourceMap, Span
from lrstudio.domain.verdicts import (
    Claim,
    Coverage,
    Dimension,
    Evidence,
    JudgeIdentity,
    JudgeRun,
    Judgment,
    KeyPoint,
    Reason,
    RunState,
    State,
    Support,
    SupportReason,
    faithfulness_score,
)

REVIEWER = "ada"
RUN_ID = "run1"
DOCUMENT_ID = "harbour"
DOCUMENT = """The ship's log for the night is short. She crossed the lane at eleven, darkened, with the current on her \
beam, and stopped twice to let junks pass ahead of her.

By dawn the remaining one hundred and ten mines had been put down in a broken line north of the Anambas group, in \
water that the admiralty chart marked as clear. The work took two nights, the first having been spoiled by a squall.

No report reached Singapore until the fourth, when the master of a collier saw a floating mine and turned back. The \
board met the same evening; its minutes do not agree with the pilots' book on the hour at which the channel was closed.

Traffic for Saigon, Hong Kong and Manila was sent by the western route, a day longer."""

SENTENCES: tuple[tuple[str, Support | None, SupportReason, float | None, str], ...] = (
    (
        "The raider laid two fields off Singapore in the first weeks of February.",
        Support.FULL,
        SupportReason.UNSTATED,
        0.93,
        "Passage 1 says so in these words.",
    ),
    (
        "The second, of 110 mines, lay north of the Anambas Islands and was finished in a single night.",
        Support.PARTIAL,
        SupportReason.UNSTATED,
        0.62,
        "Passage 2 gives the number and the place; passage 3 says that the work took two nights.",
    ),
    (
        "It threatened the lanes from Singapore to Saigon, Hong Kong and Manila.",
        Support.FULL,
        SupportReason.UNSTATED,
        0.88,
        "Passage 4 names the three lanes.",
    ),
    (
        "Three steamers were lost there before the field was swept in May 1916.",
        Support.NONE,
        SupportReason.CONTRADICTED,
        0.04,
        "The report counts two steamers.",
    ),
    (
        "Insurance rates in Batavia doubled within the week.",
        Support.NONE,
        SupportReason.NOT_FOUND,
        0.11,
        "No passage speaks of insurance.",
    ),
    ("In short, a small ship tied down a large port.", None, SupportReason.UNSTATED, None, ""),
)
ANSWER = " ".join(sentence for sentence, *_ in SENTENCES)
IDENTITY = JudgeIdentity(judge="http", model="glm-4", prompt_pack="4f2a11c09b", tokenizer="lrstudio-bpe")
RUN = JudgeRun(
    RUN_ID, IDENTITY, tuple(Dimension), RunState.DONE, "2026-11-20T09:00:00Z", "2026-11-20T09:02:00Z", calls=34
)


def passage_spans() -> tuple[Span, ...]:
    """The sentences of the document, as passages."""
    found = []
    for sentence in (
        "By dawn the remaining one hundred and ten mines had been put down in a broken line north of the Anambas group",
        "The work took two nights, the first having been spoiled by a squall.",
        "Traffic for Saigon, Hong Kong and Manila was sent by the western route, a day longer.",
        "No report reached Singapore until the fourth",
        "She crossed the lane at eleven",
    ):
        start = DOCUMENT.index(sentence)
        found.append(Span(start, start + len(sentence)))
    return tuple(found)


def make_claims(count: int = len(SENTENCES)) -> tuple[Claim, ...]:
    """The answer's sentences as claims, with a verdict of every kind; the last one is an opinion."""
    passages = passage_spans()
    claims = []
    for number, (text, support, why, chance, explanation) in enumerate(SENTENCES[:count]):
        start = ANSWER.index(text)
        state = State.SCORED if support is not None else State.NOT_CHECKABLE
        order = [*passages[number % 5 :], *passages[: number % 5]]
        claims.append(
            Claim(
                claim_id=f"c{number + 1}",
                text=text,
                span=Span(start, start + len(text)),
                state=state,
                reason=Reason.NONE if support is not None else Reason.OPINION,
                support=support,
                support_reason=why,
                support_probability=chance,
                evidence=tuple(Evidence(span, rank) for rank, span in enumerate(order, start=1)) if support else (),
                explanation=explanation,
                call_key=f"call{number + 1}",
            )
        )
    return tuple(claims)


def make_key_points() -> tuple[KeyPoint, ...]:
    """Two key points: one covered, one missing."""
    first, second, *_ = passage_spans()
    return (
        KeyPoint(
            "k1",
            "110 mines were laid north of the Anambas group.",
            Span(0, len(DOCUMENT)),
            first,
            State.SCORED,
            covered=Support.FULL,
            explanation="The answer says so.",
        ),
        KeyPoint(
            "k2",
            "The work took two nights.",
            Span(0, len(DOCUMENT)),
            second,
            State.SCORED,
            covered=Support.NONE,
            explanation="The answer says a single night.",
        ),
    )


def make_judgments(claims: Sequence[Claim] | None = None) -> dict[Dimension, Judgment]:
    """One judgment in each dimension; helpfulness is unscored."""
    claims = make_claims() if claims is None else claims
    state, reason, score = faithfulness_score(claims)
    coverage = Coverage(chunks_read=12, chunks_total=12, attempts=1)
    cid = "b"
    return {
        Dimension.HELPFULNESS: Judgment(RUN_ID, cid, Dimension.HELPFULNESS, State.UNSCORED, Reason.UNREADABLE),
        Dimension.LOGICALITY: Judgment(
            RUN_ID,
            cid,
            Dimension.LOGICALITY,
            State.SCORED,
            score=9.0,
            explanation="The second sentence follows from the first.",
            call_key="callL",
        ),
        Dimension.FAITHFULNESS: Judgment(
            RUN_ID,
            cid,
            Dimension.FAITHFULNESS,
            state,
            reason,
            score,
            aggregated=True,
            claims=tuple(claims),
            coverage=coverage,
            call_key="callF",
        ),
        Dimension.COMPLETENESS: Judgment(
            RUN_ID,
            cid,
            Dimension.COMPLETENESS,
            State.SCORED,
            score=5.0,
            aggregated=True,
            key_points=make_key_points(),
            coverage=coverage,
        ),
    }


def make_detail(
    *,
    judgments: Mapping[Dimension, Judgment] | None = None,
    decisions: Sequence[Decision] = (),
    document: bool = True,
) -> CandidateDetail:
    """The candidate B of the drawing with everything that stands on it."""
    judgments = make_judgments() if judgments is None else judgments
    info = DocumentInfo(
        DOCUMENT_ID,
        "Harbour report",
        len(DOCUMENT),
        Source("harbour.pdf", "pdf", map=SourceMap(PlaceKind.PAGE, (0, 150, 400), ("86", "87", "88"))),
    )
    standings: dict[Dimension, Standing] = {
        dimension: standing(dimension, judgments.get(dimension), decisions) for dimension in Dimension
    }
    return CandidateDetail(
        candidate=Candidate("b", "q1", ANSWER, "llama-3.1-8b"),
        question=Question("q1", DOCUMENT_ID if document else None, "How many mines were laid off the Anambas Islands?"),
        document=info if document else None,
        label="B",
        standings=standings,
        runs={dimension: RUN if dimension in judgments else None for dimension in Dimension},
        decisions=tuple(decisions),
    )


def make_decision(
    part_id: str,
    support: Support | None,
    *,
    number: int = 1,
    act: Act = Act.OVERRIDE,
    dimension: Dimension = Dimension.FAITHFULNESS,
    why: SupportReason = SupportReason.UNSTATED,
    score: float | None = None,
    reviewer: str = REVIEWER,
    blind: bool = False,
    undoes: int | None = None,
    reason: str = "",
) -> Decision:
    """One entry of the journal."""
    scored = support is not None or score is not None
    after = Value(State.SCORED if scored else State.NOT_CHECKABLE, support, why, score)
    target = Target("b", dimension, part_id)
    time = f"2026-11-20T10:00:{number:02d}Z"
    return Decision(number, reviewer, time, act, target, Value(), after, reason, blind, Shown(RUN_ID), undoes)


def make_candidate(
    candidate_id: str,
    label: str,
    *,
    scores: Mapping[Dimension, float | None] | None = None,
    signs: str = "",
    decided: int = 0,
    model: str = "",
    disagreement: float | None = None,
    reason: Reason = Reason.NONE,
    question_id: str = "q1",
) -> CandidateSummary:
    """A candidate in a list. `signs` is one letter a claim: f, p, c (contradicted), n (not found), u (unscored)."""
    glyphs = tuple(replace(_GLYPHS[letter], decided=at < decided) for at, letter in enumerate(signs))
    dimensions = {}
    for dimension in Dimension:
        score = (scores or {}).get(dimension)
        judged = scores is not None
        state = State.SCORED if score is not None else State.UNSCORED if judged else State.NOT_CHECKED
        dimensions[dimension] = DimensionSummary(
            dimension,
            state,
            Reason.NONE if score is not None else reason,
            score,
            decided=False,
            glyphs=glyphs if dimension is Dimension.FAITHFULNESS else (),
            run_id=RUN_ID if judged else "",
        )
    return CandidateSummary(
        candidate_id, question_id, label, model, 1200, dimensions, reward(scores or {}), disagreement
    )


_GLYPHS = {
    "f": Glyph(State.SCORED, Support.FULL, SupportReason.UNSTATED, decided=False),
    "p": Glyph(State.SCORED, Support.PARTIAL, SupportReason.UNSTATED, decided=False),
    "c": Glyph(State.SCORED, Support.NONE, SupportReason.CONTRADICTED, decided=False),
    "n": Glyph(State.SCORED, Support.NONE, SupportReason.NOT_FOUND, decided=False),
    "u": Glyph(State.UNSCORED, None, SupportReason.UNSTATED, decided=False),
}


def make_questions() -> tuple[QuestionSummary, ...]:
    """The list of the drawing."""
    faith = Dimension.FAITHFULNESS
    one = (
        make_candidate("a", "A", scores={faith: 8.2}, signs="ffffp", model="gpt-4.1", disagreement=0.5),
        make_candidate("b", "B", scores={faith: 6.4}, signs="fffpcn", decided=3, model="llama-3.1", disagreement=3.0),
        make_candidate("c", "C", scores={faith: 5.1}, signs="ffccn", model="glm-4-9b", disagreement=2.0),
        make_candidate("d", "D"),
    )
    two = (
        make_candidate("e", "A", scores={faith: 9.0}, signs="fffff", decided=5, question_id="q2"),
        make_candidate("f", "B", scores={faith: 7.3}, signs="fffpp", decided=5, question_id="q2"),
        make_candidate("g", "C", scores={}, reason=Reason.UNREADABLE, question_id="q2"),
    )
    three = (
        make_candidate("h", "A", scores={faith: 7.8}, signs="fffp", question_id="q3"),
        make_candidate("i", "B", scores={faith: 7.7}, signs="fffn", question_id="q3"),
    )
    title = "Harbour report"
    return (
        QuestionSummary(
            "q1",
            DOCUMENT_ID,
            title,
            "How many mines were laid off the Anambas Islands, and which lanes did they close?",
            one,
        ),
        QuestionSummary("q2", DOCUMENT_ID, title, "Which repairs were finished before the 1917 inspection?", two),
        QuestionSummary("q3", DOCUMENT_ID, title, "Why did the harbour board refuse the second loan?", three),
    )
