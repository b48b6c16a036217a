"""Round trips: what goes into the file comes out of it, whatever the strings and numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrstudio.domain.decisions import Act, Decision, Shown, Target, Value, Wording
from lrstudio.domain.text import Candidate, Document, PlaceKind, Question, Source, SourceMap, Span
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
)
from lrstudio.store import mapping
from lrstudio.store.store import Store
from tests.doubles.backends import BOTH

# Lone surrogates too: they come out of JSON escapes.
texts = st.text(st.characters(exclude_categories=()), max_size=20)
spans = st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)).map(lambda it: Span(*sorted(it)))
scores = st.floats(0, 10)
finite = st.floats(allow_nan=False)
counts = st.integers(0, 2**40)


def verdicts(*, with_reason):
    """State, support and reason that go together."""

    def build(state, support, reason):
        support = support if state is State.SCORED else None
        return state, support, reason if with_reason and support is Support.NONE else SupportReason.UNSTATED

    return st.builds(build, st.sampled_from(State), st.sampled_from(Support), st.sampled_from(SupportReason))


claims = st.builds(
    lambda verdict, **fields: Claim(state=verdict[0], support=verdict[1], support_reason=verdict[2], **fields),
    verdicts(with_reason=True),
    claim_id=texts,
    text=texts,
    span=st.none() | spans,
    reason=st.sampled_from(Reason),
    support_probability=st.none() | st.floats(0, 1),
    votes=st.lists(st.none() | st.sampled_from(Support), max_size=3).map(tuple),
    evidence=st.lists(st.builds(Evidence, spans, st.integers(1, 9), st.none() | finite, st.booleans()), max_size=3).map(
        tuple
    ),
    explanation=texts,
    call_key=texts,
    reference_support=st.none() | st.sampled_from(Support),
)
key_points = st.builds(
    lambda verdict, **fields: KeyPoint(state=verdict[0], covered=verdict[1], **fields),
    verdicts(with_reason=False),
    key_point_id=texts,
    text=texts,
    chunk=st.none() | spans,
    span=st.none() | spans,
    reason=st.sampled_from(Reason),
    explanation=texts,
    call_key=texts,
)
judgments = st.builds(
    lambda score, **fields: Judgment(
        "r", "c1", state=State.UNSCORED if score is None else State.SCORED, score=score, **fields
    ),
    st.none() | scores,
    dimension=st.sampled_from(Dimension),
    reason=st.sampled_from(Reason),
    aggregated=st.booleans(),
    claims=st.lists(claims, max_size=3).map(tuple),
    key_points=st.lists(key_points, max_size=3).map(tuple),
    explanation=texts,
    coverage=st.builds(Coverage, counts, counts, counts, counts),
    samples=st.lists(scores, max_size=3).map(tuple),
    call_key=texts,
    reference_score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    reference_note=texts,
)
values = st.builds(
    Value,
    state=st.sampled_from(State),
    support=st.none() | st.sampled_from(Support),
    support_reason=st.sampled_from(SupportReason),
    score=st.none() | scores,
    wordings=st.lists(st.builds(Wording, texts, texts, st.none() | spans), max_size=2).map(tuple),
    evidence=st.lists(spans, max_size=3).map(tuple),
)
decisions = st.builds(
    Decision,
    decision_id=st.just(0),
    reviewer=texts,
    time=texts,
    act=st.sampled_from(Act),
    target=st.builds(Target, st.sampled_from(["c1", "c2"]), st.sampled_from(Dimension), texts),
    before=values,
    after=values,
    reason=texts,
    blind=st.booleans(),
    shown=st.builds(
        Shown,
        texts,
        st.booleans(),
        st.lists(spans, max_size=2).map(tuple),
        texts,
        st.none() | st.floats(0, 1, exclude_min=True),
    ),
    undoes=st.none(),
    adjudicates=st.lists(st.integers(1, 2**40), max_size=3).map(tuple),
)
places = st.lists(texts | st.integers(0, 10**9).map(str), min_size=1, max_size=9)
source_maps = st.builds(
    lambda kind, names, offsets: SourceMap(kind, tuple(sorted({0, *offsets}))[: len(names)], tuple(names)),
    st.sampled_from(PlaceKind),
    places,
    st.sets(st.integers(1, 10**8), min_size=9),
)
runs = st.builds(
    JudgeRun,
    run_id=texts,
    identity=st.builds(JudgeIdentity, texts, texts, texts, texts, texts),
    dimensions=st.lists(st.sampled_from(Dimension), unique=True).map(lambda it: tuple(d for d in Dimension if d in it)),
    state=st.sampled_from(RunState),
    started=texts,
    finished=texts,
    calls=counts,
    input_tokens=counts,
    output_tokens=counts,
    cost=st.none() | st.floats(0, 1e6),
)


@pytest.fixture(scope="module", params=BOTH)
def kept(request, tmp_path_factory):
    if request.param == "sqlite":
        place = tmp_path_factory.mktemp("kept") / "p.lrs"
    else:
        place = request.getfixturevalue("_postgres").new_database()
    with Store.create(place) as store:
        store.library.add_question(Question("q", None, "?"))
        for candidate_id in ("c1", "c2"):
            store.library.add_candidate(Candidate(candidate_id, "q", "text"))
        store.judging.start_run(JudgeRun("r", JudgeIdentity("scripted"), tuple(Dimension), RunState.RUNNING, "1"))
        yield store


@given(judgment=judgments)
def test_judgments(kept, judgment):
    kept.judging.save_judgment(judgment)
    assert kept.judging.judgment("r", "c1", judgment.dimension) == judgment


@given(decision=decisions)
def test_decisions(kept, decision):
    stored = kept.journal.append(decision)
    assert replace(stored, decision_id=0) == decision
    assert kept.journal.decisions(after=stored.decision_id - 1) == (stored,)


@given(value=values)
def test_values_as_json(value):
    assert mapping.value_of(json.loads(mapping.to_json(mapping.value_fields(value)))) == value


@given(source_map=source_maps)
def test_source_maps(source_map):
    assert mapping.unpack_source_map(mapping.pack_source_map(source_map)) == source_map


@settings(max_examples=50)
@given(
    text=st.none() | texts,
    title=texts,
    source=st.none() | st.builds(Source, texts, texts, texts, texts, st.none() | source_maps),
)
def test_documents(kept, text, title, source):
    document = Document(f"d{len(kept.library.documents())}", text, title, source)
    kept.library.add_document(document)
    assert kept.library.document(document.document_id) == document


@settings(max_examples=50)
@given(run=runs)
def test_runs(kept, run):
    run = replace(run, run_id=f"{len(kept.judging.runs())} {run.run_id}")
    kept.judging.start_run(run)
    assert kept.judging.run(run.run_id) == run


def test_the_map_of_a_long_file_is_small():
    offsets = tuple(range(0, 5_000_000, 80))
    source_map = SourceMap(PlaceKind.BYTE, offsets, tuple(map(str, offsets)))
    assert len(mapping.pack_source_map(source_map)) < 2_000


def test_what_no_judge_could_say_is_not_read_back(kept):
    kept.judging.save_judgment(Judgment("r", "c2", Dimension.LOGICALITY, State.SCORED, score=5.0))
    with kept._connections.write() as connection:
        connection.exec_driver_sql("UPDATE judgment SET score = 11 WHERE dimension = 'logicality'")
    with pytest.raises(ValueError, match="outside 0-10"):
        list(kept.judging.judgments(["c2"]))
