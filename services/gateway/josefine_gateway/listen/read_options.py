"""What a query may ask of POST /v1/read."""

from typing import Self

from pydantic import Field

from josefine_gateway.listen.option_error import OptionError
from josefine_gateway.listen.query import Answered, Tagged, Text
from josefine_gateway.listen.served import Served


class ReadOptions(Answered, Tagged):
    """POST /v1/read."""

    language: Text = Field(default="en", description="BCP-47 language of the text: English.")
    sentiment: bool = Field(default=False, description="Polarity of the text.")

    def checked(self, served: Served) -> Self:  # noqa: ARG002 - the signature of all options
        if self.language.replace("_", "-").partition("-")[0].lower() != "en":
            raise OptionError("language", f"{self.language!r} is not read here; there is en")
        self.check_callback()
        return self
