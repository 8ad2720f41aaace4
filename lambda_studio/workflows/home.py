"""Paths of files in a studio's home."""

import os
from pathlib import Path

from concepts.records import AdapterRecord


def default_home() -> Path:
    """Return the default home: STUDIO_HOME, or the platform's folder for user data."""
    import platformdirs

    named = os.environ.get("STUDIO_HOME")
    return Path(named) if named else platformdirs.user_data_path("lambda-studio", appauthor=False)


def adapters_folder(home: Path) -> Path:
    """Return the folder of adapter files. Each file is named by its SHA-256."""
    return home / "adapters"


def run_folder(home: Path, run_id: int) -> Path:
    """Return the folder of a run's loss curve and, until the run is finished, its checkpoints."""
    return home / "runs" / str(run_id)


def run_lock(home: Path, run_id: int) -> Path:
    """Return the file whose lock the process that works on a run holds."""
    return home / "runs" / f"{run_id}.lock"


def adapter_file(home: Path, adapter: AdapterRecord) -> Path:
    """Return the path of the adapter's file, present or not."""
    return adapters_folder(home) / adapter.file_name


def why_missing(home: Path, adapter: AdapterRecord, on_server: bool) -> tuple[str, str]:
    """Return cause and remedy for an adapter whose file is missing."""
    path = adapter_file(home, adapter)
    if on_server:  # another machine may have it
        remedy = "Set the home (STUDIO_HOME) to the team's shared folder, and check that you can read it."
        return f"The file of adapter {adapter.id} is not reachable from this machine: {path}.", remedy
    remedy = f"Remove it: studio adapters remove {adapter.id}. Then fine-tune again. Or draw with --adapter none."
    return f"The file of adapter {adapter.id} is missing: {path}.", remedy
