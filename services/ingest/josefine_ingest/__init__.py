"""audio.raw -> audio.frames."""
