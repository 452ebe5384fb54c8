"""Values in several spellings: days, countries, zones, custom fields, do not disturb, sources."""

import pytest

from contacts.dialects.growthhub.values import COUNTRIES
from contacts.models import Contact, CustomField, Suppression
from contacts.operations.merging import merge_contacts
from tests.conftest import AT
from tests.contacts.growthhub_calls import FIELD_ID, FILE, VALUES, client_of
from tests.factories import make_contact

EMAIL = "ann@example.com"


@pytest.fixture
def hub(project):
    return client_of(project)


def upsert(hub, **body):
    response = hub.post("/contacts/upsert", {"email": EMAIL, **body})
    assert response.status_code == 200, response.json()
    return response.json()


@pytest.mark.parametrize(
    "text",
    [
        *("1990/09/25", "09/25/1990", "1990-09-25", "09-25-1990"),
        *("1990.09.25", "09.25.1990", "1990_09_25", "09_25_1990"),
        *("1990-09-25T00:00:00.000Z", " 1990-09-25 "),
    ],
)
def test_a_day_is_read_in_eight_ways_and_written_in_one(hub, text):
    assert upsert(hub, dateOfBirth=text)["contact"]["dateOfBirth"] == "1990-09-25"


@pytest.mark.parametrize(
    "text", ["25.09.1990", "1990-09/25", "1990-02-30", "soon", "٣٣/٣٣/٣٣٣٣", 7]
)
def test_what_is_no_day_is_refused(hub, text):
    response = hub.post("/contacts/upsert", {"email": EMAIL, "dateOfBirth": text})

    assert response.status_code == 422
    assert response.json()["message"][0].startswith("dateOfBirth ")


def test_there_are_247_countries(hub):
    assert len(COUNTRIES) == 247
    assert {"AN", "XK", "US"} <= COUNTRIES
    assert not {"SS", "BQ"} & COUNTRIES
    assert upsert(hub, country="de")["contact"]["country"] == "DE"
    response = hub.post("/contacts/upsert", {"email": EMAIL, "country": "USA"})
    assert response.status_code == 422


def test_a_time_zone_is_read_in_any_case(hub):
    assert upsert(hub, timezone="America/chihuahua")["contact"]["timezone"] == "America/Chihuahua"
    assert upsert(hub, timezone="Asia/Calcutta")["contact"]["timezone"] == "Asia/Calcutta"


@pytest.mark.parametrize("value", VALUES)
def test_a_custom_field_of_any_type_is_made_when_it_is_first_sent(hub, value):
    sent = [{"id": FIELD_ID, "key": "my_custom_field", "field_value": value}]

    assert upsert(hub, customFields=sent)["contact"]["customFields"] == [
        {"id": FIELD_ID, "value": value}
    ]
    field = CustomField.objects.get()
    assert field.holds(value)
    assert Contact.objects.get().traits == {"my_custom_field": value}


@pytest.mark.parametrize("name", ["field_value", "fieldValue", "value"])
def test_the_value_has_three_names(hub, name):
    shown = upsert(hub, customFields=[{"id": "f1", name: 5}])["contact"]

    assert shown["customFields"] == [{"id": "f1", "value": 5}]


def test_a_field_is_found_by_its_id_or_its_key_and_the_last_value_counts(hub):
    [first] = upsert(hub, customFields=[{"key": "contact.size", "value": "S"}])["contact"][
        "customFields"
    ]
    sent = [{"key": "size", "value": "M"}, {"id": first["id"], "key": "other", "value": "L"}]
    shown = upsert(hub, customFields=sent)["contact"]

    assert len(first["id"]) == 20
    assert shown["customFields"] == [{"id": first["id"], "value": "L"}]
    assert CustomField.objects.count() == 1


def test_fields_that_are_not_sent_stay_and_null_clears(hub):
    both = [{"id": "a", "value": 1}, {"id": "b", "value": FILE}]
    upsert(hub, customFields=both)

    shown = upsert(hub, customFields=[{"id": "a", "value": None}])["contact"]
    replaced = upsert(hub, customFields=[{"id": "b", "value": {"x": 1}}])["contact"]

    assert shown["customFields"] == [{"id": "b", "value": FILE}]
    assert replaced["customFields"] == [{"id": "b", "value": {"x": 1}}]


def test_a_field_that_is_called_as_a_field_of_ours_is_another(hub):
    shown = upsert(hub, city="Berlin", customFields=[{"key": "city", "value": "X"}])["contact"]

    assert shown["city"] == "Berlin"
    assert shown["customFields"][0]["value"] == "X"
    assert Contact.objects.get().traits == {"city": "Berlin", "custom_city": "X"}


