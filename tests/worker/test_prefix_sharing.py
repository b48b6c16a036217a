"""Sharing a prompt between its answers changes no number: log-probabilities, loss and gradients are the plain ones."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: the extra `train` brings it")

from lrstudio.domain.errors import Refused  # noqa: E402
from lrstudio.worker import parity, prefix  # noqa: E402
from lrstudio.worker.prefix import Branch, PlainPairs, SharedPrefix, Together, Tree  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft's
SHAPE = {
    "vocab_size": 131, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.2,
}  # fmt: skip
BETA = 0.1


def build(family: str, *, seed: int = 0, **more: Any) -> Any:
    torch.manual_seed(seed)
    if family == "llama":
        return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SHAPE | more)).train()
    return transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**SHAPE | more, head_dim=8)).train()


def with_adapter(model: Any) -> Any:
    peft = pytest.importorskip("peft", reason="peft is not installed: the extra `train` brings it")
    torch.manual_seed(3)
    config = peft.LoraConfig(
        r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False
    )
    return peft.get_peft_model(model, config).train()


def random_tree(seed: int, *, answers: int = 2) -> Tree:
    dice = random.Random(seed)

    def tokens(least: int, most: int) -> tuple[int, ...]:
        return tuple(dice.randrange(131) for _ in range(dice.randint(least, most)))

    return Tree(tokens(1, 150), tuple(Branch.answer(tokens(1, 40)) for _ in range(answers)))


def dpo(engine: Any, model: Any, tree: Tree, reference: Any) -> tuple[float, list[float], Any]:
    """One step's loss, the summed log-probabilities and the gradients, all as the engine has them."""
    model.zero_grad(set_to_none=True)
    sums = engine.score(tree).sums()
    chosen, rejected = sums - reference
    loss = -torch.nn.functional.logsigmoid(BETA * (chosen - rejected))
    loss.backward()
    gradients = torch.cat([it.grad.flatten() for it in model.parameters() if it.grad is not None])
    return float(loss.detach()), sums.tolist(), gradients


def compare(model: Any, tree: Tree) -> None:
    plain = PlainPairs(model)
    with torch.no_grad():
        sums = plain.score(tree).sums()
        reference = sums + torch.tensor([0.05, -0.05])
    theirs = dpo(plain, model, tree, reference)
    ours = dpo(SharedPrefix(model), model, tree, reference)
    assert theirs[0] == pytest.approx(math.log(2), abs=0.02), "the loss is where gradients are large"
    assert ours[0] == pytest.approx(theirs[0], rel=1e-5)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-5)
    assert float(theirs[2].norm()) > 0
    assert float((ours[2] - theirs[2]).norm()) <= 1e-5 * float(theirs[2].norm())


@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("seed", range(6))
def test_loss_and_gradients_are_those_of_the_plain_pair(family: str, seed: int) -> None:
    compare(build(family), random_tree(seed))


@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("adapter", [False, True])
def test_so_they_are_with_activations_computed_again_and_with_an_adapter(family: str, adapter: bool) -> None:
    model = build(family)
    model = with_adapter(model) if adapter else model
    causal = model.get_base_model() if adapter else model
    causal.activation_checkpointing_enable({"use_reentrant": False})
    assert any(getattr(it, "gradient_checkpointing", False) for it in model.modules())
    compare(model, random_tree(7))


