"""Three fixed orders of faults on runs on hosts, and proof that what a round looks at can be wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.hosts import mirror

pytest.importorskip("asyncssh", reason="the package asyncssh is not installed")

from tests.doubles.sshd_server import SshdServer
from tests.faults.remote_bench import Bench, RealServer
from tests.faults.remote_rounds import (
    AFTER,
    ALWAYS,
    BEFORE,
    DURING,
    FAULTS,
    Round,
    an_order,
    bring_to_the_end,
    complaints_of,
    play,
)
from tests.faults.remote_table import line, summary

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="processes are looked up in /proc")

ORDERS = (
    ("cut in upload", "cut in start", "cut in tail", "cut in stop", "cut in download"),
    ("full disk", "second window", "machine restarted", "frozen"),
    ("slow clock", "server restarted", "stop from elsewhere"),
)


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order[0])
def test_whatever_happens_a_run_ends_as_if_nothing_had(
    isolated_home: Path, tmp_path: Path, order: tuple[str, ...]
) -> None:
    done = play(tmp_path, seed=ORDERS.index(order), order=order, steps=150, timed=False)

    assert done.complaints == []
    assert done.logins >= 2


def test_a_real_server_is_cut_frozen_and_restarted(sshd: SshdServer, tmp_path: Path) -> None:
    order = ("cut in upload", "cut in start", "cut in stop", "server restarted", "frozen", "cut in download")
    server = RealServer(sshd, tmp_path / "far")
    done = play(tmp_path / "rounds", seed=5, order=order, steps=400, timed=False, server=server)

    assert done.complaints == []
    assert done.attempts == 2


def test_the_fixed_orders_have_every_fault() -> None:
    assert {what for order in ORDERS for what in order} == set(FAULTS)


def test_an_order_is_chosen_by_its_seed() -> None:
    orders = [an_order(seed) for seed in range(40)]
    assert orders == [an_order(seed) for seed in range(40)]
    assert {what for order in orders for what in order} == set(FAULTS)
    for order in orders:
        places = [("always", "before", "during", "after")[_part(what)] for what in order]
        assert places == sorted(places, key=("always", "before", "during", "after").index)
        assert 2 <= sum(what in DURING for what in order) <= 4


def _part(what: str) -> int:
    return next(number for number, part in enumerate((ALWAYS, BEFORE, DURING, AFTER)) if what in part)


@pytest.fixture
def whole(isolated_home: Path, tmp_path: Path) -> Iterator[Bench]:
    """A bench whose run has ended, undisturbed."""
    made = Bench.prepare(tmp_path / "bench", steps=8, slow_clock=False)
    try:
        bring_to_the_end(made)
        yield made
    finally:
        made.remove()


Spoil = Callable[[RunFolder], object]


def _change(run: RunFolder, old: bytes, new: bytes) -> None:
    path = run.path / wire.EVENTS
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda run: _change(run, b'"kind":"metric"', b'"kind":"gpu"'), "the events here are not those of the host"),
        (lambda run: os.truncate(run.path / wire.LOG, 3), "train.log here is not that of the host"),
        (lambda run: (run.path / wire.EXIT).unlink(), "exit.json here is not that of the host"),
        (
            lambda run: mirror.write_asked(run.path, mirror.Asked(answered=wire.now(), life="alive", turn="waits")),
            "in the end it is told as",
        ),
    ],
)
def test_each_thing_that_is_looked_at_can_be_wrong(whole: Bench, spoil: Spoil, said: str) -> None:
    assert complaints_of(whole, 8) == []
    whole.desk.close()
    spoil(whole.desk.run)
    assert any(it.startswith(said) for it in complaints_of(whole, 8)), complaints_of(whole, 8)


def test_a_state_that_says_finished_is_not_believed_without_exit_json(whole: Bench) -> None:
    whole.desk.close()
    (whole.desk.run.path / wire.EXIT).unlink()
    row = json.loads((whole.desk.run.path / wire.STATE).read_text())
    assert row["phase"] == "finished"
    assert whole.desk.status().phase is not wire.Phase.FINISHED


def test_the_table_counts_equal_ends() -> None:
    rounds = [Round(1, ("frozen", "cut in stop"), attempts=2, noticed=9.5), Round(2, ("frozen",), complaints=["bad"])]
    assert line(rounds[0]).split()[:2] == ["1", "2"]
    assert "9.5 s" in line(rounds[0])
    assert line(rounds[1]).splitlines()[1].strip() == "bad"
    said = summary(rounds, 3.0)
    assert "frozen                  1/2" in said
    assert "all                     1/2 in 3 s" in said
