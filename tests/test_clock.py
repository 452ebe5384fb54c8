"""Every sweep is on the clock, and everything on the clock and every listener is real."""

from celery import current_app

from growth import outbox
from growth.celery import app
from growth.models import DomainEventType


def sweeps() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in current_app.tasks if ".tasks." in name}


def test_every_sweep_is_on_the_clock_and_nothing_else_is():
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert scheduled == sweeps()


def test_every_message_of_the_clock_goes_stale():
    assert all(entry["options"]["expires"] >= 30 for entry in app.conf.beat_schedule.values())


def test_every_routed_task_and_every_wake_up_names_a_real_sweep():
    from campaigns.operations.campaigns import END_TASK
    from contacts.mail.queueing import SEND_TASK
    from contacts.operations.memberships import BUILD_TASK
    from webhooks.models.delivery import ATTEMPT_TASK, REPLAY_TASK

    known = sweeps()

    assert set(app.conf.task_routes) <= known
    assert {outbox.RELAY_TASK, SEND_TASK, END_TASK, BUILD_TASK, ATTEMPT_TASK, REPLAY_TASK} <= known


def test_every_listener_listens_to_a_type_that_exists():
    assert set(outbox._listeners) <= set(DomainEventType)
