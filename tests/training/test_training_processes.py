"""The words that start a run in several processes, on one host and over the nodes of a Slurm job."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.training import nodes, processes
from lrstudio.training.recipes import DPO, SPPO, recipe

WORKER = ("-m", "lrstudio.worker")
JOB = {"SLURM_JOB_ID": "4711", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "quay", "SLURM_PROCID": "1"}


def test_one_process_is_started_as_ever_and_several_through_the_launcher() -> None:
    assert processes.command(("python",), WORKER, DPO.settle({})) == ("python", *WORKER)
    words = processes.command(("conda", "run", "python"), WORKER, DPO.settle({"processes": 4}))
    assert words[:5] == ("conda", "run", "python", "-m", "accelerate.commands.launch")
    assert words[words.index("--num_processes") + 1] == "4"
    assert words[words.index("--main_process_port") + 1] == "0", "two runs on one host meet in different places"
    assert words[-2:] == WORKER
    over = processes.command(("python",), WORKER, DPO.settle({"processes": 4, "nodes": 2}))
    assert over == ("python", *processes.NODES, "--nodes", "2", "--processes", "4", *WORKER)


def test_every_process_takes_as_many_pairs_as_accumulation_says() -> None:
    options = DPO.settle({"processes": 4, "nodes": 2, "accumulation": 3})
    assert (processes.count(options), processes.rows_of_a_step(options)) == (8, 24)


@pytest.mark.parametrize(
    ("name", "given", "where"),
    [
        ("dpo", {"sharding": "fsdp2"}, "sharding"),
        ("dpo", {"sharding": "fsdp2", "processes": 2, "method": "qlora"}, "method"),
        ("dpo", {"sharding": "fsdp2", "processes": 2, "sample_every": 5}, "sample_every"),
        ("dpo", {"sharding": "fsdp2", "processes": 2, "optimizer": "adafactor"}, "optimizer"),
        ("longpo", {"sharding": "fsdp2", "nodes": 2, "data": "self"}, "data"),
        ("sppo", {"sharding": "fsdp2", "processes": 2}, "rounds"),
        ("dpo", {"sharding": "zero3"}, "sharding"),
        ("dpo", {"sharding": "zero3", "processes": 2, "method": "qlora"}, "method"),
    ],
)
def test_what_split_weights_cannot_do_is_refused_by_its_option(name: str, given: dict[str, Any], where: str) -> None:
    with pytest.raises(Refused) as refused:
        processes.check(name, recipe(name).settle(given))
    assert refused.value.where == where
    processes.check(name, recipe(name).settle({**given, "sharding": "none"}))


def test_whole_weights_may_do_all_of_it() -> None:
    processes.check("sppo", SPPO.settle({"processes": 8, "sample_every": 5}))


def test_srun_starts_one_task_on_every_node_and_gives_the_input_to_the_first() -> None:
    words = nodes.srun_words(2, 4, "quay", JOB)
    assert words[0] == "srun"
    assert {"--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--input=0", "--kill-on-bad-exit=1"} <= set(words)
    assert words[-6:] == ["--nodes", "2", "--processes", "4", "--address", "quay"]
    with pytest.raises(Refused, match="the run wants 3 nodes, and its Slurm job has 2"):
        nodes.srun_words(3, 4, "quay", JOB)


def test_each_node_meets_the_others_at_the_first_by_a_port_that_all_know() -> None:
    words = nodes.node_words(2, 4, "quay", JOB)
    assert words[0] == sys.executable
    pairs = dict(itertools.pairwise(words))
    assert (pairs["--num_processes"], pairs["--num_machines"], pairs["--machine_rank"]) == ("8", "2", "1")
    assert (pairs["--main_process_ip"], pairs["--main_process_port"]) == ("quay", "24711")
    with pytest.raises(Refused, match="does not say which node"):
        nodes.node_words(2, 4, "quay", {})


def test_the_first_node_is_taken_from_the_list_of_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert nodes.first_node(JOB) == "quay"
    scontrol = tmp_path / "scontrol"
    scontrol.write_text('#!/bin/sh\n[ "$*" = "show hostnames gpu[07-09,12]" ] && printf "gpu07\\ngpu08\\n"\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert nodes.first_node({"SLURM_JOB_NODELIST": "gpu[07-09,12]"}) == "gpu07"
    with pytest.raises(Refused, match="cannot be listed"):
        nodes.first_node({"SLURM_JOB_NODELIST": "other[1-2]"})


def test_without_a_slurm_job_the_run_folder_says_so(tmp_path: Path) -> None:
    command = processes.command((sys.executable,), WORKER, DPO.settle({"nodes": 2}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    done = subprocess.run([*command, str(tmp_path), "--attempt", "1"], env=environment, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 1
    said = json.loads((tmp_path / "spool" / "000001.jsonl").read_text(encoding="ascii"))
    assert (said["kind"], said["reason"]) == ("error", "refused")
    assert said["why"].startswith("several nodes need a Slurm job")


def test_the_words_of_the_trainer_go_through_srun_as_they_are(tmp_path: Path) -> None:
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    command = processes.command((sys.executable,), WORKER, DPO.settle({"nodes": 2, "processes": 3}))
    environment = os.environ | JOB | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    folder = str(tmp_path / "a run; $(id)")
    done = subprocess.run([*command, folder, "--attempt", "2"], env=environment, capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert done.stdout.splitlines()[-5:] == [*WORKER, folder, "--attempt", "2"]
