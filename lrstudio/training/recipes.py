"""The recipes: DPO as LongReward did it, LongPO and SPPO, with every option, its meaning and where its default is from.

Sources: LongReward, arXiv 2410.21252; LongPO, arXiv 2502.13922, and its published training script; SPPO, arXiv
2405.00675, and its published training scripts; TRL 1.16, `DPOConfig`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from lrstudio.domain.errors import Refused
from lrstudio.training.options import Option, Recipe
from lrstudio.training.processes import SHARDINGS

LOSSES: Final = (
    "sigmoid",
    "hinge",
    "ipo",
    "exo_pair",
    "nca_pair",
    "robust",
    "bco_pair",
    "sppo_hard",
    "aot",
    "aot_unpaired",
    "apo_zero",
    "apo_down",
    "discopop",
    "sft",
    "sigmoid_norm",
)
"""The losses of TRL 1.16's `DPOConfig.loss_type`."""

_COMMON = (
    Option("method", "lora", "What is trained: a LoRA adapter, one over 4-bit weights, or every weight.",
           choices=("lora", "qlora", "full"), advanced=False),
    Option("learning_rate", 1e-6, "Size of a step of the optimizer.", "LongReward, section 4.1", least=0.0, most=1.0,
           advanced=False),
    Option("epochs", 1.0, "How often every pair is seen.", least=0.001, most=100.0, advanced=False),
    Option("accumulation", 8, "Pairs to one step of the optimizer, of each process.", "LongPO's batch of 8", least=1,
           advanced=False),
    Option("max_steps", 0, "Stop after so many steps; 0 goes by epochs.", least=0),
    Option("warmup", 0.1, "Share of the steps in which the learning rate rises.", "LongPO's script", least=0.0,
           most=1.0),
    Option("schedule", "cosine", "How the learning rate falls.", "LongPO's script",
           choices=("cosine", "linear", "constant")),
    Option("optimizer", "adamw_torch", "The optimizer.", "LongPO, section 4",
           choices=("adamw_torch", "adamw_torch_fused", "rmsprop", "adafactor", "sgd")),
    Option("weight_decay", 0.0, "Pull of the weights towards zero.", "LongPO's script", least=0.0, most=1.0),
    Option("max_grad_norm", 1.0, "Longer gradients are cut to this norm; 0 never.", "TRL 1.16", least=0.0),
    Option("dtype", "bf16", "Numbers of the model: bf16, or fp32 to compare to the last digit.",
           choices=("bf16", "fp32")),
    Option("lora_r", 16, "Rank of the adapter.", least=1, most=1024),
    Option("lora_alpha", 32, "Scale of the adapter.", least=1),
    Option("lora_dropout", 0.0, "Share of the adapter's input dropped.", least=0.0, most=0.9),
    Option("lora_targets", "all-linear", "Layers that get an adapter: all-linear, or names with commas."),
    Option("engine", "shared", "Compute a document once for all its answers, or once for each.",
           choices=("shared", "plain")),
    Option("checkpointing", True, "Compute activations again in the backward pass instead of keeping them."),
    Option("offload", "auto", "Keep the inputs of the layers in host memory; auto does from 65,536 tokens on.",
           choices=("auto", "on", "off")),
    Option("seed", 42, "Seed of everything random.", "LongPO's script", least=0),
    Option("save_every", 50, "Steps between checkpoints.", least=1),
    Option("keep", 2, "Checkpoints kept.", least=1),
    Option("evaluate_every", 0, "Steps between evaluations on the set's validation split; 0 never.", least=0),
    Option("sample_every", 0, "Steps between answers to held-out questions; 0 never.", least=0),
    Option("sample_count", 4, "Held-out questions answered each time.", least=1, most=100),
    Option("sample_tokens", 256, "Tokens of such an answer at most.", least=1),
    Option("merged", True, "Save base and adapter as one model, too, when the run has finished."),
    Option("check_count", 4, "Questions that adapter and merged model answer to be compared; 0 none.", least=0,
           most=100),
    Option("accept_cut", 0, "Rows that may be cut, as preflight counted them: none is ever cut unasked.", least=0),
    Option("accept_dropped", 0, "Rows that may be dropped, as preflight counted them.", least=0),
    Option("max_tokens", 0, "Longest row in tokens; 0: what the model was built for.", least=0),
    Option("too_long", "drop", "Longer rows are dropped, or the middle of their prompt is cut out; either is accepted.",
           choices=("drop", "cut")),
    Option("device", "auto", "What computes: auto takes a GPU where there is one.", choices=("auto", "cuda", "cpu")),
    Option("processes", 1, "Processes of each node, one for each GPU; each takes as many pairs as accumulation says.",
           least=1, most=64),
    Option("nodes", 1, "Nodes of a Slurm job that train together.", least=1, most=256),
    Option("sharding", "none", "How the weights lie: whole in every process, or each a part of them by FSDP2 or, where "
           "the package deepspeed is installed, by ZeRO-3.", "ZeRO, arXiv 1910.02054", choices=SHARDINGS),
    Option("pilot", True, "Try a step on the longest pair before the first, and measure it."),
)  # fmt: skip

