"""Nothing that one system alone has, outside the places that are named here with their reasons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "clab_lite"

ALLOWED = {
    ("locks.py", "import fcntl"): "where there is none, msvcrt locks",
    ("locks.py", "import msvcrt"): "Windows' own, where fcntl is missing",
    ("lessons/own_data/several.py", "os.killpg"): "behind sys.platform; Windows ends the processes with taskkill",
    ("lessons/own_data/several.py", "signal.SIGKILL"): "on the same side of it",
    ("training/calibrate.py", "os.sched_getaffinity"): "where it is missing, all cores count",
    ("data/world/target.py", "rename"): "of folders; what is there has been moved aside before",
}
"""(file, what) -> why it may stand there."""

_MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "curses", "syslog", "posix", "msvcrt", "winreg"}
_OF_OS = {
    "fork", "forkpty", "kill", "killpg", "setsid", "getuid", "geteuid", "getgid", "getpgid", "mkfifo", "uname", "nice",
    "wait", "waitpid", "statvfs", "chown", "getloadavg", "sched_getaffinity", "sched_setaffinity", "sysconf", "rename",
    "O_NOFOLLOW", "O_DIRECTORY", "symlink", "link", "startfile",
}  # fmt: skip
_OF_SIGNAL = {
    "SIGKILL", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGQUIT", "SIGCHLD", "SIGPIPE", "alarm", "setitimer",
}  # fmt: skip
_METHODS = {"symlink_to", "hardlink_to", "rename", "lchmod", "strftime", "set_start_method"}
_NO_PATHS = {"columns", "index", "mapper"}
"""Arguments of pandas' `rename`."""
_FOLDERS = re.compile(r"(^|[^\w.])/(proc|dev|tmp|etc|sys|var)(/|$)")
_TEXT = {"open", "read_text", "write_text", "fdopen", "NamedTemporaryFile", "TextIOWrapper"}
_PROCESSES = {"Popen", "run", "check_output", "check_call"}


def found_in(source: str) -> Iterator[tuple[str, int]]:
    """(what, line) of everything in a file that some system lacks or does otherwise."""
    tree = ast.parse(source)
    texts = {id(node.body[0].value) for node in ast.walk(tree) if _has_docstring(node)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from ((f"import {name}", line) for name in names if name in _MODULES)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            known = {"os": _OF_OS, "signal": _OF_SIGNAL}.get(node.value.id, set())
            if node.attr in known:
                yield f"{node.value.id}.{node.attr}", line
        elif isinstance(node, ast.Call):
            yield from ((what, line) for what in _call(node))
        elif isinstance(node, ast.Constant) and id(node) not in texts and _FOLDERS.search(str(node.value)):
            yield f"the folder in {node.value!r}", line


def _has_docstring(node: ast.AST) -> bool:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


def _call(node: ast.Call) -> Iterator[str]:
    words = {keyword.arg for keyword in node.keywords}
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
    if name in _METHODS and owner not in ("os", "") and not words & _NO_PATHS:
        yield name
    binary = any(isinstance(a, ast.Constant) and isinstance(a.value, str) and "b" in a.value for a in node.args[:2])
    own = name in ("read_text", "write_text") and not owner  # clab_lite.files.write_text: always UTF-8
    given = name == "read_text" and any(isinstance(a, ast.Constant) and a.value == "utf-8" for a in node.args)
    foreign = owner in ("Image", "av", "os", "archive")  # pictures, videos, numbers of files, members of a zip: no text
    if name in _TEXT and "encoding" not in words and not (binary or own or given or foreign):
        yield f"{name} without encoding"
    if name in _PROCESSES and words & {"text", "universal_newlines"} and "encoding" not in words:
        yield f"{name} without encoding"
    handed = [*node.args, *(keyword.value for keyword in node.keywords)]
    if name in ("DataLoader", "ProcessPoolExecutor") and any(isinstance(value, ast.Lambda) for value in handed):
        yield f"{name} with a function that a fresh process cannot import"
    if any(keyword.arg == "non_blocking" and ast.unparse(keyword.value) == "True" for keyword in node.keywords):
        yield "non_blocking on every device"  # MPS goes on reading memory that has been freed
    if name == "ProcessPoolExecutor" and "mp_context" not in words:
        yield f"{name} without a start method"


def test_only_where_it_is_guarded() -> None:
    seen = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for what, line in found_in(path.read_text(encoding="utf-8")):
            assert (name, what) in ALLOWED, f"{name}:{line}: {what}. Guard it, and give the reason in ALLOWED."
            seen.add((name, what))
    assert seen == set(ALLOWED), f"allowed, but not there any more: {sorted(set(ALLOWED) - seen)}"


@pytest.mark.parametrize(("source", "what"), [
    ("import fcntl", "import fcntl"),
    ("def f():\n    from resource import getrusage", "import resource"),
    ("os.fork()", "os.fork"),
    ("os.kill(1, signal.SIGKILL)", "signal.SIGKILL"),
    ("signal.alarm(3)", "signal.alarm"),
    ("os.rename(a, b)", "os.rename"),
    ("path.rename(other)", "rename"),
    ("path.symlink_to(other)", "symlink_to"),
    ("now.strftime('%-d')", "strftime"),
    ("open('/dev/shm/x', 'rb')", "the folder in '/dev/shm/x'"),
    ("open(path)", "open without encoding"),
    ("path.open('w')", "open without encoding"),
    ("path.read_text()", "read_text without encoding"),
    ("path.write_text(text)", "write_text without encoding"),
    ("subprocess.run(words, text=True)", "run without encoding"),
    ("DataLoader(items, collate_fn=lambda x: x)", "DataLoader with a function that a fresh process cannot import"),
    ("value.to(device, non_blocking=True)", "non_blocking on every device"),
    ("ProcessPoolExecutor(2)", "ProcessPoolExecutor without a start method"),
])  # fmt: skip
def test_it_is_noticed(source: str, what: str) -> None:
    assert what in [found for found, _ in found_in(source)]


@pytest.mark.parametrize("source", [
    "open(path, encoding='utf-8')", "path.open('rb')", "write_text(path, text)", "table.rename(columns=names)",
    "Image.open(file)", "os.replace(a, b)", '"""In /tmp/x."""', "subprocess.run(words, capture_output=True)",
])  # fmt: skip
def test_what_every_system_does_alike_passes(source: str) -> None:
    assert list(found_in(source)) == []
