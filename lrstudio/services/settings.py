"""What a person set, in one readable TOML file. Secrets are never here, window geometry is never here.

Only the standard library is imported at the top: the window reads its settings before its first paint.
"""

from __future__ import annotations

import getpass
import os
import tempfile
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from lrstudio.domain.errors import Environment, Refused
from lrstudio.domain.places import Place, place_of

MOST_RECENT = 12
THEMES = ("system", "light", "dark")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """What one model costs per million tokens, in the currency of all prices; 0 is free."""

    model: str
    input: float
    output: float


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """What a judge was last run with in the window; 0 is no limit, no dimension named stands for all.

    `served` says that the model's server is one that the studio starts, `host` names the host that answers in its place
    and `context` how many tokens prompt and reply may have there.
    """

    judge: str = ""
    dimensions: tuple[str, ...] = ()
    samples: int = 1
    limit: int = 0
    spend_limit: float = 0.0
    served: bool = False
    host: str = ""
    context: int = 0


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the http judge asks. `timeout` is in seconds for one call, `concurrency` counts calls in flight.

    `input_price` and `output_price` are per million tokens; 0 for both means that no price is known, as it does for
    `embedding_price`, that of an embeddings endpoint. For requests and
    tokens a minute 0 is no limit. `prompts` is the folder of a prompt pack and `tokenizer` a tokenizer.json or an id of
    the Hugging Face hub; "" is the studio's own. `proxy` "" leaves it to the environment, `ca_file` "" to the system.
    `headers` go with every request to the host of `base_url` (to whichever is asked where that is ""), and
    `host_headers` to the host that each of them names; in the file both are tables. A value that is $NAME is taken from
    the environment, so that no secret need stand here. `serve` is the command of a model server that the studio starts
    and stops itself.
    `prices` are those of single models, an embedding model's among them; `input_price` and `output_price` are those of
    any other. `retrieval` with `embedding_model` and `embedding_base_url` is how passages are found unless something
    else is asked for.
    """

    base_url: str = ""
    model: str = ""
    concurrency: int = 8
    timeout: float = 600.0
    input_price: float = 0.0
    output_price: float = 0.0
    embedding_price: float = 0.0
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    prompts: str = ""
    tokenizer: str = ""
    proxy: str = ""
    ca_file: str = ""
    headers: Headers = ()
    host_headers: tuple[tuple[str, Headers], ...] = ()
    serve: str = ""
    prices: tuple[ModelPrice, ...] = ()
    retrieval: str = "bm25"
    embedding_model: str = ""
    embedding_base_url: str = ""

    def price_of(self, model: str) -> tuple[float | None, float | None]:
        """Return what a million tokens of a model cost, in and out; None where no price is known."""
        for price in self.prices:
            if price.model == model:
                return price.input, price.output
        return self.input_price or None, self.output_price or None

    def embedding_price_of(self, model: str) -> float | None:
        """Return what a million tokens cost that a model embeds; None where no price is known."""
        known = [price.input for price in self.prices if price.model == model and model]
        return known[0] if known else self.embedding_price or None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `zoom` is in points added to the reading size, `recent` the projects opened last, newest first.

    `train_python` is the Python that trains, "" for the one that runs the studio.
    """

    reviewer: str = ""
    theme: str = "system"
    blind: bool = False
    zoom: int = 0
    train_python: str = ""
    recent: tuple[Place, ...] = ()
    http: HttpSettings = field(default_factory=HttpSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)


