"""Rules of the house that a machine can check: bounds, sizes, import arrows, words that must not appear."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "clab_lite"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# A module may import from its own layer and from layers below it, never from one above (the base comes last).
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("lessons",),
    ("study",),
    ("demo",),
    ("branch_cost", "moments", "scaling"),
    ("report", "evaluation_page"),
    ("report_data", "report_words"),
    ("compare",),
    ("train", "evaluate", "embeddings", "detect", "pretraining"),
    ("scoring", "dataset_detections", "dataset_embeddings"),
    ("frame_detections",),
    ("detection_store",),
    ("trained", "frames"),
    ("weights_file", "backbone_file"),
    ("interop",),
    ("methods",),
    ("training", "show"),
    ("detector",),
    ("data", "metrics", "media", "evaluation_report", "evaluation_words"),
    ("schedule", "presets"),
    ("shares", "team", "team_bar", "team_mail", "team_pulse"),
    ("tensor_file", "array_file", "pickled_names", "file_format", "plain_values", "checksums"),
    (
        "config",
        "ranges",
        "errors",
        "files",
        "locks",
        "devices",
        "distributed",
        "meeting",
        "nonfinite",
        "gradient_watch",
        "first_derivative",
        "samples",
    ),
    ("__init__",),
)


def layer_of(module: str) -> int:
    """Position in LAYERS of `clab_lite.x.y`."""
    part = module.removeprefix("clab_lite").lstrip(".").split(".")[0] or "__init__"
    for position, names in enumerate(LAYERS):
        if part in names:
            return position
    raise AssertionError(f"{module}: give it a place in LAYERS (tests/test_project.py)")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def imports_of(tree: ast.AST) -> set[str]:
    """Modules of this package that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            base = node.module or ""
            folder = ROOT / base.replace(".", "/")
            names = [alias.name for alias in node.names]
            submodules = [n for n in names if (folder / f"{n}.py").exists() or (folder / n).is_dir()]
            found |= {f"{base}.{name}" for name in submodules} or {base}
    return {name for name in found if name.split(".")[0] == "clab_lite"}


def without_type_checking(tree: ast.Module) -> ast.Module:
    """Drop `if TYPE_CHECKING:` blocks: they are not executed."""
    body = [n for n in tree.body if not (isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")]
    return ast.Module(body=body, type_ignores=[])


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    module = module_name(path)
    if module == "clab_lite.__init__":
        return  # lazy: it names every layer and imports none
    tree = without_type_checking(ast.parse(path.read_text(encoding="utf-8")))
    upward = [name for name in imports_of(tree) if layer_of(name) < layer_of(module)]
    assert not upward, f"{module} imports upward: {upward}"


@pytest.mark.parametrize(("module", "never"), [
    ("clab_lite.detector", "clab_lite.data.vid"),  # the model knows tensors, not files
    ("clab_lite.detector", "clab_lite.data.clips"),
    ("clab_lite.data", "clab_lite.detector"),
    ("clab_lite.metrics", "clab_lite.detector"),
    ("clab_lite.metrics", "clab_lite.data"),  # the evaluator compares arrays
    ("clab_lite.interop", "clab_lite.data"),
])  # fmt: skip
def test_parts_that_do_not_know_each_other(module: str, never: str) -> None:
    folder = ROOT / module.replace(".", "/")
    for path in folder.rglob("*.py"):
        names = imports_of(ast.parse(path.read_text(encoding="utf-8")))
        assert not [n for n in names if n == never or n.startswith(never + ".")], path


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300, "one concept per file: split it"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            docstring = len((ast.get_docstring(node) or "").splitlines())
            assert lines - docstring <= 60, f"{node.name} has {lines - docstring} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_words_that_never_appear(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ".cuda(" not in text, "pass a device instead"
    assert not re.search(r"NotImplementedError|\bTODO\b|\bFIXME\b", text)
    assert not re.search(r"[\"'](/home|/root|/data|/work|/mnt|/tmp|C:\\\\)", text), "no paths in code"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_file_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "no module docstring"


def repository_files() -> list[Path]:
    """Tracked and new files, without ignored ones; all of them where git is missing."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for path in (ROOT / line for line in listing.splitlines()) if path.is_file()]


def test_no_large_files() -> None:
    files = [p for p in repository_files() if "data_samples" not in p.relative_to(ROOT).parts]
    large = {str(p.relative_to(ROOT)): p.stat().st_size for p in files if p.stat().st_size > 500_000}
    assert not large


def test_samples_weights_and_study_stay_small() -> None:
    folder = ROOT / "data_samples"
    if not folder.is_dir():
        pytest.skip("no data_samples here")
    assert sum(p.stat().st_size for p in repository_files() if folder in p.parents) <= 12_000_000


def requirement_table(lines: list[str]) -> dict[str, str]:
    """Name -> bound, for example "torch" -> ">=2.11"."""
    table = {}
    for line in lines:
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(\S*)", line)
        assert match, line
        table[match[1].lower()] = match[2]
    return table


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_conda_environment_equals_pyproject() -> None:
    entries = re.findall(r"^ *- (.+?)(?: *#.*)?$", (ROOT / "environment.yml").read_text(encoding="utf-8"), re.M)
    entries = [e for e in entries if e not in ("conda-forge", "pip", "pip:", "--editable .")]
    conda = requirement_table(entries)
    assert conda.pop("python") == pyproject()["requires-python"]
    assert conda == requirement_table(pyproject()["dependencies"])


def test_dependencies_are_lower_bounds_with_a_reason() -> None:
    bounds = requirement_table(pyproject()["dependencies"]).values()
    assert all(re.fullmatch(r">=[\d.]+", bound) for bound in bounds)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    for line in block.splitlines():
        if re.match(r' *".*>=', line):
            assert re.search(r",? +# \S", line), f"give the reason: {line}"


def test_versions_agree() -> None:
    import clab_lite

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {clab_lite.__version__}\n" in citation


def test_import_is_light() -> None:
    """`import clab_lite` and `--help` must not load torch."""
    heavy = ("torch", "pandas", "matplotlib")
    code = f"import sys, clab_lite, clab_lite.cli; print([m for m in {heavy} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]", answer


def test_public_names_exist() -> None:
    import clab_lite as cl

    for name in cl.__all__:
        assert getattr(cl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'detecter'"):
        _ = cl.detecter


def test_evaluate_stays_the_function_after_its_module_is_imported() -> None:
    import clab_lite as cl
    from clab_lite.evaluate import evaluate

    assert cl.evaluate is evaluate
