"""The trainer of a run on several nodes of a Slurm job: `python -m lrstudio.training.nodes --nodes N --processes P`.

The words of the trainer come behind. Started once, on the first node, as the supervisor starts any trainer. It becomes
`srun`, which starts it again on every node; there it becomes `accelerate launch`, with the first node of the job as the
place where all processes meet. Only the first node is given what the supervisor says. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from lrstudio.domain.errors import Refused
from lrstudio.training.processes import NODES, launch_words
from lrstudio.training.spool import Spool
from lrstudio.training.wire import Kind

_FIRST_PORT: Final = 20_000
_PORTS: Final = 20_000


def main(words: Sequence[str]) -> int:
    """Become `srun`, or on a node `accelerate launch`; return only where that cannot be."""
    parser = argparse.ArgumentParser(prog="lrstudio.training.nodes", allow_abbrev=False)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--address", default="", help="the first node; said to the others by the first")
    asked, worker = parser.parse_known_args(list(words))
    try:
        if asked.address:
            become = node_words(asked.nodes, asked.processes, asked.address, os.environ)
        else:
            become = srun_words(asked.nodes, asked.processes, first_node(os.environ), os.environ)
        os.execvp(become[0], [*become, *worker])
    except Refused as error:
        _say(worker, error.sentence)
    except OSError as error:
        _say(worker, f"the nodes cannot be started: {error.strerror or error}")
    return 1


def srun_words(nodes: int, processes: int, first: str, environment: Mapping[str, str]) -> list[str]:
    """Return the words that start this program once on every node of the job.

    Raises:
        Refused: the job has fewer nodes than the run wants.
    """
    has = environment.get("SLURM_JOB_NUM_NODES") or environment.get("SLURM_NNODES") or "0"
    if not has.isdigit() or int(has) < nodes:
        raise Refused(f"the run wants {nodes} nodes, and its Slurm job has {has}; ask for {nodes}", where="nodes")
    return [
        "srun",
        f"--nodes={nodes}",
        f"--ntasks={nodes}",
        "--ntasks-per-node=1",
        "--input=0",
        "--kill-on-bad-exit=1",
        sys.executable,
        *NODES,
        "--nodes",
        str(nodes),
        "--processes",
        str(processes),
        "--address",
        first,
    ]


def node_words(nodes: int, processes: int, address: str, environment: Mapping[str, str]) -> list[str]:
    """Return the words that start the processes of this node.

    Raises:
        Refused: Slurm does not say which node this is.
    """
    number, job = environment.get("SLURM_PROCID", ""), environment.get("SLURM_JOB_ID", "")
    if not number.isdigit() or not job.isdigit():
        raise Refused("Slurm does not say which node this is (SLURM_PROCID, SLURM_JOB_ID)", where="nodes")
    # Every node finds the same port from the number of the job; two jobs on one node seldom have the same.
    port = _FIRST_PORT + int(job) % _PORTS
    return [sys.executable, *launch_words(processes, nodes=nodes, node=int(number), address=address, port=port)]


def first_node(environment: Mapping[str, str]) -> str:
    """Return the name of the first node of the Slurm job.

    Raises:
        Refused: there is no such job here, or its nodes cannot be listed.
    """
    listed = environment.get("SLURM_JOB_NODELIST") or environment.get("SLURM_NODELIST") or ""
    if not listed:
        raise Refused("several nodes need a Slurm job; choose a host with Slurm, or set nodes to 1", where="nodes")
    if not any(it in listed for it in "[,"):
        return listed
    scontrol = shutil.which("scontrol")
    if scontrol is None:
        raise Refused("scontrol is not here to list the nodes of the Slurm job", where="nodes")
    done = subprocess.run([scontrol, "show", "hostnames", listed], capture_output=True, text=True, check=False)
    names = done.stdout.split()
    if done.returncode or not names:
        raise Refused(f"the nodes of the Slurm job cannot be listed: {done.stderr.strip()[:200]}", where="nodes")
    return names[0]


def _say(worker: Sequence[str], sentence: str) -> None:
    """Say in the run folder why nothing started, where an attempt is begun; else on the standard error."""
    sys.stderr.write(f"{sentence}\n")
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-m")
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--attempt", type=int)
    asked, _ = parser.parse_known_args(list(worker))
    if asked.folder is not None and asked.attempt is not None:
        spool = Spool(asked.folder, attempt=asked.attempt)
        spool.say(Kind.ERROR, reason="refused", why=sentence)
        spool.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
