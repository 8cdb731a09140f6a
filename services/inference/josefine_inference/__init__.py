"""feature.frames -> transcripts."""
