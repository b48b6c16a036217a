import json
from dataclasses import asdict, replace

import pytest

from lrstudio.domain.summaries import CallView
from lrstudio.judge.protocol import Progress
from lrstudio.services.import_report import Counts
from lrstudio.viewstate.call_text import call_text
from lrstudio.viewstate.import_words import import_sentence
from lrstudio.viewstate.judge_progress import clock, money, progress_line

CALL = CallView(
    key="4f2a11c09b4f2a11c09b",
    purpose="check_claim",
    state="done",
    model="glm-4",
    prompt_pack="lrstudio@4f2a11c09b",
    request=json.dumps({"model": "glm-4", "messages": [{"role": "user", "content": "Is it so?\nSay."}]}),
    reply='{"support": "full"}',
    finish_reason="stop",
    parse_state="parsed",
    error="",
    attempts=1,
    input_tokens=1200,
    output_tokens=8,
    cost=0.0031,
    seconds=1.25,
    created="2026-11-20T09:00:00Z",
)
PROGRESS = Progress(
    done=34, total=40, calls=120, input_tokens=9000, output_tokens=100, cost=0.12, seconds=83, seconds_left=41
)


def test_a_running_judge_in_one_line() -> None:
    line = progress_line("glm-4", PROGRESS)
    assert line.text == "glm-4 · 34/40 · 120 calls · $0.12 · 0:41 left"
    assert line.share == pytest.approx(0.85)
    assert "9,000 tokens in, 100 out" in line.tooltip


def test_what_cannot_be_told_is_left_out() -> None:
    bare = replace(PROGRESS, calls=0, input_tokens=0, output_tokens=0, cost=None, seconds_left=None)
    assert progress_line("lexical", bare).text == "lexical · 34/40"
    assert "no model is called" in progress_line("lexical", bare).tooltip
    assert progress_line("lexical", replace(bare, done=0, total=0)).share is None


def test_starting_and_stopping_say_so() -> None:
    assert progress_line("glm-4", None).text == "glm-4 · starting"
    assert progress_line("glm-4", PROGRESS, cancelling=True).text == "glm-4 · stopping"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (41.4, "0:41"), (725, "12:05"), (3723, "1:02:03"), (-3, "0:00")]
)
def test_a_duration(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "$0.00"), (0.0031, "$0.0031"), (0.12, "$0.12"), (1234.5, "$1,234.50")]
)
def test_a_cost(amount: float, text: str) -> None:
    assert money(amount) == text


def test_a_call_is_shown_with_what_it_cost() -> None:
    text = call_text(CALL)
    facts = dict(text.facts)
    assert text.title == "Check claim · glm-4"
    assert facts["tokens"] == "1,200 tokens in, 8 out"
    assert facts["price"] == "$0.0031"
    assert facts["time"] == "1.25 s"
    assert facts["state"] == "done, parsed, finished: stop"
    assert "error" not in facts
    assert text.prompt == "── user ──\nIs it so?\nSay."
    assert text.reply == '{"support": "full"}'
    assert text.request == CALL.request


@pytest.mark.parametrize(
    ("request_body", "prompt"),
    [
        ("not json", "not json"),
        ('{"input": "é"}', '{\n  "input": "é"\n}'),
        ('{"messages": [{"role": "user", "content": [{"type": "text"}]}]}', "── user ──"),
        ("[1]", "[\n  1\n]"),
    ],
)
def test_a_request_of_any_shape_can_be_read(request_body: str, prompt: str) -> None:
    assert call_text(replace(CALL, request=request_body)).prompt.startswith(prompt)


def test_a_call_without_a_reply_says_so() -> None:
    bare = call_text(replace(CALL, reply="", input_tokens=None, output_tokens=None, cost=None, seconds=None))
    assert bare.reply == "(no reply yet)"
    assert not {"tokens", "price", "time"} & {name for name, _ in bare.facts}


@pytest.mark.parametrize(
    ("new", "same", "left_out", "sentence"),
    [
        ((1, 1, 10), (0, 0, 0), 0, "Imported 1 document, 1 question and 10 candidates."),
        ((0, 0, 0), (1, 1, 10), 0, "Nothing new was imported. 1 document, 1 question and 10 candidates there already."),
        ((0, 0, 3), (0, 0, 0), 2, "Imported 3 candidates. 2 rows or files left out."),
        ((1, 0, 0), (0, 0, 0), 0, "Imported 1 document. Next: add a question to the document."),
        ((0, 0, 0), (0, 0, 0), 1, "Nothing new was imported. 1 row or file left out."),
        (
            (0, 0, 0, 1, 8),
            (1, 1, 2),
            0,
            "Imported 1 judge run and 8 judgments. 1 document, 1 question and 2 ",
        ),
        ((0, 0, 0, 0, 0, 2, 1), (0, 0, 1), 0, "Imported 2 decisions and 1 pair. 1 candidate there already."),
    ],
)
def test_an_import_in_words(new: tuple[int, ...], same: tuple[int, ...], left_out: int, sentence: str) -> None:
    said = import_sentence(asdict(Counts(*new)), asdict(Counts(*same)), left_out=left_out)
    assert said.startswith(sentence)
