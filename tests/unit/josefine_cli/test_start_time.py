from datetime import UTC, datetime

import pytest

from josefine_cli.errors import CliError
from josefine_cli.start_time import start_of

NOW_S = datetime(2030, 1, 31, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("beginning", "beginning"),
        ("end", "end"),
        ("90s", int((NOW_S - 90) * 1000)),
        ("10m", int((NOW_S - 600) * 1000)),
        ("1.5h", int((NOW_S - 5400) * 1000)),
        ("2030-01-31T09:00:00+00:00", int((NOW_S - 3 * 3600) * 1000)),
    ],
)
def test_what_people_say(text, start):
    assert start_of(text, NOW_S) == start


@pytest.mark.parametrize("text", ["", "yesterday", "10", "-5m", "10 m"])
def test_what_nobody_understands_is_refused_with_examples(text):
    with pytest.raises(CliError, match="10m") as caught:
        start_of(text, NOW_S)

    assert caught.value.exit_status == 2
