"""What is told of a campaign's mails before they are sent: to whom they would have holes."""

import pytest

from campaigns.models import Campaign
from contacts.mail import coverage
from contacts.mail.variables import variables
from contacts.models import Contact, Membership, Segment
from tests.campaigns.factories import ONBOARDING, make_segment
from tests.contacts.mail_factories import make_template
from tests.factories import make_contact

LEAVE = "{{ links.unsubscribe }}"


def broadcast(api, segment: Segment, template: str = "tmpl_plain", **fields: object) -> dict:
    body = {
        "name": "News",
        "type": "broadcast",
        "segment_id": segment.id,
        "template_id": template,
        **fields,
    }
    response = api.post("/v1/campaigns", body)
    assert response.status_code == 201, response.json()
    return response.json()


def advice(api, project, segment: Segment, text: str, **fields: object) -> list[str]:
    make_template(project, text=f"{text} {LEAVE}", html="", subject="Hi")
    return broadcast(api, segment, **fields).get("warnings", [])


def make_members(project, count: int, **having: object) -> list[Contact]:
    """Return so many contacts, of whom the first has these traits."""
    return [make_contact(project, traits=having if n == 0 else {}) for n in range(count)]


def test_a_trait_that_some_lack_is_told_at_every_step_of_the_way(api, project):
    contacts = make_members(project, 3, plan="pro")
    segment = make_segment(project, *contacts)
    make_template(project, text=f"{{{{ contact.plan }}}} {LEAVE}", html="", subject="Hi")
    warning = (
        "steps[0]: traits.plan is missing for 67% of this segment; write a default, as in"
        ' {{ contact.plan | default: "there" }}.'
    )

    created = broadcast(api, segment)
    path = f"/v1/campaigns/{created['id']}"

    assert created["warnings"] == [warning]
    assert api.patch(path, {"name": "Newer"}).json()["warnings"] == [warning]
    assert api.post(f"{path}/activate").json()["warnings"] == [warning]


@pytest.mark.parametrize(
    "text",
    [
        '{{ contact.plan | default: "free" }}',
        "{% if contact.plan %}{{ contact.plan }}{% endif %}",
        '{% if contact.traits.plan != "" %}{{ contact.plan | upcase }}{% endif %}',
        '{% assign plan = contact.plan | default: "free" %}{{ plan }}',
        '{% assign plan = contact.plan %}{{ plan | default: "free" }}',
        "{% for each in contact.plans %}{{ each.name }}{% endfor %}",
        "{{ contact.email }} {{ contact.id }} {{ event.properties.plan }}",
        "{{ contact[contact.email] }}",
    ],
)
def test_what_is_cared_for_is_no_gap(api, project, text):
    segment = make_segment(project, *make_members(project, 2))

    assert advice(api, project, segment, text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{{ contact.traits.address.city | upcase }}", "traits.address.city"),
        ("{{ contact['last login'] }}", "traits.last login"),
        ("{{ contact.items.size }}", "traits.items"),
        ("{{ contact.external_id }}", "external_id"),
        ("{{ contact.phone }}", "phone"),
        ("{% assign plan = contact.plan %}{{ plan }}", "traits.plan"),
        ("{% capture x %}{{ contact['100% \" ; --'] }}{% endcapture %}", 'traits.100% " ; --'),
    ],
)
def test_a_value_that_nobody_has_is_named_as_rules_name_it(api, project, text, place):
    segment = make_segment(project, *make_members(project, 2))

    [warning] = advice(api, project, segment, text)

    assert warning.startswith(f"steps[0]: {place} is missing for everybody in this segment;")


@pytest.mark.parametrize(
    "traits", [{"name": "Ada L"}, {"full_name": "Ada"}, {"firstName": "Ada"}, {"last_name": "L"}]
)
def test_a_name_is_known_by_any_trait_that_tells_it(api, project, traits):
    segment = make_segment(project, make_contact(project, traits=traits))

    assert advice(api, project, segment, "{{ contact.name }} {{ contact.first_name }}") == []


