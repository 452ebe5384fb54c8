"""The births of projects."""

import secrets
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from growth.models import ApiKey, Project, User


class Founding(NamedTuple):
    """A new project, and the secrets that are shown this once."""

    project: Project
    secret_key: str
    write_key: str
    admin_user: str
    admin_password: str

    def as_dict(self) -> dict[str, str]:
        """Return what a person needs to begin."""
        return {
            "base_url": settings.BASE_URL,
            "project_id": self.project.id,
            "secret_key": self.secret_key,
            "write_key": self.write_key,
            "admin_user": self.admin_user,
            "admin_password": self.admin_password,
        }


@transaction.atomic
def found_project(name: str) -> Founding:
    """Make a project with a secret key of all scopes, a write key, and an admin user of its own."""
    project = Project.objects.create(name=name)
    _, secret_key = ApiKey.objects.issue(
        project, name="First secret key", type=ApiKey.Type.SECRET, scopes=["*"]
    )
    _, write_key = ApiKey.objects.issue(
        project, name="First write key", type=ApiKey.Type.WRITE, scopes=[]
    )
    user, password = _admin()
    return Founding(project, secret_key, write_key, user, password)


def _admin() -> tuple[str, str]:
    name = "admin"
    while User.objects.filter(username=name).exists():
        name = f"admin-{secrets.token_hex(3)}"
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(name, password=password)
    return name, password
