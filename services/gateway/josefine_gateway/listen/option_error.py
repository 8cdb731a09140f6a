"""What is wrong with a query."""

from typing import Final

from pydantic import ValidationError

_LONGEST_SHOWN: Final = 40


class OptionError(Exception):
    """An option cannot be had as it is asked for; the request is answered with 400 and this line."""

    def __init__(self, name: str, fault: str) -> None:
        """`fault` goes on where the name ends, and says the mend."""
        name = name if name.isprintable() else ascii(name)
        super().__init__(f"{name}: {fault}")
        self.name = name
        """The option's."""


def option_error(error: ValidationError) -> OptionError:
    """Returns the first fault that a model of options found."""
    fault = error.errors(include_url=False)[0]
    name = str(fault["loc"][0]) if fault["loc"] else "query"
    shown = repr(str(fault["input"])[:_LONGEST_SHOWN])
    message = fault["msg"].removeprefix("Value error, ")
    return OptionError(name, f"is {shown}; {message[:1].lower()}{message[1:]}")
