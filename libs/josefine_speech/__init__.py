"""Log-mel features and voice activity, vectorised over sessions, in numpy."""
