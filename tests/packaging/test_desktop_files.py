"""What the desktop is told of the studio agrees with what is installed."""

from __future__ import annotations

import configparser
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DESKTOP = ROOT / "packaging" / "desktop"


def scripts() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {*project["scripts"], *project["gui-scripts"]}


def test_the_desktop_entry_starts_an_installed_program() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment,method-assign]
    entry.read(DESKTOP / "lrstudio.desktop", encoding="utf-8")

    assert entry["Desktop Entry"]["Exec"].split()[0] in scripts()


def test_the_metainfo_names_the_entry_the_programs_and_the_licence() -> None:
    component = ET.parse(DESKTOP / "lrstudio.metainfo.xml").getroot()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert component.findtext("launchable") == "lrstudio.desktop"
    assert {binary.text for binary in component.iter("binary")} == scripts()
    assert component.findtext("project_license") == project["license"]
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
