"""A trainer without a model: the real protocol of a run folder, and numbers that depend on every step before.

    python toy_trainer.py RUN_FOLDER --attempt N

Options come from the spec: steps, seconds (of a step), save_every, hang_at, wait_at (a step for each attempt in turn;
until told to stop), fail_at, ill_at (a health rule stops there), deaf (hears no orders).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrstudio.training import checkpoints
from lrstudio.training.folder import RunFolder
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind, Phase


def next_value(value: float, step: int) -> float:
    """One step: a float in which a missing or repeated step shows in the last digits for good."""
    return value * 0.98 + 1.0 / (step + 3.7)


def wait_if_told(ways: Mapping[str, Any], orders: Orders, *, attempt: int, step: int) -> None:
    """Wait at the step of this attempt until told to stop, so that a slow test finds the run going on."""
    while [step] == list(ways.get("wait_at", ()))[attempt - 1 : attempt] and not orders.stop.is_set():
        time.sleep(0.02)


def main() -> int:
    run, attempt = Path(sys.argv[1]), int(sys.argv[3])
    options = RunFolder.open(run).spec().options
    orders = Orders()
    spool = Spool(run, attempt=attempt)
    value, step = 2.0, 0
    start = checkpoints.latest(run)
    if start is not None:
        value, step = float.fromhex(json.loads((start.path / "value.json").read_text())["value"]), start.step
    steps = int(options["steps"])
    print(f"attempt {attempt} goes on behind step {step}", flush=True)
    spool.phase(Phase.RUNNING, steps=steps)
    while step < steps:
        time.sleep(float(options.get("seconds", 0.01)))
        step += 1
        value = next_value(value, step)
        spool.metrics(step, loss=value)
        if step == options.get("fail_at") and attempt == 1:
            spool.say(Kind.ERROR, reason="out_of_memory", why="the card is too small")
            return 1
        while step == options.get("hang_at"):
            time.sleep(0.05)
        wait_if_told(options, orders, attempt=attempt, step=step)
        stopping = orders.stop.is_set() and not options.get("deaf")
        if step == options.get("ill_at"):
            spool.say(Kind.WARNING, rule="kl", why="the policy has drifted", step=step, stops=True)
            stopping = True
        if step % int(options.get("save_every", 5)) == 0 or step == steps or stopping or orders.take_checkpoint():
            with checkpoints.publishing(run, step) as folder:
                time.sleep(float(options.get("save_seconds", 0.0)))
                (folder / "value.json").write_text(json.dumps({"value": value.hex()}))
            spool.say(Kind.CHECKPOINT, step=step)
            checkpoints.prune(run, keep=2)
        if stopping:
            break
    spool.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
