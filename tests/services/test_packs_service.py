"""Prompt packs as the studio keeps them: real folders, every version kept to the byte."""

from __future__ import annotations

import os
import shutil
import tempfile
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrstudio.domain.errors import Environment, Refused
from lrstudio.judge.packs import PackKind, PromptPack
from lrstudio.services.pack_versions import FOLDER, PackVersions, pack_files
from lrstudio.services.packs import Origin, Packs, packs_home
from lrstudio.text.resources import resource

OURS = "longreward-studio"
REFERENCE = Path(__file__).parents[1] / "data" / "prompts" / "reference-shape"


def ticking():  # type: ignore[no-untyped-def]
    numbers = count(1)
    return lambda: f"2026-01-01T00:00:{next(numbers):05d}Z"


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(tmp_path / "home", project=tmp_path / "p.lrs", named=[REFERENCE], clock=ticking())


def tree(folder: Path) -> dict[str, bytes]:
    return {str(it.relative_to(folder)): it.read_bytes() for it in sorted(folder.rglob("*")) if it.is_file()}


def text_of(packs: Packs, name: str, file: str) -> str:
    return next(it.text for it in packs.templates(packs.find(name)) if it.file == file)


def test_ours_the_persons_the_projects_and_named_ones_are_known(packs: Packs, tmp_path: Path) -> None:
    ours = packs.find(OURS)
    packs.copy(ours, "mine")
    packs.copy(ours, "theirs", beside_project=True)
    found = {it.name: (it.origin, it.kind, it.editable) for it in packs.known()}
    assert found == {
        OURS: (Origin.SHIPPED, PackKind.STUDIO, False),
        "mine": (Origin.OWN, PackKind.STUDIO, True),
        "theirs": (Origin.PROJECT, PackKind.STUDIO, True),
        str(REFERENCE): (Origin.FOLDER, PackKind.REFERENCE, True),
    }
    assert packs.find("theirs").folder == tmp_path / "p.prompts" / "theirs"
    assert packs.find(str(tmp_path / "home" / "mine")).origin is Origin.OWN
    with pytest.raises(Refused, match="no prompt pack 'yours'"):
        packs.find("yours")


def test_a_copy_differs_by_its_name_alone_and_begins_its_own_versions(packs: Packs) -> None:
    made = packs.copy(packs.find(OURS), "mine")
    assert made.version.startswith("mine@")
    assert [it.text for it in packs.templates(made)] == [it.text for it in packs.templates(packs.find(OURS))]
    (only,) = packs.history(made)
    assert (only.version, only.number, only.current, only.note) == (made.version, 1, True, f"copied from {OURS}")
    assert packs.problems(made) == ()


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a b", "x" * 65, "a@b", "..", "a."])
def test_a_name_that_can_be_no_folder_is_refused(packs: Packs, tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused) as refused:
        packs.copy(packs.find(OURS), name)
    assert refused.value.where == "name"
    assert not (tmp_path / "home").exists()


def test_a_name_is_taken_once_whatever_its_case(packs: Packs) -> None:
    packs.copy(packs.find(OURS), "mine")
    for name in ("Mine", OURS.upper()):
        with pytest.raises(Refused, match="already"):
            packs.copy(packs.find(OURS), name)


def test_ours_cannot_be_changed(packs: Packs) -> None:
    folder = resource("prompts", OURS)
    before, ours = tree(folder), packs.find(OURS)
    for change in (
        lambda: packs.save(ours, {"claims.md": "<<question>> <<answer>>"}),
        lambda: packs.restore(ours, ours.version),
    ):
        with pytest.raises(Refused, match="comes with the studio"):
            change()
    packs.history(ours)
    packs.problems(ours)
    assert tree(folder) == before


def test_saving_makes_a_version_and_the_earlier_one_can_be_had_back(packs: Packs) -> None:
    first = packs.copy(packs.find(OURS), "mine")
    old = text_of(packs, "mine", "claims.md")
    second = packs.save(first, {"claims.md": old + "Be brief.\n"}, note="brief")
    assert second.version != first.version == f"mine@{first.version[-12:]}"
    assert PromptPack.load(second.folder).version == second.version
    assert [(it.version, it.note, it.current) for it in packs.history(second)] == [
        (second.version, "brief", True),
        (first.version, f"copied from {OURS}", False),
    ]
    (changed,) = [it for it in packs.diff(first.version, "mine") if it.lines]
    assert changed.file == "claims.md"
    assert [line for line in changed.lines if line[0] in "+-"] == ["+Be brief."]
    assert packs.diff("mine", first.version)[0].lines == ()
    back = packs.restore(second, first.version[-12:-4])
    assert (back.version, text_of(packs, "mine", "claims.md")) == (first.version, old)
    assert [it.current for it in packs.history(back)] == [False, True]
    forth = packs.restore(back, second.version)
    assert (forth.version, len(packs.history(forth))) == (second.version, 2)


