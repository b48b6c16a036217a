"""Set LongReward Studio up, run it and test it, on a machine that has only a Python.

    python3 packaging/dev.py run [ARGUMENT...]     set up the core, then open the window on the sample project
    python3 packaging/dev.py test [ARGUMENT...]    set up the core, training and the tools, then run every check
    python3 packaging/dev.py faults [ARGUMENT...]  the same set-up, then kill the judge, or training, or spoil the link
                                                   to a host, over and over; see faults --help
    python3 packaging/dev.py setup [EXTRA...]      set up only; extras are train, remote, postgres, dev

Arguments after `run` go to the studio. Arguments after `test` go to pytest and leave the wheel check out.
With LRSTUDIO_INSTALL_TEST_SERVERS=1 `test` installs the servers that tests drive; then a test of them that is skipped
has failed.

Any Python may read this file and machine.py beside it before it is turned away, so the syntax stays that of 3.9 and
only the standard library is imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from machine import (
    ROOT,
    Stop,
    add_qt_libraries,
    add_ray,
    add_test_servers,
    child_environment,
    finish,
    has_display,
    privilege,
    say,
)

MINIMUM_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
VENV = ROOT / ".venv"
# Relative, because pip splits the environment variables that carry it at blanks; every command runs in ROOT.
CONSTRAINTS = "packaging/constraints.txt"
WORKERS = max(3, min(4, os.cpu_count() or 1))
# In the order of tests/conftest.py; xdist would put the files with few tests last, and those are the long ones.
WHOLE_SUITE = ("-n", str(WORKERS), "--dist", "loadfile", "--no-loadscope-reorder", "--hypothesis-profile=ci")


class Outcome(NamedTuple):
    """How a check ended."""

    name: str
    seconds: float
    ok: bool


def main(arguments: Sequence[str]) -> int:
    """Run one command; the return value is the exit status."""
    commands = {"run": run_studio, "test": run_checks, "faults": run_faults, "setup": run_setup}
    if not arguments or arguments[0] not in commands:
        print(__doc__, file=sys.stdout if arguments in (["-h"], ["--help"]) else sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    rest = arguments[2:] if arguments[1:2] == ["--"] else arguments[1:]
    try:
        turn_away_old_python(sys.version_info[:3])
        return commands[arguments[0]](rest)
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# ---- commands


def run_setup(extras: Sequence[str]) -> int:
    """Set up the core and the named extras."""
    set_up(extras)
    say(f"Ready: {VENV}")
    return 0


def run_studio(arguments: Sequence[str]) -> int:
    """Open the sample project; without a display do the same job headless."""
    set_up(())
    command = [str(program("python")), "-m", "lrstudio"]
    if has_display(os.environ, sys.platform):
        return subprocess.call([*command, "--sample", *arguments], env=child_environment())
    say("No display here, so the same job runs without a window (lrstudio tour).")
    return subprocess.call([*command, "tour", *arguments], env=child_environment(QT_QPA_PLATFORM="offscreen"))


def run_checks(pytest_arguments: Sequence[str]) -> int:
    """Run every check, stop at none, and close with a table; 1 when one of them failed."""
    started = time.monotonic()
    set_up(("dev", "postgres", "remote", "train"))
    with ThreadPoolExecutor() as beside:  # apt and pip wait for different machines
        ray = beside.submit(add_ray, os.environ, python=program("python"))
        add_test_servers(os.environ)
        ray.result()
    outcomes = [Outcome("set-up", time.monotonic() - started, True)]
    # One thread each: the processes of the suite share the processors as it is, and threads that wait would spin.
    environment = child_environment(QT_QPA_PLATFORM="offscreen", HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")
    for name, command in check_commands(pytest_arguments).items():
        say(f"\n== {name}")
        started = time.monotonic()
        status = subprocess.call(command, cwd=ROOT, env=environment)
        outcomes.append(Outcome(name, time.monotonic() - started, status == 0))
    if not pytest_arguments:
        say("\n== wheel")
        started = time.monotonic()
        outcomes.append(Outcome("wheel", ok=wheel_works(environment), seconds=time.monotonic() - started))
    say("\n" + table(outcomes))
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def run_faults(arguments: Sequence[str]) -> int:
    """Play fault rounds and print what each hit; 1 when one came to another end than an undisturbed run."""
    set_up(("dev", "train") if any("training" in word for word in arguments) else ("dev",))
    command = [str(program("python")), "-m", "tests.faults", *arguments]
    return subprocess.call(command, cwd=ROOT, env=child_environment(HF_HUB_OFFLINE="1"))


def check_commands(pytest_arguments: Sequence[str]) -> dict[str, list[str]]:
    """Return the checks that are one command each, by name, the quick ones first."""
    python = str(program("python"))
    return {
        "ruff check": [python, "-m", "ruff", "check", "."],
        "ruff format": [python, "-m", "ruff", "format", "--check", "."],
        "walls": [str(program("lint-imports")), "--no-logo"],
        "mypy": [python, "-m", "mypy", "--strict"],
        # The whole suite runs in a few processes, each with a file at a time: more of them than two cores, because much
        # of it waits for other processes.
        "pytest": [python, "-m", "pytest", *(pytest_arguments or WHOLE_SUITE)],
    }


def wheel_works(environment: Mapping[str, str]) -> bool:
    """Build the wheel, install it pinned into an empty environment, and run the tour from there."""
    with tempfile.TemporaryDirectory(prefix="lrstudio-wheel-") as name:
        folder = Path(name)
        venv, elsewhere = folder / "venv", folder / "elsewhere"
        elsewhere.mkdir()
        build = [str(program("python")), "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
        try:
            finish(build, doing="Building the wheel")
            (wheel,) = folder.glob("*.whl")
            say(f"built {wheel.name} ({wheel.stat().st_size / 1e6:.1f} MB); installing it into an empty environment")
            finish([str(program("python")), "-m", "venv", str(venv)], doing="Making the empty environment")
            pip_install([str(wheel)], python=program("python", venv), doing="Installing the wheel")
        except Stop as stop:
            say(str(stop))
            return False
        tour = [str(program("lrstudio", venv)), "tour", str(folder / "tour")]
        outside = {**environment, "LRSTUDIO_PROFILE": str(folder / "profile")}
        return subprocess.call(tour, cwd=elsewhere, env=outside) == 0


def table(outcomes: Iterable[Outcome]) -> str:
    """Lay the outcomes out as step, seconds, ok."""
    rows = list(outcomes)
    lines = [f"{'step':<12} {'seconds':>8}  ok"]
    lines += [f"{row.name:<12} {row.seconds:>8.1f}  {'yes' if row.ok else 'NO'}" for row in rows]
    lines.append(f"{'total':<12} {sum(row.seconds for row in rows):>8.1f}  {sum(row.ok for row in rows)}/{len(rows)}")
    return "\n".join(lines)


# ---- the Python environment


def set_up(extras: Iterable[str]) -> None:
    """Bring system libraries, `.venv` and its packages to what the checkout asks for; cheap when nothing changed."""
    project = read_project()
    unknown = sorted(set(extras) - set(project["project"]["optional-dependencies"]))
    if unknown:
        known = ", ".join(project["project"]["optional-dependencies"])
        raise Stop(f"There is no extra named {', '.join(unknown)}. The extras are: {known}.")
    add_qt_libraries()
    version = make_environment()
    wanted = fingerprint(project, constraints=(ROOT / CONSTRAINTS).read_bytes(), python=version)
    stamp = VENV / "lrstudio-setup.json"
    installed_fingerprint, installed_extras = read_stamp(stamp)
    if installed_fingerprint == wanted and set(extras) <= installed_extras:
        return
    # Extras that are already there are kept in step with the constraints.
    together = sorted(set(extras) | installed_extras)
    stamp.unlink(missing_ok=True)
    say("Installing the pinned packages into .venv (the first time takes a minute or two) ...")
    target = f".[{','.join(together)}]" if together else "."
    pip_install(["--editable", target], python=program("python"), doing="Installing the packages")
    stamp.write_text(json.dumps({"fingerprint": wanted, "extras": together}), encoding="utf-8")


def make_environment() -> str:
    """Make `.venv`, or make it anew when its Python is gone, too old or has no pip; return its Python's version."""
    if version := version_inside(VENV):
        return version
    if not can_make_environments():
        raise Stop(environment_advice())
    say(f"Making .venv with {sys.executable} ...")
    finish([sys.executable, "-m", "venv", "--clear", str(VENV)], doing="Making .venv")
    if not (version := version_inside(VENV)):
        raise Stop(f"{VENV} was made, but its Python does not start. Delete the folder and run the same command again.")
    return version


