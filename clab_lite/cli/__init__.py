"""The command line `clab-lite`: reads the arguments, runs one command, turns what goes wrong into one clear line.

Exit status: 0 done, 1 the command ran and its answer is "no" (`check` found problems), 2 bad options or bad data,
130 stopped by Ctrl-C.  Nothing in the library imports this package, and it imports torch only inside a command, so that
`--help` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from clab_lite.cli.parsing import parse
from clab_lite.errors import DataError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `clab-lite`; None takes them from the process.

    Returns:
        The exit status (see above). Never raises for bad options, bad data or Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command = parse(words)
    except DataError as error:
        return _fail(str(error))
    except SystemExit as stop:  # how tyro ends after --help (0) and after a wrong option (2)
        return stop.code if isinstance(stop.code, int) else 2
    try:
        return command.run()
    except DataError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        print(f"\nStopped. {command.after_interrupt}".rstrip(), file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away: `clab-lite check data | head`
        sys.stderr.close()
        return 141


def run() -> None:
    """The console script: `main`, with its answer as the exit status of the process."""
    sys.exit(main())


def _fail(message: str) -> int:
    print(f"clab-lite: {message}", file=sys.stderr)
    return 2