def test_staff_may_let_a_type_hold(hub):
    upsert(hub, customFields=[{"id": "a", "value": 1}])
    CustomField.objects.update(is_strict=True)

    response = hub.post(
        "/contacts/upsert", {"email": EMAIL, "customFields": [{"id": "a", "value": "x"}]}
    )

    assert response.status_code == 422
    assert response.json()["message"] == [
        "customFields[0].field_value this field holds Numerical values"
    ]
    assert Contact.objects.get().traits == {"field_a": 1}


def test_a_refused_call_makes_no_field(hub):
    deep = {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}
    sent = {"email": EMAIL, "customFields": [{"key": "deep", "value": deep}]}

    assert hub.post("/contacts/upsert", sent).status_code == 422
    assert not CustomField.objects.exists()
    assert not Contact.objects.exists()


def test_another_projects_fields_are_other_fields(hub, other_project):
    upsert(client_of(other_project), customFields=[{"id": "a", "key": "size", "value": 1}])

    upsert(hub, customFields=[{"id": "a", "key": "color", "value": 2}])

    assert set(CustomField.objects.values_list("project", "trait")) == {
        (other_project.id, "size"),
        (Contact.objects.latest("id").project_id, "color"),
    }


def reasons():
    return list(Suppression.objects.values_list("email_key", "reason"))


def mail(answer):
    return answer["contact"]["dndSettings"].get("Email", {}).get("status")


def test_dnd_keeps_mail_away_until_it_is_lifted(hub):
    assert mail(upsert(hub, dnd=True)) == "active"
    assert reasons() == [(EMAIL, "dnd")]

    lifted = upsert(hub, dnd=False)

    assert lifted["contact"]["dnd"] is False
    assert "warnings" not in lifted
    assert reasons() == []


@pytest.mark.parametrize(
    "lift", [{"dnd": None}, {"dndSettings": {"Email": {"status": "inactive"}}}]
)
def test_an_active_channel_is_lifted_as_it_was_closed(hub, lift):
    assert mail(upsert(hub, dndSettings={"Email": {"status": "active"}})) == "active"

    assert mail(upsert(hub, **lift)) in (None, "inactive")
    assert reasons() == []


def test_what_is_permanent_stays(hub):
    closed = {"Email": {"status": "permanent"}, "SMS": {"status": "permanent"}}
    upsert(hub, dndSettings=closed)

    open_again = {name: {"status": "inactive"} for name in closed}
    answer = upsert(hub, dnd=False, dndSettings=open_again)

    settings = answer["contact"]["dndSettings"]
    assert {name: each["status"] for name, each in settings.items()} == {
        "Email": "permanent",
        "SMS": "permanent",
    }
    assert len(answer["warnings"]) == 2
    assert reasons() == [(EMAIL, "manual")]


def test_who_unsubscribed_stays_so(hub, project):
    contact = make_contact(project, email=EMAIL)
    Suppression.objects.suppress([(project.key, EMAIL)], "unsubscribed")

    answer = upsert(hub, dndSettings={"Email": {"status": "inactive"}})

    assert answer["contact"]["id"] == contact.id
    assert mail(answer) == "permanent"
    assert answer["warnings"] == ["dndSettings.Email: It is permanent, and cannot be lifted here."]
    assert reasons() == [(EMAIL, "unsubscribed")]


def test_channels_that_are_not_sent_stay(hub):
    upsert(hub, dndSettings={"Call": {"status": "active", "message": "m", "code": "c"}})

    answer = upsert(hub, dndSettings={"SMS": {"status": "active"}})

    assert answer["contact"]["dndSettings"] == {
        "Call": {"status": "active", "message": "m", "code": "c"},
        "SMS": {"status": "active"},
    }
    assert reasons() == []


def test_a_new_address_is_not_disturbed_either(hub, project):
    upsert(hub, dnd=True, phone="+4930901820")

    upsert(hub, email="new@example.com", phone="+4930901820")

    assert ("new@example.com", "dnd") in reasons()


def test_who_is_merged_with_somebody_not_to_be_disturbed_is_not_either(hub, project):
    upsert(hub, dnd=True)
    target = make_contact(project, email="other@example.com")

    merge_contacts(source=Contact.objects.get(email=EMAIL), target=target, at=AT)

    assert ("other@example.com", "dnd") in reasons()


def test_where_a_person_came_from_is_kept_and_one_name_has_two_spellings(hub):
    source = {"url": "Trigger Link", "utmSource": "x", "msclikid": "m", "ip": "203.0.113.7"}

    shown = upsert(hub, attributionSource=source, lastAttributionSource={"url": "y"})["contact"]

    assert shown["attributionSource"] == {
        "url": "Trigger Link",
        "utmSource": "x",
        "ip": "203.0.113.7",
        "msclickid": "m",
    }
    assert shown["lastAttributionSource"] == {"url": "y"}
