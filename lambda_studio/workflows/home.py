"""Where files lie beside the database, in a studio's home."""

from pathlib import Path


def adapters_folder(home: Path) -> Path:
    """Adapter files, each named by its SHA-256."""
    return home / "adapters"


def run_folder(home: Path, run_id: int) -> Path:
    """A run's loss curve and, while it is unfinished, its checkpoints."""
    return home / "runs" / str(run_id)
