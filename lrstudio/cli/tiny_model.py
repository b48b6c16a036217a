"""`lrstudio tiny-model`: a random little model, so that training can be tried anywhere."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from lrstudio.cli.common import Answer, AsJson, verb
from lrstudio.domain.errors import Refused
from lrstudio.services.settings import SettingsStore
from lrstudio.services.training_places import child_environment, training_environment, training_python


@verb
def tiny_model(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put it; nothing may be there.")],
    python: Annotated[Path | None, typer.Option(help="The Python that has torch, else that of the settings.")] = None,
    as_json: AsJson = False,
) -> Answer:
    """Build a tiny random model with a tokenizer and a chat template: every recipe runs with it on any computer."""
    made = build_tiny_model(folder, python=python)
    return Answer({"model": str(made)}, f"a model that knows nothing is in {made}; train it with `lrstudio train`")


def build_tiny_model(folder: Path, *, python: Path | None = None) -> Path:
    """Build it in a child process, the only one that imports torch.

    Raises:
        Refused: something is there already, or torch is not; in the worker's words.
    """
    folder = folder.expanduser().absolute()
    chosen = training_python(python)
    environment = training_environment(SettingsStore().profile / "training", chosen)
    command = [str(chosen), "-m", "lrstudio.worker.tiny", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=child_environment(environment, threads=1), check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        said = lines[-1] if lines else f"the tiny model was not built (status {done.returncode})"
        raise Refused(said, where="" if str(folder) in said else str(chosen))
    return folder
