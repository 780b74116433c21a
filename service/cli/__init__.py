"""The `groundloop` command. Each group of commands is a file; nothing heavy is imported before a command runs."""

from __future__ import annotations

from service.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line."""
    app()
