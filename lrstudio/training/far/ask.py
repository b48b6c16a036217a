"""`python -m lrstudio.training.far.ask RUN_FOLDER`: leave a request for a run's supervisor, once.

Reads `{"key": ..., "do": ..., ...}` and answers `{"name": ...}`. A key that is there already, because the answer to it
was lost on its way, is the same request: nothing is asked twice.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lrstudio.training import wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.wire import Request


def ask(run: Path, wanted: dict[str, Any]) -> str:
    """Leave a request and return its name there."""
    for path in sorted((run / wire.CONTROL).glob("[0-9]*.json")):
        if not path.name.endswith(".ack.json") and json.loads(path.read_text()).get("key") == wanted["key"]:
            return path.stem
    details = {name: value for name, value in wanted.items() if name not in ("do", "v", "time")}
    return RunFolder.open(run).ask(Request(wanted["do"]), **details)


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"name": ask(Path(sys.argv[1]), json.load(sys.stdin))}) + "\n")