@pytest.mark.parametrize(
    ("edit", "where", "says"),
    [
        ({"support.md": "no\n<<claim>>"}, "support.md", "<<passages>> is missing"),
        ({"support.md": "<<claim>>\n<<passages>>\n<<question>>"}, "support.md line 3", "<<question>>"),
        ({"claims.md": "<<question>> <<answer>>", "support.md": ""}, "support.md", "missing"),
        ({"support.md": "<<claim>> <<passages>>\n\ud800"}, "support.md line 2", "half a character"),
        ({"pack.toml": ""}, "mine", "no template 'pack.toml'"),
    ],
)
def test_a_bad_edit_is_refused_and_leaves_nothing(packs: Packs, edit: dict[str, str], where: str, says: str) -> None:
    made = packs.copy(packs.find(OURS), "mine")
    before = tree(made.folder)
    with pytest.raises(Refused) as refused:
        packs.save(made, edit)
    assert refused.value.where == where
    assert says in refused.value.sentence
    assert tree(made.folder) == before
    assert [it.name for it in (made.folder / FOLDER).iterdir()] == [made.version[-12:]]


def test_what_was_changed_meanwhile_is_not_overwritten(packs: Packs) -> None:
    opened = packs.copy(packs.find(OURS), "mine")
    newer = packs.save(opened, {"claims.md": "<<question>> <<answer>>"})
    with pytest.raises(Refused, match="since you opened it"):
        packs.save(opened, {"claims.md": "<<question>> and <<answer>>"})
    assert packs.find("mine").version == newer.version


def test_what_another_editor_did_is_a_version_too(packs: Packs) -> None:
    made = packs.copy(packs.find(OURS), "mine")
    (made.folder / "claims.md").write_text("<<question>> <<answer>>\r\nby hand", newline="")
    outside = packs.find("mine")
    assert [it.current for it in packs.history(outside)] == [True, False]
    saved = packs.save(outside, {"logicality.md": "<<question>> <<answer>>"})
    assert [it.version for it in packs.history(saved)] == [saved.version, outside.version, made.version]
    folder = packs.versions(saved).folder(outside.version)
    assert (folder / "claims.md").read_bytes() == b"<<question>> <<answer>>\r\nby hand"


def test_what_is_tried_is_kept(packs: Packs) -> None:
    made = packs.copy(packs.find(OURS), "mine")
    (made.folder / "claims.md").write_text("<<question>> <<answer>> by hand")
    packs.keep(OURS, "mine", made.version)
    assert [it.note for it in packs.history(packs.find("mine"))] == ["tried", f"copied from {OURS}"]
    assert not (resource("prompts", OURS) / FOLDER).exists()


def test_a_pack_that_was_broken_by_hand_is_shown_with_its_problems_and_can_be_mended(packs: Packs) -> None:
    made = packs.copy(packs.find(OURS), "mine")
    (made.folder / "claims.md").write_text("<<question>>\n<< answer >>\n<<claim>>")
    broken = packs.find("mine")
    assert (broken.version, broken.trouble) == (
        "",
        "mine/claims.md line 3: the template has an unknown placeholder <<claim>>",
    )
    assert [(it.file, it.line, it.blocks) for it in packs.problems(broken)] == [
        ("claims.md", 2, False),
        ("claims.md", 3, True),
        ("claims.md", 0, True),
    ]
    with pytest.raises(Refused):
        packs.save(broken, {"support.md": "<<claim>> <<passages>>"})
    mended = packs.save(broken, {"claims.md": "<<question>> <<answer>>"})
    assert mended.version
    assert [it.number for it in packs.history(mended)] == [2, 1]
    aside = [it for it in (made.folder / FOLDER).iterdir() if it.name.startswith("unusable-")]
    assert [(it / "claims.md").read_text() for it in aside] == ["<<question>>\n<< answer >>\n<<claim>>"]


def test_a_reference_pack_is_copied_edited_and_may_hold_placeholders_of_another_program(packs: Packs) -> None:
    made = packs.copy(packs.find(str(REFERENCE)), "published")
    assert made.version == PromptPack.load(REFERENCE).version
    file = "extract_info_zh.txt"
    saved = packs.save(made, {file: text_of(packs, "published", file) + "<<other>>\n"})
    assert saved.version != made.version
    (note,) = packs.problems(saved)
    assert (note.file, note.blocks) == (file, False)


