"""`python -m lrstudio.training.far.standing RUN_FOLDER`: whether the supervisor of a run on this machine lives.

Answers one line of JSON: `life` is alive, dead or unknown; of a dead one `word` is ended (exit.json is there),
rebooted, killed, or never where no supervisor has ever had the run; of an unknown one it names the machine that could
tell.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

from lrstudio.training.folder import RunFolder
from lrstudio.training.identity import boot_id


def standing(run: Path) -> dict[str, Any]:
    """Tell where the latest attempt of a run stands."""
    folder = RunFolder.open(run)
    claims = folder.claims()
    found: dict[str, Any] = {"host": socket.gethostname(), "boot": boot_id(), "attempt": len(claims)}
    if not claims:
        return found | {"life": "dead", "word": "never"}
    holder = claims[-1].holder
    alive = holder.alive()
    # Looked for behind the question: one that has just ended has written it.
    ended = folder.exit()
    if ended is not None and ended.attempt >= claims[-1].attempt:
        return found | {"life": "dead", "word": "ended"}
    if alive is None:
        return found | {"life": "unknown", "word": holder.host}
    if alive:
        return found | {"life": "alive", "word": ""}
    return found | {"life": "dead", "word": "killed" if holder.boot == boot_id() else "rebooted"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(standing(Path(sys.argv[1]))) + "\n")
