"""python -m josefine_ingest"""

from josefine_ingest.handler import IngestHandler
from josefine_ingest.settings import IngestSettings
from josefine_stage.service import serve, settings_from_environment
from josefine_wire.topics import AUDIO_RAW

if __name__ == "__main__":
    settings = settings_from_environment(IngestSettings)
    serve("ingest", AUDIO_RAW, settings, lambda: IngestHandler(settings.limits), compression="none")