def version_inside(venv: Path) -> str:
    """Return the full version of a usable environment's Python, else the empty string."""
    probe = f"import sys, pip; assert sys.version_info >= {MINIMUM_PYTHON}; print(sys.version)"
    try:
        found = subprocess.run(
            [str(program("python", venv)), "-c", probe], capture_output=True, text=True, check=False, cwd=venv
        )
    except OSError:
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def can_make_environments() -> bool:
    """Say whether this Python has what `python -m venv` needs; Debian ships it without."""
    return all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))


def environment_advice() -> str:
    """Give the one line that adds venv and pip to this Python."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if not shutil.which("apt-get"):
        return f"{sys.executable} comes without venv or pip. Install a Python from python.org, which brings both."
    is_default = os.path.realpath("/usr/bin/python3") == os.path.realpath(sys.executable)
    package = "python3-venv" if is_default else f"{version}-venv"
    before = privilege()
    line = shlex.join([*(["sudo"] if before is None else before), "apt-get", "install", "-y", package])
    return f"{sys.executable} comes without venv or pip. Add them, then run the same command again:\n\n  {line}"


def turn_away_old_python(version: tuple[int, ...]) -> None:
    """Raise Stop for a Python that is too old, naming a newer one when there is one on the path."""
    if version >= MINIMUM_PYTHON:
        return
    needed, found = ".".join(map(str, MINIMUM_PYTHON)), ".".join(map(str, version))
    newer = next((name for name in NEWER_PYTHONS if shutil.which(name)), "")
    advice = f"Use {newer} instead of {sys.executable}." if newer else "Install a newer one, from python.org perhaps."
    raise Stop(f"LongReward Studio needs Python {needed} or later; this one is {found}. {advice}")


def read_project() -> dict[str, Any]:
    """Read pyproject.toml."""
    import tomllib  # part of the standard library only since 3.11

    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def fingerprint(project: Mapping[str, Any], *, constraints: bytes, python: str) -> str:
    """Hash everything whose change asks for another installation; settings of the tools are not among it."""
    names = ("dependencies", "optional-dependencies", "scripts", "gui-scripts")
    parts = {name: project["project"].get(name) for name in names}
    parts.update({"build": project["build-system"], "python": python, "root": str(ROOT)})
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode() + constraints).hexdigest()


def read_stamp(stamp: Path) -> tuple[str, set[str]]:
    """Return the fingerprint and the extras of the last finished installation; nothing when there is none."""
    try:
        record = json.loads(stamp.read_text("utf-8"))
        return str(record["fingerprint"]), set(record["extras"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", set()


def pip_install(arguments: Sequence[str], *, python: Path, doing: str) -> None:
    """Install with the tested versions; the isolated builds of older and newer pips are held to them too."""
    environment = child_environment(
        PIP_CONSTRAINT=CONSTRAINTS,
        PIP_BUILD_CONSTRAINT=CONSTRAINTS,
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INPUT="1",
        PIP_USER="0",
    )
    # Compiling all that torch and its company bring takes longer than installing it; Python compiles what is imported.
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", *arguments]
    finish(command, doing=doing, environment=environment)


def program(name: str, venv: Path = VENV) -> Path:
    """Return where an environment keeps a program."""
    return venv / "Scripts" / f"{name}.exe" if os.name == "nt" else venv / "bin" / name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
