"""What commands that add pictures say about the masks that were found."""

from typing import TYPE_CHECKING

from cli.tables import counted

if TYPE_CHECKING:
    from lambda_studio.studio import Added


def masks_found(added: "Added", by_hand: bool) -> list[str]:
    """Return a line with how many masks look right and which ones to look at; no line if they were given by hand."""
    if not added.looked_at or (by_hand and not added.doubtful):
        return []
    right = added.looked_at - len(added.doubtful)
    told = f"{right} of {counted(added.looked_at, 'mask')} {'looks' if added.looked_at == 1 else 'look'} right"
    if not added.doubtful:
        return [f"{told}."]
    name = added.concept.name
    return [f"{told}; look at {', '.join(added.doubtful)}: studio concepts show {name} --sheet {name}.png"]
