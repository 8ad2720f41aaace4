"""What the miniature shows people: the demo, the gallery, the benchmark's photographs."""
