"""The one place that imports OpenVINO, because the import itself must be made safe."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def import_openvino() -> Any:
    """Give the `openvino` module with its telemetry off.

    Merely importing it reports to Google Analytics over `openvino_telemetry`, without asking, and writes a client id
    into the user's home. With that package hidden it takes its own stub instead.
    """
    hidden: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None hides a module (PEP 328)
    if "openvino" not in sys.modules:
        hidden["openvino_telemetry"] = None
    import openvino

    return openvino
