"""What a host has, asked on the host itself; changes nothing there.

It is sent as text and runs in whichever Python is found first, Python 3.6 included, so that an old one is told rather
than broken: no newer syntax here, and nothing beyond the standard library.
"""

import base64
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from typing import Any

MARK = "lrstudio-probe "
_SECONDS = 10
_PLACES = ("/usr/local/nvidia/bin", "/usr/local/cuda/bin", "/usr/lib/wsl/lib", "/usr/sbin", "/sbin", "/usr/local/bin")
_SLURM = ("sbatch", "squeue", "scontrol", "scancel", "sinfo")


def asked(words: "list[str]") -> "tuple[int, str]":
    """Run a program of the host; its status (-1 where it cannot be run) and what it wrote."""
    try:
        done = subprocess.run(  # noqa: UP022 - the newer spelling is not known to Python 3.6
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return -1, str(error)
    text = done.stdout if done.returncode == 0 else done.stdout + done.stderr
    return done.returncode, text.decode("utf-8", "replace").strip()


def found(program: str) -> str:
    """Return where a program is, "" where it is nowhere."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_PLACES])
    return shutil.which(program, path=path) or ""


def python() -> "dict[str, Any]":
    """Return which Python this is, and whether it can make environments."""
    try:
        import ensurepip
        import venv

        makes = bool(ensurepip.version()) and bool(venv)
    except Exception:  # noqa: BLE001 - a distribution may have torn either apart in its own way
        makes = False
    libc = platform.libc_ver()[0] if sys.platform == "linux" else ""
    return {
        "version": list(sys.version_info[:3]),
        "executable": sys.executable,
        "makes_environments": makes,
        "tag": "-".join((platform.python_implementation(), platform.system(), platform.machine(), libc)),
    }


def modules(names: "list[str]") -> "list[str]":
    """Return which of some modules this Python lacks; none is imported."""
    import importlib.util

    return [name for name in names if importlib.util.find_spec(name) is None]


def gpus() -> "dict[str, Any]":
    """Return the cards that nvidia-smi tells of, its driver, and what it said where it failed."""
    program = found("nvidia-smi")
    if not program:
        return {"program": "", "cards": [], "driver": "", "said": ""}
    fields = "name,memory.total,memory.free,driver_version"
    status, said = asked([program, "--query-gpu=" + fields, "--format=csv,noheader,nounits"])
    rows = [[part.strip() for part in line.split(",")] for line in said.splitlines()] if status == 0 else []
    rows = [row for row in rows if len(row) == 4]
    cards = [{"name": name, "total_mib": _number(total), "free_mib": _number(free)} for name, total, free, _ in rows]
    return {"program": program, "cards": cards, "driver": rows[0][3] if rows else "", "said": "" if rows else said}


def _number(text: str) -> float:
    """A card that is cut into slices answers [N/A]."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def place(folder: str) -> "dict[str, Any]":
    """Return what can be done in a folder, or in the nearest one above it that is there, and how much is free.

    What is tried is taken away again.
    """
    near = folder
    while not os.path.isdir(near) and near != os.path.dirname(near):
        near = os.path.dirname(near)
    facts = {"folder": folder, "there": near == folder, "near": near, "free": None, "fails": ""}  # type: dict[str, Any]
    try:
        usage = shutil.disk_usage(near)
        facts["free"] = usage.free
    except OSError:
        pass
    trial = os.path.join(near, f".lrstudio-probe-{os.getpid()}-{time.time()}")
    step = "make a folder"
    try:
        os.mkdir(trial)
        one, two = os.path.join(trial, "one"), os.path.join(trial, "two")
        step = "write a file"
        for name in (one, two):
            with open(name, "wb") as file:
                file.write(b"lrstudio")
                os.fsync(file.fileno())
        step = "rename a file over another"
        os.rename(one, two)
        step = "make a hard link"
        os.link(two, one)
        step = "lock a file"
        _lock(two)
    except OSError as error:
        facts["fails"] = f"cannot {step}: {error.strerror or error}"
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    return facts


def _lock(path: str) -> None:
    import fcntl

    with open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lingering(system: str = "/run/systemd/system") -> "dict[str, Any]":
    """Return whether a logout ends what was started, and whether this person's things linger; None without systemd."""
    if not found("loginctl") or not os.path.isdir(system):
        return {"kills": False, "lingers": None}
    user = _user()
    status, said = asked(["loginctl", "show-user", user, "--property=Linger", "--value"])
    lingers = said == "yes" if status == 0 and said else os.path.exists("/var/lib/systemd/linger/" + user)
    manager = ["org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"]
    status, said = asked(["busctl", "get-property", *manager, "KillUserProcesses"])
    kills = said == "b true" if status == 0 else configured("/etc/systemd/logind.conf")
    return {"kills": kills, "lingers": lingers, "user": user}


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid())


