"""`groundloop doctor`"""

from __future__ import annotations

from dataclasses import asdict

import typer

from service.cli.connect import Home, settings_for
from service.cli.output import Json, emit

MARKS = {"ok": "ok  ", "warning": "warn", "problem": "FAIL"}


def doctor(home: Home = None, json: Json = False) -> None:
    """Look at everything that Groundloop needs on this machine, and say how to fix what is wrong."""
    from service.doctor import examine

    findings = examine(settings_for(home=home))
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.state]}  {finding.name}: {finding.told}")
        if finding.fix:
            lines.append(f"        fix: {finding.fix}")
    emit([asdict(finding) for finding in findings], "\n".join(lines), json)
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(1)
