"""The first instructions of `studio`. From here on, Ctrl-C ends with exit code 130 and one line."""

from cli.screen import ctrl_c

ctrl_c.handle(ctrl_c.stop_at_once)


def main() -> None:
    """Run `studio`."""
    # not at the top: the handler is there before these take their time
    from cli import lean_imports, paused_collector
    from cli.main import main as begin

    lean_imports.install()
    paused_collector.install()
    begin()
