"""Keeps a server for as long as the studio lives: `python keeper.py GRACE COMMAND...`, POSIX, standard library only.

The studio holds the other end of standard input and writes nothing to it. When that end closes, because the studio is
done with the server or was killed, the server's process group is asked to end and, GRACE seconds later, killed. A
server that ends by itself ends the keeper with the same status.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from threading import Thread

CANNOT_START = 126
_PR_SET_PDEATHSIG = 1
_MOMENT = 0.5
_BLINK = 0.01


def keep(command: Sequence[str], *, grace: float) -> int:
    """Run a command until it ends or standard input does; return its status, negative for the signal that ended it."""
    try:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_with_us())
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")
        return CANNOT_START

    def end() -> None:
        _signal_group(server, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(grace)
        _signal_group(server, signal.SIGKILL)

    def end_when_alone() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        end()

    signal.signal(signal.SIGTERM, lambda *_: Thread(target=end, daemon=True).start())
    Thread(target=end_when_alone, daemon=True).start()
    status = server.wait()
    give_up = time.monotonic() + _MOMENT
    while _signal_group(server, signal.SIGKILL) and time.monotonic() < give_up:
        time.sleep(_BLINK)  # what is killed lets go of port and memory a little later
    return status


def _with_us() -> Callable[[], object] | None:
    """Let the kernel end the server when the keeper itself is killed; only Linux can."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _signal_group(server: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """Send a signal to all of the group; False where nobody is left in it."""
    try:
        os.killpg(server.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _end_as(status: int) -> None:
    """End this process with the status of another one."""
    if status < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):  # SIGKILL needs no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    _end_as(keep(sys.argv[2:], grace=float(sys.argv[1])))
