"""No line of the library, the lessons or the trials may run what stands in a file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("clab_lite", "notebooks", "tests/trials", "tests/benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)

ALLOWED = {
    ("clab_lite/pickled_names.py", "pickletools"): "lists the instructions of a pickle and runs none",
    ("clab_lite/methods/ranked/ranking_file.py", "yaml.load"): "with a loader derived from SafeLoader",
    ("tests/trials/faults/permissions.py", "ctypes.CDLL"): "the C library that runs already, of no file",
}
"""(file, what is found in it) -> why it may be there."""

_MODULES = (
    "pickle",
    "_pickle",
    "cPickle",
    "pickletools",
    "marshal",
    "shelve",
    "joblib",
    "dill",
    "cloudpickle",
    "runpy",
)
_CALLS = ("eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec", "os.system", "os.popen",
          "pandas.read_pickle", "pd.read_pickle", "torch.jit.load", "torch.package.PackageImporter", "torch.hub.load",
          "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "np.fromregex", "shutil.unpack_archive",
          "importlib.util.spec_from_file_location", "subprocess.getoutput", "ctypes.CDLL")  # fmt: skip
_METHODS = ("extractall", "read_pickle", "unsafe_load")


def found_in(text: str) -> Iterator[str]:
    """What a source does that could run code of a file, by its name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in _MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _MODULES:
            yield node.module or ""
        elif isinstance(node, ast.Call):
            name, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            if name in _CALLS or name.rpartition(".")[2] in _METHODS:
                yield name
            if name.endswith("torch.load") and given.get("weights_only") != "True":
                yield name
            if name in ("np.load", "numpy.load", "np.lib.format.read_array") and given.get("allow_pickle") != "False":
                yield name
            if name == "yaml.load" and given.get("Loader") not in ("yaml.SafeLoader", "SafeLoader"):
                yield name
            if given.get("shell", "False") != "False":
                yield f"{name}(shell=True)"


def test_nothing_in_a_file_is_run() -> None:
    assert len(SOURCES) > 400
    found = [(path.relative_to(ROOT).as_posix(), one) for path in SOURCES for one in found_in(path.read_text("utf-8"))]
    assert set(found) == set(ALLOWED), "what is new needs another way, or its reason in ALLOWED; what is gone leaves it"


@pytest.mark.parametrize("line", [
    "import pickle", "from marshal import loads", "torch.load(path)", "torch.load(path, weights_only=False)",
    "torch.load(path, weights_only=flag)", "np.load(path)", "np.load(path, allow_pickle=True)", "yaml.load(text)",
    "yaml.unsafe_load(text)", "eval(text)", "exec(compile(text, '', 'exec'))", "subprocess.run(text, shell=True)",
    "archive.extractall(folder)", "pd.read_pickle(path)", "torch.jit.load(path)", "import dill as d", "os.system(text)",
])  # fmt: skip
def test_the_scan_finds(line: str) -> None:
    assert list(found_in(line))


@pytest.mark.parametrize("line", [
    "torch.load(path, map_location='cpu', weights_only=True)", "np.load(path, allow_pickle=False)", "model.eval()",
    "yaml.load(text, Loader=yaml.SafeLoader)", "re.compile(text)", "subprocess.run([name, text])", "ast.parse(text)",
])  # fmt: skip
def test_the_scan_lets_through(line: str) -> None:
    assert not list(found_in(line))


def test_the_loader_of_rankings_is_a_safe_one() -> None:
    import yaml

    from clab_lite.methods.ranked import ranking_file

    assert issubclass(ranking_file._UniqueKeys, yaml.SafeLoader)
