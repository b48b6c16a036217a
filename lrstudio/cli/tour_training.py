"""The last stop of the tour: the tiny model trained for a few steps on a set of the sample, where there is torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lrstudio.cli.common import say
from lrstudio.cli.following import follow, phase_words, run_data
from lrstudio.cli.tiny_model import build_tiny_model
from lrstudio.domain.pair_lists import PairFilter, PairSort
from lrstudio.domain.pairs import PairRule, RuleName
from lrstudio.domain.sets import Split
from lrstudio.services.training_places import missing_modules, training_python
from lrstudio.services.wiring import Project
from lrstudio.training.runs import TrainWish
from lrstudio.training.wire import Phase

SET: Final = "tour"
STEPS: Final = 20

_OPTIONS: Final = {
    "max_steps": STEPS,
    "accumulation": 1,
    "save_every": 10,
    "dtype": "fp32",
    "checkpointing": False,
    "pilot": False,
}


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it: `data` for --json (None where nothing was trained), a sentence, and what went wrong, if any."""

    data: dict[str, Any] | None
    words: str
    problem: str = ""


def train_in_tour(project: Project, folder: Path) -> Trained:
    """Freeze the widest pair of each question, build the tiny model and train it for 20 steps.

    Without torch nothing is done, and the sentence says how to add it.
    """
    python = training_python(None)
    if missing := missing_modules(python):
        return Trained(
            None,
            f"Nothing was trained: {' and '.join(missing)} cannot be imported by {python}. Add the extra with "
            "pip install 'lrstudio[train]', or name another Python in LRSTUDIO_TRAIN_PYTHON.",
        )
    _freeze(project)
    say(f"training a tiny model for {STEPS} steps on the whole report, which takes a few minutes")
    wish = TrainWish(SET, "dpo", build_tiny_model(folder / "tiny-model"), "longreward", _OPTIONS, "tour")
    run_id = project.training.launch(wish)
    row = follow(project, run_id).poll().row
    loss = "" if row.loss is None else f", loss {row.loss:.4f}"
    words = f"Training: {phase_words(row)} at step {row.step}{loss}; the run is in {project.training.home / run_id}"
    problem = "" if row.phase is Phase.FINISHED else f"lrstudio: the training did not finish: {row.why}"
    return Trained(run_data(row), words, problem)


def _freeze(project: Project) -> None:
    project.pairs.propose(PairRule(RuleName.MARGIN))
    pages = project.pairs.page(PairFilter(), sort=PairSort.MARGIN, descending=True)
    widest = {row.pair.question_id: row.pair.pair_id for row in reversed(pages.rows)}
    for pair_id in widest.values():
        project.pairs.approve(pair_id, reason="the widest margin of its question")
    project.sets.freeze(SET, split=Split((1.0, 0.0, 0.0)))
