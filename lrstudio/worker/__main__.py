"""The trainer of one attempt: `python -m lrstudio.worker RUN_FOLDER --attempt N`; the supervisor starts it.

Status 0 says that it is done, or that it has saved and stopped as it was told. Anything else has said why before.

Of several processes that `accelerate launch` has started so, the first speaks to the run folder for all.

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
from typing import TYPE_CHECKING, Final

from lrstudio.domain.errors import StudioError
from lrstudio.training.room import NO_ROOM, REASON, DiskFull, is_full
from lrstudio.training.spool import Orders, SilentSpool, Spool
from lrstudio.training.wire import Kind

if TYPE_CHECKING:
    from lrstudio.worker.ranks import Ranks

_NUMBER: Final = int(os.environ.get("RANK", "0"))  # as the launcher of several processes says it
_COUNT: Final = int(os.environ.get("WORLD_SIZE", "1"))


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
        from lrstudio.worker import ranks
        from lrstudio.worker.preflight import preflight
        from lrstudio.worker.starting import wanted

        spec, options = wanted(folder)
        with ranks.joined(cpu=options["device"] == "cpu") as together:
            together.check(options)
            preflight(folder, spec, options, say=_say, ranks=together)
    except ImportError as error:
        why = _missing(error)
    except StudioError as error:
        why = str(error)
    else:
        return 0
    if _NUMBER == 0:
        sys.stderr.write(f"{why}\n")
    # A launcher would write a report of its own behind the sentence; the file that is not there says enough.
    return 0 if _COUNT > 1 else 1


def _say(line: str) -> None:
    if _NUMBER:
        return
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _attempt(folder: Path, attempt: int) -> int:
    # peft's, on a word of transformers: a log is read by people
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
    first = _NUMBER == 0
    orders = Orders() if first else Orders(None)
    words = _LastWords(Spool(folder, attempt=attempt) if first else SilentSpool())
    try:
        from lrstudio.worker import ranks
        from lrstudio.worker.starting import wanted
        from lrstudio.worker.train import train

        _, options = wanted(folder)
        with ranks.joined(cpu=options["device"] == "cpu") as words.together:
            if _COUNT > 1 and first:
                ranks.on_end_asked(words.of_the_others)
            train(folder, words.spool, orders, ranks=words.together)
    except ImportError as error:
        words.say("refused", _missing(error))
    except DiskFull as error:
        words.say(REASON, str(error))
    except StudioError as error:
        words.say("refused", str(error))
    except Exception as error:  # noqa: BLE001 - the door of the process: whatever it is, the run folder says it
        traceback.print_exc()
        if _out_of_memory(error):
            why = "the memory is not enough for the longest row; choose lora, offload, or drop the longest rows"
            words.say("out_of_memory", why)
        elif is_full(error, folder):
            words.say(REASON, NO_ROOM)
        else:
            words.say("failed", f"{type(error).__name__}: {error}")
    else:
        words.spool.close()
        return 0
    words.spool.close()
    if _COUNT > 1:  # not by way of the process group, which waits for those that are gone
        sys.stderr.flush()
        os._exit(1)
    return 1


class _LastWords:
    """Why an attempt ends, said once: by the first process, which asks the others where it has no reason itself."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.together: Ranks | None = None
        self._lock = threading.Lock()
        self._said = False

    def say(self, reason: str, why: str) -> None:
        """Say it in the run folder, or to the first process."""
        if self.together is not None and _NUMBER > 0:
            self.together.tell(reason, why)
        elif self.together is not None and _COUNT > 1 and reason == "failed":
            self._once(*(self.together.blame_in_time() or (reason, why)))
        else:
            self._once(reason, why)

    def of_the_others(self) -> None:
        """Say what is known of the others where one of them is the reason that this process is asked to end."""
        found = self.together.blame() if self.together is not None else None
        if found is not None:
            self._once(*found)

    def _once(self, reason: str, why: str) -> None:
        with self._lock:
            if not self._said:
                self._said = True
                self.spool.say(Kind.ERROR, reason=reason, why=why)


def _missing(error: ImportError) -> str:
    return f"{error.name or error} is missing in the Python that trains; add it: pip install 'lrstudio[train]'"


def _out_of_memory(error: Exception) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
