"""What the domain refuses, in its own words. ``growth.api.errors`` knows how HTTP says it."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong with an input.

    ``field`` is its path as the caller wrote it, such as ``rules.conditions[0].op``; ``reason`` is
    a word for programs, ``message`` a sentence for people.
    """

    field: str
    reason: str
    message: str

    def as_dict(self) -> dict[str, str]:
        """Return the violation as the API shows it."""
        return asdict(self)


class DomainError(Exception):
    """A request that was understood, and that the domain refuses."""

    code = "bad_request"

    def __init__(self, message: str, *, details: list[dict] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or []


class Conflict(DomainError):
    """The thing is in a state that does not allow this."""

    code = "conflict"


class Vanished(DomainError):
    """The thing was deleted by somebody else at this moment."""

    code = "not_found"


class Gone(DomainError):
    """The thing was there, and is not kept any more."""

    code = "gone"


class Invalid(DomainError):
    """An input that is well-formed and breaks a rule; all its violations at once."""

    code = "validation_error"

    def __init__(self, *violations: Violation) -> None:
        super().__init__(violations[0].message, details=[each.as_dict() for each in violations])
        self.violations = violations


class TooSlow(DomainError):
    """An answer that would take longer than anybody waits for it."""

    code = "unavailable"


class TooLarge(DomainError):
    """More than one request may hold."""

    code = "payload_too_large"
