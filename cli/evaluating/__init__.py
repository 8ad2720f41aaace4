"""The subcommands of `studio evaluate`."""
