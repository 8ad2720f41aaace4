"""Use cases of one concept: photos, masks, versions and similar concepts."""
