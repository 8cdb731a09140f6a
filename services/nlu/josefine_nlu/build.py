"""From settings to a handler with its pipeline loaded."""

from josefine_models.store import fetch
from josefine_nlu.handler import NluHandler
from josefine_nlu.settings import NluSettings
from josefine_nlu.understanding import Options, Understanding


def build(settings: NluSettings) -> NluHandler:
    """Returns the handler; a few seconds, and a download where the store lacks the pipeline."""
    options = Options(settings.pii_kinds, settings.pii_score, settings.phone_regions)
    return NluHandler(
        Understanding(fetch(settings.nlu_model), options),
        batch_texts=settings.batch_texts,
        max_text_chars=settings.max_text_chars,
        pending_records=settings.pending_records,
    )
