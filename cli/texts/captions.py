"""What is said of the captions of a concept's images."""

import shlex
from typing import TYPE_CHECKING

from cli.texts.tables import counted

if TYPE_CHECKING:
    from lambda_studio.studio import ConceptRecord


def counted_captions(concept: "ConceptRecord") -> list[str]:
    """Return a line with the number of the concept's captions, or no line."""
    count = sum(image.caption is not None for image in concept.images)
    command = f"studio finetune {shlex.quote(concept.name)} --conditions both"
    return [f"{counted(count, 'caption')} stored. To learn from them: {command}"] if count else []


def caption_lines(concept: "ConceptRecord") -> list[str]:
    """Return a line for each caption."""
    return [
        f"  Caption of image {number} ({image.source_name}): {image.caption}"
        for number, image in enumerate(concept.images, start=1)
        if image.caption is not None
    ]


def captions_now(concept: "ConceptRecord") -> list[str]:
    """Return a line for each caption after a change, or the line that there are none."""
    return caption_lines(concept) or [f"{concept.name} has no captions."]
