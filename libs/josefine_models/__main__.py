"""`python -m josefine_models fetch NAME...`: for images, which carry no command line."""

import sys

from josefine_models import ModelError, fetch


def main(arguments: list[str]) -> int:
    """Fetches models; exit status 1 after one readable line if one cannot be had, 2 for a wrong call."""
    if len(arguments) < 2 or arguments[0] != "fetch":
        sys.stderr.write("usage: python -m josefine_models fetch NAME...\n")
        return 2
    try:
        for name in arguments[1:]:
            folder = fetch(name, progress=_tell)
            sys.stdout.write(f"{name}\t{folder}\n")
    except ModelError as error:
        sys.stderr.write(f"josefine: {error}\n")
        return 1
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