class SettingsStore:
    """Reads and writes the settings of one profile.

    Args:
        profile: the folder; else the variable LRSTUDIO_PROFILE, else the platform's folder for configuration.
    """

    def __init__(self, profile: Path | None = None) -> None:
        self.profile = profile or _default_profile()

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.profile / "settings.toml"

    def load(self) -> Settings:
        """Return the settings, with defaults where the file says nothing.

        Raises:
            Refused: the file is not TOML, or a value has the wrong type; names the file and the field.
        """
        try:
            raw = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Settings(reviewer=_login_name())
        except OSError as error:
            raise Environment(f"the settings cannot be read: {error.strerror}", where=str(self.path)) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Refused(f"not valid TOML ({error}); mend or delete the file", where=str(self.path)) from error
        return self._from_raw(raw)

    def save(self, settings: Settings) -> None:
        """Write all settings at once: a reader sees the old file or the new one, never half of one.

        Raises:
            Environment: the file cannot be written; it is then as it was before.
        """
        import tomli_w

        values = asdict(settings)
        values["recent"] = [str(path) for path in settings.recent]
        values["http"]["headers"] = dict(settings.http.headers)
        values["http"]["prices"] = {it.model: {"input": it.input, "output": it.output} for it in settings.http.prices}
        values["http"]["host_headers"] = {host: dict(headers) for host, headers in settings.http.host_headers}
        try:
            self.profile.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.profile, prefix="settings-", suffix=".toml")
            try:
                with os.fdopen(handle, "wb") as file:
                    tomli_w.dump(values, file)
                Path(name).replace(self.path)
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise Environment(f"the settings cannot be written: {error.strerror}", where=str(self.path)) from error

    def beside(self, name: str) -> Path:
        """Return where a file of this profile goes, in a folder that is there; odd characters of the name are changed.

        Raises:
            Environment: the folder cannot be made.
        """
        try:
            self.profile.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Environment(f"the profile cannot be written: {error.strerror}", where=str(self.profile)) from error
        return self.profile / "".join(it if it.isalnum() or it in "._-" else "_" for it in name)

    def remember_project(self, path: Place) -> Settings:
        """Put a project first in the list of recent ones."""
        settings = self.load()
        path = path.resolve() if isinstance(path, Path) else path
        recent = (path, *(other for other in settings.recent if other != path))[:MOST_RECENT]
        settings = replace(settings, recent=recent)
        self.save(settings)
        return settings

    def _from_raw(self, raw: dict[str, Any]) -> Settings:
        http, judge = self._http(raw.get("http", {})), self._judge(raw.get("judge", {}))
        plain = {key: value for key, value in raw.items() if key not in ("http", "judge", "recent")}
        known = self._known(Settings, plain, "")
        recent = raw.get("recent", [])
        if not isinstance(recent, list) or not all(isinstance(item, str) for item in recent):
            raise Refused("recent must be a list of paths", where=str(self.path))
        settings = Settings(**known, http=http, judge=judge, recent=tuple(place_of(item) for item in recent))
        if settings.theme not in THEMES:
            raise Refused(f"theme must be one of {', '.join(THEMES)}, not {settings.theme!r}", where=str(self.path))
        return settings if settings.reviewer else replace(settings, reviewer=_login_name())

    def _http(self, raw: Any) -> HttpSettings:
        headers, hosts = (raw.pop(it, {}) if isinstance(raw, dict) else {} for it in ("headers", "host_headers"))
        if not isinstance(hosts, dict):
            raise Refused("http.host_headers must be a table of tables, one for each host", where=str(self.path))
        prices = raw.pop("prices", {}) if isinstance(raw, dict) else {}
        return HttpSettings(
            **self._known(HttpSettings, raw, "http."),
            headers=self._headers(headers, "http.headers"),
            host_headers=tuple((host, self._headers(it, f"http.host_headers.{host}")) for host, it in hosts.items()),
            prices=self._prices(prices),
        )

    def _headers(self, raw: Any, name: str) -> Headers:
        if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
            raise Refused(f"{name} must be a table of texts", where=str(self.path))
        return tuple(raw.items())

    def _prices(self, raw: Any) -> tuple[ModelPrice, ...]:
        if not isinstance(raw, dict):
            raise Refused("http.prices must be a table of models", where=str(self.path))
        prices = []
        for model, entry in raw.items():
            parts: list[Any] = [entry.get("input"), entry.get("output")] if isinstance(entry, dict) else []
            if len(parts) != 2 or not all(type(part) in (int, float) and part >= 0 for part in parts):
                raise Refused(f"http.prices.{model} must be {{input = 1.0, output = 2.0}}", where=str(self.path))
            prices.append(ModelPrice(model, float(parts[0]), float(parts[1])))
        return tuple(prices)

    def _judge(self, raw: Any) -> JudgeSettings:
        dimensions = raw.pop("dimensions", []) if isinstance(raw, dict) else []
        if not isinstance(dimensions, list) or not all(isinstance(it, str) for it in dimensions):
            raise Refused("judge.dimensions must be a list of texts", where=str(self.path))
        return JudgeSettings(**self._known(JudgeSettings, raw, "judge."), dimensions=tuple(dimensions))

    def _known(self, record: type[Any], raw: Any, prefix: str) -> dict[str, Any]:
        """Keep the fields this version knows, and refuse a value of another type than the default's."""
        if not isinstance(raw, dict):
            raise Refused(f"{prefix.rstrip('.')} must be a table", where=str(self.path))
        kept: dict[str, Any] = {}
        for spec in fields(record):
            if spec.name not in raw:
                continue
            value = raw[spec.name]
            wanted = type(spec.default)
            if wanted is float and type(value) is int:
                value = float(value)
            if type(value) is not wanted:
                raise Refused(f"{prefix}{spec.name} must be {wanted.__name__}, not {value!r}", where=str(self.path))
            kept[spec.name] = value
        return kept


def _default_profile() -> Path:
    named = os.environ.get("LRSTUDIO_PROFILE")
    if named:
        return Path(named)
    import platformdirs

    return platformdirs.user_config_path("lrstudio", appauthor=False)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "reviewer"
