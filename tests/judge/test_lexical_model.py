from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.judge.claims import Statement, statements
from lrstudio.judge.lexical_features import LexicalDocument
from lrstudio.judge.lexical_model import LexicalModel
from lrstudio.judge.lexical_verdict import features
from lrstudio.text.resources import resource
from lrstudio.text.tokens import Tokenizer


def content() -> dict[str, object]:
    return {
        "features": [
            {"name": "a", "mean": 1.0, "scale": 2.0, "weight": 0.5},
            {"name": "b", "mean": 0.0, "scale": 1.0, "weight": -3.0},
        ],
        "bias": 0.25,
        "thresholds": {"full": 0.9, "none": 0.5, "strength": 0.5, "absent": 0.4, "foreign": 2.5, "conflict": 0.2},
    }


def saved(folder: Path, given: object) -> Path:
    path = folder / "model.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    return path


def test_the_probability_is_the_logistic_of_the_weighted_features(tmp_path: Path) -> None:
    model = LexicalModel.load(saved(tmp_path, content()))
    odds = 0.25 + 0.5 * (5.0 - 1.0) / 2.0 - 3.0 * 0.5
    assert model.probability({"a": 5.0, "b": 0.5, "unused": 9.0}) == pytest.approx(1 / (1 + math.exp(-odds)))
    assert model.probability({"a": 0.0, "b": 1e9}) == 0.0
    with pytest.raises(KeyError):
        model.probability({"a": 5.0})


def test_every_number_counts_for_the_digest(tmp_path: Path) -> None:
    digests = set()
    for change in (None, "bias", "weight", "threshold"):
        given = json.loads(json.dumps(content()))
        if change == "bias":
            given["bias"] += 0.001
        elif change == "weight":
            given["features"][1]["weight"] += 0.001
        elif change == "threshold":
            given["thresholds"]["full"] = 0.91
        digests.add(LexicalModel.load(saved(tmp_path, given)).digest)
    assert len(digests) == 4


@pytest.mark.parametrize("broken", [[], {}, {"features": [], "bias": 0}, {"features": [{"name": "a"}]}, "text"])
def test_other_files_are_refused_by_name(tmp_path: Path, broken: object) -> None:
    with pytest.raises(Refused, match=r"model\.json: these are not the coefficients"):
        LexicalModel.load(saved(tmp_path, broken))


def test_the_shipped_coefficients_fit_the_features_and_the_card() -> None:
    model = LexicalModel.shipped()
    document = LexicalDocument("The wall was finished in 1874.", tokenizer=Tokenizer.shipped())
    (statement,) = statements("The wall was finished in 1874.")
    assert isinstance(statement, Statement)
    assert 0.9 < model.probability(features(document, statement)[1]) < 1.0
    card = resource("lexical", "card.md").read_text(encoding="utf-8")
    assert model.digest in card
    assert all(f"`{name}`" in card for name in (*model.features, *model.limits))
