"""What the GPUs of this machine are doing, as `nvidia-smi` tells it; nothing where there is none."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

_FIELDS = ("index", "name", "memory.used", "memory.total", "utilization.gpu")
_SECONDS = 10


def sample() -> list[dict[str, Any]]:
    """Return one row for each GPU: index, name, used_mib, total_mib, use (per cent); empty where none can be asked."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [row for line in done.stdout.splitlines() if (row := _row(line))] if done.returncode == 0 else []


def _row(line: str) -> dict[str, Any] | None:
    index, name, used, total, use = (*(part.strip() for part in line.split(",")), "", "", "", "", "")[:5]
    if not index.isdigit():
        return None
    return {
        "index": int(index),
        "name": name,
        "used_mib": _number(used),
        "total_mib": _number(total),
        "use": _number(use),
    }


def _number(text: str) -> float | None:
    """A card that is cut into slices answers [N/A]."""
    try:
        return float(text)
    except ValueError:
        return None
