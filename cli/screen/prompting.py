"""Ask for lines, with names completed by Tab."""

from collections.abc import Callable, Iterator, Sequence


def typed(prompt: str, names: Callable[[], Sequence[str]]) -> Iterator[str]:
    """Yield each typed line until Ctrl-D. Ctrl-C discards a line.

    Args:
        names: returns the names to complete after `<`. It is called at each Tab.
    """
    complete_names(names)
    while True:
        try:
            line = input(prompt)
        except KeyboardInterrupt:
            print()
            continue
        except EOFError:
            print()
            return
        yield line


def complete_names(names: Callable[[], Sequence[str]]) -> None:
    """Complete names by Tab, where Python has readline."""
    try:
        import readline
    except ImportError:  # Python on Windows has none
        return
    found: list[str] = []

    def complete(_: str, number: int) -> str | None:
        if number == 0:
            found[:] = completions(readline.get_line_buffer()[: readline.get_endidx()], names())
        return found[number] if number < len(found) else None

    readline.set_completer_delims("<")
    readline.set_completer(complete)
    readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")


def completions(line: str, names: Sequence[str]) -> list[str]:
    """Return the names that may stand where a line ends, each with its `>`. There are none outside of `<`."""
    before, sign, begun = line.rpartition("<")
    if not sign or ">" in begun or before.endswith("\\"):
        return []
    return [f"{name}>" for name in names if name.casefold().startswith(begun.casefold())]
