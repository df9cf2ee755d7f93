"""``runfold``, or ``python -m runfold.surfaces.cli``: run a command; a failure is one sentence."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from runfold.infra.settings.declared import variables
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.app import command_line
from runfold.surfaces.cli.context import Context
from runfold.surfaces.cli.faults import explained
from runfold.surfaces.visible import visible


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with one of the documented exit codes."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str], context: Context | None = None) -> int:
    """Run the command line, on another context where one is given, and return its exit code."""
    context = context or Context()
    try:
        code = command_line().main(
            list(arguments), prog_name="runfold", standalone_mode=False, obj=context
        )
    except TyperException as error:
        return _say(_usage(error), exits.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        return _say("Interrupted.", exits.INTERRUPTED)
    except BrokenPipeError:
        return _unread()
    except SystemExit as ended:
        # typer makes 1 of it.
        if isinstance(ended.__context__, OSError) and ended.__context__.errno == errno.EPIPE:
            return _unread()
        raise
    except Exception as error:
        if variables.DEBUG.read():
            raise
        return _say(*explained(error))
    finally:
        context.close()
    return code if isinstance(code, int) else exits.OK


def _unread() -> int:
    """Leave well: the reader of our output has had enough, and nothing can be printed any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]
    return exits.OK


def _usage(error: TyperException) -> str:
    """Return what is wrong with the command line, and how it is meant."""
    context = getattr(error, "ctx", None)
    said = error.format_message() if hasattr(error, "format_message") else str(error)
    if context is None:
        return said
    return f"{said}\n{context.get_usage()}\nSee {context.command_path} --help."


def _say(sentence: str, code: int) -> int:
    sys.stderr.write(f"{visible(sentence)}\n")
    return code


if __name__ == "__main__":
    main()