_DOES = ("off", "warn", "stop")
_HEALTH = (
    Option("health_displacement", "warn", "Where chosen becomes unlikely while the margin grows.",
           "Likelihood displacement, arXiv 2410.08847", choices=_DOES),
    Option("health_kl", "warn", "Where the policy drifts from its reference.", choices=_DOES),
    Option("health_entropy", "warn", "Where the answers' entropy collapses.", choices=_DOES),
    Option("health_overfit", "warn", "Where the pairs are learnt by heart.", choices=_DOES),
    Option("health_length", "warn", "Where held-out answers grow or shrink.", "Length bias, arXiv 2310.03716",
           choices=_DOES),
    Option("health_repetition", "warn", "Where held-out answers repeat themselves.", choices=_DOES),
    Option("health_judged", "warn", "Where a judge gives held-out answers less while the margin rises; seen only while "
           "a window or --watch has them judged.", "Overoptimization, arXiv 2210.10760", choices=_DOES),
    Option("health_steps", 10, "Steps that a rule looks at.", "ours", least=1),
    Option("displacement_below", 1.0, "Reward of chosen is low below minus this.", "ours", least=0.0),
    Option("kl_band", 0.5, "Drift in nats for each answer token that is still calm.", "ours", least=0.0),
    Option("entropy_fall", 0.4, "Fall of the entropy that is still calm.", "ours", least=0.0, most=1.0),
    Option("overfit_margin", 10.0, "Margin, in units of 1 / beta, where the loss is flat.",
           "ours: the sigmoid of 10 is 0.99995", least=0.0),
    Option("length_drift", 0.25, "Change of the held-out answers' length that is still calm.", "ours", least=0.0),
    Option("repetition_above", 0.3, "Share of repeated runs of four tokens that is still calm.", "ours", least=0.0,
           most=1.0),
    Option("judge_fall", 1.0, "Fall of the held-out answers' mean reward, in points of 10, that is still calm.", "ours",
           least=0.0, most=10.0),
)  # fmt: skip

_DPO = (
    Option("beta", 0.15, "How far the policy may go from the reference.", "LongReward, section 4.1",
           least=1e-6, advanced=False),
    Option("loss", ("sigmoid",), "Losses of the pair, by TRL's names.", "LongReward, equation 2", choices=LOSSES),
    Option("loss_weights", ("1.0",), "One weight for each loss.", "TRL 1.16"),
    Option("nll_weight", 0.1, "Weight of the likelihood of the chosen answer.", "LongReward, section 4.1", least=0.0,
           advanced=False),
    Option("label_smoothing", 0.0, "Share of pairs expected to be the wrong way round (robust, exo_pair, aot).",
           "TRL 1.16", least=0.0, most=0.5),
    Option("discopop_tau", 0.05, "How sharply discopop blends its two losses.", "TRL 1.16", least=1e-6),
    Option("ld_alpha", 1.0, "Weight of the tokens beyond the shorter answer; 1 weighs all alike.",
           "LD-DPO, arXiv 2409.06411", least=0.0, most=1.0),
    Option("short_pairs", "", "A file of short-context preference pairs (TRL rows) to mix in."),
    Option("short_share", 0.0, "Share of such pairs among all.", "LongReward, section 4.3", least=0.0, most=0.95),
)  # fmt: skip

