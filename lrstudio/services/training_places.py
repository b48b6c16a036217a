"""Where runs lie, which Python trains, and what its environment is."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lrstudio
from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.places import Place
from lrstudio.services.settings import SettingsStore
from lrstudio.training.hosts.mirror import Away
from lrstudio.training.runs import TrainWish

VARIABLE: Final = "LRSTUDIO_TRAIN_PYTHON"
"""Names the Python that trains, before the settings."""

NEEDED: Final = ("torch", "transformers", "peft")
"""What a Python that trains must be able to import."""


@dataclass(frozen=True, slots=True)
class Site:
    """What a spec says of the place where it runs: the words of its Python, and the rest as in `Spec`.

    `away` is the folder of the project's runs on a host, None on this machine.
    """

    python: tuple[str, ...]
    environment: Mapping[str, str]
    queue: str
    model: str
    threads: int
    away: Away | None = None


_LIBRARIES = ("site-packages", "dist-packages")
_LINKED = ".package"


def runs_home(place: Place, *, project_id: str) -> Path:
    """Return the folder of a project's runs: NAME.runs beside its file, in the user's data for a shared database.

    Nothing is made.
    """
    if isinstance(place, Path):
        return place.absolute().with_suffix(".runs")
    import platformdirs

    return platformdirs.user_data_path("lrstudio", appauthor=False) / "runs" / project_id


def here(wish: TrainWish, home: Path, *, threads: int) -> Site:
    """Return what a spec says of this machine.

    Raises:
        Refused: there is no such model or Python here.
        Environment: the folder of the runs cannot be written.
    """
    model = wish.model.expanduser().absolute()
    if not model.is_dir():
        raise Refused("there is no model folder here; name one as transformers saves it", where=str(wish.model))
    python = training_python(wish.python)
    queue = str(machine_queue()) if wish.queue else ""
    return Site((str(python),), training_environment(home, python), queue, str(model), threads)


def machine_queue() -> Path:
    """Return the folder in which the runs of this machine and user queue up, whatever their project."""
    return SettingsStore().profile / "training" / f"queue-{socket.gethostname()}"


def training_python(wished: Path | None) -> Path:
    """Return the Python that trains: the one wished for, that of the variable, of the settings, or this one.

    Raises:
        Refused: it is not there.
    """
    named = str(wished or os.environ.get(VARIABLE, "") or SettingsStore().load().train_python)
    if not named:
        return Path(sys.executable)
    found = shutil.which(os.path.expanduser(named))
    if found is None:
        raise Refused("there is no Python here; name the one of the environment that has torch", where=named)
    return Path(found).absolute()  # not resolved: the link is what tells the environment


def missing_modules(python: Path) -> tuple[str, ...]:
    """Return which of the libraries that training needs a Python lacks; nothing is imported for that.

    Raises:
        Refused: it is no Python.
    """
    code = f"import importlib.util as u; print(*(n for n in {NEEDED!r} if u.find_spec(n) is None))"
    try:
        done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise Refused("this is no Python that can be started; name another one", where=str(python)) from error
    return tuple(done.stdout.split())


def training_environment(home: Path, python: Path) -> dict[str, str]:
    """Return what the trainer's environment has besides: no network, no telemetry, and this package.

    Raises:
        Environment: the folder of the runs cannot be written.
    """
    return {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": str(_package_path(home, python)),
    }


def child_environment(given: Mapping[str, str], *, threads: int) -> dict[str, str]:
    """Return the whole environment of a child process that does what a trainer does, as the supervisor makes it."""
    number = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)} if threads else {}
    return {**os.environ, **given, **number, "PYTHONUNBUFFERED": "1"}


def _package_path(home: Path, python: Path) -> Path:
    """Return a folder in which this package is found.

    Where it is installed among other libraries, another Python must not see those: it gets a link to it alone.
    """
    package = Path(lrstudio.__file__).absolute().parent
    if package.parent.name not in _LIBRARIES or python == Path(sys.executable):
        return package.parent
    link = home / _LINKED / package.name
    if link.exists() and link.resolve() == package.resolve():
        return link.parent
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(package, target_is_directory=True)
    except FileExistsError:
        return link.parent
    except OSError as error:
        raise Environment(f"the runs cannot be written: {error.strerror or error}", where=str(home)) from error
    return link.parent
