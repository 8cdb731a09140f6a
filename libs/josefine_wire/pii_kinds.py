"""Personal information that is found unless an operator says otherwise. Names are Presidio's."""

from typing import Final

DEFAULT_KINDS: Final = (
    "PERSON",
    "PHONE_NUMBER",
    "EMAIL_ADDRESS",
    "CREDIT_CARD",
    "US_SSN",
    "US_ITIN",
    "US_BANK_NUMBER",
    "US_PASSPORT",
    "US_DRIVER_LICENSE",
    "IBAN_CODE",
    "IP_ADDRESS",
    "CRYPTO",
)
"""nlu looks for these and the gateway offers them, by the same variable (JOSEFINE_PII_KINDS)."""
