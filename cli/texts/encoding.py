"""What commands that store images say about their embeddings."""

from typing import TYPE_CHECKING

from cli.texts.tables import counted

if TYPE_CHECKING:
    from lambda_studio.studio import Added


def encoded(added: "Added") -> str:
    """Return the line that says how many images were encoded now."""
    if added.not_encoded:
        return f"Not encoded yet: {added.not_encoded}. The first prompt or fine-tuning that names it does it."
    total = counted(added.encoded + added.cached, "image")
    if not added.encoded:
        return f"Nothing to encode: {added.stack} has the embeddings of all images."
    if not added.cached:
        return f"Encoded {total} with {added.stack}."
    return f"Encoded {added.encoded} of {total} with {added.stack}, which has the embeddings of the others."
