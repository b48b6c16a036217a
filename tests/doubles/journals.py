"""Random journals over a project of one question, for what several reviewers and machines make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hypothesis import strategies as st

from lrstudio.domain.decisions import Act, Decision, Standing, Target, Value, standing
from lrstudio.domain.text import Candidate, Document, Question, Span
from lrstudio.domain.verdicts import Claim, Dimension, JudgeIdentity, JudgeRun, Judgment, RunState, State, Support
from lrstudio.store.store import Store

REVIEWERS = ("ana", "bo", "cy")
TARGETS = (
    Target("c1", Dimension.FAITHFULNESS, "k0"),
    Target("c1", Dimension.FAITHFULNESS, "k1"),
    Target("c1", Dimension.FAITHFULNESS),
    Target("c2", Dimension.HELPFULNESS),
)

# Who, on what, says which support or score; or undoes, redoes, adjudicates what is there.
Step = tuple[str, str, int, float]
steps = st.tuples(
    st.sampled_from(REVIEWERS),
    st.sampled_from(["say", "say", "say", "undo", "redo", "adjudicate"]),
    st.integers(0, len(TARGETS) - 1),
    st.sampled_from([0.0, 0.5, 1.0]),
)


def fill(store: Store) -> None:
    """Add a document, a question, two candidates, and a judgment with two claims."""
    with store.writing():
        store.library.add_document(Document("d", "A text of one line.\n"))
        store.library.add_question(Question("q", "d", "What is it?"))
        for number in (1, 2):
            store.library.add_candidate(Candidate(f"c{number}", "q", f"answer {number}", "m"))
        run = JudgeRun("r", JudgeIdentity("lexical"), tuple(Dimension), RunState.DONE, "2026-01-01T00:00:00Z")
        store.judging.start_run(run)
        claims = tuple(
            Claim(f"k{n}", f"claim {n}", Span(n, n + 1), State.SCORED, support=Support.FULL) for n in range(2)
        )
        faith = Dimension.FAITHFULNESS
        store.judging.save_judgment(
            Judgment("r", "c1", faith, State.SCORED, score=10.0, aggregated=True, claims=claims)
        )


def value_of(target: Target, number: float) -> Value:
    """Return a verdict that fits the target."""
    if target.part_id:
        return Value(state=State.SCORED, support=Support(number))
    return Value(state=State.SCORED, score=number * 10)


def play(
    journal: Sequence[Decision],
    made: Iterable[Step],
    *,
    clock: Callable[[], str],
    append: Callable[[Decision], Decision],
) -> None:
    """Let reviewers decide, one after the other."""
    entries = list(journal)
    for reviewer, what, at, number in made:
        own = [it for it in entries if it.reviewer == reviewer and it.act not in (Act.UNDO, Act.REDO)]
        if what in ("undo", "redo") and own:
            act = Act.UNDO if what == "undo" else Act.REDO
            other = own[-1]
            new = Decision(0, reviewer, clock(), act, other.target, undoes=other.decision_id)
        else:
            target = TARGETS[at]
            others = tuple(it.decision_id for it in entries if it.target == target and it.act is Act.OVERRIDE)
            settles = others if what == "adjudicate" else ()
            after = value_of(target, number)
            new = Decision(0, reviewer, clock(), Act.OVERRIDE, target, after=after, adjudicates=settles)
        entries.append(append(new))


def standings(store: Store) -> dict[tuple[str, Dimension], Standing]:
    """Return everything in force."""
    said = {(it.candidate_id, it.dimension): it for it in store.judging.judgments()}
    return {
        (candidate_id, dimension): standing(
            dimension, said.get((candidate_id, dimension)), store.journal.decisions(candidate_id)
        )
        for candidate_id in ("c1", "c2")
        for dimension in Dimension
    }


def values(store: Store) -> dict[tuple[str, Dimension], object]:
    """Return the effective values alone, which no numbering of decisions tells apart."""
    return {
        key: (
            it.score.state,
            it.score.score,
            it.score.decided,
            [(c.claim.claim_id, c.state, c.support) for c in it.claims],
        )
        for key, it in standings(store).items()
    }