_LONGPO = (
    Option("beta", 0.1, "How far the policy on the long prompt may go from the reference on the short one.",
           "LongPO, section 4", least=1e-6, advanced=False),
    Option("longpo_lambda", 0.01, "Weight of the preference loss beside the likelihood.", "LongPO, equation 14",
           least=0.0, advanced=False),
    Option("nll", "whole", "Likelihood over the whole chosen sequence, document too, or over the answer only.",
           "LongPO, equation 14: whole", choices=("whole", "answer")),
    Option("data", "set", "Pairs of the set, or such as the model makes itself from the documents of the set.",
           "LongPO, section 3: self", choices=("set", "self"), advanced=False),
    Option("data_turns", 2, "Passages of a document, each with a question and two answers.", "LongPO's script",
           least=1, most=16),
    Option("chunk_tokens", 16_384, "Tokens of a passage at most.", "LongPO's script: 16,384 to 30,000", least=16),
    Option("temperature", 0.7, "Temperature of the questions.", "LongPO's script", least=0.0, most=2.0),
    Option("top_p", 0.9, "Probability mass that questions are sampled from.", "LongPO's script", least=0.0, most=1.0),
    Option("answer_temperature", 0.0, "Temperature of the answers; 0 takes the likeliest tokens.",
           "LongPO, section 3: greedy", least=0.0, most=2.0),
    Option("answer_tokens", 1024, "Tokens of an answer at most.", "LongPO's script", least=1),
    Option("rope_theta", 0.0, "Base of the policy's rotary embedding; 0 keeps it. The reference keeps its own.",
           "LongPO's script: 1e7 for Mistral", least=0.0),
)  # fmt: skip

_SPPO = (
    Option("beta", 1e-3, "1 / eta: how far one round goes.", "SPPO, section 5", least=1e-6, advanced=False),
    Option("sppo_loss", "sppo", "Soft (the paper's), by the pair alone, or hard 1 and 0.", "SPPO, equation 4.4",
           choices=("sppo", "sppo_single", "sppo_hard"), advanced=False),
    Option("rounds", 3, "Rounds of sampling, judging and training; 0 trains on the set's own pairs.",
           "SPPO, section 5", least=0, most=20, advanced=False),
    Option("round_questions", "all", "Questions of a round: all, or a part of its own as in the paper.",
           "SPPO, section 5: parts", choices=("all", "parts")),
    Option("answers", 5, "Answers sampled to each question.", "SPPO, section 5", least=2, most=32, advanced=False),
    Option("temperature", 0.7, "Temperature of the samples.", "SPPO's scripts", least=0.0, most=2.0),
    Option("top_p", 0.9, "Probability mass that is sampled from.", "SPPO's scripts", least=0.0, most=1.0),
    Option("answer_tokens", 1024, "Tokens of a sampled answer at most.", least=1),
    Option("round_judge", "lexical", "Who judges a round in the window: the built-in judge, or whom a person asks.",
           choices=("lexical", "person"), advanced=False),
    Option("judge_tau", 1.0, "Points of reward that make an answer e times as likely to win.", least=1e-6),
)  # fmt: skip


def _with(common: tuple[Option, ...], own: tuple[Option, ...], **defaults: object) -> tuple[Option, ...]:
    changed = [replace(it, default=defaults[it.name]) if it.name in defaults else it for it in common]  # type: ignore[arg-type]
    return (*own, *changed, *_HEALTH)


DPO: Final = Recipe(
    "dpo",
    "DPO, LongReward's",
    "Direct preference optimization with a share of the likelihood of the chosen answer.",
    _with(_COMMON, _DPO),
    MappingProxyType(
        {
            "longreward": {"beta": 0.15, "nll_weight": 0.1, "learning_rate": 1e-6},
            "plain": {"beta": 0.1, "nll_weight": 0.0, "learning_rate": 5e-6},
        }
    ),
)
LONGPO: Final = Recipe(
    "longpo",
    "LongPO",
    "The policy reads the whole document, the reference only the passage: short-context skill carried over.",
    _with(_COMMON, _LONGPO, learning_rate=5e-7),
    MappingProxyType(
        {
            "paper": {"beta": 0.1, "longpo_lambda": 0.01, "learning_rate": 5e-7, "optimizer": "adamw_torch"},
            "repository": {"beta": 0.01, "longpo_lambda": 0.01, "learning_rate": 5e-7, "optimizer": "rmsprop"},
        }
    ),
)
SPPO: Final = Recipe(
    "sppo",
    "SPPO",
    "Self-play: the model's own answers, judged against each other, in rounds.",
    _with(_COMMON, _SPPO, learning_rate=5e-7, optimizer="rmsprop", schedule="linear"),
    MappingProxyType(
        {"paper": {"beta": 1e-3, "sppo_loss": "sppo", "rounds": 3, "answers": 5, "round_questions": "parts"}}
    ),
)
RECIPES: Final = MappingProxyType({it.name: it for it in (DPO, LONGPO, SPPO)})


def recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises:
        Refused: there is none of that name.
    """
    if name not in RECIPES:
        raise Refused(f"there is no recipe {name!r}; choose from {', '.join(RECIPES)}", where="recipe")
    return RECIPES[name]
