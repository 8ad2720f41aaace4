"""How the miniature's weights are trained from nothing."""
