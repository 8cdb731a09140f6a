"""What the command line says in one line instead of a traceback."""


class CliError(Exception):
    """Something the user can read and mend: printed as one line, the process ends with `exit_status`.

    `exit_status` is 1 where the work failed and 2 where it was asked for wrongly (usage, configuration).
    """

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status
