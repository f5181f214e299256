"""The one exception a user is meant to read."""


class UserError(Exception):
    """Something the user can put right: bad input, a damaged file, a full disk.

    The message is complete on its own: what, where, what is allowed, what to do next.
    The command line prints it as one line and exits with status 1.
    """
