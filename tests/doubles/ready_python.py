"""What `tests.doubles.ready_workers` gives as a Python: has a process forked for its words, and is to it what a process
is: its signals are passed on, its end is the other's end, and who kills it kills the other.

`python -IS ready_python.py ADDRESS WORDS...`. It imports as little as can be.
"""

import contextlib
import json
import os
import signal
import socket
import sys


def _open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


files = [0, 1, 2, *filter(_open, range(3, 64))]  # the lock of a run among them
forks = socket.socket(socket.AF_UNIX)
forks.connect(sys.argv[1])
asked = json.dumps({"words": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()}).encode()
socket.send_fds(forks, [b"%8d" % len(asked)], files)
forks.sendall(asked)
said = forks.makefile("r", encoding="ascii")
pid = int(said.readline())


def _pass_on(number: int, _frame: object) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


for it in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(it) is not signal.SIG_IGN:
        signal.signal(it, _pass_on)
status = int(said.readline())
if status < 0:
    if -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
