"""How a run is trained in the memory that is free, and how long it will take."""
