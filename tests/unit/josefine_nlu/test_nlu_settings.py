import pytest
from pydantic import ValidationError

from josefine_nlu.kinds import DEFAULT_KINDS
from josefine_nlu.settings import NluSettings


def test_lists_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("JOSEFINE_PII_KINDS", "person, US_SSN")
    monkeypatch.setenv("JOSEFINE_PHONE_REGIONS", "de")
    settings = NluSettings()
    assert (settings.pii_kinds, settings.phone_regions) == (("PERSON", "US_SSN"), ("DE",))


def test_redaction_can_be_switched_off(monkeypatch):
    assert NluSettings().pii_kinds == DEFAULT_KINDS
    monkeypatch.setenv("JOSEFINE_PII_KINDS", "")
    assert NluSettings().pii_kinds == ()


def test_an_unknown_kind_is_named(monkeypatch):
    monkeypatch.setenv("JOSEFINE_PII_KINDS", "PERSON,SHOE_SIZE")
    with pytest.raises(ValidationError, match="SHOE_SIZE"):
        NluSettings()
