"""The form before a training: which fields it has, what they are called and mean, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lrstudio.domain.errors import Refused
from lrstudio.training.options import Option, Recipe, Value
from lrstudio.training.recipes import RECIPES
from lrstudio.viewstate.audit_signs import counted

_LABELS: Final = {
    "learning_rate": "Learning rate",
    "accumulation": "Pairs a step",
    "max_steps": "Steps at most",
    "warmup": "Warm-up",
    "max_grad_norm": "Gradient norm",
    "dtype": "Numbers",
    "lora_r": "LoRA rank",
    "lora_alpha": "LoRA alpha",
    "lora_dropout": "LoRA dropout",
    "lora_targets": "LoRA layers",
    "checkpointing": "Checkpointing",
    "save_every": "Save every",
    "keep": "Checkpoints kept",
    "evaluate_every": "Evaluate every",
    "merged": "Merged model, too",
    "check_count": "Answers compared",
    "pilot": "Pilot step",
    "kl_band": "KL band",
    "sample_every": "Answer every",
    "sample_count": "Answers each time",
    "sample_tokens": "Tokens an answer",
    "max_tokens": "Longest row",
    "processes": "Processes a node",
    "nll_weight": "NLL weight",
    "nll": "NLL over",
    "ld_alpha": "LD alpha",
    "longpo_lambda": "Lambda",
    "rope_theta": "RoPE base",
    "sppo_loss": "SPPO loss",
    "top_p": "Top p",
    "judge_tau": "Judge tau",
    "health_displacement": "On displacement",
    "health_kl": "On drift (KL)",
    "health_entropy": "On collapse",
    "health_overfit": "On overfitting",
    "health_length": "On length drift",
    "health_repetition": "On repetition",
    "health_judged": "On falling scores",
}
_ACCEPTED = ("accept_cut", "accept_dropped")
_SUMMARY = ("beta", "longpo_lambda", "nll_weight", "learning_rate", "method", "optimizer", "epochs", "max_steps")
_SHORT = {"longpo_lambda": "lambda", "learning_rate": "lr", "nll_weight": "nll", "max_steps": "steps"}

MODEL_HERE = "A folder with weights, tokenizer and chat template."
MODEL_THERE = f"{MODEL_HERE} One of this machine is sent to the host; any other is looked for there."
NEEDS_MODEL = "Choose the folder of the model."
NEEDS_SET = "Freeze a set in Pairs first (Ctrl+Shift+S there)."


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option in the form: its label, the text it starts with, what it means and where its default comes from.

    `choices` are the words to choose from; `several` where more than one may be taken, `flag` where it is yes or no.
    """

    name: str
    label: str
    text: str
    meaning: str
    choices: tuple[str, ...]
    several: bool
    flag: bool
    advanced: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it stands: what is chosen, and each option as typed. `host` is "" for this machine, `python` for the
    one that trains unless another is named.

    Two are equal where they ask for the same work, whatever it is called.
    """

    set_name: str = ""
    recipe: str = "dpo"
    preset: str = ""
    model: str = ""
    options: Mapping[str, str] | None = None
    queue: bool = False
    host: str = ""
    python: str = ""
    name: str = field(default="", compare=False)


def recipes() -> tuple[tuple[str, str, str], ...]:
    """Return name, title and meaning of each recipe."""
    return tuple((it.name, it.title, it.meaning) for it in RECIPES.values())


def presets(recipe: str) -> tuple[tuple[str, str], ...]:
    """Return name and words of each preset of a recipe, the defaults last."""
    named = tuple((name, f"{name} preset") for name in RECIPES[recipe].presets)
    return (*named, ("", "defaults"))


def fields(recipe: str, preset: str) -> tuple[OptionField, ...]:
    """Return the fields of a recipe with the values of a preset; what is accepted has boxes of its own."""
    of = RECIPES[recipe]
    values = of.settle({}, preset=preset)
    return tuple(_field(it, values[it.name]) for it in of.options if it.name not in _ACCEPTED)


def _field(option: Option, value: Value) -> OptionField:
    bounds = _bounds(option)
    source = f"From {option.source}." if option.source else ""
    default = f"Default: {text_of(option.default) or 'none'}."
    meaning = " ".join(filter(None, (option.meaning, bounds, default, source)))
    return OptionField(
        name=option.name,
        label=label_of(option.name),
        text=text_of(value),
        meaning=meaning,
        choices=option.choices,
        several=isinstance(option.default, tuple),
        flag=isinstance(option.default, bool),
        advanced=option.advanced,
    )


def _bounds(option: Option) -> str:
    if option.least is not None and option.most is not None:
        return f"{option.least:g} to {option.most:g}."
    return f"At least {option.least:g}." if option.least is not None else ""


def label_of(name: str) -> str:
    """Return what an option is called on screen."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def text_of(value: Value) -> str:
    """Write a value as it is typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def given(recipe: str, preset: str, typed: Mapping[str, str]) -> dict[str, Value]:
    """Return the options that differ from the preset, read.

    Raises:
        Refused: one cannot be read; names it.
    """
    of = RECIPES[recipe]
    settled = of.settle({}, preset=preset)
    read = {name: of.option(name).read(text.strip()) for name, text in typed.items()}
    return {name: value for name, value in read.items() if value != settled[name]}


def problems(typed: Typed, *, sets: Sequence[str]) -> dict[str, str]:
    """Return what is wrong, by field: `set`, `model`, or the name of an option. Empty where a run may start."""
    found = {}
    if not sets:
        found["set"] = NEEDS_SET
    elif typed.set_name not in sets:
        found["set"] = "Choose a set."
    model = typed.model.strip()
    if not model:
        found["model"] = NEEDS_MODEL
    elif not typed.host and not Path(model).expanduser().is_dir():
        found["model"] = "There is no such folder."
    return found | option_problems(RECIPES[typed.recipe], typed.options or {})


def option_problems(recipe: Recipe, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with options as they are typed, by name."""
    found = {}
    for name, text in typed.items():
        try:
            recipe.option(name).read(text.strip())
        except Refused as error:
            found[name] = error.sentence[:1].upper() + error.sentence[1:] + "."
    return found


def stale_words(count: int) -> str:
    """Warn of pairs of a set that are stale by now, "" for none."""
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f"{counted(count, 'pair')} of this set {verb} stale: a decision they rest on has changed. Show"


def field_of(where: str, *, model: str = "") -> str:
    """Return the field that a refusal names, "" where it names none: an option, `set`, `model`, `host` or `python`."""
    word = where.split(",")[0].strip()
    if any(option.name == word for it in RECIPES.values() for option in it.options):
        return word
    if word == "host":
        return word
    if word == "set" or word.startswith("set "):
        return "set"
    if "python" in word.rsplit("/", 1)[-1].lower():
        return "python"
    return "model" if where and where == model.strip() else ""


def summary(recipe: str, typed: Mapping[str, str], *, hidden: Sequence[str]) -> str:
    """Say in a few words what stands under Advanced: what tells most, then how many were changed."""
    told = [f"{_SHORT.get(name, name)} {typed[name]}" for name in _SUMMARY if name in typed and name in hidden]
    defaults = RECIPES[recipe].settle({})
    changed = [name for name in hidden if name in typed and typed[name] != text_of(defaults[name])]
    names = ", ".join(label_of(name).lower() for name in changed[:3])
    more = f", {len(changed) - 3} more" if len(changed) > 3 else ""
    return f"changed: {names}{more}" if changed else ", ".join((*told[:3], "…"))
