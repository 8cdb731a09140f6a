"""audio.frames -> feature.frames."""
