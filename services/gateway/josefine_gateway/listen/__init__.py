"""Sessions of /v1/listen and /v2/listen: what comes from a client, what goes to the log, what is told back."""
