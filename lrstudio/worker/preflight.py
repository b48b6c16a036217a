"""Everything that can go wrong is looked at before step one: rows, template, disk, device, memory, one pilot step."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import torch

from lrstudio.domain.errors import Refused
from lrstudio.training import estimate, wire
from lrstudio.training import preflight as record
from lrstudio.training.estimate import GIB
from lrstudio.training.preflight import CHECKS, Check, Preflight
from lrstudio.training.wire import Spec
from lrstudio.worker import as_one, loading, sizes, zero3
from lrstudio.worker.conversations import Conversation, Message, OtherTokens
from lrstudio.worker.pilot import pilot, whole_run
from lrstudio.worker.plan import largest
from lrstudio.worker.prefix import Engine, joined
from lrstudio.worker.preparing import NowAndThen, Rows, engine_of, many, names, rows_in_tokens
from lrstudio.worker.ranks import ALONE, Ranks, agree
from lrstudio.worker.spread import Spread, Whole, spread

_PACKAGES: Final = ("torch", "transformers", "tokenizers", "peft", "accelerate", "trl", "bitsandbytes", "deepspeed")
_SAFE: Final = 1.3  # the estimate lies up to 30 % above what is measured, so less than that is no proof
_OUT_OF_MEMORY: Final = (
    "the longest row does not fit into the memory of the device; choose lora or qlora, set offload to on, or drop the "
    "longest rows with max_tokens"
)


@dataclass(slots=True)
class Ready:
    """What was made on the way and is used by the training; parts are None where a check before them failed."""

    tokenizer: Any = None
    rows: Rows | None = None
    model: Any = None
    engine: Engine | None = None
    why: str = ""
    spread: Spread = field(default_factory=lambda: Whole(ALONE))

    def all(self) -> tuple[Rows, Any, Engine, Any]:
        """Return rows, model, engine and tokenizer, where all checks were passed."""
        assert self.rows is not None
        assert self.engine is not None
        return self.rows, self.model, self.engine, self.tokenizer


@dataclass(slots=True)
class _Notes:
    checks: dict[str, Check] = field(default_factory=dict)
    engine: str = ""
    device: str = ""
    device_gib: float | None = None
    formula_gib: float | None = None
    memory_gib: float | None = None
    peak_gib: float | None = None
    seconds: float | None = None
    versions: dict[str, str] = field(default_factory=dict)


def preflight(
    run: Path,
    spec: Spec,
    options: Mapping[str, Any],
    *,
    warn: Callable[[str], None] = lambda why: None,
    say: Callable[[str], None] = lambda line: None,
    ranks: Ranks = ALONE,
) -> tuple[Preflight, Ready]:
    """Look at everything that a run needs, and write what was found into its folder.

    A check that fails has a sentence that says what to do; those that need what it could not give are left out.

    Args:
        run: the run folder.
        spec: its spec.
        options: of the recipe, settled.
        warn: is told of what is no failure.
        say: is told what is being done, in a few words; of rows now and then.
        ranks: the processes of the run, every one of which looks; what one finds wrong is wrong for all.

    Returns:
        what was found, and what was made for it: rows in tokens, the model, the engine.
    """
    look = _Look(run, spec, options, warn, say, ranks)
    look.at("versions", look.versions)
    look.at("device", look.device)
    look.at("template", look.template)
    look.at("ids", look.ids, needs=("template",))
    look.at("rows", look.rows, needs=("template", "ids"))
    look.at("model", look.known)
    look.at("disk", look.disk, needs=("model",))
    look.at("memory", look.memory, needs=("rows", "model", "device"))
    before = tuple(it for it in CHECKS if it not in ("parity", "pilot"))
    look.at("model", look.model, needs=before)
    if ranks.count > 1:
        look.at("parity", look.parity, needs=before)
    look.at("pilot", look.pilot, needs=(*before, "parity") if ranks.count > 1 else before)
    found = look.found()
    if ranks.first:
        record.write(run, found)
    return found, look.ready


class _Look:
    """One preflight: each method returns what it found in a sentence, or raises what is wrong."""

    def __init__(
        self,
        run: Path,
        spec: Spec,
        options: Mapping[str, Any],
        warn: Callable[[str], None],
        say: Callable[[str], None],
        ranks: Ranks,
    ) -> None:
        self._run, self._spec, self._options, self._warn, self._say = run, spec, options, warn, say
        self._ranks = ranks
        self._folder = Path(spec.model)
        self._notes = _Notes()
        self._sizes: sizes.Sizes | None = None
        self._other: OtherTokens | None = None
        self.ready = Ready()

    def at(self, name: str, check: Callable[[], str], *, needs: Sequence[str] = ()) -> None:
        """Make one check, unless one that it needs was not passed."""
        passed = {it for it, done in self._notes.checks.items() if done.passed}
        if not passed.issuperset(needs):
            return
        try:
            found = Check(name, True, check())
        except Refused as error:
            found = Check(name, False, str(error))
        except (torch.OutOfMemoryError, MemoryError):
            if self._ranks.count > 1 and name in ("model", "parity", "pilot"):
                raise  # the others are in the middle of what this process has left
            found = Check(name, False, _OUT_OF_MEMORY)
        every = self._ranks.gather(found)
        self._notes.checks[name] = next((it for it in every if not it.passed), every[0])

    def found(self) -> Preflight:
        """Return what was found so far."""
        notes, rows = self._notes, self.ready.rows
        kept = rows.kept if rows else ()
        return Preflight(
            rows=len(rows.lengths) if rows else 0,
            kept=len(kept),
            cut=rows.cut if rows else (),
            dropped=rows.dropped if rows else (),
            longest=max((it.tokens for it in kept), default=0),
            tokens=sum(it.tokens for it in kept),
            histogram=record.histogram(rows.lengths if rows else ()),
            checks=tuple(notes.checks[name] for name in CHECKS if name in notes.checks),
            engine=notes.engine,
            device=notes.device,
            device_gib=notes.device_gib,
            formula_gib=notes.formula_gib,
            memory_gib=notes.memory_gib,
            peak_gib=notes.peak_gib,
            seconds=notes.seconds,
            versions=notes.versions,
        )

    def versions(self) -> str:
        """Name the packages, and miss none that the method needs."""
        self._notes.versions = {"python": platform.python_version()}
        for name in _PACKAGES:
            with suppress(PackageNotFoundError):
                self._notes.versions[name] = version(name)
        needed = {"full": (), "lora": ("peft",), "qlora": ("peft", "bitsandbytes")}[self._options["method"]]
        missing = [name for name in needed if name not in self._notes.versions]
        if missing:
            raise Refused(
                f"the method {self._options['method']} needs {' and '.join(missing)} in the worker environment; add it "
                f"(pip install {' '.join(missing)}), or choose another method",
                where="method",
            )
        if self._options.get("sharding") == "zero3":
            zero3.look()
        return ", ".join(f"{name} {number}" for name, number in self._notes.versions.items())

    def device(self) -> str:
        """Name what computes, and how much memory it has."""
        where = loading.device(self._options.get("device", "auto"))
        if where == "cuda":
            local, cards = int(self._options["processes"]), torch.cuda.device_count()
            if local > cards:
                raise Refused(
                    f"each process needs a GPU of its own: {many(local, 'process', 'processes')} on a host with "
                    f"{many(cards, 'GPU', 'GPUs')}; lower processes",
                    where="processes",
                )
            free, whole = torch.cuda.mem_get_info()
            self._notes.device = torch.cuda.get_device_name()
            self._notes.device_gib = whole / GIB
            return f"{self._notes.device}, {free / GIB:.1f} of {whole / GIB:.1f} GiB free"
        self._notes.device = "cpu"
        self._notes.device_gib = sizes.host_bytes() / GIB
        return f"the processor, {many(torch.get_num_threads(), 'thread', 'threads')}; no GPU is used"

    def template(self) -> str:
        """Put every row into tokens by the model's chat template, and back into text."""
        self._say("loading the tokenizer")
        self.ready.tokenizer = loading.load_tokenizer(self._folder)
        self._say("counting the rows")
        told = NowAndThen(self._say, "put into tokens")
        try:
            rows = rows_in_tokens(self._run, self._spec, self._options, self.ready.tokenizer, told=told)
        except OtherTokens as error:
            self._other = error
            return "the chat template only adds"
        if not rows.lengths:
            raise Refused("there is no row in it; choose a set with pairs", where=wire.PAIRS)
        whole = [it for it in rows.kept if it.row.row_id not in rows.cut]
        other, back = [], NowAndThen(self._say, "put back into text")
        for done, it in enumerate(whole, start=1):
            other += [] if returns(it, self.ready.tokenizer) else [it.row.row_id]
            back(done, len(whole))
        if other:
            raise Refused(
                f"the tokenizer does not give back the text of {many(len(other), 'row', 'rows')} ({names(other)}), so "
                "something of them is lost; take a model whose tokenizer knows these characters",
                where=str(self._folder),
            )
        self.ready.rows = rows
        return f"the chat template only adds, and {many(len(whole), 'row', 'rows')} come back from tokens as they were"

    def ids(self) -> str:
        """See that answers have the same tokens wherever they stand, and that the two of a pair differ."""
        if self._other is not None:
            raise self._other
        rows = self._rows.kept
        if self._spec.recipe == "sppo" and self._options.get("rounds"):
            return f"{many(len(rows), 'question', 'questions')}, whose answers the model will write"
        same = [it.row.row_id for it in rows if it.policy.branches[0] == it.policy.branches[1]]
        if same:
            raise Refused(
                f"chosen and rejected are the same answer in {many(len(same), 'row', 'rows')} ({names(same)}); leave "
                "these pairs out of the set",
                where=wire.PAIRS,
            )
        if self._spec.recipe == "longpo":
            return f"the answers of {many(len(rows), 'row', 'rows')} have the same tokens behind both prompts"
        return f"both answers of {many(len(rows), 'row', 'rows')} stand behind the same tokens"

    def rows(self) -> str:
        """Count what is kept, cut and dropped; whether that is accepted is asked elsewhere."""
        rows = self._rows
        if not rows.training:
            raise Refused("there is no row to train on that is short enough; raise max_tokens", where="max_tokens")
        said = [f"{len(rows.kept):,} of {many(len(rows.lengths), 'row', 'rows')} kept"]
        for ids, done in ((rows.cut, "cut"), (rows.dropped, "dropped")):
            if ids:
                said.append(f"{len(ids):,} longer than {rows.limit:,} tokens and {done} ({names(ids)})")
        return ", ".join(said)

    def known(self) -> str:
        """See by its config that the model can be trained, before any weight is loaded."""
        self._sizes = sizes.sizes(self._folder, self._options)
        return f"{self._sizes.shape.parameters:,} weights"

    def disk(self) -> str:
        """See that the checkpoints and the result fit onto the disk of the run folder."""
        needed = sizes.on_disk(self._model_sizes, self._options)
        sizes.refuse_full_disk(self._run, needed)
        free = shutil.disk_usage(self._run).free
        return f"{needed.whole / GIB:.2f} GiB for checkpoints and result, {free / GIB:.1f} GiB free"

    def memory(self) -> str:
        """Estimate the peak of the longest row, corrected by what earlier runs on this device took."""
        rows, notes = self._rows, self._notes
        most = joined([it.policy for it in largest(rows.training, self._options)])
        longest = max(it.tokens for it in rows.kept)
        peak = sizes.peak_bytes(self._model_sizes, most, self._options, longest=longest)
        before = list(earlier(self._run, notes.device)) if notes.device != "cpu" else []
        notes.formula_gib = peak / GIB
        notes.memory_gib = estimate.learnt(notes.formula_gib, before)
        has = notes.device_gib or 0.0
        if has and notes.memory_gib > has * _SAFE:
            raise Refused(
                f"the longest row takes about {notes.memory_gib:.1f} GiB, and the device has {has:.1f}; choose lora or "
                "qlora, set offload to on, or drop the longest rows with max_tokens",
                where="max_tokens",
            )
        learnt = f", after {many(len(before), 'earlier run', 'earlier runs')}" if before else ""
        return f"about {notes.memory_gib:.2f} of {has:.1f} GiB for the longest row{learnt}"

    def model(self) -> str:
        """Load the model, and choose how pairs are computed."""
        rows = self._rows
        self._say(f"loading the model, {self._model_sizes.shape.parameters:,} weights")
        model = loading.load_model(self._folder, self._options)
        loading.checkpointed(model, self._options, longest=max(it.tokens for it in rows.kept))
        if self._options["engine"] == "shared":
            self._say("comparing shared and plain computing")
        trained = sum(it.numel() for it in model.parameters() if it.requires_grad)
        lies = self.ready.spread = spread(self._ranks, model, self._options)
        engine, self.ready.why = engine_of(model, rows.training, self._options, warn=self._warn, spread=lies)
        self.ready.model, self.ready.engine = model, engine
        self._notes.engine = engine.name
        said = f"{type(loading.base(model)).__name__}, {trained:,} weights are trained; documents are computed "
        return said + ("once for both answers" if engine.name == "shared" else "once for each answer")

    def parity(self) -> str:
        """See that all processes read the same files, and that a step of all of them is that of one."""
        agree(self._ranks, (self._run / wire.PAIRS).read_bytes(), what=wire.PAIRS)
        agree(self._ranks, sorted((it.name, it.stat().st_size) for it in self._folder.iterdir()), what="model")
        model, rows = self.ready.model, self._rows.training
        found = as_one.checked(model, rows, self._options, self._ranks, engine=self._notes.engine)
        lies = {"none": "each with the whole model"}.get(self._options["sharding"], self._options["sharding"])
        return (
            f"a step of {self._ranks.count} processes, {lies}, is that of one up to rounding: gradients are "
            f"{found.gradients:.0e} apart"
        )

    def pilot(self) -> str:
        """Try a step on the longest pair, and measure it."""
        if not self._options.get("pilot", True):
            return "left out, as the options say"
        model, engine, rows = self.ready.model, self.ready.engine, self._rows
        assert engine is not None
        most = largest(rows.training, self._options)
        middle = (sorted(rows.training, key=lambda it: it.tokens)[len(rows.training) // 2],)
        tried = []
        for those, which in ((most, "longest pair"), (middle, "pair of middle length")):
            self._say(f"pilot step on the {which}, {max(it.tokens for it in those):,} tokens")
            tried.append(pilot(model, engine, those, self._spec.recipe, self._options, spread=self.ready.spread))
        self._notes.peak_gib = max(self._ranks.gather(max(it.peak for it in tried))) / GIB
        pace = estimate.pace([(it.tokens, it.seconds) for it in tried])
        if pace is not None:
            self._notes.seconds = whole_run(pace, rows, self._options)
        pairs = "the longest pair" if len(most) == 1 else f"the longest question with {len(most)} pairs"
        besides = "; sampling and judging the answers come besides" if self._options.get("rounds") else ""
        return (
            f"a step on {pairs}, {tried[0].tokens:,} tokens, takes {tried[0].seconds:.1f} s and "
            f"{self._notes.peak_gib:.2f} GiB{besides}"
        )

    @property
    def _rows(self) -> Rows:
        assert self.ready.rows is not None
        return self.ready.rows

    @property
    def _model_sizes(self) -> sizes.Sizes:
        assert self._sizes is not None
        return self._sizes


def returns(row: Conversation, tokenizer: Any) -> bool:
    """Tell whether the tokens of a row's chosen conversation are the text that the template wrote.

    Forms of one character, and runs of blanks, count as the same: tokenizers settle those.
    """
    messages: list[Message] = [{"role": "system", "content": row.row.system}] if row.row.system else []
    messages += [{"role": "user", "content": row.row.prompt}, {"role": "assistant", "content": row.row.chosen}]
    for turn in row.row.turns:
        messages += [{"role": "user", "content": turn.question}, {"role": "assistant", "content": turn.chosen}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=False)
    tokens = [*row.policy.prompt, *row.policy.branches[0].tokens]
    again = tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return bool(again == text or sizes.settled(again) == sizes.settled(text))


def earlier(run: Path, device: str) -> Sequence[tuple[float, float]]:
    """Return (estimated, measured) of the runs beside this one on the same device."""
    found = []
    for path in sorted(run.parent.glob(f"*/{record.PREFLIGHT}")):
        with suppress(Refused, OSError):
            one = record.preflight_of(path.read_text(encoding="utf-8"), where=os.fspath(path))
            if path.parent != run and one.device == device and one.formula_gib and one.peak_gib:
                found.append((one.formula_gib, one.peak_gib))
    return found