def test_a_template_outside_the_pack_is_refused(packs: Packs, tmp_path: Path) -> None:
    made = packs.copy(packs.find(OURS), "mine")
    (tmp_path / "home" / "out.md").write_text("<<question>> <<answer>>")
    toml = made.folder / "pack.toml"
    toml.write_text(toml.read_text().replace('"claims.md"', '"../out.md"'))
    with pytest.raises(Refused, match="own folder"):
        packs.save(packs.find("mine"), {"../out.md": "<<question>> <<answer>>!"})
    assert (tmp_path / "home" / "out.md").read_text() == "<<question>> <<answer>>"


def test_a_crash_between_two_files_is_ended_at_the_next_look(packs: Packs) -> None:
    first = packs.copy(packs.find(OURS), "mine")
    texts = {"claims.md": "<<question>> <<answer>>", "logicality.md": "<<answer>> <<question>>"}
    second = packs.save(first, texts)
    # as a kill in the middle of going back would leave it: the note is there, one of two files is replaced
    kept = first.folder / FOLDER
    (kept / "pending").write_text(first.version[-12:])
    shutil.copy(kept / first.version[-12:] / "claims.md", first.folder / "claims.md")
    now = packs.find("mine")
    assert now.version == first.version
    assert text_of(packs, "mine", "logicality.md") == text_of(packs, OURS, "logicality.md")
    saved = packs.save(now, {"support.md": "<<claim>> <<passages>>"})
    assert not (kept / "pending").exists()
    assert PromptPack.load(saved.folder).version == saved.version
    assert text_of(packs, "mine", "logicality.md") == text_of(packs, OURS, "logicality.md")
    assert [it.version for it in packs.history(saved)] == [saved.version, second.version, first.version]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nobody can be kept from writing here")
def test_a_folder_that_cannot_be_written_is_left_as_it_was(packs: Packs) -> None:
    made = packs.copy(packs.find(OURS), "mine")
    before = tree(made.folder)
    (made.folder / FOLDER).chmod(0o555)
    try:
        with pytest.raises(Environment, match="it is as it was"):
            packs.save(made, {"claims.md": "<<question>> <<answer>>"})
    finally:
        (made.folder / FOLDER).chmod(0o755)
    assert tree(made.folder) == before


def test_where_the_persons_packs_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert packs_home(tmp_path) == tmp_path / "prompts"
    monkeypatch.delenv("LRSTUDIO_PROFILE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if os.name == "posix":
        assert packs_home(tmp_path).name == "prompts"
        assert packs_home(tmp_path) != tmp_path / "prompts"


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=12).map(lambda it: it.replace("<", "("))
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("save"), st.sampled_from(["claims.md", "support.md"]), _TEXTS),
        st.tuples(st.just("hand"), st.sampled_from(["claims.md", "support.md"]), _TEXTS),
        st.tuples(st.just("restore"), st.integers(0, 9), st.just("")),
    ),
    max_size=8,
)
_NEEDED = {"claims.md": "<<question>> <<answer>>", "support.md": "<<claim>> <<passages>>"}


@settings(max_examples=20)
@given(steps=_STEPS)
def test_whatever_is_saved_and_restored_every_version_keeps_its_bytes(steps) -> None:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as made:
        packs = Packs(Path(made), clock=ticking())
        info = packs.copy(packs.find(OURS), "mine")
        folder, clock = info.folder, ticking()
        versions = PackVersions(folder, clock=clock)
        seen: dict[str, dict[str, bytes]] = {}

        def note() -> None:
            for it in versions.history():
                now = {name: (it.folder / name).read_bytes() for name in pack_files(it.folder)}
                assert PromptPack.load(it.folder).version == it.version
                if it.folder != folder:
                    assert seen.setdefault(it.version, now) == now

        for what, which, text in steps:
            note()
            if what == "save":
                versions.save({which: _NEEDED[which] + text})
                normal = text.replace("\r\n", "\n").replace("\r", "\n")
                assert (folder / which).read_text(encoding="utf-8") == _NEEDED[which] + normal
            elif what == "hand":
                (folder / which).write_bytes((_NEEDED[which] + text).encode())
            else:
                wanted = versions.history()[which % len(versions.history())]
                assert versions.restore(wanted.version) == wanted.version
        note()
        assert seen.keys() <= {it.version for it in versions.history()}
