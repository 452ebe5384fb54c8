"""A throw-away database for a bench, on the server that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from urllib.parse import quote

from django.core.management import call_command
from django.db import connection, connections


@contextmanager
def throw_away_database() -> Iterator[str]:
    """Make a migrated database, connect to it, yield its URL, and drop it at the end."""
    settings = connection.settings_dict
    home, name = settings["NAME"], f"growth_bench_{getpid()}"
    _administer(f'CREATE DATABASE "{name}"')
    try:
        connections.close_all()
        settings["NAME"] = name
        call_command("migrate", verbosity=0, interactive=False)
        _administer("SET statement_timeout = 0")
        yield _url(settings)
    finally:
        connections.close_all()
        settings["NAME"] = home
        _administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _administer(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _url(settings: dict) -> str:
    user, password = quote(settings["USER"]), quote(settings["PASSWORD"])
    host, port = settings["HOST"], settings["PORT"] or 5432
    place = f":{port}/{quote(host, safe='')}" if host.startswith("/") else f"{host}:{port}"
    return f"postgres://{user}:{password}@{place}/{settings['NAME']}"
