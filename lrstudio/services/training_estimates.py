"""What a run will take: what preflight found, corrected by what earlier runs of the same device took."""

from __future__ import annotations

from pathlib import Path

from lrstudio.services.training_drafts import run_folders
from lrstudio.training import estimate
from lrstudio.training import preflight as preflights
from lrstudio.training.folder import RunFolder
from lrstudio.training.listing import peak_gib
from lrstudio.training.preflight import Preflight
from lrstudio.training.runs import Estimate


def estimated(folder: RunFolder, home: Path) -> Estimate:
    """Return what a run that was looked over will take; nothing where it was not."""
    found = preflights.read(folder.path)
    if found is None:
        return Estimate(None, None, None)
    said = _expected(found)
    earlier = _earlier(found, home, but=folder)
    memory = None if said is None else estimate.learnt(said, earlier)
    return Estimate(memory, found.device_gib, found.seconds, len(earlier))


def _earlier(now: Preflight, home: Path, *, but: RunFolder) -> list[tuple[float, float]]:
    """Return (expected, measured) peaks in GiB of the runs on the same device that were looked over as far."""
    found = []
    for folder in run_folders(home):
        before = preflights.read(folder.path)
        if folder == but or before is None or before.device != now.device:
            continue
        said, measured = _expected(before), peak_gib(folder.path)
        if said and measured and (before.peak_gib is None) == (now.peak_gib is None):
            found.append((said, measured))
    return found


def _expected(found: Preflight) -> float | None:
    """What the pilot step has measured, else the formula's, before any correction."""
    return found.peak_gib or found.formula_gib or found.memory_gib
