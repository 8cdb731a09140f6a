"""From settings to a handler with its pipeline loaded."""

from josefine_models.errors import ModelError
from josefine_models.store import fetch
from josefine_nlu.handler import NluHandler
from josefine_nlu.settings import NluSettings
from josefine_nlu.understanding import Options, Understanding
from josefine_stage.errors import ConfigurationError


def build(settings: NluSettings) -> NluHandler:
    """Returns the handler; a few seconds, and a download where the store lacks the pipeline.

    Raises:
        ConfigurationError: the pipeline is unknown, cannot be had, or is none.
    """
    options = Options(settings.pii_kinds, settings.pii_score, settings.phone_regions)
    try:
        understanding = Understanding(fetch(settings.nlu_model), options)
    except (ModelError, OSError) as error:
        raise ConfigurationError(f"JOSEFINE_NLU_MODEL={settings.nlu_model}: {error}") from error
    return NluHandler(
        understanding,
        batch_texts=settings.batch_texts,
        max_text_chars=settings.max_text_chars,
        pending_records=settings.pending_records,
    )
