"""Jobs that are processes of their own on a host: started over the link, and left alone by it."""

from __future__ import annotations

from typing import Final

from lrstudio.domain.errors import Environment
from lrstudio.training.hosts.launcher import Job, Standing, Turn
from lrstudio.training.hosts.transport import Command, Ran, Transport

_LINGER: Final = 3
_NO_FOLDER: Final = 4

# Nothing is ever put into these: what differs comes behind them, as words. A shell, because this must work before any
# Python is known to. The process writes down who it is before it becomes the job: a pid is never believed alone.
_WHO: Final = """
if [ -r "/proc/$$/stat" ]; then
  start=$(sed 's/.*) //' "/proc/$$/stat" | cut -d ' ' -f 20); boot=$(cat /proc/sys/kernel/random/boot_id)
else
  start=$(ps -o lstart= -p $$ | tr -s ' ' _); boot=-
fi
printf '%s %s %s\\n' "$$" "$start" "$boot" >"$1.new" && mv "$1.new" "$1"
shift
exec "$@"
"""

_START: Final = """
cd -- "$1" || exit 4
key=$2 log=$3 who=$4
shift 4
mkdir -p job || exit 1
[ -e "job/$key" ] && exit 0
tell=$(loginctl show-session --property=KillUserProcesses 2>/dev/null)
if [ "$tell" = KillUserProcesses=yes ] && [ "$(id -u)" != 0 ]; then
  [ "$(loginctl show-user "$(id -un)" --property=Linger 2>/dev/null)" = Linger=yes ] || exit 3
  set -- systemd-run --user --scope --quiet --collect --unit="lrstudio-$key" sh -c "$who" lrstudio "job/$key" "$@"
else
  set -- sh -c "$who" lrstudio "job/$key" "$@"
fi
: >>"$log" || exit 1
if command -v setsid >/dev/null 2>&1; then
  setsid "$@" </dev/null >>"$log" 2>&1 &
else
  nohup "$@" </dev/null >>"$log" 2>&1 &
fi
tries=0
while [ ! -e "job/$key" ] && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
[ -e "job/$key" ] || { tail -n 1 "$log" >&2; exit 1; }
"""

_STANDING: Final = """
cd -- "$1" 2>/dev/null || { echo never; exit 0; }
read -r pid start boot <"job/$2" 2>/dev/null || { echo never; exit 0; }
if [ -r /proc/self/stat ]; then
  [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] || { echo rebooted; exit 0; }
  set -- $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)
  [ $# -ge 20 ] || { echo gone; exit 0; }
  case $1 in Z|X) echo gone; exit 0;; esac
  shift 19
  [ "$1" = "$start" ] && echo works || echo gone
else
  [ "$(ps -o lstart= -p "$pid" | tr -s ' ' _)" = "$start" ] && echo works || echo gone
fi
"""

_END: Final = """
if [ "$(sh -c "$4" lrstudio "$1" "$2")" = works ]; then
  cd -- "$1" && read -r pid start boot <"job/$2"
  # At once with all that it has started; else itself alone, which looks after what it has started.
  [ "$3" = KILL ] && kill -KILL -- "-$pid" || kill -TERM "$pid"
fi
exit 0
"""


class DetachedLauncher:
    """Starts a job in a session of its own, which neither the link nor a window takes down with it.

    A handle is the job's folder and its key. Where the system ends the processes of a user who logs out, the job goes
    into a scope of the user's own manager, which must be allowed to linger.
    """

    def __init__(self, transport: Transport) -> None:
        """Start jobs through this connection."""
        self._transport = transport

    def start(self, job: Job) -> str:
        """Start a job, once, and return the handle by which the others ask for it."""
        words = ("sh", "-c", _START, "lrstudio", job.folder, job.key, job.log, _WHO, *job.words)
        done = self._transport.run(Command(words, dict(job.environment)))
        if done.status == _LINGER:
            raise Environment(
                "this host ends all processes of a user who logs out; say `loginctl enable-linger` there once, or ask "
                "its administrator to",
                where=job.folder,
            )
        if done.status == _NO_FOLDER:
            raise Environment("the folder of the job is not on the host", where=job.folder)
        if done.status != 0:
            raise Environment(f"the job cannot be started: {_said(done)}", where=job.folder)
        return f"{job.key} {job.folder}"

    def standing(self, handle: str) -> Standing:
        """Tell where a job stands; `word` is rebooted where the host was restarted since."""
        key, _, folder = handle.partition(" ")
        done = self._transport.run(Command(("sh", "-c", _STANDING, "lrstudio", folder, key)))
        word = done.out.decode("ascii", "replace").strip()
        if done.status != 0 or not word:
            raise Environment(f"the host does not say where the job stands: {_said(done)}", where=folder)
        match word:
            case "works":
                return Standing(Turn.WORKS)
            case "never":
                return Standing(Turn.NEVER, word, "the job was never started")
            case "rebooted":
                return Standing(Turn.OVER, word, "the host was restarted; what it has saved is kept")
            case _:
                return Standing(Turn.OVER)

    def end(self, handle: str, *, at_once: bool = False) -> None:
        """Ask a job that works to end (its supervisor saves first), or kill it."""
        key, _, folder = handle.partition(" ")
        words = ("sh", "-c", _END, "lrstudio", folder, key, "KILL" if at_once else "TERM", _STANDING)
        self._transport.run(Command(words))


def _said(done: Ran) -> str:
    return done.said or f"status {done.status}"
