"""What a host is asked: in any Python from 3.6 on, with the programs that are there, and nothing left behind."""

from __future__ import annotations

import ast
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrstudio.training.far import probe
from lrstudio.training.hosts import facts
from lrstudio.training.hosts.facts import NoPython, ask
from lrstudio.training.hosts.host import Host
from lrstudio.training.hosts.quoting import ENTRY, script
from lrstudio.training.hosts.transport import Command, Ran
from tests.doubles.folder_host import FolderHost

SOURCE = Path(probe.__file__).read_text(encoding="utf-8")


class ShellHost(FolderHost):
    """A host whose commands go through a shell, as those over SSH do."""

    def run(self, command: Command) -> Ran:
        sent = script(command)
        ran = super().run(Command(("sh", "-c", ENTRY), input=sent.data, seconds=command.seconds))
        found = sent.ran(status=ran.status, out=ran.out, err=ran.err)
        assert found
        return found


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that come before all others."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def asked(home: Path, host: Host, **wish: Any) -> dict[str, Any]:
    return ask(host, ShellHost(home), wish)


def test_an_old_python_can_read_it() -> None:
    tree = ast.parse(SOURCE, feature_version=(3, 6))
    imported = {it.name for node in ast.walk(tree) if isinstance(node, ast.Import) for it in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {it.partition(".")[0] for it in imported} <= sys.stdlib_module_names
    assert "__future__" not in imported
    newer = {"capture_output", "text", "removeprefix", "removesuffix"}  # of Python 3.7 and 3.9
    assert not newer & {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
    assert not newer & {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    spoken = [it for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for it in signs(node)]
    assert all(isinstance(it, ast.Constant | ast.Name) for it in spoken)  # list[str] is no word of Python 3.6


def signs(node: ast.FunctionDef) -> list[ast.expr]:
    return [it for it in (node.returns, *(each.annotation for each in node.args.args)) if it is not None]


def test_cards_disk_and_folder_are_told_and_nothing_is_left(tmp_path: Path, programs: Path) -> None:
    program(programs, "nvidia-smi", "printf 'NVIDIA H200, 143771, 140000, 570.1\\nNVIDIA H200, [N/A], [N/A], 570.1\\n'")
    home = tmp_path / "home"
    answer = asked(home, Host("a", "a", folder="deep/below"))
    assert answer["gpus"]["driver"] == "570.1"
    assert [(it["total_mib"], it["free_mib"]) for it in answer["gpus"]["cards"]] == [(143771.0, 140000.0), (0.0, 0.0)]
    assert answer["folder"] == f"{home}/deep/below"
    assert (answer["place"]["near"], answer["place"]["there"], answer["place"]["fails"]) == (str(home), False, "")
    assert answer["place"]["free"] > 0
    assert not (home / "deep").exists()
    assert not [it for it in home.iterdir() if it.name.startswith(".lrstudio")]


def test_a_driver_that_fails_is_quoted(tmp_path: Path, programs: Path) -> None:
    program(programs, "nvidia-smi", "echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    gpus = asked(tmp_path / "home", Host("a", "a"))["gpus"]
    assert (gpus["cards"], gpus["said"]) == ([], "Failed to initialize NVML: Driver/library version mismatch")


def test_a_folder_without_renames_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    for name, said in (("rename", "rename a file over another"), ("link", "make a hard link")):
        with monkeypatch.context() as broken:
            broken.setattr(os, name, refuse)
            assert probe.place(str(tmp_path))["fails"] == f"cannot {said}: Operation not supported"
    assert list(tmp_path.iterdir()) == []


def test_slurm_is_asked_for_its_partitions(tmp_path: Path, programs: Path) -> None:
    host = Host("a", "a")
    for name in ("sbatch", "squeue", "scontrol", "scancel"):
        program(programs, name, "echo slurm-wlm 22.05.8")
    if not probe.found("sinfo"):
        assert asked(tmp_path, host, scheduler="slurm")["slurm"]["missing"] == ["sinfo"]
    program(programs, "sinfo", "printf 'gpu\\ncpu\\ngpu\\n'")
    answer = asked(tmp_path, host, scheduler="slurm")["slurm"]
    assert (answer["missing"], answer["version"], answer["partitions"]) == ([], "slurm-wlm 22.05.8", ["cpu", "gpu"])
    program(programs, "sinfo", "echo 'slurm_load_partitions: Unable to contact slurm controller' >&2; exit 1")
    assert "Unable to contact" in asked(tmp_path, host, scheduler="slurm")["slurm"]["said"]


def test_a_login_that_ends_everything_is_told(tmp_path: Path, programs: Path) -> None:
    program(programs, "busctl", "echo b true")
    program(programs, "loginctl", "echo no")
    answer = probe.lingering(str(tmp_path))
    assert (answer["kills"], answer["lingers"]) == (True, False)
    program(programs, "loginctl", "echo yes")
    assert probe.lingering(str(tmp_path))["lingers"]
    assert probe.lingering(str(tmp_path / "none")) == {"kills": False, "lingers": None}  # no systemd


def test_logind_is_read_where_it_cannot_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "logind.conf"
    assert not probe.configured(str(path))
    path.write_text("[Login]\n#KillUserProcesses=yes\nKillUserProcesses = yes\n")
    assert probe.configured(str(path))
    (tmp_path / "logind.conf.d").mkdir()
    (tmp_path / "logind.conf.d" / "site.conf").write_text("KillUserProcesses=no\n")
    assert not probe.configured(str(path))


def test_nobody_answers_where_no_ray_is() -> None:
    answer = probe.ray("http://127.0.0.1:1")
    assert (answer["version"], "refused" in answer["said"]) == ("", True)


def test_no_python_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "sh").symlink_to("/bin/sh")
    monkeypatch.setattr(facts, "_CHOOSE", facts._CHOOSE.replace("/opt", "/none").replace("/usr", "/none"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(NoPython, match=r"Python 3\.11 or newer"):
        asked(tmp_path / "home", Host("a", "a"))


def test_an_old_python_answers_where_there_is_no_newer(
    tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in facts._TRIED:  # says no when it is asked whether it is new enough
        inner = f'case "$2" in *"(3, 11)"*) exit 1;; esac; exec {sys.executable} "$@"'
        program(programs, name, inner)
    monkeypatch.setattr(facts, "_CHOOSE", facts._CHOOSE.replace("/opt", "/none").replace("/usr", "/none"))
    assert asked(tmp_path / "home", Host("a", "a"), brief=True)["python"]["executable"]


def test_banners_around_the_answer_do_no_harm(tmp_path: Path, programs: Path) -> None:
    program(
        programs, "talkative", f'echo "Welcome"; echo; {sys.executable} "$@"; echo "lrstudio-probe is no word of mine"'
    )
    with pytest.raises(NoPython):
        asked(tmp_path, Host("a", "a", python=("talkative",)), brief=True)
    program(programs, "talkative", f'echo "Welcome"; echo; {sys.executable} "$@"; echo "Good bye"')
    assert asked(tmp_path, Host("a", "a", python=("talkative",)), brief=True)["folder"] == f"{tmp_path}/lrstudio"


_ODD = st.text(st.sampled_from("aé中 '\"`$(){}[];&|<>*?!#~=,@^+-"), min_size=1, max_size=12)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(folder=_ODD, word=_ODD)
def test_no_value_is_read_by_a_shell(tmp_path: Path, folder: str, word: str) -> None:
    home = tmp_path / "home"
    host = Host("a", "a", folder=f"x{folder}$(touch pwned)", python=("env", f"ODD={word}`touch pwned`", sys.executable))
    shell = ShellHost(home)
    assert ask(host, shell, {"brief": True})["folder"] == os.path.normpath(f"{home}/{host.folder}")
    code = "import os, sys; sys.stdout.write(os.environ['ODD'])"
    said = shell.run(Command((*host.python, "-c", code))).out.decode()
    assert said == host.python[1].removeprefix("ODD=")
    assert [it.name for it in home.iterdir() if it.name == "pwned"] == []


def test_the_wish_and_the_program_travel_as_one_line() -> None:
    said: list[Command] = []

    class Listening(FolderHost):
        def run(self, command: Command) -> Ran:
            said.append(command)
            return Ran(0, b"lrstudio-probe " + json.dumps({"folder": "/x"}).encode(), b"")

    ask(Host("a", "a", folder="a b'c"), Listening(Path("/tmp")), {})
    assert not [word for word in said[0].words if "\n" in word]
