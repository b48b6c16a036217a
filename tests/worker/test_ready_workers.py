"""The Python that the tests give to supervisors is to the process that it has forked what it is to itself."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.doubles.ready_workers import python

if any(importlib.util.find_spec(it) is None for it in ("torch", "transformers", "peft", "accelerate")):
    pytest.skip("torch is not installed: the extra `train` brings it", allow_module_level=True)

SLEEPS = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def until_gone(pid: int) -> None:
    end = time.monotonic() + 60
    while not gone(pid):
        assert time.monotonic() < end, "it stays"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_ends_it_ends_the_other(number: signal.Signals) -> None:
    with subprocess.Popen([str(python()), "-c", SLEEPS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        other = int(process.stdout.readline())
        assert other != process.pid
        assert not gone(other)
        process.send_signal(number)
        assert process.wait(60) == -number
    until_gone(other)


def test_what_ends_the_other_ends_it() -> None:
    with subprocess.Popen([str(python()), "-c", SLEEPS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        os.kill(int(process.stdout.readline()), signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL


def test_words_variables_folder_output_and_status_are_those_of_the_one_that_was_started(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.argv[1:], os.environ['HARBOUR'], os.getcwd(), sys.stdin.read()); sys.exit(7)"
    words, variables = [str(python()), "-c", code, "a", "b c"], {**os.environ, "HARBOUR": "mud"}
    done = subprocess.run(words, cwd=tmp_path, env=variables, input="x", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, f"['a', 'b c'] mud {tmp_path} x\n")
