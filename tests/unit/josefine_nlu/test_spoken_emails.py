import pytest
from hypothesis import given
from hypothesis import strategies as st

from josefine_nlu.spoken_emails import spoken_emails


def is_domain(name):
    return name.rsplit(".", 1)[-1] in {"com", "org", "uk"} and "." in name


def found(text):
    return [(text[email.start_char : email.end_char], email.certain) for email in spoken_emails(text, is_domain)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to john dot smith at example dot com, please", [("john dot smith at example dot com", True)]),
        ("It's jsmith at gmail.com. Thanks", [("jsmith at gmail.com", True)]),
        ("it is j o h n at example dot org", [("j o h n at example dot org", True)]),
        ("mail jane_doe at mail dot example dot co dot uk now", [("jane_doe at mail dot example dot co dot uk", True)]),
        ("or john underscore 85 at example. com", [("john underscore 85 at example. com", True)]),
        ("Look at example.com", [("Look at example.com", False)]),
        ("a@b.org and c at gmail dot com", [("a@b.org", True), ("c at gmail dot com", True)]),
        ("at gmail.com. The end", []),
        ("we met at school dot I think", []),
        ("", []),
    ],
)
def test_addresses(text, expected):
    assert found(text) == expected


@given(st.text("ab .@-_\n,dot", max_size=120))
def test_any_text_gives_spans_inside_it(text):
    for email in spoken_emails(text, lambda _: True):
        assert 0 <= email.start_char < email.end_char <= len(text)
