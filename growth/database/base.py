"""Django's PostgreSQL backend, with a cheaper look at whether a pooled connection is alive, and
with statements that each connection plans only once.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from select import POLLIN, poll
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes no dead connection from the pool.

    The pool's own check asks the server each time, which takes longer than many a query. A server
    that went away has closed the connection, and that shows in its socket: only then is it asked.
    """

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        connection = super().get_new_connection(conn_params)
        while self.pool and _is_gone(connection):
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection

    def prepared_cursor(self) -> CursorWrapper:
        """Return a cursor for a statement that is run very often, of one and the same text.

        Its parameters travel beside the statement, so that the server reads and plans it once in
        each connection. They bear the types that PostgreSQL sees in the text: write casts where it
        cannot see them.
        """
        self.ensure_connection()
        return self._prepare_cursor(base.ServerBindingCursor(self.connection))

    @contextmanager
    def underway(self, sql: str, params: Mapping[str, Any]) -> Iterator[CursorWrapper]:
        """Let the server work on a statement while the block does something else with its time.

        It is a transaction by itself, unless there is one. At the end of the block it is committed,
        or raises what went wrong; then the cursor has its rows. In the block nothing can be asked
        of the connection. For ``sql`` see ``prepared_cursor``.
        """
        cursor = self.prepared_cursor()
        is_alone = not self.in_atomic_block
        try:
            with self.wrap_database_errors, self.connection.pipeline():
                if is_alone:
                    self.connection.execute("BEGIN")
                cursor.execute(sql, params)
                if is_alone:
                    self.connection.execute("COMMIT")
                yield cursor
        except BaseException:
            if is_alone and not self.connection.closed:
                self.connection.rollback()
            raise


def _is_gone(connection: Connection) -> bool:
    socket = poll()
    socket.register(connection.fileno(), POLLIN)
    if not socket.poll(0):
        return False
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return True
    return False
