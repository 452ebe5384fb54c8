"""A client of GrowthHub's dialect, and the body that its documentation shows."""

from typing import Any

from rest_framework.test import APIClient

from growth.api.authentication import forget_keys
from growth.models import ApiKey, Project

SCOPES = ["contacts:read", "contacts:write"]
CHANNEL = {"status": "active", "message": "string", "code": "string"}
FILE = {
    "f31175d4-2b06-4fc6-b7bc-74cd814c68cb": {
        "meta": {
            "fieldname": "1HeGizb13P0odwgOgKSs",
            "originalname": "IMG_20231215_164412935.jpg",
            "encoding": "7bit",
            "mimetype": "image/jpeg",
            "size": 1786611,
            "uuid": "f31175d4-2b06-4fc6-b7bc-74cd814c68cb",
        },
        "url": "https://files.example.com/documents/download/w2M9qTZ0ZJz8rGt02jdJ",
        "documentId": "w2M9qTZ0ZJz8rGt02jdJ",
    }
}
FIELD_ID = "6dvNaf7VhkQ9snc5vnjJ"
VALUES: list[Any] = ["My Text", "My Selected Option", 100, 100.5, ["test", "test2"], FILE]
DOCUMENTED: dict[str, Any] = {
    "firstName": "rosan",
    "lastName": "Deo",
    "name": "rosan Deo",
    "email": "rosan@deos.com",
    "phone": "+1 888-888-8888",
    "address1": "3535 1st St N",
    "city": "Dolomite",
    "state": "AL",
    "postalCode": "35061",
    "website": "https://www.tesla.com",
    "timezone": "America/Chihuahua",
    "dnd": True,
    "dndSettings": dict.fromkeys(("Call", "Email", "SMS", "WhatsApp", "GMB", "FB"), CHANNEL),
    "inboundDndSettings": {"all": {"status": "active", "message": "string"}},
    "tags": ["nisi sint commodo amet", "consequat"],
    "customFields": [
        {"id": FIELD_ID, "key": "my_custom_field", "field_value": value} for value in VALUES
    ],
    "source": "public api",
    "dateOfBirth": "1990-09-25",
    "country": "US",
    "assignedTo": "y0BeYjuRIlDwsDcOHOJo",
}


def client_of(project: Project, *, scopes: list[str] = SCOPES, **headers: str) -> APIClient:
    """Return a client with a private integration token of the project."""
    _, token = ApiKey.objects.issue(
        project, name="GrowthHub", type="secret", scopes=scopes, head="pit-"
    )
    client = APIClient(
        HTTP_AUTHORIZATION=f"Bearer {token}", **{"HTTP_VERSION": "2023-02-21", **headers}
    )
    client.default_format = "json"
    return client


def allow_duplicates(project: Project, *priority: str) -> None:
    """Let the project have two contacts of one address."""
    project.allow_duplicate_contacts = True
    if priority:
        project.duplicate_check_priority = list(priority)
    project.save()
    forget_keys()
