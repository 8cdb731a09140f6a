"""The only library that imports redis: versioned snapshots of sessions."""
