"""The script behind the README's two commands, up to the point where it would download or install something."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "packaging" / "dev.py"
MACHINE = ROOT / "packaging" / "machine.py"
PYTHON_WITHOUT_ENSUREPIP = """
import pathlib, runpy, sys
sys.modules["ensurepip"] = None
sys.argv = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(sys.argv[0]).parent))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def dev() -> Iterator[ModuleType]:
    sys.path.insert(0, str(SCRIPT.parent))  # as for every script
    spec = importlib.util.spec_from_file_location("dev_script", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(SCRIPT.parent))
    for name in (spec.name, "machine"):
        del sys.modules[name]


@pytest.fixture
def machine(dev: ModuleType) -> ModuleType:
    return sys.modules["machine"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which nothing has been set up, in a folder whose name holds a blank."""
    folder = tmp_path / "my checkout"
    (folder / "packaging").mkdir(parents=True)
    for name in ("pyproject.toml", "packaging/dev.py", "packaging/machine.py", "packaging/constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("script", [SCRIPT, MACHINE])
def test_the_syntax_is_readable_to_the_pythons_it_turns_away(script: Path) -> None:
    tree = ast.parse(script.read_text("utf-8"), feature_version=(3, 9))

    imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names | {"machine"}
    assert "tomllib" not in imported


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 10, 0), (2, 7, 18)])
def test_an_old_python_is_told_which_one_is_needed(dev: ModuleType, version: tuple[int, ...]) -> None:
    with pytest.raises(dev.Stop, match=r"needs Python 3\.11 or later; this one is " + ".".join(map(str, version))):
        dev.turn_away_old_python(version)
    dev.turn_away_old_python((3, 11, 0))


def test_a_python_without_ensurepip_gets_the_one_line(checkout: Path) -> None:
    command = [sys.executable, "-c", PYTHON_WITHOUT_ENSUREPIP, str(checkout / "packaging" / "dev.py"), "setup"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "without venv or pip" in done.stderr
    assert "Traceback" not in done.stderr
    assert not shutil.which("apt-get") or "apt-get install -y python3" in done.stderr
    assert not (checkout / ".venv").exists()


def test_an_unknown_extra_and_an_unknown_command_are_refused(checkout: Path) -> None:
    script = str(checkout / "packaging" / "dev.py")

    extra = subprocess.run([sys.executable, script, "setup", "trian"], capture_output=True, text=True, check=False)
    command = subprocess.run([sys.executable, script, "tset"], capture_output=True, text=True, check=False)

    assert (extra.returncode, command.returncode) == (1, 2)
    assert "no extra named trian" in extra.stderr
    assert "train, remote" in extra.stderr
    assert "dev.py test" in command.stderr


def test_a_failing_child_ends_in_one_sentence_and_its_last_lines(dev: ModuleType) -> None:
    child = [sys.executable, "-c", "for n in range(50): print('line', n)\nraise SystemExit(3)"]

    with pytest.raises(dev.Stop) as stop:
        dev.finish(child, doing="Installing the packages")

    first, *tail = str(stop.value).splitlines()
    assert first.startswith("Installing the packages did not work")
    assert first.endswith("ended with status 3.")
    assert tail[-1].strip() == "line 49"
    assert len(tail) == sys.modules["machine"].TAIL_LINES


def test_a_setup_that_pip_cannot_finish_is_done_again_next_time(checkout: Path, dev: ModuleType) -> None:
    venv = checkout / ".venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    constraints = checkout / "packaging" / "constraints.txt"
    constraints.write_text("numpy==1.0\nnumpy==2.0\n", encoding="utf-8")
    (venv / "lrstudio-setup.json").write_text(json.dumps({"fingerprint": "old", "extras": []}), encoding="utf-8")
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout)}
    command = [sys.executable, str(checkout / "packaging" / "dev.py"), "setup"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    assert done.returncode == 1
    assert "Installing the packages did not work" in done.stderr
    assert "ERROR" in done.stderr
    assert "Traceback" not in done.stderr
    assert dev.read_stamp(venv / "lrstudio-setup.json") == ("", set())


def test_only_what_is_installed_asks_for_another_installation(dev: ModuleType) -> None:
    project = dev.read_project()

    def fingerprint(constraints: bytes = b"a==1", python: str = "3.11.7", **changes: object) -> str:
        changed = {**project, **changes}
        return str(dev.fingerprint(changed, constraints=constraints, python=python))

    before = fingerprint()
    assert fingerprint(tool={"ruff": {"line-length": 80}}) == before
    assert fingerprint(project={**project["project"], "description": "another"}) == before
    assert fingerprint(constraints=b"a==2") != before
    assert fingerprint(python="3.12.1") != before
    assert fingerprint(project={**project["project"], "dependencies": ["numpy"]}) != before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"fingerprint": "x"}', "null"])
def test_a_damaged_stamp_counts_as_none(dev: ModuleType, tmp_path: Path, content: str) -> None:
    (tmp_path / "stamp.json").write_text(content, encoding="utf-8")

    assert dev.read_stamp(tmp_path / "stamp.json") == ("", set())
    assert dev.read_stamp(tmp_path / "absent.json") == ("", set())


def test_an_environment_that_does_not_start_counts_as_none(dev: ModuleType, tmp_path: Path) -> None:
    assert dev.version_inside(tmp_path / "absent") == ""
    program = dev.program("python", tmp_path)
    program.parent.mkdir()
    program.write_text("not a program")
    assert dev.version_inside(tmp_path) == ""


@pytest.mark.parametrize(
    ("environ", "platform", "shown"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": ":0", "QT_QPA_PLATFORM": "offscreen"}, "linux", False),
        ({"QT_QPA_PLATFORM": "vnc:size=1280x800"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
        ({"QT_QPA_PLATFORM": "offscreen"}, "darwin", False),
    ],
)
def test_a_display_is_recognised(dev: ModuleType, environ: dict[str, str], platform: str, shown: bool) -> None:
    assert dev.has_display(environ, platform) is shown


def test_the_libraries_asked_for_are_those_the_display_needs(machine: ModuleType) -> None:
    headless = machine.wanted_libraries({})
    x11, wayland = machine.wanted_libraries({"DISPLAY": ":0"}), machine.wanted_libraries({"WAYLAND_DISPLAY": "w"})

    assert headless["libfontconfig.so.1"] == "libfontconfig1"
    assert "libxcb-cursor.so.0" in set(x11) - set(headless)
    assert "libwayland-cursor.so.0" in set(wayland) - set(headless)
    assert not machine.loads("libno-such-library.so.7")


@pytest.mark.skipif(sys.platform != "linux", reason="apt is for Debian and Ubuntu")
@pytest.mark.parametrize(("known", "name"), [(True, "libglib2.0-0t64"), (False, "libglib2.0-0")])
def test_a_package_has_the_name_of_its_release(
    machine: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool, name: str
) -> None:
    program = tmp_path / "apt-cache"
    program.write_text("#!/bin/sh\necho Package: $2\n" if known else "#!/bin/sh\nexit 100\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert machine.package_name("libglib2.0-0") == name


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian whose apt writes down what it was asked; the file it writes to. An apt.fails beside it makes it fail."""
    log, folder = tmp_path / "apt.log", tmp_path / "bin"
    folder.mkdir()
    scripts = {
        "apt-get": f'echo "$@" >> {log}\nif test -e {tmp_path}/apt.fails; then echo E: no space left; exit 100; fi\n',
        "apt-cache": "exit 100\n",
        "sudo": 'shift\nexec "$@"\n',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "CI"):
        monkeypatch.delenv(name, raising=False)
    return log


@pytest.mark.skipif(sys.platform != "linux", reason="apt is for Debian and Ubuntu")
def test_a_missing_library_is_installed_by_root_or_on_a_runner(
    machine: ModuleType, debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(machine, "QT_LIBRARIES", {"libno-such.so.7": "libno-such7"})

    machine.add_qt_libraries()

    update, install = debian.read_text().splitlines()
    assert update.startswith("update")
    assert install.startswith("install -y --no-install-recommends ")
    assert install.endswith(" libno-such7")

    (debian.parent / "apt.fails").touch()
    with pytest.raises(machine.Stop, match=r"Adding system libraries did not work(.|\n)*no space left"):
        machine.add_qt_libraries()


@pytest.mark.skipif(sys.platform != "linux", reason="apt is for Debian and Ubuntu")
def test_a_missing_library_is_one_line_for_anybody_else(
    machine: ModuleType, debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(machine, "QT_LIBRARIES", {"libno-such.so.7": "libno-such7"})

    with pytest.raises(
        machine.Stop, match=r"sudo apt-get update && sudo apt-get install -y --no-install-recommends libno-such7"
    ):
        machine.add_qt_libraries()
    assert not debian.exists()


@pytest.fixture
def absent(machine: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a server be asked for that is nowhere installed."""
    servers = (machine.Server("Nowhere", ("nowhere-server", "nowhere-tools"), "nowhered", "usr/lib/nowhere/*/bin"),)
    monkeypatch.setattr(machine, "TEST_SERVERS", servers)


@pytest.mark.skipif(sys.platform != "linux", reason="apt is for Debian and Ubuntu")
@pytest.mark.usefixtures("absent")
def test_a_test_server_is_installed_only_where_it_was_asked_for(
    machine: ModuleType, debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    for environ in ({}, {"LRSTUDIO_INSTALL_TEST_SERVERS": "0"}):
        machine.add_test_servers(environ)
    assert not debian.exists()

    machine.add_test_servers({"LRSTUDIO_INSTALL_TEST_SERVERS": "1"})
    update, install = debian.read_text().splitlines()
    assert update.startswith("update")
    assert install.endswith(" nowhere-server nowhere-tools")

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("CI")
    with pytest.raises(machine.Stop, match=r"asks for Nowhere(.|\n)*sudo apt-get install .* nowhere-server"):
        machine.add_test_servers({"LRSTUDIO_INSTALL_TEST_SERVERS": "1"})


@pytest.mark.usefixtures("absent")
def test_without_apt_a_test_server_cannot_be_asked_for(
    machine: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(machine.Stop, match="no apt-get"):
        machine.add_test_servers({"LRSTUDIO_INSTALL_TEST_SERVERS": "1"})


@pytest.mark.skipif(sys.platform != "linux", reason="apt is for Debian and Ubuntu")
def test_a_test_server_that_is_there_is_left_alone(
    machine: ModuleType, debian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "TEST_SERVERS", (machine.Server("Sudo", ("sudo-server",), "sudo"),))
    machine.add_test_servers({"LRSTUDIO_INSTALL_TEST_SERVERS": "1"})
    assert not debian.exists()
    assert machine.is_installed(machine.Server("sh", (), "sh", "bin"))


def test_nothing_of_another_python_leaks_into_children(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    environment = dev.child_environment(HF_HUB_OFFLINE="1")

    assert "PYTHONPATH" not in environment
    assert "PYTHONDONTWRITEBYTECODE" not in environment, "all would be compiled anew each time"
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["PATH"] == os.environ["PATH"]


def test_every_check_runs_with_the_tools_of_the_environment(dev: ModuleType) -> None:
    commands = dev.check_commands(["-k", "walls"])

    assert list(commands) == ["ruff check", "ruff format", "walls", "mypy", "pytest"]
    assert commands["pytest"][-2:] == ["-k", "walls"]
    assert all(Path(command[0]).is_relative_to(ROOT / ".venv") for command in commands.values())


def test_the_fault_rounds_take_their_arguments_and_give_their_status(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev, "set_up", lambda extras: None)
    monkeypatch.setattr(dev, "program", lambda name: Path(sys.executable))

    assert dev.main(["faults", "--help"]) == 0
    assert "--rounds" in capfd.readouterr().out
    assert dev.main(["faults", "--", "--rounds", "many"]) == 2


def test_the_closing_table_names_what_failed(dev: ModuleType) -> None:
    lines = dev.table([dev.Outcome("mypy", 12.34, True), dev.Outcome("pytest", 100.0, False)]).splitlines()

    assert [line.split() for line in lines] == [
        ["step", "seconds", "ok"],
        ["mypy", "12.3", "yes"],
        ["pytest", "100.0", "NO"],
        ["total", "112.3", "1/2"],
    ]
