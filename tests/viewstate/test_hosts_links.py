"""What is said of hosts that cannot be asked, and of results on their way here."""

from __future__ import annotations

from dataclasses import replace

from lrstudio.training.runs import RunRow
from lrstudio.training.status import Life
from lrstudio.training.wire import Phase
from lrstudio.viewstate.facts import Fact
from lrstudio.viewstate.hosts_links import Lost, attached_words, fetch_words, lost_words, watched_hosts
from lrstudio.viewstate.training_runs import remove_words, run_cells, run_facts


def row(number: int, *, host: str = "lab", life: Life = Life.ALIVE, step: int = 3, resume: bool = False) -> RunRow:
    return RunRow(
        run_id=f"{number:03d}-x",
        number=number,
        name="",
        recipe="dpo",
        set_name="gold",
        model="m",
        created="",
        life=life,
        phase=Phase.RUNNING if life is not Life.DEAD else Phase.STOPPED,
        step=step,
        loss=0.25,
        since="2026-11-21T08:10:00+00:00" if life is Life.UNKNOWN else "",
        can_resume=resume,
        host=host,
    )


def test_hosts_are_watched_while_a_run_goes_on_there_or_may() -> None:
    rows = [row(1), row(2, host="b", life=Life.UNKNOWN), row(3, host="c", life=Life.DEAD), row(4, host="")]
    assert watched_hosts([*rows, row(5)]) == ("lab", "b")


def test_a_lost_link_says_since_when_and_when_it_is_tried_again() -> None:
    lost = Lost("lab", "2026-11-21T08:10:00+00:00", "the link broke", 4.4)
    said = lost_words([lost])
    assert said.startswith("lab cannot be asked since ")
    assert "(the link broke). A run needs no link to go on; what is shown is what was heard last." in said
    assert said.endswith("Asked again in 4 seconds.")
    assert lost_words([replace(lost, next_try=None)]).endswith("Asked again now.")
    assert lost_words([]) == ""
    both = lost_words([lost, Lost("b", "", "", 0.2)])
    assert both.startswith("lab and b cannot be asked.")
    assert both.endswith("Asked again now.")


def test_an_unknown_run_keeps_its_values_and_is_offered_nothing_that_destroys() -> None:
    cells = run_cells(row(1, life=Life.UNKNOWN))
    assert cells.texts[3] == "lab"
    assert cells.chip.text.startswith("unknown since")
    assert cells.texts[6] == "0.250"
    assert run_facts(cells.run) == {Fact.RUN}
    assert run_cells(row(1, host="")).texts[3] == "here"


def test_one_that_is_over_there_can_be_fetched_and_gone_on_with() -> None:
    over = row(1, life=Life.DEAD, resume=True)
    assert run_facts(over) == {Fact.RUN, Fact.RUN_OVER, Fact.RUN_RESUMABLE}
    done = replace(over, phase=Phase.FINISHED, can_resume=False)
    assert run_facts(done) == {Fact.RUN, Fact.RUN_OVER, Fact.RUN_FAR}
    assert Fact.RUN_FAR not in run_facts(replace(done, host=""))
    assert "its folder on lab" in remove_words(over)


def test_fetching_says_how_much_is_here() -> None:
    assert fetch_words("run 3", 0, 0) == ("The adapter of run 3 is fetched …", None)
    assert fetch_words("run 3", 42 << 20, 84 << 20) == ("The adapter of run 3: 42 of 84 MiB", 0.5)
    assert fetch_words("run 3", 1 << 19, 1 << 20)[0].endswith("0.5 of 1.0 MiB")
    assert attached_words(0) == "Every run of this project is here already."
    assert attached_words(1) == "1 run on hosts is shown now."
    assert attached_words(2) == "2 runs on hosts are shown now."
