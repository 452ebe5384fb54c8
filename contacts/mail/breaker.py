"""The breaker before a mail server: who does not answer three times in a row is left alone.

The wait doubles with each failure, and then one mail tries. The mails keep their places and their
attempts: that a server is away says nothing about them. All workers share one row.
"""

from datetime import datetime, timedelta

from django.db import connection

FAILURES = 3
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=5)

_PROBE_LEASE = timedelta(minutes=1)


class Breaker:
    """What the workers know of one server."""

    def __init__(self, server: str) -> None:
        self._name = f"server:{server}"[:300]
        self._failures = 0

    def allows(self, limit: int, *, at: datetime) -> int:
        """Return how many mails may be taken for the server: all, one to try it, or none."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT failures, open_at FROM contacts_mailgate WHERE name = %s", [self._name]
            )
            self._failures, open_at = cursor.fetchone() or (0, at)
            if self._failures < FAILURES:
                return limit
            if open_at > at:
                return 0
            cursor.execute(
                """UPDATE contacts_mailgate SET open_at = %s
                    WHERE name = %s AND open_at = %s AND failures >= %s""",
                [at + _PROBE_LEASE, self._name, open_at, FAILURES],
            )
            return cursor.rowcount  # One worker tries.

    def failed(self, *, at: datetime) -> None:
        """Note that the server could not be reached."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO contacts_mailgate AS gate (name, open_at, failures)
                VALUES (%(name)s, %(at)s, 1)
                ON CONFLICT (name) DO UPDATE
                   SET failures = gate.failures + 1,
                       open_at = %(at)s + least(%(longest)s, %(first)s
                                 * 2 ^ least(greatest(gate.failures + 1 - %(limit)s, 0), 20))
                """,
                {
                    "name": self._name,
                    "at": at,
                    "first": FIRST_WAIT,
                    "longest": LONGEST_WAIT,
                    "limit": FAILURES,
                },
            )

    def answered(self, *, at: datetime) -> None:
        """Note that the server is there."""
        if not self._failures:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE contacts_mailgate SET failures = 0, open_at = %s WHERE name = %s",
                [at, self._name],
            )

    def give_back(self, *, at: datetime) -> None:
        """Let the next mail try the server: there was none."""
        if self._failures < FAILURES:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE contacts_mailgate SET open_at = %s WHERE name = %s AND failures >= %s",
                [at, self._name, FAILURES],
            )
