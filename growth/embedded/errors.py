"""What the embedded mode says when it cannot go on."""


class CannotStart(Exception):
    """Why nothing can run here, in one sentence for the person who started it."""
