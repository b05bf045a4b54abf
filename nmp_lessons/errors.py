"""One family of errors for bad input.

Each message names the file, what is wrong with it, and the mend. The command line prints the message
alone and exits with status 2.
"""


class InputError(ValueError):
    """Something handed to the book's code cannot be used; the message says how to mend it."""


class NoNotes(InputError):
    """A file of notes that is whole and holds none. As a reference it is useless; a transcription may be like it."""
