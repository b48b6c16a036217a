"""Every test runs in a home of its own, offscreen, with no proxy, no keyring and no hub."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"


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
