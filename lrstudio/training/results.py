"""What a run has come to: its answers to held-out questions."""

from __future__ import annotations

import json
from typing import Any, Final

from lrstudio.domain.errors import Refused
from lrstudio.training.folder import RunFolder
from lrstudio.training.runs import Sample
from lrstudio.training.watch import RunWatch

CHECK: Final = "result/check.json"
"""What the trainer found when it loaded the result of a finished run again."""

_HELD_OUT: Final = "held-out"


def held_out_answers(folder: RunFolder) -> tuple[Sample, ...]:
    """Return a run's answers to held-out questions: of the latest step at which it was asked any, else of its result.

    The result's are shorter: they are the beginnings by which adapter and merged model were compared.

    Raises:
        Refused: the file of the result is not what a trainer writes.
    """
    watch = RunWatch(folder)
    watch.poll()
    last = max((it.step for it in watch.samples), default=0)
    return tuple(it for it in watch.samples if it.step == last) or _of_result(folder)


def _of_result(folder: RunFolder) -> tuple[Sample, ...]:
    path, ended = folder.path / CHECK, folder.exit()
    try:
        check: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        asked = check.get("questions", ()) if check.get("asked") == _HELD_OUT else ()
        step, attempt = (ended.last_step, ended.attempt) if ended else (0, 0)
        return tuple(Sample(attempt, step, it["row_id"], "", it["texts"][0], int(it["tokens"])) for it in asked)
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise Refused(f"not what a trainer says of its result ({error})", where=str(path)) from error
