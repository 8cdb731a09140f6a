"""Presidio recognisers: its own for what is written, ours for what is said. None of them opens a connection."""

import re
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Final

import phonenumbers
from presidio_analyzer import (
    AnalysisExplanation,
    EntityRecognizer,
    LocalRecognizer,
    Pattern,
    PatternRecognizer,
    RecognizerResult,
)
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    CryptoRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    PhoneRecognizer,
    SpacyRecognizer,
    UsBankRecognizer,
    UsItinRecognizer,
    UsLicenseRecognizer,
    UsPassportRecognizer,
    UsSsnRecognizer,
)
from tldextract import TLDExtract

from josefine_nlu.kinds import NER_KINDS
from josefine_nlu.spoken_emails import spoken_emails
from josefine_nlu.spoken_numbers import DigitRun, digit_runs, passes_luhn

# Certainties. A form that nothing else has stands alone; a weak one needs a word of context near it.
_SURE: Final = 0.85
_LIKELY: Final = 0.5
_WEAK: Final = 0.15
_NONE: Final = 0.0
_CONTEXT_ADDS: Final = 0.35
"""As in Presidio's own enhancer. That one counts every digit of a number as a word and leaves out stop words
("call"), so what is said gets its context here."""
_CONTEXT_CHARS: Final = 60
"""About ten words on either side."""


def recognisers(phone_regions: Sequence[str]) -> list[EntityRecognizer]:
    """Returns a recogniser or more for every kind of kinds.py."""
    # No addresses of lists and no cache folder: only the list of public suffixes inside the package is used.
    suffixes = TLDExtract(suffix_list_urls=(), cache_dir=None)
    return [
        SpacyRecognizer(supported_entities=sorted(set(NER_KINDS.values()))),
        *(recogniser() for recogniser in _WRITTEN),
        PhoneRecognizer(supported_regions=tuple(phone_regions)),
        OfflineEmailRecogniser(suffixes),
        SpokenEmailRecogniser(suffixes),
        PatternRecognizer("PHONE_NUMBER", "LocalPhone", patterns=[_LOCAL_PHONE]),
        SpokenNumberRecogniser("CREDIT_CARD", card_score, ("card", "credit", "debit", "visa", "mastercard", "amex")),
        SpokenNumberRecogniser("US_SSN", ssn_score, ("social", "security", "ssn")),
        SpokenNumberRecogniser("PHONE_NUMBER", phone_score, _PHONE_CONTEXT),
        SpokenNumberRecogniser("US_BANK_NUMBER", account_score, ("account", "bank", "routing", "checking", "savings")),
    ]


_PHONE_CONTEXT: Final = (
    "phone", "telephone", "cell", "cellphone", "mobile", "call", "calling", "dial", "number", "reach", "text", "fax",
)  # fmt: skip
_LOCAL_PHONE: Final = Pattern("seven digits with a dash", r"\b[2-9][0-9]{2}-[0-9]{4}\b", _LIKELY)


_WRITTEN: Final = (
    CreditCardRecognizer,
    CryptoRecognizer,
    IbanRecognizer,
    IpRecognizer,
    UsBankRecognizer,
    UsItinRecognizer,
    UsLicenseRecognizer,
    UsPassportRecognizer,
    UsSsnRecognizer,
)


class OfflineEmailRecogniser(EmailRecognizer):
    """Presidio's, which would ask the network for the list of public suffixes."""

    def __init__(self, suffixes: TLDExtract) -> None:
        self._suffixes = suffixes
        super().__init__()

    def validate_result(self, pattern_text: str) -> bool:
        return bool(self._suffixes(pattern_text).suffix)


class SpokenNumberRecogniser(LocalRecognizer):
    """Runs of digits, judged by length, grouping and check digit."""

    def __init__(self, kind: str, judge: Callable[[DigitRun], float], context: Sequence[str]) -> None:
        self._kind, self._judge, self._near = kind, judge, frozenset(context)
        super().__init__([kind], name=f"Spoken{kind}")

    def load(self) -> None:
        """Nothing is loaded."""

    def analyze(
        self,
        text: str,
        entities: Sequence[str],
        nlp_artifacts: NlpArtifacts | None = None,  # noqa: ARG002 - Presidio's signature
    ) -> list[RecognizerResult]:
        if self._kind not in entities:
            return []
        scored = [(run.start_char, run.end_char, self._judge(run)) for run in digit_runs(text)]
        return [_result(self, text, found, self._near) for found in scored if found[2] > _NONE]


