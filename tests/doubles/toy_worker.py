"""A worker without a model: preflight, training, samples and rounds by the real protocol of a run folder.

    python toy_worker.py RUN_FOLDER --preflight | --attempt N

How it behaves stands in toy.json of the model folder: seconds (of a step), refuse (a sentence of preflight), crash,
slow (seconds that preflight takes), dropped (row ids), memory_gib, answer (a sample's text), later (another text, from
step later_from on), bytes (of a checkpoint), fails (a sentence), wait_at (as that of toy_trainer).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from lrstudio.training import checkpoints, preflight, rounds, wire
from lrstudio.training.folder import RunFolder
from lrstudio.training.preflight import Check, Preflight
from lrstudio.training.room import REASON, DiskFull
from lrstudio.training.rows import TRAIN, VALIDATION, Row, rows_of
from lrstudio.training.spool import Orders, Spool
from lrstudio.training.wire import Kind, Phase, Spec
from tests.doubles.toy_trainer import next_value, wait_if_told


def toy_model(folder: Path, **ways: Any) -> Path:
    """Make a model folder."""
    folder.mkdir(exist_ok=True)
    (folder / "toy.json").write_text(json.dumps(ways))
    return folder


def main() -> int:
    run = Path(sys.argv[1])
    spec = RunFolder.open(run).spec()
    ways = json.loads((Path(spec.model) / "toy.json").read_text())
    rows = list(rows_of(run / wire.PAIRS))
    if sys.argv[2] == "--preflight":
        return look_over(run, ways, rows)
    try:
        return train(run, spec, ways, rows, attempt=int(sys.argv[3]))
    except DiskFull as error:
        Spool(run, attempt=int(sys.argv[3])).say(Kind.ERROR, reason=REASON, why=str(error))
        return 1


def look_over(run: Path, ways: dict[str, Any], rows: list[Row]) -> int:
    print("a library warns of something", flush=True)
    print("@ reading the rows", flush=True)
    if "crash" in ways:
        raise RuntimeError(ways["crash"])
    if "refuse" in ways:
        print(ways["refuse"], file=sys.stderr)
        return 1
    time.sleep(ways.get("slow", 0.0))
    dropped = tuple(it.row_id for it in rows if it.row_id in ways.get("dropped", ()) or ways.get("dropped") == "one")[
        :1
    ]
    failed = ways.get("fails", "")
    checks = (Check("rows", True, f"{len(rows)} rows"), Check("disk", not failed, failed or "room for it"))
    lengths = [len(it.prompt.split()) for it in rows]
    found = Preflight(
        rows=len(rows),
        kept=len(rows) - len(dropped),
        dropped=dropped,
        longest=max(lengths),
        tokens=sum(lengths),
        histogram=preflight.histogram(lengths),
        checks=checks,
        engine="shared",
        device="toy",
        device_gib=8.0,
        memory_gib=ways.get("estimate", 1.0),
        seconds=12.0,
    )
    preflight.write(run, found)
    return 0


def train(run: Path, spec: Spec, ways: dict[str, Any], rows: list[Row], *, attempt: int) -> int:
    options = spec.options
    orders = Orders()
    spool = Spool(run, attempt=attempt)
    value, step = 2.0, 0
    start = checkpoints.latest(run)
    if start is not None:
        value, step = float.fromhex(json.loads((start.path / "value.json").read_text())["value"]), start.step
    steps = options["max_steps"] or sum(it.split == TRAIN for it in rows)
    print(f"attempt {attempt} goes on behind step {step}", flush=True)
    spool.say(Kind.ENGINE, engine="shared", why="")
    if spec.recipe == "sppo" and not wait_for_judge(run, rows, spool, orders):
        return 0
    spool.phase(Phase.RUNNING, steps=steps)
    while step < steps and not orders.stop.is_set():
        time.sleep(ways.get("seconds", 0.0))
        step += 1
        value = next_value(value, step)
        said = {"loss": value, "seconds": 0.5, "memory_gib": ways.get("memory_gib", 1.0), "rewards/margins": 0.1 * step}
        spool.metrics(step, **said)
        every = options["sample_every"]
        if every and step % every == 0:
            for row in [it for it in rows if it.split == VALIDATION][: options["sample_count"]]:
                text = ways.get("answer", "Nothing is known of it at step {step}.").format(step=step)
                text = ways["later"] if step >= ways.get("later_from", steps + 1) else text
                spool.say(Kind.SAMPLE, step=step, row_id=row.row_id, question="?", text=text, tokens=5, repetition=0.0)
        wait_if_told(ways, orders, attempt=attempt, step=step)
        if step % options["save_every"] == 0 or step == steps or orders.stop.is_set():
            with checkpoints.publishing(run, step) as folder:
                (folder / "ballast").write_bytes(bytes(ways.get("bytes", 0)))
                (folder / "value.json").write_text(json.dumps({"value": value.hex()}))
            spool.say(Kind.CHECKPOINT, step=step)
    spool.close()
    return 0


def wait_for_judge(run: Path, rows: list[Row], spool: Spool, orders: Orders) -> bool:
    texts = ("It is so.", "Nothing is known of it.")
    rounds.write_answers(run, 1, [rounds.Answered(it.row_id, it.prompt, texts) for it in rows if it.split == TRAIN])
    spool.phase(Phase.WAITING_FOR_JUDGE)
    while rounds.read_judged(run, 1) is None:
        if orders.stop.is_set():
            return False
        time.sleep(0.02)
    return True


if __name__ == "__main__":
    sys.exit(main())
