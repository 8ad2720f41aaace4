"""The texts of pictures of formats 1 to 3, which had a text chunk for each value."""

import re
from collections.abc import Mapping
from typing import Any

from lambda_studio.formats import FORMAT, parse_json

NUMBER_KEY = "lambda-studio format"
JSON_VALUES = ("settings", "concepts", "weights", "likeness", "origin", "pictures")


def table_of_earlier(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the table of format 4 that says what the chunks say, still unchecked. What they lack is missing.

    Raises ValueError for texts of another program, and for values that were never written.
    """
    if texts.get("Software") != "lambda-studio" or "prompt" not in texts:
        raise ValueError("it has no texts from λ-Studio")
    number = texts.get(NUMBER_KEY, "1")  # version 0.1 wrote none
    if not re.fullmatch(r"[1-3]", number):
        raise ValueError(f"its format is {number[:40]!r}, not 1, 2 or 3")
    said: dict[str, Any] = {name: texts[name] for name in ("prompt", "stack") if name in texts}
    said |= {name: parse_json(texts[name]) for name in JSON_VALUES if name in texts}
    if "seed" in texts:
        if not re.fullmatch(r"[0-9]{1,20}", texts["seed"]):
            raise ValueError(f"its seed is {texts['seed'][:40]!r}")
        said["seed"] = int(texts["seed"])
    if "adapters" in texts:  # of several adapters, or of one that was scaled
        said["adapters"] = parse_json(texts["adapters"])
    elif "adapter" in texts:
        said["adapters"] = [] if texts["adapter"] == "none" else [{"sha256": texts["adapter"], "scale": 1.0}]
    settings = said.get("settings")
    if isinstance(settings, dict) and settings.get("edges") and "pictures" not in said:  # of version 0.1
        said["pictures"] = {"edges": {"name": str(settings["edges"]), "sha256": ""}}
    return {FORMAT: int(number), **said}
