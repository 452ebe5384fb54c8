from django.apps import AppConfig


class ContactsConfig(AppConfig):
    """People, what they did, the groups they form, and the mail they get."""

    name = "contacts"

    def ready(self) -> None:
        from contacts import receivers  # noqa: F401  # Its listeners register as they are defined.
