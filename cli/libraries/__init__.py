"""Commands about concepts and libraries."""
