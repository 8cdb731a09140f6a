"""The only library that imports redis: snapshots of sessions, API keys, allowances that replicas share."""
