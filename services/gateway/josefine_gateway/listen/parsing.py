"""A query as it comes -> options, or one line that says the mend."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_origin

from pydantic import ValidationError

from josefine_gateway.listen.option_error import OptionError, option_error
from josefine_gateway.listen.options import LiveOptions, RecordedOptions
from josefine_gateway.listen.query import Query
from josefine_gateway.listen.read_options import ReadOptions
from josefine_gateway.listen.refused import KNOWN, OFF, refuse
from josefine_gateway.listen.served import Served
from josefine_gateway.listen.turn_options import TurnOptions

Options = TypeVar("Options", bound=Query)
_ROUTES: Final[Mapping[type[Query], str]] = MappingProxyType(
    {
        LiveOptions: "WS /v1/listen",
        RecordedOptions: "POST /v1/listen",
        TurnOptions: "WS /v2/listen",
        ReadOptions: "POST /v1/read",
    }
)
_LONGEST_SHOWN: Final = 40
_NEAR: Final = 0.8
"""Of get_close_matches: a letter or two of a name; its default of 0.6 takes no_delay for model."""


def parse(kind: type[Options], items: Iterable[tuple[str, str]], served: Served | None = None) -> Options:
    """Returns the options of the raw query pairs, checked against what the server has, unless that is left for later.

    A repeated name is a list. A name without a value is as good as none. An option that this engine or route does
    not have, or nobody knows, may be given as long as it is off.

    Raises:
        OptionError: the first fault.
    """
    values = _by_name(items)
    known = {name: _value(kind, name, each) for name, each in values.items() if _known(kind, name, each)}
    try:
        options = kind.model_validate(known)
    except ValidationError as error:
        raise option_error(error) from error
    return options if served is None else options.checked(served)


def _by_name(items: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in items:
        if value:
            values.setdefault(name, []).append(value)
    return values


def _known(kind: type[Query], name: str, values: list[str]) -> bool:
    """Whether the route has the option; OptionError if it has not, and the option is not off."""
    if name in kind.model_fields:
        return True
    if name in KNOWN:
        refuse(name, values)
    elif any(value.lower() not in OFF for value in values):
        raise _unknown(kind, name)
    return False


def _unknown(kind: type[Query], name: str) -> OptionError:
    routes = [route for other, route in _ROUTES.items() if name in other.model_fields]
    if routes:
        return OptionError(name, f"is an option of {', '.join(routes)} only; leave it out")
    return OptionError(name[:_LONGEST_SHOWN], f"is not an option{_meant(kind, name)}")


def _meant(kind: type[Query], name: str) -> str:
    close = get_close_matches(name.lower(), [*kind.model_fields, *sorted(KNOWN)], n=1, cutoff=_NEAR)
    return f"; did you mean {close[0]}?" if close else ""


def _value(kind: type[Query], name: str, values: Sequence[str]) -> Any:
    if get_origin(kind.model_fields[name].annotation) is list:
        return list(values)
    if len(set(values)) > 1:
        raise OptionError(name, "is given more than once, with different values")
    return values[0]
