from datetime import timedelta
from itertools import count

import pytest
from django.test import override_settings
from django.utils.timezone import now

from growth import sweeps
from growth.models import SweepSlot

_numbers = count()


def make_sweep(batches):
    """Return a sweep whose batches take what the list says, and the times it was called at."""
    calls = []

    def work(*, at):
        calls.append(at)
        return batches.pop(0) if batches else 0

    work.__name__ = f"work_{next(_numbers)}"  # Celery knows a task by its name.
    return sweeps.sweep(work), calls


@pytest.mark.django_db
def test_a_sweep_takes_batches_until_there_are_none():
    task, calls = make_sweep([3, 2])

    task()

    assert len(calls) == 3


@pytest.mark.django_db
def test_a_sweep_without_a_free_slot_does_nothing():
    task, calls = make_sweep([1])
    name = task.name
    with override_settings(SWEEP_SLOTS=1):
        SweepSlot.objects.create(sweep=name, number=1, leased_until=now() + timedelta(seconds=10))
        task()
        assert calls == []

        SweepSlot.objects.update(leased_until=now() - timedelta(seconds=1))
        task()
        assert len(calls) == 2


@pytest.mark.django_db
def test_a_slot_is_given_back_after_a_failure():
    def work(*, at):
        raise ValueError("broken")

    task = sweeps.sweep(work)

    with pytest.raises(ValueError, match="broken"):
        task()
    assert SweepSlot.objects.get().leased_until <= now()


@pytest.mark.django_db
def test_a_sweep_that_runs_out_of_time_wakes_itself(woken, monkeypatch):
    monkeypatch.setattr(sweeps, "_RUN_SECONDS", 0)
    task, calls = make_sweep([1])

    task()

    assert calls == []
    assert woken == [task.name]
