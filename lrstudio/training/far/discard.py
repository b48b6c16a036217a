"""`python -m lrstudio.training.far.discard RUN_FOLDER`: remove a run on this machine that nobody works on.

Answers `{"gone": true}`, or `{"gone": false, "why": ...}` where its supervisor lives, or may live elsewhere.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sys
from pathlib import Path
from typing import Any

from lrstudio.training import wire
from lrstudio.training.far.standing import standing


def discard(run: Path) -> dict[str, Any]:
    """Remove a run folder; one that is gone is gone."""
    if not (run / wire.SPEC).is_file():
        return {"gone": True}
    found = standing(run)
    if found["life"] != "dead":
        return {
            "gone": False,
            "why": "its supervisor lives" if found["life"] == "alive" else f"it is {found['word']}'s",
        }
    gone = run.with_name(f".{run.name}-{secrets.token_hex(4)}")
    run.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
    return {"gone": True}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(discard(Path(sys.argv[1]))) + "\n")
