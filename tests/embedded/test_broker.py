"""The broker in a folder: no reader finds half a message."""

from concurrent.futures import ThreadPoolExecutor

from kombu import Connection

from growth.celery import app


def test_readers_and_writers_at_the_same_time_lose_and_break_nothing(tmp_path):
    """At the same time: proved by four writers and four readers over one folder."""
    options = app.conf.broker_transport_options | {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(tmp_path / "control"),
    }

    def write(number: int) -> None:
        with Connection("filesystem://localhost", transport_options=options) as connection:
            queue = connection.SimpleQueue("work")
            for n in range(50):
                queue.put({"n": number * 50 + n, "padding": "x" * 5000})
            queue.close()

    def read(_: int) -> list[int]:
        found = []
        with Connection("filesystem://localhost", transport_options=options) as connection:
            queue = connection.SimpleQueue("work")
            try:
                while True:
                    message = queue.get(timeout=2)
                    message.ack()
                    found.append(message.payload["n"])
            except queue.Empty:
                return found

    with ThreadPoolExecutor(8) as threads:
        readers = [threads.submit(read, n) for n in range(4)]
        list(threads.map(write, range(4)))
        found = [n for reader in readers for n in reader.result()]

    assert sorted(found) == list(range(200))


def test_a_queue_that_is_just_being_made_loses_nothing(tmp_path):
    """At the same time: kombu itself drops a message here in every third attempt."""
    options = app.conf.broker_transport_options | {
        "data_folder_in": str(tmp_path),
        "data_folder_out": str(tmp_path),
        "control_folder": str(tmp_path / "control"),
    }

    def put(name: str) -> None:
        with Connection("filesystem://localhost", transport_options=options) as connection:
            connection.SimpleQueue(name).put({})

    with ThreadPoolExecutor(8) as threads:
        for attempt in range(25):
            list(threads.map(put, [f"new-{attempt}"] * 8))
            assert len(list(tmp_path.glob(f"*.new-{attempt}.msg"))) == 8
