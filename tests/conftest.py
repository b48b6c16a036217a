"""Every test runs in a home of its own, offscreen, with no proxy, no keyring and no hub."""

import gc
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.doubles.postgres_server import PostgresServer
    from tests.doubles.ssh_faults import FaultyServer
    from tests.doubles.sshd_server import SshdServer

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

# How long an example takes tells of the machine. `dev.py test` takes hypothesis' own profile `ci` instead of this one,
# which has no such limits either and the same examples every time.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

INSTALL_SERVERS = "LRSTUDIO_INSTALL_TEST_SERVERS"

SLOW_ROOMS = ("e2e", "faults", "qt", "cli", "worker", "services", "training", "store", "judge")
"""What begins first, so that no process ends with a long file while the others have nothing left. The window comes
before the models: every one of its tests goes through what was imported before it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the rooms in their order; within a room all stays as it is."""
    order = {room: number for number, room in enumerate(SLOW_ROOMS)}
    items.sort(key=lambda item: order.get(Path(item.location[0]).parts[1], len(order)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where servers are to be installed, a server's test that is skipped has failed; keep what each test belongs to."""
    report = yield
    server = item.get_closest_marker("server")
    name = f"server {server.args[0]}" if server and server.args else Path(item.location[0]).parts[1]
    report.user_properties.append(("group", name))
    if report.skipped and server and os.environ.get(INSTALL_SERVERS) == "1":
        report.outcome = "failed"
        report.longrepr = f"{INSTALL_SERVERS}=1, and yet: {report.longrepr[2]}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests of each group ran and how many were skipped."""
    counts: dict[str, Counter[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            group = dict(getattr(report, "user_properties", ())).get("group")
            if group:
                counts.setdefault(group, Counter())["skipped" if outcome == "skipped" else "ran"] += 1
    if counts:
        terminalreporter.section("ran and skipped")
        for group, count in sorted(counts.items()):
            terminalreporter.write_line(f"{group:<20} {count['ran']:>6} ran {count['skipped']:>6} skipped")


def pytest_collection_finish() -> None:
    """Leave what was imported, torch among it, out of every later collection: the window's tests make one each."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Do the same with what a file's tests have imported and kept."""
    yield
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()


def pytest_sessionfinish() -> None:
    """Empty the clipboard: the offscreen one is destroyed after Python, and what Python made in it would crash then."""
    gui = sys.modules.get("PySide6.QtGui")
    if gui and gui.QGuiApplication.instance():
        gui.QGuiApplication.clipboard().clear()


@pytest.fixture(autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("LRSTUDIO_PROFILE", str(home / "profile"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("LRSTUDIO_API_KEY", raising=False)
    return home


@pytest.fixture
def eval_data() -> Path:
    folder = os.environ.get("LRSTUDIO_EVAL_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("LRSTUDIO_EVAL_DATA does not name the folder of human-labelled evaluation data")
    return Path(folder)


@pytest.fixture(scope="session")
def _postgres() -> "Iterator[PostgresServer]":
    pytest.importorskip("pg8000", reason="the driver pg8000 is not installed")
    from tests.doubles.postgres_server import PostgresServer, program

    if os.name == "nt" or not program("initdb"):
        pytest.skip("PostgreSQL's server is not installed")
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture
def postgres(_postgres: "PostgresServer") -> "PostgresServer":
    """A real server of the tests' own; every test makes its own databases."""
    return _postgres


@pytest.fixture(scope="session")
def _sshd() -> "Iterator[SshdServer]":
    pytest.importorskip("asyncssh", reason="the package asyncssh is not installed")
    from tests.doubles.sshd_server import SshdServer, program

    if os.name == "nt" or not program():
        pytest.skip("OpenSSH's server is not installed")
    server = SshdServer()
    yield server
    server.remove()


@pytest.fixture
def sshd(_sshd: "SshdServer", isolated_home: Path) -> "Iterator[SshdServer]":
    """A real OpenSSH server of the tests' own, known in the test's home; what is done to it is undone."""
    _sshd.home(isolated_home)
    yield _sshd
    _sshd.mend()


@pytest.fixture
def faulty(isolated_home: Path) -> "Iterator[FaultyServer]":
    """An SSH server in this process, known in the test's home, with faults where a test wants them."""
    pytest.importorskip("asyncssh", reason="the package asyncssh is not installed")
    if os.name == "nt":
        pytest.skip("it runs commands by /bin/sh")
    from tests.doubles.ssh_faults import FaultyServer

    server = FaultyServer()
    server.home(isolated_home)
    yield server
    server.remove()
