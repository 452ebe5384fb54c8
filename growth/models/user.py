"""The people who run the platform."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person on the customer's team, as opposed to a contact."""
