"""Transactions that run again when PostgreSQL asks for it."""

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction
from psycopg.errors import (
    DeadlockDetected,
    LockNotAvailable,
    QueryCanceled,
    SerializationFailure,
)

from growth.errors import TooSlow

P = ParamSpec("P")
R = TypeVar("R")

_ATTEMPTS = 4
_RACES = 20  # Each lost one is won by somebody: with sixteen in the field the last may lose often.
_PASSING = (DeadlockDetected, LockNotAvailable, SerializationFailure)


class RaceLost(Exception):
    """Another transaction was first: what was read is stale, and the work must be done anew."""


def atomic_with_retries(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function in a transaction; after a deadlock up to three times more, and after races
    that were lost until it is hopeless.

    Inside another transaction only a lost race can be tried again: a deadlock has ended the outer
    one.
    """

    @functools.wraps(function)
    @with_retries
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with transaction.atomic():
            return function(*args, **kwargs)

    return run


def with_retries(function: Callable[P, R]) -> Callable[P, R]:
    """Run the function again as ``atomic_with_retries`` does, without a transaction around it: for
    a single statement, which is one by itself.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        left = {RaceLost: _RACES, OperationalError: _ATTEMPTS}
        while True:
            try:
                return function(*args, **kwargs)
            except (RaceLost, OperationalError) as error:
                kind = RaceLost if isinstance(error, RaceLost) else OperationalError
                left[kind] -= 1
                if not left[kind] or not _can_run_again(error):
                    raise
                time.sleep(random.uniform(0.001, 0.05))

    return run


@contextmanager
def statements_within(seconds: float, otherwise: str) -> Iterator[None]:
    """Let no statement of the block take longer.

    :raises TooSlow: with the sentence ``otherwise``, if one does.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [int(seconds * 1000)])
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlow(otherwise) from None
        raise


def _can_run_again(error: Exception) -> bool:
    if isinstance(error, RaceLost):
        return True
    is_asked_for = isinstance(error.__cause__, _PASSING)
    return is_asked_for and not connection.in_atomic_block
