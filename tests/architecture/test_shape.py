"""The house style that a syntax tree or a list of files can show. There is no list of exemptions.

Each rule is a function from a source (or a list of paths) to its faults, and each is shown a fault it must find.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Read before any test moves the home folder elsewhere.
HOME = Path.home()

MODULE_LINES, CLASS_LINES, FUNCTION_LINES = 400, 300, 60
DOORS = ("lrstudio/qt/bridge/", "lrstudio/cli/", "lrstudio/worker/__main__.py")
TOP_LEVEL = {"LICENSE", "pyproject.toml", "README.md", "lrstudio", "resources", "tests", "packaging"}
CONTAINER_MAKERS = {"list", "dict", "set", "defaultdict", "deque", "Counter", "OrderedDict", "bytearray"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

Rule = Callable[[str, ast.Module], Iterator[str]]


def sources() -> list[Path]:
    return sorted([*(ROOT / "lrstudio").rglob("*.py"), *(ROOT / "packaging").rglob("*.py")])


def length(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def too_long(path: str, tree: ast.Module) -> Iterator[str]:
    if tree.body and (lines := tree.body[-1].end_lineno or 0) > MODULE_LINES:
        yield f"{path}: {lines} lines"
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and length(node) > FUNCTION_LINES:
            yield f"{path}:{node.lineno}: {node.name} has {length(node)} lines"
        if isinstance(node, ast.ClassDef) and length(node) > CLASS_LINES:
            yield f"{path}:{node.lineno}: class {node.name} has {length(node)} lines"


def broad_except(path: str, tree: ast.Module) -> Iterator[str]:
    """Catching everything is for the doors; elsewhere it must end in raising again, the same or with its cause."""
    if path.startswith(DOORS):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = {"BaseException"} if node.type is None else names_in(node.type)
            last = node.body[-1]
            raised_again = isinstance(last, ast.Raise) and (last.exc is None or isinstance(last.cause, ast.Name))
            if caught & {"Exception", "BaseException"} and not raised_again:
                yield f"{path}:{node.lineno}: broad except"
        if isinstance(node, ast.Call) and called(node) == "suppress":
            suppressed = {name for argument in node.args for name in names_in(argument)}
            if suppressed & {"Exception", "BaseException"}:
                yield f"{path}:{node.lineno}: broad suppress"


def nested_event_loop(path: str, tree: ast.Module) -> Iterator[str]:
    """In the window only the application may `exec`: elsewhere it lets events in where none is expected."""
    if not path.startswith("lrstudio/qt/"):
        return
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    loops = [call for call in calls if called(call) == "exec"]
    allowed = 1 if path == "lrstudio/qt/app.py" else 0
    for call in [*loops[allowed:], *(call for call in calls if called(call) in ("processEvents", "exec_"))]:
        yield f"{path}:{call.lineno}: {called(call)}"


def unfinished(path: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc and "NotImplementedError" in names_in(node.exc):
            yield f"{path}:{node.lineno}: NotImplementedError"


def shared_state(path: str, tree: ast.Module) -> Iterator[str]:
    """A container at module level is a constant in capitals, with its content; an empty one can only be state."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and (kind := container(node.value)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            faulty = [name for name in names if name != "__all__" and (kind == "empty" or not name.isupper())]
            yield from (f"{path}:{node.lineno}: {name}" for name in faulty)


