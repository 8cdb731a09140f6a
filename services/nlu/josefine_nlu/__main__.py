"""python -m josefine_nlu."""

import os

# One core a replica: numpy's products are small, and threads only spin beside them. Read when numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from josefine_nlu.torchless import torch_hidden
from josefine_stage.service import serve, settings_from_environment
from josefine_wire.topics import TRANSCRIPTS

with torch_hidden():
    from josefine_nlu.build import build
    from josefine_nlu.settings import NluSettings

if __name__ == "__main__":
    settings = settings_from_environment(NluSettings)
    serve("nlu", TRANSCRIPTS, settings, lambda: build(settings))
