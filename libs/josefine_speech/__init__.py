"""Log-mel features and voice activity, over many sessions at once."""
