"""LongPO's rows in tokens: nothing cut, nothing padded, and every counted token an answer's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.training.recipes import recipe  # noqa: E402
from lrstudio.training.rows import Row, Turn  # noqa: E402
from lrstudio.worker import loading  # noqa: E402
from lrstudio.worker.conversations import conversation  # noqa: E402
from lrstudio.worker.objective import cost  # noqa: E402
from lrstudio.worker.prefix import PlainPairs, SharedPrefix, Tree  # noqa: E402
from lrstudio.worker.tiny import tiny_model  # noqa: E402

torch.set_num_threads(1)
DOCUMENT = "Forty tons of mud were carried out to sea. " * 200
ROW = Row(
    row_id="r", prompt=DOCUMENT + "Whose was it?", chosen="The town's.", rejected="Nobody can say that now.",
    short="Mud. Whose was it?",
    turns=(
        Turn(question="And the sea?", chosen="Free.", rejected="It was the king's own, all of it.", short="Sea. And?"),
        Turn(question="Why?", chosen="By law.", rejected="No.", short="Law. Why?"),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    tokenizer = loading.load_tokenizer(folder)
    tokenizer.model_max_length = 64  # which a trainer that cuts would cut at
    return tokenizer


def written(tokenizer: Any, row: Row, side: str) -> str:
    messages = [{"role": "user", "content": row.prompt}, {"role": "assistant", "content": getattr(row, side)}]
    for turn in row.turns:
        messages.append({"role": "user", "content": turn.question})
        messages.append({"role": "assistant", "content": getattr(turn, side)})
    return str(tokenizer.apply_chat_template(messages, tokenize=False))


def read(tokenizer: Any, tokens: Any) -> str:
    return str(tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def test_the_long_conversation_is_whole_and_the_counted_tokens_are_the_answers(tokenizer: Any) -> None:
    row = conversation(ROW, tokenizer, short_reference=True)
    assert len(row.policy.prompt) > 1000
    for number, side in enumerate(("chosen", "rejected")):
        branch = row.policy.branches[number]
        assert read(tokenizer, (*row.policy.prompt, *branch.tokens)) == written(tokenizer, ROW, side)
        counted = [token for token, counts in zip(branch.tokens, branch.counted, strict=True) if counts]
        answers = [getattr(it, side) for it in (ROW, *ROW.turns)]
        assert read(tokenizer, counted).replace(tokenizer.eos_token, "").split("\n")[:-1] == answers
        assert tokenizer.pad_token_id not in (*row.policy.prompt, *branch.tokens)


def test_each_turn_has_a_short_conversation_of_its_own_with_the_same_answer_tokens(tokenizer: Any) -> None:
    row = conversation(ROW, tokenizer, short_reference=True)
    assert len(row.reference) == 3
    for tree, turn in zip(row.reference, (ROW, *ROW.turns), strict=True):
        for branch, side in zip(tree.branches, ("chosen", "rejected"), strict=True):
            single = Row(row_id="s", prompt=turn.short, chosen=turn.chosen, rejected=turn.rejected)
            assert read(tokenizer, (*tree.prompt, *branch.tokens)) == written(tokenizer, single, side)
            assert all(branch.counted)


def test_a_turn_without_a_short_prompt_is_refused_by_row(tokenizer: Any) -> None:
    bare = Row(row_id="bare", prompt="p", chosen="c", rejected="r")
    with pytest.raises(Refused, match=r"bare.*the field short"):
        conversation(bare, tokenizer, short_reference=True)


@pytest.mark.parametrize("engine", [SharedPrefix, PlainPairs])
@pytest.mark.parametrize("nll", ["whole", "answer"])
def test_the_likelihood_is_over_every_token_of_the_chosen_sequence_or_over_the_answers(
    folder: Path, tokenizer: Any, engine: Any, nll: str
) -> None:
    """Against the model's own loss with labels, which leaves out what is labelled -100."""
    options = recipe("longpo").settle({"method": "full", "nll": nll})
    model = loading.load_model(folder, options).eval()
    row = conversation(ROW, tokenizer, short_reference=True)
    tree: Tree = row.policy
    tokens = [*tree.prompt, *tree.branches[0].tokens]
    counted = [nll == "whole"] * len(tree.prompt) + [nll == "whole" or it for it in tree.branches[0].counted]
    labels = [token if counts else -100 for token, counts in zip(tokens, counted, strict=True)]
    with torch.no_grad():
        expected = model(input_ids=torch.tensor([tokens]), labels=torch.tensor([labels])).loss.item()
        found = cost(engine(model), row, (-100.0, -100.0), recipe="longpo", options=options)
    assert found.metrics["loss/nll"] == pytest.approx(expected, abs=1e-4)
    likelihood = found.loss.item() - options["longpo_lambda"] * found.metrics["loss/preference"]
    assert likelihood == pytest.approx(expected, abs=1e-4)
