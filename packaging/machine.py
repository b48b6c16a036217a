"""The machine under the studio: child processes, and what apt adds to it. Like dev.py, for any Python to read."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TAIL_LINES = 12
INSTALL_SERVERS = "LRSTUDIO_INSTALL_TEST_SERVERS"

# Shared library -> Debian package. libfontconfig1 brings a font with it (fonts-dejavu-core).
QT_LIBRARIES = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
}
X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libX11-xcb.so.1": "libx11-xcb1",
}
WAYLAND_LIBRARIES = {"libwayland-client.so.0": "libwayland-client0", "libwayland-cursor.so.0": "libwayland-cursor0"}


class Server(NamedTuple):
    """A server that tests drive: its Debian packages, and a program that is there when they are installed."""

    name: str
    packages: tuple[str, ...]
    program: str
    folders: str = ""
    """Where the program may be beside the path, as a pattern."""


TEST_SERVERS = (
    Server("PostgreSQL", ("postgresql",), "initdb", "usr/lib/postgresql/*/bin"),
    Server("OpenSSH's server", ("openssh-server", "openssh-client"), "sshd", "usr/sbin"),
    Server("Slurm", ("slurmctld", "slurmd", "slurm-client", "munge"), "slurmctld", "usr/sbin"),
)

RAY_VENV = ROOT / ".venv-ray"
RAY_CONSTRAINTS = ROOT / "packaging" / "constraints-ray.txt"
RAY_READY = "ready"


class Stop(Exception):
    """Something a person has to mend; its text says what and how."""


# ---- what apt adds


def add_qt_libraries() -> None:
    """Install the system libraries that Qt misses on Debian and Ubuntu, or say the one line that does."""
    if sys.platform != "linux":
        return
    wanted = wanted_libraries(os.environ)
    missing = [name for name in wanted if not loads(name)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        say(f"Qt may not start: {', '.join(missing)} not found. Your system's package manager has them.")
        return
    packages = [package_name(wanted[name]) for name in missing]
    add_packages(packages, because="Qt needs libraries that are not here", doing="Adding system libraries")


def add_test_servers(environ: Mapping[str, str]) -> None:
    """Install the servers that tests drive where the variable asks for it; otherwise nothing is touched."""
    if environ.get(INSTALL_SERVERS) != "1":
        return
    missing = [server for server in TEST_SERVERS if not is_installed(server)]
    if not missing:
        return
    names = ", ".join(server.name for server in missing)
    if not shutil.which("apt-get"):
        raise Stop(f"{INSTALL_SERVERS}=1 asks for {names}, and there is no apt-get to install it with. Leave it unset.")
    packages = [package for server in missing for package in server.packages]
    add_packages(packages, because=f"{INSTALL_SERVERS}=1 asks for {names}", doing=f"Adding {names} for the tests")


def add_ray(environ: Mapping[str, str], *, python: Path) -> None:
    """Make the environment where the variable asks for the tests' servers; one that is as it should be is kept.

    Ray is a quarter of a gigabyte, and its packages are not those of the studio: nothing else is put in there, not
    even a pip. Nothing is resolved, because every version is named, and nothing compiled that a head may
    never read.
    """
    if environ.get(INSTALL_SERVERS) != "1" or os.name == "nt":
        return
    wanted = hashlib.sha256(RAY_CONSTRAINTS.read_bytes() + sys.version.encode()).hexdigest()
    if is_ray_ready(wanted):
        return
    say("Adding Ray for the tests, in .venv-ray ...")
    shutil.rmtree(RAY_VENV, ignore_errors=True)
    doing = "Adding Ray for the tests"
    finish([sys.executable, "-m", "venv", "--without-pip", str(RAY_VENV)], doing=doing)
    install = [str(python), "-m", "pip", "--python", str(RAY_VENV / "bin" / "python"), "install", "--quiet"]
    quiet = child_environment(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PIP_USER="0")
    finish([*install, "--no-deps", "--no-compile", "-r", str(RAY_CONSTRAINTS)], doing=doing, environment=quiet)
    (RAY_VENV / RAY_READY).write_text(wanted, "utf-8")


def is_ray_ready(wanted: str) -> bool:
    """Say whether an installation of exactly these versions was finished."""
    try:
        return (RAY_VENV / RAY_READY).read_text("utf-8") == wanted
    except OSError:
        return False


def add_packages(packages: Iterable[str], *, because: str, doing: str) -> None:
    """Install Debian packages, or say the one line that does where this needs somebody's password."""
    install = ["apt-get", "install", "-y", "--no-install-recommends"]
    before = privilege()
    if before is None:
        line = shlex.join(["sudo", *install, *packages])
        raise Stop(f"{because}. Add them:\n\n  sudo apt-get update && {line}")
    say(f"{doing} ({', '.join(packages)}) ...")
    # A broken third-party source fails the update but not the installation, which has the last word.
    subprocess.call([*before, "apt-get", "update", "-qq"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patience = ["-o", "DPkg::Lock::Timeout=120"]  # a machine that just started often updates itself
    finish(
        [*before, *install, *patience, *packages],
        doing=doing,
        environment=child_environment(DEBIAN_FRONTEND="noninteractive"),
    )


def is_installed(server: Server) -> bool:
    """Say whether a server's program is on the path or in its own folder, where Debian keeps it."""
    beside = Path("/").glob(f"{server.folders}/{server.program}") if server.folders else ()
    return bool(shutil.which(server.program)) or any(True for _ in beside)


def wanted_libraries(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the libraries Qt loads here and their packages: always those of the offscreen platform."""
    wanted = dict(QT_LIBRARIES)
    if environ.get("DISPLAY"):
        wanted.update(X11_LIBRARIES)
    if environ.get("WAYLAND_DISPLAY"):
        wanted.update(WAYLAND_LIBRARIES)
    return wanted


def loads(library: str) -> bool:
    """Say whether the dynamic linker finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def package_name(package: str) -> str:
    """Return the name this release has for a package: some got `t64` behind when time_t grew to 64 bits."""
    renamed = f"{package}t64"
    known = subprocess.run(["apt-cache", "show", renamed], capture_output=True, check=False)
    return renamed if known.returncode == 0 and known.stdout else package


def privilege() -> list[str] | None:
    """Return what to put before a command that needs root: nothing for root, sudo on a CI runner, else None."""
    if os.name != "posix" or os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if os.environ.get("CI") and shutil.which("sudo") else None


def has_display(environ: Mapping[str, str], platform: str) -> bool:
    """Say whether a window can be shown; a platform plugin that was asked for by name decides it."""
    plugin = environ.get("QT_QPA_PLATFORM", "").split(":")[0]
    if plugin:
        return plugin not in ("offscreen", "minimal")
    return platform != "linux" or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


# ---- child processes


def finish(command: Sequence[str], *, doing: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a command silently in the checkout; when it fails raise Stop with what was being done and its last lines."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment or child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        tail = "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[-TAIL_LINES:])
        raise Stop(f"{doing} did not work: {Path(command[0]).name} ended with status {done.returncode}.\n{tail}")


def child_environment(**settings: str) -> dict[str, str]:
    """Return this process's environment with the settings, and without what would let another Python leak in.

    Nothing is compiled when it is installed, so a Python that may not write down what it compiles would do so anew each
    time: with torch that takes ten seconds.
    """
    leaky = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__", "PYTHONDONTWRITEBYTECODE")
    return {**{name: value for name, value in os.environ.items() if name not in leaky}, **settings}


def say(text: str) -> None:
    """Print at once, so that the lines stay in order with those of child processes."""
    print(text, flush=True)
