import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrstudio.training.events import Curve, Event
from lrstudio.viewstate.training_curves import (
    PLOTS,
    Columns,
    Curves,
    RunLines,
    csv_rows,
    device_points,
    figure,
    lines_of,
    reading,
    smoothed,
)

PARTS = next(it for it in PLOTS if it.key == "parts")
LOSS = next(it for it in PLOTS if it.key == "loss")
REWARDS = next(it for it in PLOTS if it.key == "rewards")


def curves(**values: list[float]) -> Curves:
    columns = Columns()
    length = len(next(iter(values.values())))
    columns.add([(step + 1, {name: it[step] for name, it in values.items()}) for step in range(length)])
    return columns.snapshot()


@given(
    attempts=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), min_size=1, max_size=6),
    batch=st.integers(1, 7),
)
def test_columns_show_what_the_curve_of_the_file_shows(attempts: list[tuple[int, int]], batch: int) -> None:
    """Attempts resume from any step that was reached; the columns are fed in batches of any size."""
    curve, columns, seq, reached = Curve(), Columns(), 0, 0
    for number, (start, steps) in enumerate(attempts, start=1):
        first = min(start, reached) if number > 1 else 0
        events = [Event(seq + 1, "", "attempt", number, {"from_step": first})]
        points = [(step, {"loss": step + number / 10}) for step in range(first + 1, first + steps + 1)]
        events += [
            Event(seq + 2 + at, "", "metric", number, {"step": s, "metrics": m}) for at, (s, m) in enumerate(points)
        ]
        seq += len(events)
        curve.add(events)
        if number > 1:
            columns.cut(first)
        for at in range(0, len(points), batch):
            columns.add(points[at : at + batch])
        reached = max(curve.points)
    shown = columns.snapshot()
    assert dict(zip(shown.steps.astype(int).tolist(), shown.values["loss"].tolist(), strict=True)) == {
        step: point["loss"] for step, point in curve.points.items()
    }


def test_what_was_shown_stays_when_a_resume_takes_steps_back() -> None:
    columns = Columns()
    columns.add([(step, {"loss": float(step)}) for step in range(1, 6)])
    before = columns.snapshot()
    columns.cut(3)
    columns.add([(4, {"loss": 40.0}), (5, {"loss": 50.0})])
    assert before.values["loss"].tolist() == [1, 2, 3, 4, 5]
    assert columns.snapshot().values["loss"].tolist() == [1, 2, 3, 40, 50]


def test_a_metric_that_comes_later_has_no_value_before() -> None:
    columns = Columns()
    columns.add([(1, {"loss": 1.0}), (2, {"loss": 2.0, "kl": 0.1}), (3, {"loss": "nan", "kl": 0.2})])
    shown = columns.snapshot()
    assert shown.series("kl")[0].tolist() == [2, 3]
    assert shown.series("loss")[0].tolist() == [1, 2]
    assert shown.at("kl", 1) is None
    assert shown.at("kl", 2.4) == 0.1
    assert shown.series("nothing")[0].tolist() == []


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), st.integers(1, 80))
def test_smoothing_is_the_mean_of_the_values_around(values: list[float], window: int) -> None:
    shown, half = smoothed(np.array(values), window), window // 2 if window > 1 else 0
    halves = [min(half, at, len(values) - 1 - at) for at in range(len(values))]
    around = [values[at - it : at + it + 1] for at, it in enumerate(halves)]
    assert shown.tolist() == pytest.approx([math.fsum(it) / len(it) for it in around], abs=1e-6)


@pytest.mark.parametrize("length", [3, 15, 100])
def test_smoothing_lags_behind_nothing(length: int) -> None:
    rising = np.arange(float(length))
    assert smoothed(rising, 20).tolist() == pytest.approx(rising.tolist())


def test_parts_of_the_loss_are_lines_of_their_own() -> None:
    assert [it.label for it in lines_of(PARTS, ("loss", "loss/nll", "loss/preference", "kl"))] == ["nll", "preference"]
    assert [it.label for it in lines_of(LOSS, ("loss", "loss/nll"))] == ["loss"]
    assert lines_of(REWARDS, ("loss/nll",)) == REWARDS.series


def test_values_beside_a_plot_are_those_at_the_crosshair_else_the_last() -> None:
    run = RunLines("a", "run 1", curves(**{"rewards/chosen": [0.1, 0.2], "rewards/rejected": [-0.1, -0.25]}))
    assert reading(REWARDS, [run], step=None).words == "chosen 0.200 · rejected -0.250"
    assert reading(REWARDS, [run], step=1).words == "step 1 · chosen 0.100 · rejected -0.100"
    other = RunLines("b", "run 2", curves(loss=[3.0]))
    assert "run 2 chosen –" in reading(REWARDS, [run, other], step=None).words
    shorter = RunLines("c", "run 3", curves(**{"rewards/chosen": [0.4], "rewards/rejected": [0.3]}))
    assert "run 3 chosen –" in reading(REWARDS, [run, shorter], step=2).words, "it has not come as far"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0.4412, "0.441"),
        (5e-7, "5.00e-07"),
        (8412.3, "8,412"),
        (47.25, "47.2"),
        (0.0, "0.000"),
    ],
)
def test_figures_are_short(value: float | None, words: str) -> None:
    assert figure(value) == words


def test_devices_are_summed_and_the_busiest_counts() -> None:
    said = [(5, {"index": 0, "used_mib": 1024, "use": 40}), (5, {"index": 1, "used_mib": 2048, "use": None})]
    ((step, numbers),) = device_points(said)
    assert (step, numbers["gpu/used_gib"]) == (5, 3.0)
    assert device_points([(5, {"index": 0, "used_mib": 1024, "use": 40})])[0][1]["gpu/use"] == 40


def test_everything_plotted_goes_into_a_file() -> None:
    run = RunLines("a", "run 1", curves(loss=[1.0, 0.5]), held_out=curves(loss=[0.7]))
    columns, rows = csv_rows([run])
    assert columns == ("run", "of", "step", "loss")
    assert list(rows) == [("run 1", "training", 1, 1.0), ("run 1", "training", 2, 0.5), ("run 1", "held out", 1, 0.7)]
