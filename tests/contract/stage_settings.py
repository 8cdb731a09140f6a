"""The settings class of a service, as several contracts read it."""

from importlib import import_module

from pydantic_settings import BaseSettings


def settings_of(service):
    """Returns the one class of settings that a service defines."""
    module = import_module(f"josefine_{service}.settings")
    (own,) = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, BaseSettings) and kind.__module__ == module.__name__
    ]
    return own
