"""Inputs that atheris grows along the lines of code they reach. It runs in a process of its own.

python -m trials.fuzz.guided NAME RUNS SEED RESULT.json
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from trials.fuzz.tally import Tally
from trials.fuzz.target import Target

_LONGEST = 20_000
"""Bytes of an input."""


def available() -> bool:
    """Whether atheris is installed (`pip install clab-lite[fuzz]`)."""
    return importlib.util.find_spec("atheris") is not None


def run(target: Target, count: int, seed: int = 0) -> Tally:
    """Try `count` contents of the target's file, from the valid ones on."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "trials.fuzz.guided", target.name, str(count), str(seed), str(result)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if not result.is_file():
            words = f"atheris ended without a result ({done.returncode}): {done.stderr[-1_000:]}"
            return Tally(target.name, crashes=[words])
        return Tally.from_dict(json.loads(result.read_text(encoding="utf-8")))


def main(name: str, count: int, seed: int, result: Path) -> None:
    """The process that `run` starts."""
    import atheris

    with atheris.instrument_imports(include=["clab_lite.data", "clab_lite.errors"]):
        from trials.fuzz.targets import TARGETS
    from trials.fuzz.runner import Session

    target = next(target for target in TARGETS if target.name == name)
    assert target.guided is not None
    file = target.guided
    corpus = result.parent / "corpus"
    corpus.mkdir()
    content = target.tree()[file]
    (corpus / "valid").write_bytes(content[:_LONGEST])
    with Session(target) as session:

        def attempt(content: bytes) -> None:
            session.attempt({file: content}, f"atheris, seed {seed}")
            if session.tally.tried >= count:
                result.write_text(json.dumps(session.tally.to_dict()), encoding="utf-8")
                session.__exit__()
                os._exit(0)  # libFuzzer has no other end that Python could do something after

        flags = [f"-runs={count + 10}", f"-seed={seed + 1}", f"-max_len={_LONGEST}", "-timeout=60", "-rss_limit_mb=0"]
        atheris.Setup([sys.argv[0], str(corpus), *flags], attempt)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