def configured(path: str) -> bool:
    """Read KillUserProcesses from logind's own file and those beside it; the last one counts."""
    paths = [path]
    beside = path + ".d"
    if os.path.isdir(beside):
        paths += [os.path.join(beside, name) for name in sorted(os.listdir(beside)) if name.endswith(".conf")]
    kills = False
    for each in paths:
        try:
            with open(each, encoding="utf-8", errors="replace") as file:
                for line in file:
                    name, _, value = line.partition("=")
                    if name.strip() == "KillUserProcesses":
                        kills = value.strip().lower() in ("yes", "true", "1", "on")
        except OSError:
            continue
    return kills


def slurm() -> "dict[str, Any]":
    """Return which of Slurm's programs are missing, its version, what its controller says, and the partitions."""
    missing = [name for name in _SLURM if shutil.which(name) is None]
    facts = {"missing": missing, "version": "", "said": "", "partitions": []}  # type: dict[str, Any]
    if missing:
        return facts
    facts["version"] = asked(["sbatch", "--version"])[1].partition("\n")[0]
    status, said = asked(["sinfo", "--noheader", "--format=%R"])
    if status == 0:
        facts["partitions"] = sorted(set(said.split()))
    else:
        facts["said"] = said.splitlines()[-1] if said else "sinfo failed"
    return facts


def ray(address: str) -> "dict[str, Any]":
    """Ask a Ray head for its version."""
    from urllib.error import URLError
    from urllib.request import ProxyHandler, build_opener

    try:
        opener = build_opener(ProxyHandler({}))  # it is beside this machine, not behind a proxy
        with opener.open(address.rstrip("/") + "/api/version", timeout=_SECONDS) as reply:
            row = json.loads(reply.read(65536).decode("utf-8"))
        return {"version": str(row.get("ray_version", "")), "said": ""}
    except (OSError, ValueError, AttributeError, URLError) as error:
        return {"version": "", "said": str(getattr(error, "reason", error))}


def index() -> "dict[str, Any]":
    """Tell whether the package index that pip would use can be reached; behind a proxy that is not known here."""
    from urllib.parse import urlsplit

    url = os.environ.get("PIP_INDEX_URL", "")
    if not url:
        status, said = asked([sys.executable, "-m", "pip", "config", "get", "global.index-url"])
        url = said.splitlines()[-1] if status == 0 and said.startswith("http") else "https://pypi.org/simple"
    parts = urlsplit(url)
    name = parts.hostname or ""
    if any(os.environ.get(it) for it in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "PIP_PROXY")):
        return {"host": name, "said": ""}
    try:
        socket.create_connection((name, parts.port or (80 if parts.scheme == "http" else 443)), timeout=5).close()
    except OSError as error:
        return {"host": name, "said": str(error)}
    return {"host": name, "said": ""}


def main(wish: "dict[str, Any]") -> "dict[str, Any]":
    """Look at what `wish` asks for: a folder, and optionally modules, a scheduler and the package index."""
    home = os.path.expanduser("~")
    folder = os.path.normpath(os.path.join(home, wish["folder"]))
    facts = {"home": home, "folder": folder, "python": python()}  # type: dict[str, Any]
    if wish.get("brief"):
        return facts
    facts["time"] = time.time()
    facts["place"] = place(folder)
    facts["gpus"] = gpus()
    facts["lingering"] = lingering()
    if wish.get("modules"):
        facts["lacks"] = modules(wish["modules"])
    if wish.get("scheduler") == "slurm":
        facts["slurm"] = slurm()
    if wish.get("scheduler") == "ray":
        facts["ray"] = ray(wish.get("options", {}).get("address") or "http://127.0.0.1:8265")
    if wish.get("index"):
        facts["index"] = index()
    return facts


if __name__ == "__main__":
    sys.stdout.write(MARK + json.dumps(main(json.loads(base64.b64decode(sys.argv[1]).decode("utf-8")))) + "\n")
