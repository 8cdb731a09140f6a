"""What people see of the gateway: the page at /, and what it shows of the pipeline."""

from josefine_gateway.console.pipeline import Pipeline
from josefine_gateway.console.routes import console_routes

__all__ = ["Pipeline", "console_routes"]
