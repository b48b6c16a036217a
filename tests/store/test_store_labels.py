"""Labels in a project file."""

import pytest

from lrstudio.domain.errors import Refused
from lrstudio.domain.labels import Label
from lrstudio.domain.text import Candidate, Question
from lrstudio.store.records import Added
from lrstudio.store.store import Store


@pytest.fixture
def labelled(tmp_path):
    with Store.create(tmp_path / "p.lrs") as store:
        store.library.add_question(Question("q", None, "?"))
        for name in ("a", "b"):
            store.library.add_candidate(Candidate(name, "q", f"Answer {name}."))
        yield store


def test_labels_come_back_as_they_were_in_their_order(labelled):
    given = [
        Label("b", "r1", "overall", 40.0, 0, 100, note="n \ud800", origin="rows 3"),
        Label("a", "r1", "overall", 0.0, 0, 100),
        Label("a", "r2", "remark", note='["x"]'),
    ]
    assert [labelled.labels.add(it) for it in given] == [Added.NEW] * 3
    assert list(labelled.labels.labels()) == given
    assert list(labelled.labels.labels(name="remark")) == given[2:]


def test_the_same_label_is_kept_once_and_another_value_or_reviewer_is_another_label(labelled):
    label = Label("a", "r1", "overall", 40.0, 0, 100, origin="one file")
    assert labelled.labels.add(label) is Added.NEW
    assert labelled.labels.add(Label("a", "r1", "overall", 40.0, 0, 100, origin="another")) is Added.SAME
    assert labelled.labels.add(Label("a", "r2", "overall", 40.0, 0, 100)) is Added.NEW
    assert labelled.labels.add(Label("a", "r1", "overall", 41.0, 0, 100)) is Added.NEW
    assert labelled.labels.add(Label("a", "r1", "remark", note="x")) is Added.NEW
    assert labelled.labels.add(Label("a", "r1", "remark", note="x")) is Added.SAME


def test_a_label_of_no_candidate_is_refused(labelled):
    with pytest.raises(Refused, match="no candidate 'c'"):
        labelled.labels.add(Label("c", "r", "x"))
