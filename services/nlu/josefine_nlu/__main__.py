"""python -m josefine_nlu."""

from josefine_nlu.torchless import torch_hidden
from josefine_stage.service import serve, settings_from_environment
from josefine_wire.topics import TRANSCRIPTS

with torch_hidden():
    from josefine_nlu.build import build
    from josefine_nlu.settings import NluSettings

if __name__ == "__main__":
    settings = settings_from_environment(NluSettings)
    serve("nlu", TRANSCRIPTS, settings, lambda: build(settings))
