from dataclasses import replace
from pathlib import Path

import pytest

from lrstudio.training.preflight import Check, Preflight
from lrstudio.training.recipes import RECIPES
from lrstudio.training.runs import Estimate, RunRow, Sample, Told
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase
from lrstudio.viewstate import training_form as form
from lrstudio.viewstate import training_preview as shown
from lrstudio.viewstate import training_runs as runs
from lrstudio.viewstate.facts import Fact
from lrstudio.viewstate.training_form import Typed

ROW = RunRow("007-dpo-a", 7, "dpo 7", "dpo", "gold", "/m", "2026-11-20T09:00:00Z", Life.ALIVE, Phase.RUNNING)
FOUND = Preflight(
    rows=12,
    kept=10,
    cut=("q1",),
    dropped=("q2", "q3"),
    longest=96_310,
    histogram=((1024, 0), (2048, 0), (4096, 3), (8192, 9)),
    checks=(Check("disk", False, "the disk is full"), Check("pilot", True, "fine")),
    engine="shared",
    device="H200",
    device_gib=140.0,
    memory_gib=40.0,
    seconds=12_000.0,
)


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_every_option_has_a_label_a_meaning_and_a_text_that_reads_back(recipe: str) -> None:
    for preset, _ in form.presets(recipe):
        fields = form.fields(recipe, preset)
        assert all(it.label and it.meaning for it in fields)
        assert not {"accept_cut", "accept_dropped"} & {it.name for it in fields}
        typed = {it.name: it.text for it in fields}
        assert form.option_problems(RECIPES[recipe], typed) == {}
        assert form.given(recipe, preset, typed) == {}


def test_few_fields_stand_open_and_name_their_source() -> None:
    fields = {it.name: it for it in form.fields("longpo", "paper")}
    few = [it.name for it in fields.values() if not it.advanced]
    assert {"beta", "longpo_lambda", "method", "learning_rate", "epochs"} <= set(few)
    assert len(few) <= 8
    assert "LongPO, equation 14" in fields["longpo_lambda"].meaning


def test_only_what_differs_from_the_preset_is_given() -> None:
    typed = {it.name: it.text for it in form.fields("dpo", "longreward")} | {"beta": "0.3", "seed": " 7 "}
    assert form.given("dpo", "longreward", typed) == {"beta": 0.3, "seed": 7}


def test_a_form_with_another_name_asks_for_the_same_work() -> None:
    assert Typed("gold", name="a") == Typed("gold", name="b") != Typed("silver", name="a")


@pytest.mark.parametrize(
    ("said", "share"),
    [("1,200 of 4,800 rows put into tokens", 0.25), ("1 of 1 row put into tokens", 1.0), ("loading the model", None)],
)
def test_the_share_of_a_check_that_is_done_is_read_from_its_words(said: str, share: float | None) -> None:
    assert shown.share_of(said) == share


def test_problems_are_said_by_field(tmp_path: Path) -> None:
    assert form.problems(Typed(), sets=()) == {"set": form.NEEDS_SET, "model": form.NEEDS_MODEL}
    typed = Typed("gold", "dpo", model=str(tmp_path), options={"beta": "much", "warmup": "3", "seed": "1"})
    found = form.problems(typed, sets=("gold",))
    assert set(found) == {"beta", "warmup"}
    assert found["warmup"] == "Warmup is 0 to 1, not 3."
    assert form.problems(replace(typed, model="/nowhere"), sets=("gold",))["model"] == "There is no such folder."


@pytest.mark.parametrize(
    ("where", "field"),
    [("beta", "beta"), ("label_smoothing, ld_alpha", "label_smoothing"), ("set gold", "set"), ("/m/tiny", "model"),
     ("/usr/bin/python9", "python"), ("disk", ""), ("", "")],
)  # fmt: skip
def test_a_refusal_finds_its_field(where: str, field: str) -> None:
    assert form.field_of(where, model="/m/tiny") == field


def test_the_fold_says_what_was_changed() -> None:
    typed = {it.name: it.text for it in form.fields("dpo", "longreward")}
    hidden = [it.name for it in form.fields("dpo", "longreward") if it.advanced]
    assert form.summary("dpo", typed, hidden=hidden).endswith("…")
    assert form.summary("dpo", typed | {"seed": "1", "lora_r": "8"}, hidden=hidden) == "changed: lora rank, seed"


def test_a_preflight_is_told_with_its_numbers() -> None:
    found = shown.preview(FOUND, estimate=Estimate(47.0, 140.0, 12_000.0, 3), left_out=("q9",))
    assert found.counts == "kept 10 · cut 1 · dropped 3"
    assert found.memory == "47 GiB of 140 at the longest row (96,310 tokens), estimated, corrected by 3 earlier runs"
    assert found.time == "about 3 h 20 min · shared prefix on · on H200 · pilot step passed"
    assert [it.label for it in found.bars] == ["2k", "4k", "8k"]
    assert not found.ok
    assert [(it.option, it.count) for it in found.acceptances] == [("accept_cut", 1), ("accept_dropped", 3)]
    measured = shown.preview(replace(FOUND, peak_gib=47.1))
    assert measured.memory.endswith("measured")


