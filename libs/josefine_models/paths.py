"""Where models lie on this machine."""

import os
from pathlib import Path


def models_dir() -> Path:
    """Returns JOSEFINE_MODELS_DIR, else models/ in JOSEFINE_CACHE_DIR, else in the user's cache."""
    given = os.environ.get("JOSEFINE_MODELS_DIR")
    if given:
        return Path(given).expanduser().absolute()
    cache = os.environ.get("JOSEFINE_CACHE_DIR")
    if cache:
        return Path(cache).expanduser().absolute() / "models"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "josefine" / "models"
