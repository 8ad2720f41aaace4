"""Adapters' files, which every machine that uses the registry has to reach."""

from pathlib import Path

from concepts.records import AdapterRecord
from lambda_studio.workflows.home import adapters_folder
from lambda_studio.workflows.workplace import Workplace


def adapter_file(place: Workplace, adapter: AdapterRecord) -> Path:
    """Where the adapter's file is looked for."""
    return adapters_folder(place.home) / adapter.file_name


def why_missing(place: Workplace, adapter: AdapterRecord) -> tuple[str, str]:
    """Cause and remedy for an adapter whose file is not where it is looked for."""
    path = adapter_file(place, adapter)
    if place.database.path is None:  # another machine may have it
        remedy = "Let --home (STUDIO_HOME) be the folder that the team shares, and see that you may read it."
        return f"The file of adapter {adapter.id} is not within reach of this machine: {path}.", remedy
    remedy = f"Forget it: studio adapters remove {adapter.id}. Then fine-tune again. Or draw with --adapter none."
    return f"The file of adapter {adapter.id} is gone: {path}.", remedy
