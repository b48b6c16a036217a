"""A pair with a prompt shared by its answers, beside TRL's `DPOTrainer`: seconds and peak memory.

Prompt 4,096 tokens, answers 96 and 128, the tiny model in float32 on one thread. TRL runs as it comes and with an
attention mask of ones, which gives the same numbers without a dense mask; the bound is against the faster of the two.
It needs a Python with the extra `train`: this one, or the one that LRSTUDIO_TRAIN_PYTHON names.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks import Ratio, milliseconds

BOUND = 0.6
ROUNDS = 3
_SECONDS = 900
_ROOT = Path(__file__).parents[2]


def measured(*, rounds: int = ROUNDS) -> dict[str, Any] | None:
    """What the train environment measured; None, with the reason on the standard error, where there is none."""
    python = os.environ.get("LRSTUDIO_TRAIN_PYTHON", "")
    if not python and importlib.util.find_spec("torch") and importlib.util.find_spec("trl"):
        python = sys.executable
    if not python:
        sys.stderr.write("training: skipped, torch and trl are not installed here; set LRSTUDIO_TRAIN_PYTHON\n")
        return None
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [python, "-m", "tests.benchmarks._training_pairs", str(rounds)]
    done = subprocess.run(
        command, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"the measurement ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.rsplit("FOUND", 1)[1])
    return found


def shared_prefix() -> list[Ratio]:
    """Time and memory of a pair against the faster, and the leaner, of TRL's two."""
    found = measured()
    if found is None:
        return []
    if found["engine"] != "shared":
        raise RuntimeError("the prompt was not shared: the parity check fell back")
    ratios = []
    for how in ("kept", "recomputed"):
        ours, stock, ones = (found[how][name] for name in ("shared", "stock", "ones"))
        detail = ", ".join(
            f"{name} {milliseconds(its['seconds'])} {its['peak_mib']:.0f} MiB"
            for name, its in (("shared", ours), ("stock TRL", stock), ("TRL with ones", ones))
        )
        for name, bound in (("seconds", BOUND), ("peak_mib", 1.0)):
            best = min(stock[name], ones[name])
            said = "pair" if name == "seconds" else "memory of a pair"
            ratios.append(Ratio(f"{said}, activations {how}", ours[name] / best, bound, detail))
    return ratios


BENCHMARKS = (shared_prefix,)
