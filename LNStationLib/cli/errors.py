"""Command group that reports errors in one sentence with the right exit code."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import typer
from typer.core import TyperGroup

from LNStationLib.support.errors import CancelledError, InputError
from LNStationLib.support.scarcity import LEAST_MEMORY_BYTES, memory_limit_bytes, remedy

BAD_INPUT, DEFECT, INTERRUPTED = 2, 1, 130


class UserErrorGroup(TyperGroup):
    """Commands that report errors in one sentence with the right exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; raise ``typer.Exit`` where it fails."""
        try:
            _check_memory_limit()
            return super().invoke(ctx)
        except InputError as error:
            _fail(f"Error: {error}", BAD_INPUT, error)
        except (KeyboardInterrupt, CancelledError) as error:
            _fail("Interrupted; no file is left half written.", INTERRUPTED, error)
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except Exception as error:
            scarce = remedy(error)
            if scarce is not None:
                _fail(f"Error: {scarce}", BAD_INPUT, error)
            if ctx.params.get("debug"):
                traceback.print_exc()
            what = f"{type(error).__name__}: {error}"
            hint = "" if ctx.params.get("debug") else " Run it again with --debug before the command for the details."
            _fail(f"Defect in LNStation: {what}.{hint}", DEFECT, error)


def _check_memory_limit() -> None:
    limit = memory_limit_bytes()
    if limit is not None and limit < LEAST_MEMORY_BYTES:
        raise InputError(
            f"memory is limited to {limit / 2**20:.0f} MB (ulimit -v) and {LEAST_MEMORY_BYTES / 2**20:.0f} MB are "
            "the least that LNStation starts with: raise the limit."
        )


def _fail(message: str, exit_code: int, error: BaseException) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(exit_code) from error


def set_up_logging(debug: bool) -> None:
    """Log warnings, or with ``debug`` every step of this library."""
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    # These tell their own internals at these levels.
    for chatty in ("matplotlib", "PIL", "nibabel", "urllib3", "dicomweb_client"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Warns of each failed request with a traceback, beside the sentence that the user gets.
    logging.getLogger("retrying").setLevel(logging.ERROR)
