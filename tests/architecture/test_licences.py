"""No dependency, direct or transitive, carries a licence the project may not build on."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", ROOT / "packaging" / "licences.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def plant(folder: Path, name: str, *lines: str) -> None:
    """Fabricate an installed distribution."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    head = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0"]
    (info / "METADATA").write_text("\n".join([*head, *lines, "", "text"]), encoding="utf-8")


def test_every_installed_dependency_is_accepted(licences: ModuleType) -> None:
    found = licences.dependencies(licences.project_requirements())

    assert {"pyside6-essentials", "shiboken6", "numpy", "mako", "pytest"} <= {item.name for item in found}
    assert [item for item in found if item.verdict is not licences.Verdict.ACCEPTED] == []


def test_a_refused_licence_deep_in_the_tree_is_found(licences: ModuleType, tmp_path: Path) -> None:
    plant(tmp_path, "top", "License-Expression: MIT", "Requires-Dist: middle[fast]; python_version >= '3'")
    plant(
        tmp_path, "middle", "License: BSD", 'Requires-Dist: deep; extra == "fast"', 'Requires-Dist: never; extra == "x"'
    )
    plant(tmp_path, "deep", "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)")
    plant(tmp_path, "never", "License-Expression: AGPL-3.0-only")

    found = {item.name: item.verdict.name for item in licences.dependencies(["top"], path=[str(tmp_path)])}

    assert found == {"top": "ACCEPTED", "middle": "ACCEPTED", "deep": "REFUSED"}


def test_a_licence_nobody_has_read_is_found(licences: ModuleType, tmp_path: Path) -> None:
    plant(tmp_path, "silent")
    plant(tmp_path, "pypdfium2", "License: something else than was reviewed")

    found = licences.dependencies(["silent", "pypdfium2"], path=[str(tmp_path)])

    assert {item.verdict.name for item in found} == {"UNKNOWN"}


def test_the_program_fails_on_what_it_finds(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    plant(site, "numpy", "License-Expression: GPL-3.0-only")
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import runpy;"
        f" runpy.run_path({str(ROOT / 'packaging' / 'licences.py')!r}, run_name='__main__')"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 1, done.stderr
    assert "refused  numpy" in done.stdout


@pytest.mark.parametrize(
    ("licence", "verdict"),
    [
        ("MIT", "ACCEPTED"),
        ("Apache License, Version 2.0", "ACCEPTED"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "ACCEPTED"),
        ("LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only", "ACCEPTED"),
        ("GNU Lesser General Public License v3 or later (LGPLv3+)", "ACCEPTED"),
        ("EPL-2.0 OR GPL-2.0-or-later", "ACCEPTED"),
        ("(MIT AND GPL-2.0-only) OR BSD-3-Clause", "ACCEPTED"),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", "ACCEPTED"),
        ("GPL-3.0-only", "REFUSED"),
        ("GPLv3", "REFUSED"),
        ("GNU General Public License v3 (GPLv3)", "REFUSED"),
        ("MIT AND GPL-2.0-only", "REFUSED"),
        ("(MIT OR Apache-2.0) AND AGPL-3.0-or-later", "REFUSED"),
        ("GNU Affero General Public License v3", "REFUSED"),
        ("BUSL-1.1", "UNKNOWN"),
        ("Proprietary", "UNKNOWN"),
        ("", "UNKNOWN"),
    ],
)
def test_a_licence_is_judged(licences: ModuleType, licence: str, verdict: str) -> None:
    assert licences.verdict_on(licence).name == verdict
