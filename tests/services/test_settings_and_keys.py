"""Settings in one readable file; keys never in a file of ours."""

from dataclasses import replace
from pathlib import Path

import pytest

from lrstudio.domain.errors import Environment, Refused
from lrstudio.services.keys import VARIABLE, ApiKey, find_key, store_key
from lrstudio.services.settings import HttpSettings, Settings, SettingsStore


def test_a_new_profile_has_defaults_and_knows_a_reviewer(tmp_path: Path) -> None:
    settings = SettingsStore(tmp_path / "profile").load()
    assert settings.theme == "system"
    assert settings.reviewer
    assert not (tmp_path / "profile").exists(), "reading writes nothing"


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    settings = Settings(
        reviewer="ann",
        theme="dark",
        blind=True,
        zoom=2,
        train_python="/opt/train/bin/python",
        recent=(tmp_path / "a.lrs",),
        http=HttpSettings("http://x/v1", "m", 3, 5.5, 1.0, 2.0),
    )
    store.save(settings)
    assert store.load() == settings
    assert [path.name for path in tmp_path.iterdir()] == ["settings.toml"], "no temporary file stays"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme = 3", "theme must be str"),
        ('theme = "pink"', "one of system, light, dark"),
        ('recent = "x"', "list of paths"),
        ("http = 1", "http must be a table"),
        ("[http]\nconcurrency = 1.5", "http.concurrency must be int"),
        ("theme = ", "not valid TOML"),
    ],
)
def test_a_bad_file_is_named_with_its_field(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(Refused, match=said) as caught:
        SettingsStore(tmp_path).load()
    assert "settings.toml" in caught.value.where


def test_unknown_fields_of_a_newer_version_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('reviewer = "ann"\nshiny = 1\n[http]\ntimeout = 9\nnew = 2\n')
    settings = SettingsStore(tmp_path).load()
    assert (settings.reviewer, settings.http.timeout) == ("ann", 9.0)


def test_recent_projects_come_newest_first_once(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path)
    for name in ("a", "b", "a"):
        store.remember_project(tmp_path / name)
    assert [path.name for path in store.load().recent] == ["a", "b"]
    for number in range(20):
        store.remember_project(tmp_path / str(number))
    assert len(store.load().recent) == 12


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "profile").write_text("")
    with pytest.raises(Environment, match="cannot be written"):
        SettingsStore(tmp_path / "profile").save(replace(Settings(), reviewer="ann"))


def test_settings_that_cannot_be_saved_leave_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").mkdir()
    with pytest.raises(Environment, match="cannot be written"):
        SettingsStore(tmp_path).save(Settings())
    assert [path.name for path in tmp_path.iterdir()] == ["settings.toml"]


def test_the_variable_gives_the_key_and_the_key_hides_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_key() is None
    monkeypatch.setenv(VARIABLE, "s3cret")
    key = find_key()
    assert key is not None
    assert key.value == "s3cret"
    assert "s3cret" not in repr(key)
    assert "s3cret" not in str(ApiKey("s3cret", "x"))


def test_a_keyring_that_keeps_nothing_is_said() -> None:
    with pytest.raises(Environment, match=VARIABLE):
        store_key("s3cret")
