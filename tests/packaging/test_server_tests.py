"""What becomes of the tests that drive a real server, where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest

@pytest.mark.server("sshd")
def test_of_a_server():
    pytest.skip("no sshd here")

@pytest.mark.server("sshd")
def test_with_a_fixture(lacking):
    pass

@pytest.fixture
def lacking():
    pytest.skip("no sshd there")

def test_that_may_be_skipped():
    pytest.skip("another system")

def test_that_runs():
    pass
"""


@pytest.fixture
def run(tmp_path: Path):
    folder = tmp_path / "tests" / "training"
    folder.mkdir(parents=True)
    folder.joinpath("test_some_server.py").write_text(TESTS)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def run(**variables: str) -> tuple[int, str]:
        environment = {name: value for name, value in os.environ.items() if name != "LRSTUDIO_INSTALL_TEST_SERVERS"}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            command, cwd=tmp_path, env={**environment, **variables}, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    return run


def test_a_server_that_is_missing_is_a_failure_only_where_it_was_to_be_installed(run):
    status, out = run()
    assert (status, "1 passed, 3 skipped" in out) == (0, True)
    status, out = run(LRSTUDIO_INSTALL_TEST_SERVERS="1")
    assert status == 1
    assert "LRSTUDIO_INSTALL_TEST_SERVERS=1, and yet: Skipped: no sshd here" in out
    assert "LRSTUDIO_INSTALL_TEST_SERVERS=1, and yet: Skipped: no sshd there" in out
    assert "another system" in out


def test_each_group_says_how_many_ran_and_how_many_were_skipped(run):
    _, out = run()
    lines = [line.split() for line in out.splitlines()]
    assert ["server", "sshd", "0", "ran", "2", "skipped"] in lines
    assert ["training", "1", "ran", "1", "skipped"] in lines
