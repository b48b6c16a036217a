"""Where shipped files are found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lrstudio
from lrstudio.domain.errors import Environment
from lrstudio.text.resources import resource

ROOM = Path(lrstudio.__file__).parent


def test_a_checkout_finds_its_folder() -> None:
    assert resource("tokenizer", "lrstudio-bpe.json").is_file()
    assert resource("samples").is_dir()


def test_what_is_missing_is_named() -> None:
    with pytest.raises(Environment, match=r"^samples/none\.md: the shipped file samples/none\.md is missing"):
        resource("samples", "none.md")


@pytest.mark.parametrize("place", ["lrstudio/_resources", "resources"])
def test_a_wheel_and_an_editable_install_find_theirs(tmp_path: Path, place: str) -> None:
    for room in ("domain", "text"):
        shutil.copytree(ROOM / room, tmp_path / "lrstudio" / room, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "lrstudio" / "__init__.py").write_text("", encoding="utf-8")
    folder = tmp_path / place
    folder.mkdir()
    (folder / "note.md").write_text("x", encoding="utf-8")
    program = "from lrstudio.text.resources import resource; print(resource('note.md'))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert Path(done.stdout.decode().strip()) == folder / "note.md"
