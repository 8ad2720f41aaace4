"""Show the miniature to users: the demo, the gallery, the contact sheets."""
