"""Use cases about one concept: its photos, masks, versions, look-alikes."""
