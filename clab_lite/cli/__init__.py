"""The command line `clab-lite`: reads the arguments, runs one command, turns what goes wrong into one clear line.

Exit status: 0 done, 1 the command ran and its answer is "no" (`check` found problems), 2 bad options, bad data, a
network whose numbers are not finite, a file that cannot be read or written, or the end of another process of the same
job, 130 stopped by Ctrl-C, 143 by SIGTERM (a training: after its checkpoint). Nothing in the library imports this
package, and it imports torch only inside a command, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Sequence

from clab_lite.cli.parsing import parse
from clab_lite.cli.processes import let_others_speak, require_one, speaks, started
from clab_lite.errors import DataError, NotFinite, OtherProcessFailed, remedy


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `clab-lite`; None takes them from the process.

    Returns:
        The exit status (see above). Only bugs raise.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):  # a path need not be UTF-8: it must not end a command that has to name it
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(words)
        sys.stdout.flush()  # a full disk behind it is told here, not by a traceback at exit
        return status
    except OtherProcessFailed:  # which says why itself
        let_others_speak()
        return 2
    except (DataError, NotFinite) as error:
        return _fail(str(error))
    except BrokenPipeError:  # the reader of our output went away: `clab-lite check data | head`
        _drop_output()
        return 141
    except OSError as error:  # no permission, a file in place of a folder, a full disk
        _drop_output()
        reason, place = error.strerror or str(error), error.filename
        said = f"{os.fsdecode(place)}: {reason}" if isinstance(place, str | bytes | os.PathLike) else reason
        advice = remedy(error)
        return _fail(f"{said}. {advice}" if advice else said)
    except RuntimeError as error:
        from clab_lite.distributed import peer_was_lost  # imports torch, which the command has done already

        if started() > 1 and peer_was_lost(error):
            _fail("another process ended: if it named no reason itself, it was killed. Continue with --resume.")
            let_others_speak()
            return 2
        raise


def _run(words: Sequence[str]) -> int:
    try:
        command = parse(words)
    except SystemExit as stop:  # how tyro ends after --help (0) and after a wrong option (2)
        return stop.code if isinstance(stop.code, int) else 2
    require_one(words[0])
    try:
        return command.run()
    except KeyboardInterrupt as stop:
        if speaks():
            print(f"\nStopped. {command.after_interrupt}".rstrip(), file=sys.stderr)
        return 128 + getattr(stop, "number", signal.SIGINT)


def run() -> None:
    """The console script: `main`, with its answer as the exit status of the process."""
    sys.exit(main())


def _drop_output() -> None:
    """Keep Python from writing to a broken standard output once more at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str) -> int:
    print(f"clab-lite: {message}", file=sys.stderr)
    return 2
