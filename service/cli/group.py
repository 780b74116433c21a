"""The command group that ends with a message instead of a traceback."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from service.cli.output import complain
from service.client.errors import ClientError


class TellingGroup(TyperGroup):
    """Shows expected errors as one line on standard error and exits with their code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ClientError as error:
            complain(str(error))
            raise typer.Exit(error.exit_code) from error