def test_rows_are_accepted_one_kind_at_a_time() -> None:
    found = shown.preview(FOUND)
    assert "1 row is cut" in shown.missing(found, {})
    assert "cut" not in shown.missing(found, {"accept_cut": True})
    assert shown.missing(found, {"accept_cut": True, "accept_dropped": True}) == ""
    assert shown.accepted(found, {"accept_dropped": True}) == {"accept_dropped": 2}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (40, "40 s"),
        (59.6, "1 min"),
        (720, "12 min"),
        (12_000, "3 h 20 min"),
        (7200, "2 h"),
        (190_000, "2 d 5 h"),
    ],
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert shown.duration(seconds) == words


def test_alive_over_and_unknown_are_three_things() -> None:
    alive = runs.state_chip(ROW)
    over = runs.state_chip(replace(ROW, life=Life.DEAD, phase=Phase.FAILED, why="its supervisor was killed"))
    unknown = runs.state_chip(replace(ROW, life=Life.UNKNOWN, since="2026-11-19T11:42:00Z", why="on slurm-a"))
    assert [it.text for it in (alive, over)] == ["running", "failed · its supervisor was killed"]
    assert unknown.text.startswith("unknown since 2026-11-")
    assert len({it.sign for it in (alive, over, unknown)}) == 3
    done = runs.state_chip(replace(ROW, life=Life.DEAD, phase=Phase.FINISHED))
    assert done.text == "done"
    assert done.decided


@pytest.mark.parametrize("phase", [*Phase, None])
@pytest.mark.parametrize("life", list(Life))
def test_every_state_has_words_and_facts(life: Life, phase: Phase | None) -> None:
    row = replace(ROW, life=life, phase=phase)
    cells = runs.run_cells(row)
    assert cells.chip.word
    assert len(cells.texts) == len(runs.COLUMNS)
    assert "run 7" in runs.spoken(cells)
    facts = runs.run_facts(row)
    assert (Fact.RUN_ALIVE in facts) == (life is Life.ALIVE)
    assert (Fact.RUN_OVER in facts) == (life is Life.DEAD)


def test_a_run_in_the_table() -> None:
    row = replace(
        ROW,
        step=312,
        steps=940,
        loss=0.4412,
        seconds_per_pair=11.8,
        seconds_left=7860,
        reward_first=7.1,
        reward_last=7.6,
    )
    assert runs.run_cells(row).texts == (
        *("7", "DPO", "gold", "here", "running", "312/940", "0.441", "7.1 → 7.6", "11.8", "2 h 11 min"),
    )
    assert runs.name_of(replace(row, name="with short pairs")) == "7 · with short pairs"
    assert runs.plot_chip(row).word == "run 7 · running · step 312/940 · 2 h 11 min left"


@pytest.mark.parametrize(
    ("phase", "why", "words"),
    [
        (Phase.STOPPED, "by a person", "Run 7 has stopped at step 1,312. Resume goes on behind its last checkpoint."),
        (Phase.FINISHED, "", "Run 7 has finished all the same."),
        (Phase.FAILED, "the disk is full", "Run 7 has failed. The disk is full."),
    ],
)
def test_how_a_run_ended_that_was_to_stop(phase: Phase, why: str, words: str) -> None:
    row = RunRow("007-dpo", 7, "dpo 7", "dpo", "gold", "m", "t", life=Life.DEAD, phase=phase, why=why, step=1312)
    assert runs.stopped_words(row) == words


def test_the_latest_answer_to_a_step_is_shown_with_its_reward() -> None:
    told = [
        Sample(1, 5, "q1", "How?", "So.", tokens=3, reward=7.0),
        Sample(1, 10, "q1", "How?", "No.", repetition=0.4),
        Sample(2, 10, "q1", "How?", "Yes.", repetition=0.4),
        Sample(1, 5, "q2", "Why?", "Because.", judged=True),
    ]
    cells = runs.sample_cells(told)
    assert [(it.sample.row_id, it.sample.step, it.sample.text) for it in cells] == [
        ("q1", 5, "So."),
        ("q1", 10, "Yes."),
        ("q2", 5, "Because."),
    ]
    assert cells[0].heading == "step 5 · reward 7 · 3 tokens"
    assert cells[1].heading == "step 10 · not judged yet · repeats itself: 40%"
    assert cells[2].heading == "step 5 · not scored: the judge could not"


def test_a_warning_is_a_line_of_the_log() -> None:
    line = runs.told_line(Told(3, "2026-11-19T11:42:00Z", "warning", "answers grow", "length drift", 200))
    assert line.startswith("◐ 2026-11-")
    assert line.endswith("warning at step 200 (length drift): answers grow")
