"""From an empty list of hosts to a fetched adapter, in the window, on a real OpenSSH server, with a toy worker there.

The supervisor, the run folder, the mirror and the connection are the real ones; only the model is a toy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrstudio.qt.views.dialogs.hosts_window import HostsWindow
from lrstudio.qt.views.training_controller import TrainingController
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase
from lrstudio.viewstate.audit_signs import Sign
from lrstudio.viewstate.facts import Fact
from tests.doubles.hosts_window import hosts_window, kept
from tests.doubles.sshd_server import SshdServer
from tests.doubles.toy_worker import toy_model
from tests.doubles.trained_project import ROOT, SET, TOY, kill_all, trained_project
from tests.doubles.training_window import fill, in_file, on_screen, service, workspace
from tests.doubles.windows import Driver

pytestmark = [
    pytest.mark.server("sshd"),
    pytest.mark.qt_log_ignore("does not support raise", "does not support grabbing"),
]
MINUTE_MS = 60_000
STEPS = 240


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python that trains: it runs the toy worker where it is asked for the real one."""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name in ("torch", "transformers", "peft"):  # the real ones take ten seconds to load
        (stubs / f"{name}.py").write_text("__version__ = '1'\n")
    toy = f'shift 2; PYTHONPATH="{ROOT}" exec "{sys.executable}" -S "{TOY[0]}" "$@"'
    path = tmp_path / "python"
    path.write_text(
        f'#!/bin/sh\nif [ "$2" = lrstudio.worker ]; then {toy}; fi\n'
        f'PYTHONPATH="$PYTHONPATH:{stubs}" exec "{sys.executable}" -S "$@"\n'
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def harbours(tmp_path: Path, sshd: SshdServer) -> Iterator[Path]:
    path = tmp_path / "harbours.lrs"
    trained_project(path, documents=4, chapters=10).close()
    yield path
    for runs in (sshd.folder / "far" / "runs").glob("*"):
        kill_all(runs)


def add_loopback(driver: Driver, sshd: SshdServer, python: Path) -> HostsWindow:
    """Describe the server in the form, by the keyboard."""
    window = hosts_window(driver)
    driver.key("Return", window.add_first)
    for text in ("loopback", sshd.address, None, str(python)):
        if text is None:
            window.form.folder.setText(str(sshd.folder / "far"))
        else:
            driver.type(text)
        driver.key("Tab")
    driver.key("Return", window.form.python)
    driver.until(lambda: [it.name for it in kept()] == ["loopback"])
    driver.until(lambda: window.shown == "loopback")
    return window


def rested(window: HostsWindow) -> bool:
    return not window.standing.cancel.isVisible()


def test_a_new_key_is_shown_and_accepted_and_another_one_refused(
    driver: Driver, sshd: SshdServer, isolated_home: Path, python: Path
) -> None:
    (isolated_home / ".ssh" / "known_hosts").write_text("")
    driver.show()
    window = add_loopback(driver, sshd, python)
    driver.key("F5")
    driver.until(lambda: window.standing.key.isVisible(), ms=MINUTE_MS)
    assert "SHA256:" in window.standing.key.fingerprint.toPlainText()
    assert "ed25519" in window.standing.key.fingerprint.toPlainText()
    assert (isolated_home / ".ssh" / "known_hosts").read_text() == ""
    window.standing.key.accept.click()
    driver.until(lambda: window.standing.found.isVisible() and rested(window), ms=MINUTE_MS)
    assert sshd.known() in (isolated_home / ".ssh" / "known_hosts").read_text()
    assert {it.title for it in window.standing.found.rows} >= {"Python", "Disk"}
    assert all(it.todo for it in window.standing.found.rows if it.sign is not Sign.FULL)

    sshd.stop()
    sshd.change_key()
    sshd.start()
    driver.key("F5")
    driver.until(lambda: "another key" in window.standing.trouble.text(), ms=MINUTE_MS)
    assert not window.standing.key.isVisible()


def test_a_host_that_says_nothing_is_left_and_asked_again(driver: Driver, sshd: SshdServer, python: Path) -> None:
    driver.show()
    window = add_loopback(driver, sshd, python)
    sshd.freeze()
    driver.key("F5")
    driver.until(lambda: window.standing.cancel.isVisible())
    window.standing.cancel.click()
    assert rested(window)
    assert window.focusWidget() is window.standing.probe
    sshd.thaw()
    driver.key("F5")
    driver.until(lambda: window.standing.found.isVisible() and rested(window), ms=MINUTE_MS)
    sshd.freeze()
    driver.key("F5")
    driver.close()  # waits for no answer


def test_preparing_tells_how_far_it_is_and_is_cancelled(driver: Driver, sshd: SshdServer, python: Path) -> None:
    driver.show()
    window = add_loopback(driver, sshd, python)
    window.form.python.setText("")  # an environment is to be made
    driver.key("Return", window.form.python)
    driver.key("F9")  # at once: it is prepared as it is saved
    driver.until(lambda: window.standing.cancel.isVisible() and bool(window.standing.said.text()), ms=MINUTE_MS)
    assert not window.standing.prepare.isVisible()
    assert kept()[0].python == ()
    window.standing.cancel.click()
    assert window.standing.said.text() == "is cancelled …"
    driver.until(lambda: rested(window), ms=MINUTE_MS)
    assert not window.standing.trouble.isVisible()
    assert not list((sshd.folder / "far").glob("env/*/ready.json"))


def test_a_run_on_a_host_from_the_window_to_the_adapter(
    driver: Driver, sshd: SshdServer, harbours: Path, tmp_path: Path, python: Path
) -> None:
    training = workspace(driver, harbours)
    driver.until(lambda: training.view.form.set.currentData() == SET)
    window = add_loopback(driver, sshd, python)
    driver.key("F5")
    driver.until(lambda: window.standing.found.isVisible() and rested(window), ms=MINUTE_MS)
    driver.key("F9")
    driver.until(lambda: not rested(window))
    driver.until(lambda: rested(window), ms=2 * MINUTE_MS)
    assert not window.standing.trouble.isVisible(), window.standing.trouble.text()
    window.close()
    driver.activate()

    training.view.form.target.choose("loopback")
    driver.until(lambda: "asked" not in training.view.form.target.known.text())
    fill(training, toy_model(tmp_path / "toy", seconds=0.05, wait_at=[220]), max_steps=STEPS, save_every=20)
    driver.key("Ctrl+Return", driver.window)
    driver.until(lambda: training.row is not None and len(steps(training)) >= 4, ms=2 * MINUTE_MS)
    assert training.row is not None
    run_id = training.row.run_id
    assert training.view.runs.model.rows[0].texts[3] == "loopback"
    assert Fact.RUN_ALIVE in training.facts

    sshd.stop()
    driver.until(lambda: training.row is not None and training.row.life is Life.UNKNOWN, ms=MINUTE_MS)
    driver.until(lambda: training.view.link.isVisible())
    assert training.view.link.said.text().startswith("loopback cannot be asked since ")
    seen = steps(training)
    assert training.view.runs.model.rows[0].chip.text.startswith("unknown since")
    assert training.facts & {Fact.RUN_ALIVE, Fact.RUN_OVER, Fact.RUN_RESUMABLE} == frozenset()
    assert on_screen(training), "the last values stay"
    sshd.start()
    training.view.take_keyboard()
    driver.key("h")
    driver.until(lambda: len(steps(training)) > min(len(seen), 219), ms=MINUTE_MS)
    driver.until(lambda: not training.view.link.isVisible(), ms=MINUTE_MS)

    driver.until(lambda: Fact.RUN_ALIVE in training.facts, ms=MINUTE_MS)
    training.view.take_keyboard()
    driver.key("s")
    driver.until(lambda: phase(training) is Phase.STOPPED, ms=MINUTE_MS)
    driver.until(lambda: Fact.RUN_RESUMABLE in training.facts)
    stopped_at = max(steps(training))
    driver.key("r")
    driver.until(lambda: phase(training) is Phase.FINISHED, ms=2 * MINUTE_MS)
    driver.until(lambda: len(on_screen(training)) == STEPS)
    assert stopped_at < STEPS
    (far,) = (sshd.folder / "far" / "runs").glob(f"*/{run_id}")
    assert on_screen(training) == in_file(far)

    driver.until(lambda: Fact.RUN_FAR in training.facts)
    lay_result(far)
    training.view.take_keyboard()
    sshd.freeze()
    driver.key("f")
    assert training.view.fetch.isVisible()
    assert Fact.FETCHING in training.facts
    driver.key("F")
    assert training.view.fetch.said.text() == "Fetching stops …"
    sshd.thaw()
    driver.until(lambda: "Fetching was stopped" in driver.window.banner.text, ms=MINUTE_MS)
    driver.key("f")
    driver.until(lambda: "adapter of run 1 is here" in driver.window.banner.text, ms=MINUTE_MS)
    adapter = "result/adapter/adapter_model.safetensors"
    assert (service(driver).home / run_id / adapter).read_bytes() == (far / adapter).read_bytes()
    assert not training.view.fetch.isVisible()


def test_what_a_host_lacks_stands_beside_the_target(
    driver: Driver, sshd: SshdServer, harbours: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # -S: without what is installed
    bare.chmod(0o755)
    training = workspace(driver, harbours)
    add_loopback(driver, sshd, bare).close()
    driver.activate()
    form = training.view.form
    form.target.choose("loopback")
    driver.until(lambda: bool(form.target.lacks), ms=MINUTE_MS)
    assert "torch" in form.target.row.problem.text()
    assert not form._python_row.isVisibleTo(form._advanced), "a host has its own"
    fill(training, toy_model(tmp_path / "toy"))
    driver.key("Ctrl+Return", driver.window)
    assert form.target.choice.hasFocus()
    driver.until(lambda: not driver.window.works.operations.is_busy)
    assert service(driver).runs() == ()
    assert not list(service(driver).home.glob("[0-9]*"))
    form.target.choose("")
    assert not form.target.row.problem.isVisible()
    assert form._python_row.isVisibleTo(form._advanced)


def test_runs_are_attached_from_another_computer(
    driver: Driver, make_driver: type[Driver], sshd: SshdServer, harbours: Path, tmp_path: Path, python: Path
) -> None:
    training = workspace(driver, harbours)
    driver.until(lambda: training.view.form.set.currentData() == SET)
    add_loopback(driver, sshd, python).close()
    driver.activate()
    training.view.form.target.choose("loopback")
    fill(training, toy_model(tmp_path / "toy"), max_steps=12)
    driver.key("Ctrl+Return", driver.window)
    driver.until(lambda: phase(training) is Phase.FINISHED, ms=2 * MINUTE_MS)
    driver.until(lambda: len(on_screen(training)) == 12)
    driver.close()

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = harbours.rename(elsewhere / harbours.name)
    second = make_driver()
    again = workspace(second, path)
    second.until(lambda: again.view.form.set.currentData() == SET)
    assert again.rows == ()
    second.key("Shift+h", second.window)
    second.until(lambda: phase(again) is Phase.FINISHED, ms=MINUTE_MS)
    second.until(lambda: len(on_screen(again)) == 12)


def lay_result(run: Path) -> None:
    """Lay down what a real trainer leaves: a file of one tensor."""
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    folder = run / "result" / "adapter"
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))


def steps(training: TrainingController) -> dict[int, float]:
    return on_screen(training) if training.view.board.runs else {}


def phase(training: TrainingController) -> Phase | None:
    return training.row.phase if training.row is not None else None
