"""What is said where a host could not be prepared, from what pip really writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.training.far.prepare import last_error
from lrstudio.training.hosts.bootstrap_follow import trouble
from lrstudio.training.hosts.host import Host
from tests.doubles.tiny_wheels import tiny_wheel

NETWORK, OFFLINE = Host("net", "a"), Host("off", "a", wheels="/wheels")


def pip_says(tmp_path: Path, *words: str) -> str:
    tiny_wheel(tmp_path, "lr_one", needs=("lr_two",))
    pip = [sys.executable, "-m", "pip", "install", "--no-color", "--disable-pip-version-check", "--no-index"]
    (tmp_path / "constraints.txt").write_text("lr_two==2.0\n")
    command = [*pip, "--find-links", ".", "-c", "constraints.txt", "--target", "made", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path)
    assert done.returncode
    return done.stdout


@pytest.mark.parametrize(("asked", "lacking"), [("lr_one", "lr_two"), ("lr_none", "lr_none")])
def test_a_wheel_that_is_lacking_is_named_with_what_to_do(tmp_path: Path, asked: str, lacking: str) -> None:
    said = last_error(pip_says(tmp_path, asked))
    assert lacking in said
    assert "To fix" not in said
    refused = trouble(OFFLINE, said, where="off:/log")
    assert isinstance(refused, Refused)
    assert (refused.where, lacking in refused.sentence, "hosts wheels" in refused.sentence) == ("wheels", True, True)
    failed = trouble(NETWORK, said, where="net:/log")
    assert isinstance(failed, Environment)
    assert (failed.where, "Wheel folder" in failed.sentence) == ("net:/log", True)


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", "it said nothing"),
        (
            "making\n\nTraceback\nOSError: [Errno 28] No space left on device\n",
            "OSError: [Errno 28] No space left on device",
        ),
        ("Collecting a\nERROR: b\nc\nTo fix this you could try to:\n1. x\n", "b c"),
    ],
)
def test_the_line_that_says_most_is_taken(log: str, said: str) -> None:
    assert last_error(log) == said
    failed = trouble(NETWORK, said, where="net:/log")
    assert isinstance(failed, Environment)
    assert ("larger disk" in failed.sentence) == ("No space" in said)
