"""A person who is erased is in no delivery either."""

from tests.factories import make_contact
from tests.webhooks.factories import make_endpoint
from webhooks.models import Delivery


def test_deliveries_of_an_erased_contact_name_nobody(api, project, relay):
    make_endpoint(project)
    contact = make_contact(project)
    api.patch(f"/v1/contacts/{contact.id}", {"traits": {"marker": "xyzzy-trait"}})
    other = make_contact(project)
    api.patch(f"/v1/contacts/{other.id}", {"traits": {"marker": "somebody-else"}})
    relay()
    Delivery.objects.update(response_body="you sent xyzzy-trait")
    ids = set(Delivery.objects.values_list("domain_event_id", flat=True))

    receipt = api.post(f"/v1/contacts/{contact.id}/erase").json()
    relay()

    bodies = "".join(Delivery.objects.values_list("body", flat=True))
    assert "xyzzy-trait" not in bodies
    assert contact.email not in bodies
    assert "somebody-else" in bodies
    assert receipt["counts"]["webhooks_delivery"] == 1
    assert ids <= set(Delivery.objects.values_list("domain_event_id", flat=True))
    assert Delivery.objects.exclude(response_body="").count() == 1
