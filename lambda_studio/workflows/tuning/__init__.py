"""From concepts to an adapter."""
