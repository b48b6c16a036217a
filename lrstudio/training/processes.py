"""One run in several processes: what the options allow, and the words that start it through `accelerate launch`.

Within one host the launcher starts a process for each GPU. Over several nodes the words begin with
`lrstudio.training.nodes`, which starts that launcher on every node of a Slurm job. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lrstudio.domain.errors import Refused

SHARDINGS: Final = ("none", "fsdp2", "zero3")
"""How the weights lie: whole in every process, or in parts by FSDP2 or by DeepSpeed's ZeRO-3."""

LAUNCHER: Final = ("-m", "accelerate.commands.launch")
NODES: Final = ("-m", "lrstudio.training.nodes")


def count(options: Mapping[str, Any]) -> int:
    """Return how many processes a run has, over all its nodes."""
    return int(options.get("processes", 1)) * int(options.get("nodes", 1))


def rows_of_a_step(options: Mapping[str, Any]) -> int:
    """Return how many pairs make one step of the optimizer, over all processes."""
    return int(options["accumulation"]) * count(options)


def check(recipe: str, options: Mapping[str, Any]) -> None:
    """See that a recipe's options can be done in the processes that they ask for.

    Raises:
        Refused: they cannot; names the option.
    """
    sharding = options.get("sharding", "none")
    if sharding == "none":
        return
    if count(options) == 1:
        raise Refused("one process holds all the weights; raise processes, or set sharding to none", where="sharding")
    for option, value, why in (
        ("method", "qlora", "4-bit weights are not split; choose lora"),
        ("optimizer", "adafactor", "adafactor needs whole matrices; choose another optimizer"),
        ("data", "self", "data are made with whole weights; set sharding to none"),
    ):
        if options.get(option) == value:
            raise Refused(f"with sharding {sharding}: {why}", where=option)
    if options.get("sample_every"):
        raise Refused(
            f"with sharding {sharding} no process has the whole model to answer questions on the way; set sample_every "
            "to 0, or sharding to none",
            where="sample_every",
        )
    if recipe == "sppo" and options.get("rounds"):
        raise Refused(
            f"with sharding {sharding} no process has the whole model to sample the answers of a round; set sharding "
            "to none, or rounds to 0",
            where="rounds",
        )


def command(python: Sequence[str], worker: Sequence[str], options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words that start the trainer of a run; the run folder and the attempt are added behind them.

    Args:
        python: what starts the Python that trains.
        worker: what it is given to be a trainer, such as `-m lrstudio.worker`.
        options: of the recipe, settled.
    """
    processes, nodes = int(options.get("processes", 1)), int(options.get("nodes", 1))
    if nodes > 1:
        return (*python, *NODES, "--nodes", str(nodes), "--processes", str(processes), *worker)
    if processes > 1:
        return (*python, *launch_words(processes), *worker)
    return (*python, *worker)


def launch_words(processes: int, *, nodes: int = 1, node: int = 0, address: str = "", port: int = 0) -> tuple[str, ...]:
    """Return what a Python is given to start the processes of one node; the trainer's words come behind.

    Everything that `accelerate` would take from a configuration of its own is said here. `--multi_gpu` is its name for
    a process each, with or without GPUs.

    Args:
        processes: of each node.
        nodes: of the run.
        node: the number of this one, from 0.
        address: of the node with number 0; needed with several.
        port: where the processes meet, on that node; 0 takes a free one, which only one node can.
    """
    meeting: tuple[str, ...] = ("--main_process_port", str(port))
    if nodes > 1:
        meeting = ("--main_process_ip", address, *meeting, "--machine_rank", str(node), "--same_network")
    return (
        *LAUNCHER,
        "--multi_gpu",
        "--num_machines",
        str(nodes),
        "--num_processes",
        str(processes * nodes),
        *meeting,
        "--gpu_ids",
        "all",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "--max_restarts",
        "0",
    )
