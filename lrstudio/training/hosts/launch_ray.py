"""Jobs in a Ray cluster, by its Jobs API, which is asked from the host: it is seldom open to the network."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from lrstudio.domain.errors import Environment
from lrstudio.training.hosts import job_files
from lrstudio.training.hosts.launcher import Job, Standing, Turn
from lrstudio.training.hosts.transport import Command, Transport, Unreachable

ADDRESS: Final = "http://127.0.0.1:8265"
"""Where Ray's head answers if nobody says otherwise."""
STOP_SECONDS: Final = 180
"""How long Ray lets a job that is to stop save before it kills it; by itself it would wait for three seconds."""

# A cluster that was started in the background of a script is deaf to SIGINT, and a shell cannot undo that.
_HEAR = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])"
_ASK_SECONDS = 30.0
_OK = 200
_NOT_FOUND = 404
_TROUBLE = 500
_NOT_READY = "Ray's head is not ready; it may be starting"

_TURNS: Final[Mapping[str, Turn]] = {
    "PENDING": Turn.WAITS,
    "RUNNING": Turn.WORKS,
    "STOPPED": Turn.OVER,
    "SUCCEEDED": Turn.OVER,
    "FAILED": Turn.OVER,
}


class _Answer(NamedTuple):
    status: int
    text: str


class RayLauncher:
    """Starts jobs by Ray's Jobs API. A handle is the job's submission id, of which Ray takes no second, and its folder.

    The folder must be the same on all machines of the cluster. What runs in a cluster ends with its head.
    """

    def __init__(self, transport: Transport, options: Mapping[str, str]) -> None:
        """Start jobs through this connection, with the host's options: address (as the host sees it), gpus."""
        self._transport = transport
        self._options = options
        self._address = (options.get("address") or ADDRESS).rstrip("/")

    def start(self, job: Job) -> str:
        """Start a job, once, and return the handle by which the others ask for it."""
        name = job_files.name_of(job)
        handle = f"{name} {job.folder}"
        if job_files.begun(self._transport, job.folder, name) or self._known(name) is not None:
            return handle
        lines = [
            f"exec >>{shlex.quote(job.log)} 2>&1 </dev/null",
            # Ray's sign goes to every process of the job. All but this shell are deaf to it, so that the supervisor
            # hears of it alone, and its trainer lives to save.
            """trap 'kill -TERM "$child" 2>/dev/null' INT""",
            f"{shlex.join(job.words)} &",
            "child=$!",
            'while :; do wait "$child"; status=$?; kill -0 "$child" 2>/dev/null || exit "$status"; done',
        ]
        script = job_files.write(self._transport, job, lines=lines, number="ray")
        gpus = self._options.get("gpus")
        signs = {"RAY_JOB_STOP_SIGNAL": "SIGINT", "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)}
        body = {
            "entrypoint": shlex.join(["python3", "-c", _HEAR, "sh", script]),
            "submission_id": name,
            "runtime_env": {"env_vars": signs},
            "metadata": {"key": job.key},
            **({"entrypoint_num_gpus": int(gpus)} if gpus else {}),
        }
        answer = self._ask("POST", "/api/jobs/", body)
        if "No available agent" in answer.text:
            raise Unreachable(_NOT_READY, where="ray")
        # A head that is slow may have taken the job and not said so.
        if answer.status != _OK and "already exists" not in answer.text:
            raise Environment(f"Ray refuses the job: {_last_line(answer.text)}", where="ray")
        return handle

    def standing(self, handle: str) -> Standing:
        """Tell where a job stands."""
        name, _, folder = handle.partition(" ")
        found = self._known(name)
        if found is None:
            why = "Ray has no such job; a head that was restarted forgets all jobs, which end with it"
            return Standing(Turn.NEVER, "", why)
        word = str(found.get("status"))
        turn = _TURNS.get(word, Turn.WORKS)  # a word that is not known here is no proof that a job is over
        if turn is Turn.WAITS and job_files.begun(self._transport, folder, name) == job_files.WITHDRAWN:
            return Standing(Turn.OVER, job_files.WITHDRAWN, "it was taken out of the queue")
        if turn is Turn.WAITS:
            return Standing(turn, word, "waits until Ray has room for it")
        why = str(found.get("message") or "") if word == "FAILED" else ""
        return Standing(turn, word, _last_line(why), str(found.get("driver_agent_http_address") or ""))

    def end(self, handle: str, *, at_once: bool = False) -> None:
        """Take a job that waits out of its queue, or ask one that works to end (its supervisor saves first).

        Ray itself stops one that waits when its turn has come, which is to do nothing. It knows no harder end: what has
        not ended after `STOP_SECONDS` it kills, asked at once or not.
        """
        name, _, folder = handle.partition(" ")
        job_files.withdraw(self._transport, folder, name)
        answer = self._ask("POST", f"/api/jobs/{quote(name, safe='')}/stop")
        if answer.status not in (_OK, _NOT_FOUND):
            raise Environment(f"Ray does not stop the job: {_last_line(answer.text)}", where="ray")

    def _known(self, name: str) -> dict[str, Any] | None:
        answer = self._ask("GET", f"/api/jobs/{quote(name, safe='')}")
        if answer.status == _NOT_FOUND and "does not exist" in answer.text:
            return None
        if answer.status >= _TROUBLE:  # a head that is just starting
            raise Unreachable(_NOT_READY, where="ray")
        try:
            found = json.loads(answer.text)
        except ValueError:
            found = None
        if answer.status != _OK or not isinstance(found, dict):
            raise Environment(f"what answers at {self._address} is no Ray: {_last_line(answer.text)}", where="ray")
        return found

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> _Answer:
        source = (files("lrstudio.training.far") / "ask_http.py").read_text("utf-8")
        wanted = {"url": self._address + path, "method": method, "body": body, "seconds": _ASK_SECONDS}
        command = Command(("python3", "-c", source), input=json.dumps(wanted).encode(), seconds=2 * _ASK_SECONDS)
        done = self._transport.run(command)
        try:
            told = json.loads(done.out)
            answer = _Answer(int(told["status"]), str(told["text"]))
        except (ValueError, KeyError, TypeError) as error:
            why = done.said or f"status {done.status}"
            raise Environment(f"this host has no Python to ask Ray with (python3): {why}", where="ray") from error
        if answer.status == 0:
            raise Unreachable(f"Ray's head does not answer at {self._address}: {answer.text}", where="ray")
        return answer


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip(" .")]
    return lines[-1][:300] if lines else ""
