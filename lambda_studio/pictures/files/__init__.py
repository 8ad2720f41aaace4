"""Picture files, read strictly: formats, colours, metadata and the reasons for refusals."""
