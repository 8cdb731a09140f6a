"""python -m josefine_gateway."""

from josefine_gateway.run import run
from josefine_gateway.settings import GatewaySettings
from josefine_stage.service import settings_from_environment

if __name__ == "__main__":
    run(settings_from_environment(GatewaySettings))
