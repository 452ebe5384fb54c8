"""Django's PostgreSQL backend, with a cheaper look at whether a pooled connection is alive, and
with statements that each connection plans only once.
"""

from collections.abc import Callable, Mapping
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

    def rows_of(
        self, sql: str, params: Mapping[str, Any], *, meanwhile: Callable[[], bool]
    ) -> list[tuple[Any, ...]]:
        """Run a statement, and return its rows once it is committed.

        While the server works, ``meanwhile`` is called again and again, until there is an answer or
        it says that it has nothing more to do. It cannot use the connection. The statement is a
        transaction by itself, unless there is one; for its text see ``prepared_cursor``.
        """
        cursor, is_alone = self.prepared_cursor(), not self.in_atomic_block
        with self.wrap_database_errors:
            try:
                with self.connection.pipeline():
                    if is_alone:
                        self.connection.execute("BEGIN")
                    cursor.execute(sql, params)
                    if is_alone:
                        self.connection.execute("COMMIT")
                    self._wait_busily(meanwhile)
            except BaseException:
                if is_alone and not self.connection.closed:
                    self.connection.rollback()
                raise
        return cursor.fetchall()

    def _wait_busily(self, meanwhile: Callable[[], bool]) -> None:
        self.connection.pgconn.send_flush_request()  # Else answers come with the next sync only.
        self.connection.pgconn.flush()
        while not _has_news(self.connection) and meanwhile():
            pass


def _is_gone(connection: Connection) -> bool:
    if not _has_news(connection):
        return False
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        return True
    return False


def _has_news(connection: Connection) -> bool:
    """Tell whether the server has said something that nobody has read, or has left."""
    socket = poll()
    socket.register(connection.fileno(), POLLIN)
    return bool(socket.poll(0))
