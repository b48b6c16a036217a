"""The processes of one run: who they are, and what they tell each other. The first alone speaks to the run folder.

Numbers that are decided on are shared, so that every process takes the same way at the same step. Tensors go through
the process group (gloo on processors, NCCL on GPUs); words go through gloo. What one process does while the others wait
is waited for by looking, not in a collective, so that it may take hours.
"""

from __future__ import annotations

import itertools
import json
import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar

import torch
import torch.distributed as dist

from lrstudio.domain.errors import Refused
from lrstudio.training import processes
from lrstudio.training.identity import Identity

T = TypeVar("T")

PATIENCE: Final = timedelta(minutes=30)
"""How long a process waits for one that says nothing, before the run ends."""

_LOOK_SECONDS: Final = 0.1
_PARENT_SECONDS: Final = 0.5
_BLAME_SECONDS: Final = 5.0
_FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a run, seen from one of them.

    `rank` is its number from 0 among `count`; `peers` names every process, `store` is what they all can look into.
    """

    rank: int = 0
    count: int = 1
    peers: tuple[Identity, ...] = ()
    store: Any = None
    _led: Iterator[int] = field(default_factory=itertools.count)

    @property
    def first(self) -> bool:
        """Tell whether this process is the one that speaks to the run folder."""
        return self.rank == 0

    def check(self, options: Mapping[str, Any]) -> None:
        """See that there are as many processes as the run asks for.

        Raises:
            Refused: there are not.
        """
        wanted = processes.count(options)
        if wanted != self.count:
            raise Refused(
                f"this run is for {wanted} processes, and {self.count} were started; start it as its spec says",
                where="processes",
            )

    def gather(self, value: T) -> list[T]:
        """Return what every process has given, in their order; all must call it."""
        if self.count == 1:
            return [value]
        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, value)
        return found

    def share(self, value: T) -> T:
        """Return what the first process has given; all must call it."""
        if self.count == 1:
            return value
        kept: list[Any] = [value]
        dist.broadcast_object_list(kept, src=0, device=torch.device("cpu"))
        shared: T = kept[0]
        return shared

    def lead(self, work: Callable[[], T]) -> T:
        """Let the first process work alone, however long it takes, and return to all what it found; all must call it.

        What the work raises ends the run.
        """
        if self.count == 1:
            return work()
        key = f"led/{next(self._led)}"
        if self.first:
            found = work()
            self.store.set(key, b"done")
            return self.share(found)
        while not self.store.check([key]):
            time.sleep(_LOOK_SECONDS)
        led: Any = self.share(None)  # the first process has it
        its: T = led
        return its

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace tensors by their sums over all processes, a few at a time."""
        bucket: list[torch.Tensor] = []
        for number, it in enumerate(tensors):
            bucket.append(it)
            last = number == len(tensors) - 1
            if last or sum(one.numel() for one in bucket) >= 1 << 24 or tensors[number + 1].dtype != it.dtype:
                flat = torch.cat([one.reshape(-1) for one in bucket])
                dist.all_reduce(flat)
                for one, part in zip(bucket, flat.split([one.numel() for one in bucket]), strict=True):
                    one.copy_(part.view_as(one))
                bucket = []

    def tell(self, reason: str, why: str) -> None:
        """Leave a sentence for the first process before this one ends."""
        if self.store is not None:
            with suppress(RuntimeError):
                self.store.set(f"{_FAILED}/{self.rank}", json.dumps({"reason": reason, "why": why}))

    def blame(self) -> tuple[str, str] | None:
        """Return reason and sentence of another process that has failed or is gone, None where none is known."""
        for rank in range(1, self.count):
            with suppress(RuntimeError, ValueError):
                key = f"{_FAILED}/{rank}"
                if self.store.check([key]):
                    said = json.loads(self.store.get(key))
                    return str(said["reason"]), f"process {rank + 1} of {self.count}: {said['why']}"
        for rank, peer in enumerate(self.peers):
            if rank != self.rank and peer.alive() is False:
                why = (
                    f"process {rank + 1} of {self.count} on {peer.host} has ended, and the others cannot go on without "
                    "it; train.log has its last words; resume the run from its last checkpoint"
                )
                return "killed", why
        return None

    def blame_in_time(self) -> tuple[str, str] | None:
        """Return what `blame` does, once it is known: a process that dies is seen by its silence first."""
        until = time.monotonic() + _BLAME_SECONDS
        while (found := self.blame()) is None and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        return found


ALONE: Final = Ranks()
"""One process, which is the first and only one."""


def started_with_others(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a launcher has started this process as one of several."""
    return int(environment.get("WORLD_SIZE", "1") or 1) > 1


def join(*, cpu: bool = False, patience: timedelta = PATIENCE) -> Ranks:
    """Meet the processes that the launcher has started with this one; alone where it started none.

    Args:
        cpu: compute on the processor even where there is a GPU.
        patience: how long a process that says nothing is waited for.
    """
    if not started_with_others():
        return Ranks()
    card = torch.cuda.is_available() and not cpu
    if card:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
    store, rank, count = next(dist.rendezvous("env://", timeout=patience))
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if card else "gloo",
        store=dist.PrefixStore("group", store),
        rank=rank,
        world_size=count,
        timeout=patience,
    )
    alone = Ranks(rank, count, (), dist.PrefixStore("words", store))
    return Ranks(rank, count, tuple(alone.gather(Identity.own())), alone.store)


@contextmanager
def joined(*, cpu: bool = False) -> Iterator[Ranks]:
    """Be one of the processes that the launcher has started, and end with it; leave them where all went well."""
    if started_with_others():
        end_with_parent()
    ranks = join(cpu=cpu)
    yield ranks
    if ranks.count > 1:
        dist.destroy_process_group()


def end_with_parent() -> None:
    """End this process when the one that started it is gone: a launcher that is killed ends nobody itself."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def on_end_asked(said: Callable[[], None]) -> None:
    """Call something from a thread when this process is asked to end (SIGTERM), then end it.

    Not from a handler: while the main thread waits for a GPU or for another process, none would run.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)

    def watch() -> None:
        while signal.SIGTERM not in os.read(read, 64):
            pass
        said()
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, name="signals", daemon=True).start()


def agree(ranks: Ranks, value: object, *, what: str) -> None:
    """See that every process has the same value.

    Raises:
        Refused: one has another; names it.
    """
    found = ranks.gather((socket.gethostname(), pickle.dumps(value)))
    for rank, (host, its) in enumerate(found):
        if its != found[0][1]:
            raise Refused(
                f"process {rank + 1} on {host} reads another {what} than process 1 on {found[0][0]}; put it into a "
                "folder that all nodes share",
                where=what,
            )
