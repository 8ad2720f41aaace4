"""ConceptBed's concept confidence deviation (CCD), and the oracles whose confidence it compares."""