def container(value: ast.expr | None) -> str:
    """Say whether an expression makes a mutable container: "", "empty" or "filled"."""
    if isinstance(value, ast.List | ast.Set):
        return "filled" if value.elts else "empty"
    if isinstance(value, ast.Dict):
        return "filled" if value.keys else "empty"
    if isinstance(value, ast.ListComp | ast.SetComp | ast.DictComp):
        return "filled"
    if isinstance(value, ast.Call) and called(value) in CONTAINER_MAKERS:
        return "filled" if value.args or value.keywords else "empty"
    return ""


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def names_in(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def faults(rule: Rule, files: Iterable[Path]) -> list[str]:
    found: list[str] = []
    for file in files:
        found += rule(file.relative_to(ROOT).as_posix(), ast.parse(file.read_text("utf-8")))
    return found


def method(name: str, *, lines: int) -> str:
    return f"    def {name}(self):\n" + "        pass\n" * (lines - 1)


@pytest.mark.parametrize("rule", [too_long, broad_except, nested_event_loop, unfinished, shared_state])
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    assert faults(rule, sources()) == []


@pytest.mark.parametrize(
    ("rule", "source", "count"),
    [
        (too_long, "x = 1\n" * 400, 0),
        (too_long, "x = 1\n" * 401, 1),
        (too_long, "class A:\n" + method("f", lines=60), 0),
        (too_long, "class A:\n" + method("f", lines=61), 1),
        (too_long, "class A:\n" + "".join(method(f"f{n}", lines=30) for n in range(10)), 1),
        (broad_except, "try:\n    f()\nexcept OSError:\n    g()\n", 0),
        (broad_except, "try:\n    f()\nexcept BaseException:\n    g()\n    raise\n", 0),
        (broad_except, "try:\n    f()\nexcept Exception as error:\n    raise Refused('x') from error\n", 0),
        (broad_except, "try:\n    f()\nexcept Exception:\n    raise Refused('x')\n", 1),
        (broad_except, "try:\n    f()\nexcept:\n    g()\n", 1),
        (broad_except, "try:\n    f()\nexcept (OSError, Exception) as error:\n    g(error)\n", 1),
        (broad_except, "with contextlib.suppress(Exception):\n    f()\n", 1),
        (nested_event_loop, "dialog.open()\n", 0),
        (nested_event_loop, "dialog.exec()\nQApplication.processEvents()\nmenu.exec_(point)\n", 3),
        (unfinished, "try:\n    f()\nexcept NotImplementedError:\n    g()\n", 0),
        (unfinished, "def f():\n    raise NotImplementedError('later')\n", 1),
        (shared_state, "NAMES = ['a']\n_WORDS: dict[str, int] = {'a': 1}\n__all__ = ['f']\nPAIR = ()\n", 0),
        (shared_state, "names = ['a']\n", 1),
        (shared_state, "_CACHE: dict[str, int] = {}\n", 1),
        (shared_state, "QUEUE = collections.deque()\nby_name = {n: 1 for n in 'ab'}\n", 2),
    ],
)
def test_the_rule_finds_a_fault(rule: Rule, source: str, count: int) -> None:
    assert len(list(rule("lrstudio/qt/views/planted.py", ast.parse(source)))) == count


def test_the_doors_may_catch_everything_and_the_application_runs_one_loop() -> None:
    catch_all = ast.parse("try:\n    f()\nexcept Exception:\n    report()\n")
    loops = ast.parse("application.exec()\n")

    assert not list(broad_except("lrstudio/cli/judge.py", catch_all))
    assert not list(nested_event_loop("lrstudio/qt/app.py", loops))
    assert list(nested_event_loop("lrstudio/qt/views/audit.py", loops))
    assert not list(nested_event_loop("lrstudio/store/questions.py", ast.parse("session.exec(select(Question))\n")))


# ---- files


@pytest.fixture(scope="module")
def kept_files() -> list[Path]:
    """The files git keeps or would keep, relative to the root."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout, so there is no list of the files that belong to it")
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def strays(paths: Iterable[Path]) -> list[str]:
    """Return what has no business at the top level."""
    return sorted({path.parts[0] for path in paths} - TOP_LEVEL - {p.parts[0] for p in paths if p.parts[0][0] == "."})


def shadows(paths: Iterable[Path]) -> list[str]:
    """Return the files that would turn `packaging/` or `resources/` into Python packages and shadow others."""
    return [str(path) for path in paths if path.name == "__init__.py" and path.parts[0] in ("packaging", "resources")]


def paths_of_this_machine(checkout: Path, home: Path) -> re.Pattern[str]:
    """Match the checkout, the folder it lies in and the home folder, but no path that everybody has."""
    everybodys = {Path("/"), Path("/tmp"), Path("/home"), Path("/usr/src"), Path(tempfile.gettempdir())}
    named = {checkout, checkout.parent, home} - everybodys
    return re.compile(r"(?<![\w/.-])(" + "|".join(re.escape(str(path)) for path in sorted(named)) + r")(?=[/\\])")


def test_the_top_level_holds_nothing_else(kept_files: list[Path]) -> None:
    assert strays(kept_files) == []
    assert strays([Path("Makefile"), Path(".github/x"), Path("tests/y")]) == ["Makefile"]


def test_packaging_and_resources_are_no_python_packages(kept_files: list[Path]) -> None:
    assert shadows(kept_files) == []
    assert shadows([Path("packaging/__init__.py"), Path("lrstudio/__init__.py")]) == ["packaging/__init__.py"]


def test_no_file_names_a_folder_of_this_machine(kept_files: list[Path]) -> None:
    pattern = paths_of_this_machine(ROOT, HOME)
    found = []
    for path in kept_files:
        data = (ROOT / path).read_bytes()
        if b"\0" not in data[:8192] and (match := pattern.search(data.decode("utf-8", "replace"))):
            found.append(f"{path}: {match[0]}")

    assert found == []


def test_a_folder_of_this_machine_would_be_found() -> None:
    pattern = paths_of_this_machine(Path("/srv/code/studio"), Path("/home/ada"))

    assert pattern.search("see /srv/code/shared/x")
    assert pattern.search('"/home/ada/.cache"')
    assert not pattern.search("https://example.org/srv/code/x and /tmp/x and /home/you/x")
