"""A running judge in one line."""

from __future__ import annotations

from dataclasses import dataclass

from lrstudio.judge.protocol import Progress
from lrstudio.viewstate.audit_signs import counted


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """The line of the top bar. `share` is 0-1 for the bar; None while nothing can be told."""

    text: str
    share: float | None
    tooltip: str


def progress_line(
    judge: str, progress: Progress | None, *, cancelling: bool = False, spend_limit: float | None = None
) -> ProgressLine:
    """Return what is said of a running judge; a cost stands beside the limit that it must not exceed."""
    if cancelling:
        return ProgressLine(f"{judge} · stopping", None, "Calls in flight are given up; what is finished is kept.")
    if progress is None:
        return ProgressLine(f"{judge} · starting", None, "")
    parts = [judge, f"{progress.done:,}/{progress.total:,}"]
    if progress.stage:
        parts.append(progress.stage)
    elif progress.calls:
        parts.append(counted(progress.calls, "call"))
    if progress.cost is not None:
        parts.append(money(progress.cost) + (f" of {money(spend_limit)}" if spend_limit else ""))
    if progress.seconds_left is not None:
        parts.append(f"{clock(progress.seconds_left)} left")
    share = progress.done / progress.total if progress.total else None
    tokens = progress.input_tokens + progress.output_tokens
    lines = [
        f"{progress.done:,} of {counted(progress.total, 'judgment')} after {clock(progress.seconds)}",
        f"{progress.input_tokens:,} tokens in, {progress.output_tokens:,} out" if tokens else "no model is called",
    ]
    if spend_limit:
        lines.append(f"stops before it costs more than {money(spend_limit)}")
    return ProgressLine(" · ".join(parts), share, "\n".join(lines))


def money(amount: float) -> str:
    """Write a cost in dollars, with enough digits for a small one."""
    return f"${amount:.4f}" if 0 < amount < 0.01 else f"${amount:,.2f}"


def clock(seconds: float) -> str:
    """Write a duration as 0:41, 12:05 or 1:02:03."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{second:02d}" if hours else f"{minutes}:{second:02d}"
