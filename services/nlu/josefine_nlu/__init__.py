"""transcripts -> understanding."""
