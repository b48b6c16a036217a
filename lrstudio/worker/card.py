"""The card of a trained model: where it comes from, what it was trained on, by what, and how it was looked at."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrstudio.training.folder import RunFolder
from lrstudio.training.recipes import recipe as recipe_of
from lrstudio.training.wire import Kind, Spec

_METRICS = ("loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "kl", "entropy")


@dataclass(frozen=True, slots=True)
class Said:
    """What the attempts of a run have said, as far as a card tells it; None where nothing was said."""

    engine: Mapping[str, Any] | None
    last: Mapping[str, Any] | None
    evaluation: Mapping[str, Any] | None
    warnings: tuple[str, ...]
    attempts: int


def said_in(run: Path) -> Said:
    """Read what the attempts of a run have said so far."""
    spools = sorted((RunFolder(run).spool(1).parent).glob("[0-9]*.jsonl"))
    kept: dict[str, Mapping[str, Any]] = {}
    warnings = []
    for row in _rows(spools):
        kind = str(row.get("kind"))
        kept[kind] = row
        if kind == Kind.WARNING:
            step = f"step {row['step']}: " if row.get("step") else ""
            warnings.append(f"{step}{row.get('why', '')}")
    return Said(
        kept.get(Kind.ENGINE),
        kept.get(Kind.METRIC),
        kept.get(Kind.EVALUATION),
        tuple(dict.fromkeys(warnings)),
        len(spools),
    )


def _rows(spools: Iterable[Path]) -> Iterator[Mapping[str, Any]]:
    for spool in spools:
        with spool.open("rb") as file:
            for line in file:
                try:
                    row = json.loads(line)
                except ValueError:  # the end of an attempt that was killed
                    continue
                if isinstance(row, dict):
                    yield row


def card(
    spec: Spec,
    options: Mapping[str, Any],
    *,
    said: Said,
    counts: Mapping[str, int],
    versions: Mapping[str, str],
    check: Mapping[str, Any],
) -> str:
    """Write the card, Markdown with the head that model hubs read.

    Args:
        spec: of the run.
        options: of its recipe, settled.
        said: what its attempts have said.
        counts: rows by what became of them.
        versions: of the packages that trained.
        check: what `lrstudio.worker.result` has found.
    """
    base, name = Path(spec.model).name, spec.name or spec.run_id
    adapter = "adapter" in check
    parts = [
        _head(spec, base=base, adapter=adapter),
        f"# {name}",
        f"{recipe_of(spec.recipe).title} on `{base}`, trained with LongReward Studio.",
        _section("Data", [f"set: {spec.set_name or 'not named'}", f"hash of the set: {spec.set_hash or 'not known'}"]),
        _listed([f"{what}: {count}" for what, count in counts.items()]),
        _provenance(spec.provenance),
        _section("Training", [f"recipe: {spec.recipe}", f"run: {spec.run_id}", *_training(said)]),
        "| option | value | source of its default |\n|---|---|---|\n" + "\n".join(_options(spec, options)),
        _results(said),
        _section("Warnings on the way", said.warnings or ["none"]),
        _check(check),
        _use(name, base=base, rank=int(options["lora_r"]) if adapter else 0, merged="merged" in check),
        _section("Software", [f"{package} {version}" for package, version in versions.items()]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(spec: Spec, *, base: str, adapter: bool) -> str:
    rows = {"base_model": base, "library_name": "peft" if adapter else "transformers"}
    rows |= {"pipeline_tag": "text-generation"}
    listed = "\n".join(f"{name}: {json.dumps(value)}" for name, value in rows.items())
    return f"---\n{listed}\ntags: {json.dumps(['lrstudio', spec.recipe])}\n---"


def _section(title: str, rows: Sequence[str]) -> str:
    return f"## {title}\n\n{_listed(rows)}"


def _listed(rows: Iterable[str]) -> str:
    return "\n".join(f"- {row}" for row in rows)


def _provenance(provenance: Mapping[str, Any]) -> str:
    titles = {
        "judges": "Judges",
        "agreement": "Agreement of judge and reviewers",
        "set": "The set",
        "licences": "Licences",
    }
    parts = [_section(titles[name], list(_flat(provenance[name]))) for name in titles if provenance.get(name)]
    others = {name: value for name, value in provenance.items() if name not in titles}
    return "\n\n".join([*parts, *([_section("Provenance", list(_flat(others)))] if others else [])])


def _flat(value: Any, name: str = "") -> Iterator[str]:
    """Yield one line for each value in nested mappings and lists, with the way to it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}, {key}" if name else str(key))
    elif isinstance(value, list | tuple):
        yield f"{name}: {', '.join(_plain(it) for it in value)}" if name else ", ".join(_plain(it) for it in value)
    else:
        yield f"{name}: {_plain(value)}" if name else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())