@pytest.mark.parametrize("answers", [1, 3, 5])
def test_any_number_of_answers_shares_a_prompt_and_the_prompt_can_be_scored_too(answers: int) -> None:
    model, tree = build("llama"), random_tree(11, answers=answers)
    plain = PlainPairs(model).score(tree, prompt=True)
    shared = SharedPrefix(model).score(tree, prompt=True)
    assert plain.prompt is not None
    assert shared.prompt is not None
    assert torch.allclose(plain.prompt, shared.prompt, atol=1e-5)
    assert len(shared.branches) == answers
    for ours, theirs in zip(shared.branches, plain.branches, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_log_probabilities_are_those_of_the_model_itself() -> None:
    model, tree = build("llama").eval(), random_tree(5)
    scored = SharedPrefix(model).score(tree, prompt=True)
    model.set_attn_implementation("eager")
    for branch, ours in zip(tree.branches, scored.branches, strict=True):
        tokens = torch.tensor([[*tree.prompt, *branch.tokens]])
        with torch.no_grad():
            every = model(input_ids=tokens).logits[0].log_softmax(-1)
        theirs = every[:-1].gather(1, tokens[0, 1:].unsqueeze(1)).squeeze(1)
        assert torch.allclose(ours, theirs[len(tree.prompt) - 1 :], atol=1e-5)
        assert scored.prompt is not None
        assert torch.allclose(scored.prompt, theirs[: len(tree.prompt) - 1], atol=1e-5)


def test_tiles_change_nothing_and_tokens_that_do_not_count_are_left_out_of_the_sums() -> None:
    model, tree = build("llama"), random_tree(5)
    hidden = torch.randn(10, 32, generator=torch.Generator().manual_seed(1))
    (whole, entropies), (tiled, entropies_tiled) = (
        prefix.log_probs(model, hidden, range(10), tile=tile, entropy=True) for tile in (100, 3)
    )
    assert torch.allclose(whole, tiled, atol=1e-6)
    expected = torch.distributions.Categorical(logits=model.lm_head(hidden)).entropy()
    assert torch.allclose(entropies, expected, atol=1e-5)
    assert torch.allclose(entropies_tiled, expected, atol=1e-5)
    assert not entropies.requires_grad
    first = tree.branches[0]
    half = Branch(first.tokens, tuple(number % 2 == 0 for number in range(len(first.tokens))))
    scored = SharedPrefix(model).score(Tree(tree.prompt, (half,)), entropy=True)
    assert float(scored.entropy) == pytest.approx(float(scored.entropies[0][::2].mean()))
    assert SharedPrefix(model).score(tree).entropy is None
    assert scored.sums().tolist() == pytest.approx([scored.branches[0][::2].sum().item()])


def sees_the_other_answer(*given: Any, spans: tuple[int, ...] = (), **options: Any) -> Any:
    """A wrong mask: the second answer sees the first, too."""
    return prefix.attend(*given, **options)


def forgets_the_document(*given: Any, spans: tuple[int, ...] = (), **options: Any) -> Any:
    """A wrong mask: the second answer misses the first token of the document."""
    module, query, key, value, mask = given
    cut = [it[:, :, 1:] for it in (query, key, value)]
    right, _ = prefix.attend(module, query, key, value, mask, spans=spans, **options)
    wrong, _ = prefix.attend(module, *cut, mask, spans=(spans[0] - 1, *spans[1:]), **options)
    end = spans[0] + spans[1]
    return torch.cat((right[:, :end], wrong[:, end - 1 :]), dim=1), None


def sees_what_is_to_come(*given: Any, spans: tuple[int, ...] = (), **options: Any) -> Any:
    """A wrong mask: a further answer sees its own tokens to come."""
    module, query, key, value, mask = given
    right, _ = prefix.attend(module, query, key, value, mask, spans=spans, **options)
    end = spans[0] + spans[1]
    seen = [torch.cat((it[:, :, : spans[0]], it[:, :, end:]), dim=2) for it in (key, value)]
    late = torch.nn.functional.scaled_dot_product_attention(query[:, :, end:], *seen, enable_gqa=True)
    return torch.cat((right[:, :end], late.transpose(1, 2)), dim=1), None


@pytest.mark.parametrize("wrong", [sees_the_other_answer, forgets_the_document, sees_what_is_to_come])
@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("spread", [0.2, 0.02])
def test_the_parity_check_passes_the_right_mask_and_refuses_a_wrong_one(
    wrong: Any, family: str, dtype: str, spread: float
) -> None:
    """Weights of 0.02, the default, hardly attend: in bfloat16 no wrong mask shows in the model's own numbers."""
    model, tree = build(family, initializer_range=spread).to(getattr(torch, dtype)), random_tree(2)
    assert parity.checked(model, tree).name == "shared"
    transformers.AttentionInterface.register("wrong", wrong)
    with pytest.raises(Refused, match="gives other numbers"):
        parity.checked(model, tree, attention="wrong")
    assert model.config._attn_implementation == "sdpa", "it attends plainly behind a refusal"
    assert all(it.grad is None for it in model.parameters())


@pytest.mark.parametrize("wrong", [sees_the_other_answer, forgets_the_document])
def test_a_wrong_mask_that_drowns_in_the_rounding_of_bfloat16_is_refused(wrong: Any) -> None:
    model = build("llama", initializer_range=0.02, hidden_size=64, vocab_size=2048, max_position_embeddings=2048)
    model = model.to(torch.bfloat16)
    dice = random.Random(1)
    prompt, *answers = (tuple(dice.randrange(2048) for _ in range(count)) for count in (1000, 60, 70))
    tree = Tree(prompt, tuple(Branch.answer(it) for it in answers))
    transformers.AttentionInterface.register("wrong", wrong)
    assert parity.parity(model, tree, attention="wrong").holds, "the model's own numbers do not show it"
    with pytest.raises(Refused, match="gives other numbers"):
        parity.checked(model, tree, attention="wrong")
    assert parity.checked(model, tree).name == "shared"


def test_a_shared_row_can_be_scored_in_bfloat16_with_float32_weights() -> None:
    model, tree = build("llama"), random_tree(2)
    exact = SharedPrefix(model).score(tree).sums()
    with torch.autocast("cpu", torch.bfloat16):
        shared = SharedPrefix(model).score(tree).sums()
        plain = PlainPairs(model).score(tree).sums()
    assert torch.allclose(shared, plain, rtol=1e-2)
    assert torch.allclose(shared, exact, rtol=5e-2)
    assert shared.tolist() != exact.tolist()


def several_pairs(seed: int) -> list[Tree]:
    """Three pairs of one question over four answers, one of them in two pairs, one chosen here and rejected there."""
    whole = random_tree(seed, answers=4)
    a, b, c, d = whole.branches
    return [Tree(whole.prompt, pair) for pair in ((a, b), (a, c), (c, d))]


@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("adapter", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_of_one_question_computed_together_are_the_plain_pairs(family: str, adapter: bool, seed: int) -> None:
    model = build(family)
    model = with_adapter(model) if adapter else model
    causal = model.get_base_model() if adapter else model
    causal.activation_checkpointing_enable({"use_reentrant": False})
    trees = several_pairs(20 + seed)
    with torch.no_grad():
        references = [PlainPairs(model).score(it).sums() + torch.tensor([0.05, -0.05]) for it in trees]

    def step(engine: Any, *, together: bool) -> tuple[float, Any]:
        model.zero_grad(set_to_none=True)
        shared = Together(engine, trees) if together else engine
        assert not together or shared.tokens == len(trees[0].prompt) + sum(
            len(it.tokens) for it in {branch for tree in trees for branch in tree.branches}
        )
        losses = []
        for tree, reference in zip(trees, references, strict=True):
            chosen, rejected = shared.score(tree).sums() - reference
            losses.append(-torch.nn.functional.logsigmoid(BETA * (chosen - rejected)))
        loss = torch.stack(losses).mean()
        loss.backward()
        return float(loss.detach()), torch.cat([it.grad.flatten() for it in model.parameters() if it.grad is not None])

    theirs = step(PlainPairs(model), together=False)
    ours = step(SharedPrefix(model), together=True)
    assert theirs[0] == pytest.approx(math.log(2), abs=0.02)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-5)
    assert float((ours[1] - theirs[1]).norm()) <= 1e-5 * float(theirs[1].norm())


def test_only_trees_of_one_prompt_are_computed_together() -> None:
    with pytest.raises(ValueError, match="one prompt"):
        Together(PlainPairs(build("llama")), [random_tree(1), random_tree(2)])


@pytest.mark.parametrize("window", [100, 4000])
def test_a_model_that_attends_to_a_window_shares_no_row_that_is_longer(window: int) -> None:
    torch.manual_seed(0)
    config = transformers.MistralConfig(**SHAPE | {"max_position_embeddings": 4096}, sliding_window=window)
    model, tree = transformers.MistralForCausalLM(config), random_tree(2)
    if window == 4000:
        assert parity.checked(model, tree, longest=3000).name == "shared"
    with pytest.raises(Refused, match=f"last {window} tokens only"):
        parity.checked(model, tree, longest=5000)
