"""Locks between processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import pytest

from lrstudio.domain.errors import Environment
from lrstudio.store.locks import boot_id, process_start
from lrstudio.store.store import Store

HOLD = """
import sys
from lrstudio.domain.places import place_of
from lrstudio.store.store import Store
store = Store.open(place_of(sys.argv[1]))
store.locks.acquire("judge")
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_lock_is_held_until_it_is_let_go(store):
    with store.locks.acquire("judge"):
        holder = store.locks.holder("judge")
        assert (holder.pid, holder.alive, holder.process_start) == (os.getpid(), True, process_start(os.getpid()))
        with pytest.raises(Environment, match=f"in process {os.getpid()} since {re.escape(holder.since)};"):
            store.locks.acquire("judge")
        store.locks.acquire("other").release()
    assert store.locks.holder("judge") is None
    store.locks.acquire("judge").release()


def test_a_living_process_keeps_its_lock_and_a_dead_one_loses_it(store, start_child):
    child = start_child(HOLD, store.path)
    assert child.stdout.readline() == "held\n"
    with pytest.raises(Environment, match=f"in process {child.pid} since 20"):
        store.locks.acquire("judge")
    child.kill()
    if hasattr(os, "waitid"):  # leaves a zombie: it has a pid and a start time, and is dead all the same
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    else:
        child.wait(10)
    assert process_start(child.pid) is None
    assert store.locks.holder("judge").alive is False
    handle = store.locks.acquire("judge")
    assert store.locks.holder("judge").pid == os.getpid()
    handle.release()


@pytest.mark.parametrize(("column", "value"), [("process_start", "1"), ("boot_id", "another boot"), ("pid", 2**22 + 1)])
def test_another_process_under_the_same_pid_is_not_the_holder(store, sql, column, value):
    lost = store.locks.acquire("judge")
    sql(store.path, f"UPDATE lock SET {column} = ?", value)
    assert store.locks.holder("judge").alive is False
    taken = store.locks.acquire("judge")
    lost.release()  # too late: it is not its own any more
    assert store.locks.holder("judge") is not None
    taken.release()
    assert store.locks.holder("judge") is None


def test_a_holder_on_another_machine_is_unknown_not_dead(store, sql):
    store.locks.acquire("judge")
    sql(store.path, "UPDATE lock SET host = 'elsewhere', boot_id = 'x'")
    assert store.locks.holder("judge").alive is None
    with pytest.raises(Environment, match=r"on elsewhere at 20.* cannot tell whether it still runs"):
        store.locks.acquire("judge")
    store.locks.acquire("judge", take_over=True).release()
    with store.locks.acquire("judge"), pytest.raises(Environment, match="going on in process"):
        store.locks.acquire("judge", take_over=True)  # a process that lives here is asked, not believed dead


def test_a_lock_says_what_it_is_held_for(store):
    with store.locks.acquire("judge"), store.locks.acquire("other"):
        assert store.locks.holder("judge").about == ""
        store.locks.describe("judge", "run 7")
        assert (store.locks.holder("judge").about, store.locks.holder("other").about) == ("run 7", "")


def test_of_many_processes_one_gets_the_lock(store, start_child):
    program = HOLD.replace("store.locks", "sys.stdin.readline()\nstore.locks")
    children = [start_child(program, store.path) for _ in range(3)]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    assert sorted(child.stdout.readline() for child in children) == ["", "", "held\n"]


def test_a_process_is_told_by_its_start(tmp_path):
    assert process_start(os.getpid()) == process_start(os.getpid())
    time.sleep(0.02)  # two clock ticks: this process started before its child
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert process_start(child.pid) not in (None, process_start(os.getpid()))
    assert process_start(2**22 + 1) is None
    assert boot_id() == boot_id()


def test_the_lock_is_there_after_a_reopening(store):
    handle = store.locks.acquire("judge")
    store.close()
    with Store.open(store.path) as again:
        assert again.locks.holder("judge").alive is True
        again.locks.release(handle)
        assert again.locks.holder("judge") is None
