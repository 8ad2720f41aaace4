"""What a registry is asked, one file for each noun. Verbs check roles and call the queries of `rows`."""
