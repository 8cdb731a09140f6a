"""The josefine command."""
