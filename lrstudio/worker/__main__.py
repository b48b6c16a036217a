"""The trainer of one attempt: `python -m lrstudio.worker RUN_FOLDER --attempt N`; the supervisor starts it.

Status 0 says that it is done, or that it has saved and stopped as it was told. Anything else has said why before.

`python -m lrstudio.worker RUN_FOLDER --preflight` only looks whether the run can be done, and writes preflight.json.
Status 0 says that the file is there, whether all is well or not; else one line on the standard error says why. What it
does stands on the standard output, a line at a time. With `--attended` it ends with its standard input: whoever asked
is gone then.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from lrstudio.domain.errors import StudioError
from lrstudio.training.room import NO_ROOM, REASON, DiskFull, is_full
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind


def main(words: Sequence[str]) -> int:
    """Train one attempt, or look whether it can be done."""
    parser = argparse.ArgumentParser(prog="lrstudio.worker")
    parser.add_argument("folder", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--attempt", type=int)
    what.add_argument("--preflight", action="store_true")
    parser.add_argument("--attended", action="store_true", help="preflight: end when the standard input does")
    asked = parser.parse_args(list(words))
    if asked.attended and asked.preflight:
        threading.Thread(target=_end_with_input, name="attended", daemon=True).start()
    return _look(asked.folder) if asked.preflight else _attempt(asked.folder, asked.attempt)


def _end_with_input() -> None:
    # Not through sys.stdin: its lock, held by a daemon thread, aborts the interpreter when it ends.
    while os.read(0, 4096):
        pass
    os._exit(1)


def _look(folder: Path) -> int:
    _say("loading torch")
    try:
        from lrstudio.worker.preflight import preflight
        from lrstudio.worker.starting import wanted

        spec, options = wanted(folder)
        preflight(folder, spec, options, say=_say)
    except ImportError as error:
        sys.stderr.write(f"{_missing(error)}\n")
    except StudioError as error:
        sys.stderr.write(f"{error}\n")
    else:
        return 0
    return 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _attempt(folder: Path, attempt: int) -> int:
    # peft's, on a word of transformers: a log is read by people
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
    orders = Orders()
    spool = Spool(folder, attempt=attempt)
    try:
        from lrstudio.worker.train import train

        train(folder, spool, orders)
    except ImportError as error:
        spool.say(Kind.ERROR, reason="refused", why=_missing(error))
    except DiskFull as error:
        spool.say(Kind.ERROR, reason=REASON, why=str(error))
    except StudioError as error:
        spool.say(Kind.ERROR, reason="refused", why=str(error))
    except Exception as error:  # noqa: BLE001 - the door of the process: whatever it is, the run folder says it
        traceback.print_exc()
        if _out_of_memory(error):
            why = "the memory is not enough for the longest row; choose lora, offload, or drop the longest rows"
            spool.say(Kind.ERROR, reason="out_of_memory", why=why)
        elif is_full(error, folder):
            spool.say(Kind.ERROR, reason=REASON, why=NO_ROOM)
        else:
            spool.say(Kind.ERROR, reason="failed", why=f"{type(error).__name__}: {error}")
    else:
        spool.close()
        return 0
    spool.close()
    return 1


def _missing(error: ImportError) -> str:
    return f"{error.name or error} is missing in the Python that trains; add it: pip install 'lrstudio[train]'"


def _out_of_memory(error: Exception) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