_EMAIL_CONTEXT: Final = frozenset({"email", "e-mail", "mail", "address", "contact", "reach", "write", "send"})


class SpokenEmailRecogniser(LocalRecognizer):
    """Addresses with "at" and "dot"."""

    def __init__(self, suffixes: TLDExtract) -> None:
        self._suffixes = suffixes
        super().__init__(["EMAIL_ADDRESS"], name="SpokenEmail")

    def load(self) -> None:
        """Nothing is loaded."""

    def analyze(
        self,
        text: str,
        entities: Sequence[str],
        nlp_artifacts: NlpArtifacts | None = None,  # noqa: ARG002 - Presidio's signature
    ) -> list[RecognizerResult]:
        if "EMAIL_ADDRESS" not in entities:
            return []
        return [
            _result(self, text, (found.start_char, found.end_char, _SURE if found.certain else _WEAK), _EMAIL_CONTEXT)
            for found in spoken_emails(text, self._is_domain)
        ]

    def _is_domain(self, name: str) -> bool:
        parts = self._suffixes(name)
        return bool(parts.suffix and parts.domain)


def card_score(run: DigitRun) -> float:
    """13 to 19 digits (ISO/IEC 7812-1), and what is said after them in one breath: expiry, security code.

    One misheard digit spoils the check digit, so context may stand in for it.
    """
    if len(run.digits) < 13:
        return _NONE
    ends = [end for end in accumulate(run.shape) if 13 <= end <= 19]
    checked = any(passes_luhn(run.digits[:end]) for end in ends) and run.digits[0] in "23456"
    return _SURE if checked else _WEAK


def ssn_score(run: DigitRun) -> float:
    """9 digits, said 3-2-4 or one by one. Areas 000, 666 and 900-999 are never given (SSA, 20 CFR 422.103)."""
    digits = run.digits
    if len(digits) != 9 or digits[:3] in {"000", "666"} or digits[0] == "9":
        return _NONE
    if digits[3:5] == "00" or digits[5:] == "0000":
        return _NONE
    return _LIKELY if run.shape == (3, 2, 4) else _WEAK


def phone_score(run: DigitRun) -> float:
    """North American numbers by grouping, spelling or validity; 7 to 15 digits (ITU-T E.164) with context."""
    digits = run.digits.removeprefix("1") if len(run.digits) == 11 else run.digits
    spelled = len(run.groups) >= 6
    if len(digits) == 10 and (run.shape[-3:] == (3, 3, 4) or spelled or _is_north_american(digits)):
        return _LIKELY
    return _WEAK if len(digits) <= 15 and len(digits) not in {8, 9} else _NONE


def account_score(run: DigitRun) -> float:
    """8 to 17 digits, with context only."""
    return _WEAK if 8 <= len(run.digits) <= 17 else _NONE


def _is_north_american(digits: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.PhoneNumber(country_code=1, national_number=int(digits)))


def _result(
    recogniser: EntityRecognizer, text: str, found: tuple[int, int, float], context: frozenset[str]
) -> RecognizerResult:
    start, end, score = found
    name = str(recogniser.name)  # type: ignore[has-type]
    return RecognizerResult(
        entity_type=recogniser.supported_entities[0],
        start=start,
        end=end,
        score=min(score + _CONTEXT_ADDS, 1.0) if _has_context(text, start, end, context) else score,
        # No text of speech goes in.
        analysis_explanation=AnalysisExplanation(name, score),
        recognition_metadata={
            RecognizerResult.RECOGNIZER_NAME_KEY: name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: recogniser.id,
        },
    )


def _has_context(text: str, start: int, end: int, context: frozenset[str]) -> bool:
    around = f"{text[max(0, start - _CONTEXT_CHARS) : start]} {text[end : end + _CONTEXT_CHARS]}"
    return not context.isdisjoint(re.findall(r"[a-z]+(?:-[a-z]+)*", around.lower()))
