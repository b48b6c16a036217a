"""The trainer of one attempt: `python -m lrstudio.worker RUN_FOLDER --attempt N`; the supervisor starts it.

Status 0 says that it is done, or that it has saved and stopped as it was told. Anything else has said why before.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from lrstudio.domain.errors import StudioError
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind


def main(words: Sequence[str]) -> int:
    """Train one attempt."""
    parser = argparse.ArgumentParser(prog="lrstudio.worker")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--attempt", type=int, required=True)
    asked = parser.parse_args(list(words))
    orders = Orders()
    spool = Spool(asked.folder, attempt=asked.attempt)
    try:
        from lrstudio.worker.train import train

        train(asked.folder, spool, orders)
    except ImportError as error:
        why = f"{error.name or error} is missing in the Python that trains; add it: pip install 'lrstudio[train]'"
        spool.say(Kind.ERROR, reason="refused", why=why)
    except StudioError as error:
        spool.say(Kind.ERROR, reason="refused", why=str(error))
    except Exception as error:  # noqa: BLE001 - the door of the process: whatever it is, the run folder says it
        traceback.print_exc()
        if _out_of_memory(error):
            why = "the memory is not enough for the longest row; choose lora, offload, or drop the longest rows"
            spool.say(Kind.ERROR, reason="out_of_memory", why=why)
        else:
            spool.say(Kind.ERROR, reason="failed", why=f"{type(error).__name__}: {error}")
    else:
        spool.close()
        return 0
    spool.close()
    return 1


def _out_of_memory(error: Exception) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or isinstance(error, MemoryError)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
