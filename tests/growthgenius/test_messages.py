"""Messages: told to us, or sent by us, on one timeline."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from contacts.models import Contact, Email, Message
from contacts.operations.erasing import erase_contact
from contacts.operations.merging import merge_contacts, undo_merge
from tests.contacts.mail_factories import make_stream, queue
from tests.factories import AT, make_contact
from tests.growthgenius.conftest import made, streamed

URL = "/integrations/v1/messages"
COPY = "Hey Louis,↵↵You hate prospecting. I love it. Maybe it's a perfect match?"


@pytest.fixture
def louis(genius) -> int:
    return made(genius, first_name="Louis", email="louis@example.com")["id"]


def told(genius, contact: int, **fields) -> dict:
    body = {"message": {"contact_id": contact, "message_type": "sales_force_message", **fields}}
    answer = genius.post(URL, body)
    assert answer.status_code == 201, answer.json()
    return answer.json()["message"]


def sent_mail(project, contact: int, *, minutes: int = 0, subject: str = "News of May") -> Email:
    [email] = queue(make_stream(project), [Contact.objects.get(pk=contact)])
    at = AT + timedelta(minutes=minutes)
    Email.objects.filter(pk=email.pk).update(state="sent", decided_at=at, subject=subject)
    return email


def test_the_documented_message_goes_in_and_out(genius, member, project, louis):
    body = {
        "contact_id": louis,
        "message_type": "sales_force_message",
        "rendered_copy": COPY,
        "rendered_subject": None,
        "sent_at": "2019-08-09T07:10:41.275-04:00",
        "team_id": 1,
        "user_id": member.user.pk,
    }
    answer = genius.post(URL, {"message": body})

    assert answer.status_code == 201, answer.json()
    message = answer.json()["message"]
    expected = body | {"sent_at": "2019-08-09T11:10:41.275+00:00", "team_id": project.key}
    assert {name: message[name] for name in expected} == expected
    assert message.keys() == expected.keys() | {"id", "created_at", "updated_at"}
    assert isinstance(message["id"], int)
    assert genius.get(f"{URL}/{message['id']}").json() == {"message": message}
    flat = genius.post(f"{URL}?user_id={member.user.pk}", body).json()["message"]
    assert flat | {name: message[name] for name in ("id", "created_at", "updated_at")} == message


def test_a_message_is_changed_and_removed(genius, member, louis):
    message = told(genius, louis, rendered_subject="Hi")
    url = f"{URL}/{message['id']}"

    for method in (genius.patch, genius.post):
        changed = method(url, {"message": {"rendered_copy": COPY}}).json()["message"]
        assert changed["rendered_copy"] == COPY
        assert changed["rendered_subject"] == "Hi"
    assert changed["updated_at"] > message["updated_at"]

    gone = genius.delete(url)
    assert (gone.status_code, gone.json()) == (200, {"message": changed})
    for method in (genius.get, genius.patch, genius.delete):
        assert method(url).status_code == 404


def test_mail_we_sent_stands_on_the_same_timeline_and_cannot_be_changed(
    genius, member, project, louis
):
    message = told(genius, louis, rendered_subject="Call")
    email = sent_mail(project, louis)
    [waiting] = queue(make_stream(project), [Contact.objects.get(pk=louis)])

    mail = genius.get(f"{URL}/{email.pk}").json()["message"]

    assert mail["message_type"] == "campaign_email"
    assert (mail["contact_id"], mail["rendered_subject"]) == (louis, "News of May")
    assert mail["sent_at"] == "2026-03-02T12:00:00.000+00:00"
    assert streamed(genius, f"{URL}?contact_id={louis}") == [mail, message]
    page = genius.get(f"{URL}?contact_id={louis}&page=1").json()
    assert page["messages"] == [message, mail]
    assert page["pagination"]["total_entries"] == 2
    for method in (genius.patch, genius.post, genius.delete):
        assert method(f"{URL}/{email.pk}").status_code == 409
    assert genius.get(f"{URL}/{waiting.pk}").status_code == 404
    assert Email.objects.filter(pk=email.pk).exists()


def test_no_message_and_no_mail_have_the_same_id(genius, member, project, louis):
    ids = [told(genius, louis)["id"], sent_mail(project, louis).pk] + [told(genius, louis)["id"]]

    assert len(set(ids)) == 3
    assert ids == sorted(ids)


def test_pages_of_the_timeline_are_whole_in_every_order(genius, member, project, louis):
    ids = []
    for n in range(4):
        ids.append(sent_mail(project, louis, minutes=n).pk)
        message = told(genius, louis)["id"]
        Message.objects.filter(pk=message).update(
            updated_at=AT + timedelta(minutes=n, seconds=30), created_at=AT + timedelta(days=n)
        )
        ids.append(message)
    for sort in ("message_last_activity_date", "message_updated_at"):
        for per_page in (1, 3, 25):
            found = []
            for page in range(1, 10):
                body = {"sort_by_field": sort, "page": page, "per_page": per_page}
                answer = genius.post(f"{URL}/search", body).json()
                found += [each["id"] for each in answer["messages"]]
            assert found == ids[::-1]
    for name in ("created_at", "email_last_opened_at", "email_last_clicked_at"):
        params = {"sort_by_field": f"message_{name}", "sort_ascending": "true"}
        assert {each["id"] for each in genius.get(URL, params).json()["messages"]} == {*ids}
    until = AT + timedelta(minutes=2)
    stream = streamed(genius, URL, {"from": AT.isoformat(), "to": until.isoformat()})
    assert [each["id"] for each in stream] == ids[:4]


@pytest.mark.parametrize("q", ["prospecting", "PERFECT match", "Louis, hat"])
def test_words_of_subject_and_copy_find_messages(genius, member, project, louis, q):
    message = told(genius, louis, rendered_copy=COPY)
    told(genius, louis, rendered_subject="Other")
    mail = sent_mail(project, louis, subject=COPY)

    answer = genius.post(f"{URL}/search", {"q_keywords": q}).json()

    assert {each["id"] for each in answer["messages"]} == {message["id"], mail.pk}
    assert answer["breadcrumbs"][0]["value"] == q


def test_user_id_names_the_caller_and_does_not_filter(genius, member, louis):
    message = told(genius, louis, user_id=None)

    url = f"{URL}?contact_id={louis}&user_id={member.user.pk}"

    assert streamed(genius, url) == [message]


def test_all_that_is_wrong_is_told_at_once(genius, member, louis):
    body = {
        "contact_id": 999_999,
        "user_id": "x",
        "sent_at": "yesterday",
        "message_type": 7,
        "rendered_subject": ["x"],
        "rendered_copy": {"x": 1},
    }
    for answer in (genius.post(URL, body), genius.post(URL, {"message": body})):
        assert answer.status_code == 422
        assert {each["field"] for each in answer.json()["error"]["details"]} == body.keys()
    missing = genius.post(URL, {"shoe_size": 1})
    assert missing.json()["error"]["details"][0]["field"] == "contact_id"
    message = told(genius, louis)
    assert genius.patch(f"{URL}/{message['id']}", body).status_code == 422
    assert Message.objects.count() == 1


def test_strangers_messages_contacts_and_mails_are_unknown(genius, member, other_project):
    theirs = make_contact(other_project)
    message = Message.objects.record(other_project, contact=theirs, created_at=AT, updated_at=AT)
    email = sent_mail(other_project, theirs.key)

    for key in (message.pk, email.pk):
        for method in (genius.get, genius.patch, genius.delete):
            assert method(f"{URL}/{key}").status_code == 404
    assert genius.post(URL, {"contact_id": theirs.key}).status_code == 422
    assert streamed(genius, URL) == []
    assert genius.get(f"{URL}?contact_id={theirs.key}&page=1").json()["messages"] == []


def test_messages_follow_merges_and_go_with_their_contact(genius, api, member, project, louis):
    message = told(genius, louis, rendered_copy="zqx secret")
    source, target = Contact.objects.get(pk=louis), make_contact(project)

    merge_contacts(source=source, target=target, at=now())
    assert genius.get(f"{URL}/{message['id']}").json()["message"]["contact_id"] == target.key
    export = b"".join(api.get(f"/v1/contacts/{target.id}/export").streaming_content)
    assert b"zqx secret" in export
    undo_merge(source=source, target=target, at=now())
    assert genius.get(f"{URL}/{message['id']}").json()["message"]["contact_id"] == louis

    source.refresh_from_db()
    source.remove(at=now())
    assert genius.get(f"{URL}/{message['id']}").status_code == 404
    assert streamed(genius, URL) == []
    erase_contact(source, at=now())
    assert not Message.objects.exists()
