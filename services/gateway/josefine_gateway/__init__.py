"""The front door: HTTP and WebSocket before the log. Deepgram-compatible; any replica serves any session."""