@pytest.mark.parametrize("traits", [{}, {"plan": None}, {"plan": ""}])
def test_nothing_is_as_good_as_empty(api, project, traits):
    segment = make_segment(project, make_contact(project, traits=traits))

    assert len(advice(api, project, segment, "{{ contact.plan }}")) == 1


def test_only_who_would_get_the_mail_counts(api, project, other_project):
    known = make_contact(project, traits={"plan": "pro"})
    gone = make_contact(project, deleted_at=known.created_at)
    unreachable = make_contact(project, email="", external_id="x")
    make_contact(project)
    make_contact(other_project)
    segment = make_segment(project, known, gone, unreachable)

    assert advice(api, project, segment, "{{ contact.plan }}") == []


def test_the_subject_of_the_step_counts_and_not_the_templates(api, project):
    segment = make_segment(project, *make_members(project, 2))
    make_template(project, subject="{{ contact.old }}", html="", text=LEAVE)

    created = broadcast(api, segment, subject="{{ contact.new }} {{ user.new }}")

    assert [each.partition(" is missing")[0] for each in created["warnings"]] == [
        "steps[0].subject, line 1: There is no user.new; there are campaign, contact, event, links,"
        " program, sender, survey, topics, waitlist.",
        "steps[0]: traits.new",
    ]


def test_a_segment_that_is_still_built_is_asked_by_its_rule(api, project):
    make_members(project, 4, plan="pro")
    rules = {
        "operator": "OR",
        "conditions": [
            {"field": "traits.plan", "op": "eq", "value": "pro"},
            {"field": "email", "op": "contains", "value": "%@"},
            {"field": "email", "op": "exists"},
        ],
    }
    made = api.post("/v1/segments", {"name": "All", "rules": rules})
    assert made.status_code == 201, made.json()
    Membership.objects.all().delete()
    Segment.objects.update(status=Segment.Status.BUILDING)
    segment = Segment.objects.get()

    [warning] = advice(api, project, segment, "{{ contact.plan }}")

    assert "missing for 75% of" in warning


def test_a_large_segment_is_asked_in_parts_by_one_statement(
    project, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(coverage, "MAX_MEMBERS", 40)
    contacts = [make_contact(project, traits={"plan": "p"} if n % 2 else {}) for n in range(90)]
    segment = make_segment(project, *contacts)
    spoken_of = variables("{{ contact.plan }}{{ contact.plan }}", is_html=False)

    with django_assert_num_queries(1):
        found = coverage.gaps(segment, spoken_of, at=contacts[0].created_at)

    assert 0.3 < found["plan",] < 0.7


def test_an_empty_segment_has_no_gaps(api, project):
    assert advice(api, project, make_segment(project), "{{ contact.plan }}") == []
    assert not Membership.objects.exists()


def test_mail_without_a_way_out_is_not_sent(api, project):
    make_template(project, "tmpl_trap", html="<p>Buy!</p>", text=f"Buy! {LEAVE}")
    make_template(project, "tmpl_text", html="", text="Buy!")
    steps = [{"template_id": code} for code in ("tmpl_welcome_01", "tmpl_trap", "tmpl_text")]
    created = api.post("/v1/campaigns", {**ONBOARDING, "steps": steps}).json()

    response = api.post(f"/v1/campaigns/{created['id']}/activate")

    assert [each.partition(",")[0] for each in created["warnings"]] == ["steps[1]", "steps[2]"]
    assert response.status_code == 422
    message = "The template has no unsubscribe link; add one to {{ links.unsubscribe }}."
    assert response.json()["error"]["details"] == [
        {"field": f"steps[{n}].template_id", "reason": "no_unsubscribe_link", "message": message}
        for n in (1, 2)
    ]
    assert Campaign.objects.get().status == "draft"


def test_a_template_that_came_past_the_compiler_is_told_of_and_not_sent(api, project):
    make_template(project, "tmpl_broken", html="{{ broken", text=LEAVE)

    created = broadcast(api, make_segment(project), "tmpl_broken")
    response = api.post(f"/v1/campaigns/{created['id']}/activate")

    assert created["warnings"] == ["steps[0]: Line 1: '{{' is never closed by '}}'."]
    assert response.status_code == 422
