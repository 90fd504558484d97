"""The option for the language of reports, the same in every command."""

from __future__ import annotations

from typing import Annotated

import typer

LanguageOption = Annotated[
    str, typer.Option(metavar="CODE", help="Language of the reports: en or de; tables and JSON stay English.")
]