def _training(said: Said) -> Iterator[str]:
    if said.last is not None:
        yield f"steps: {said.last['step']}"
    yield f"attempts: {said.attempts}"
    if said.engine is not None:
        why = f" ({said.engine['why']})" if said.engine.get("why") else ""
        yield f"engine: {said.engine['engine']}{why}"


def _options(spec: Spec, options: Mapping[str, Any]) -> Iterator[str]:
    for option in recipe_of(spec.recipe).options:
        value = options[option.name]
        shown = ", ".join(value) if isinstance(value, tuple) else value
        source = option.source if value == option.default else ""
        yield f"| {option.name} | {'(none)' if shown == '' else shown} | {source} |"


def _results(said: Said) -> str:
    tables = []
    for title, row in (("Last step", said.last), ("Held-out rows, last time", said.evaluation)):
        if row is not None:
            metrics = row["metrics"]
            lines = [f"{name}: {metrics[name]:.4g}" for name in _METRICS if name in metrics]
            tables.append(f"{title}, step {row['step']}:\n\n{_listed(lines)}")
    return "\n\n".join(["## Results", *tables]) if tables else ""


def _check(check: Mapping[str, Any]) -> str:
    saved = [part for part in ("adapter", "merged", "model") if part in check]
    rows = [f"{it}: {check[it]['tensors']} tensors, {check[it]['bytes']} bytes, loads" for it in saved]
    rows += [str(check["left_out"])] if check.get("left_out") else []
    questions = check.get("questions", [])
    if questions:
        parted = [it for it in questions if it["first_difference"] is not None]
        first, second = check["compared"]
        rows.append(
            f"{first} and {second} answered {len(questions)} {check['asked']} questions greedily: "
            f"{len(questions) - len(parted)} answers are the same; log-probabilities of the same tokens are "
            f"{check['largest_gap']:.4g} nats apart at most"
        )
        rows += [f"{it['row_id']}: differs from token {it['first_difference']} on" for it in parted]
    return _section("Look at what was saved", rows)


def _use(name: str, *, base: str, rank: int, merged: bool) -> str:
    """Tell the commands that serve or convert the model; each belongs to its own program. Rank 0 is no adapter."""
    folder = "merged" if merged or rank else "model"
    words, base = shlex.quote(name.replace(" ", "-")), shlex.quote(base)
    lines = []
    if merged or not rank:
        lines += ["# vLLM, the whole model", f"vllm serve ./{folder} --served-model-name {words}"]
    if rank:
        lines += [
            "# vLLM, the adapter over its base",
            f"vllm serve {base} --enable-lora --max-lora-rank {_served_rank(rank)} --lora-modules {words}=./adapter",
        ]
    if merged or not rank:
        lines += [
            "# GGUF, with the scripts of llama.cpp",
            f"python convert_hf_to_gguf.py ./{folder} --outtype bf16 --outfile {words}-bf16.gguf",
            f"llama-quantize {words}-bf16.gguf {words}-q4_k_m.gguf Q4_K_M",
        ]
    return "## Use\n\n```sh\n" + "\n".join(lines) + "\n```"


def _served_rank(rank: int) -> int:
    """Return the least rank that vLLM makes room for and that holds this one: a power of two from 8 on; it has 16."""
    return max(8, 1 << (rank - 1).bit_length())
