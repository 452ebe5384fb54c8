"""``/v1/segments``."""

from contacts.api.segments import (
    EditSerializer,
    MembersSerializer,
    NewSegmentSerializer,
    RulesSerializer,
    SegmentSerializer,
    SegmentViewSet,
)
from contacts.models import Segment
from contacts.schema.shapes import CONTACT
from growth.api.descriptions import Operation, describe, refine
from growth.api.shapes import (
    WARNINGS,
    Shape,
    choice,
    flag,
    group,
    list_of,
    maybe,
    number,
    page_of,
    public_id,
    text,
    time,
    whole,
)

_RULES = {
    "operator": "AND",
    "conditions": [
        {"field": "traits.plan", "op": "eq", "value": "trial"},
        {"field": "events.login", "op": "count_gte", "value": 3, "window": "7d"},
    ],
}
_TREE = {
    "type": "object",
    "additionalProperties": {},
    "description": "A group: an operator, and conditions or groups. See the guide on segments.",
    "example": _RULES,
}
_NAME = text("Active trial users")
_CONTACT_ID = CONTACT.fields["id"]
_SEGMENT_ID = public_id("seg")

SEGMENT = Shape(
    "Segment",
    "A group of contacts that a rule describes, or whose members are named.",
    {
        "id": _SEGMENT_ID,
        "name": _NAME,
        "type": choice(Segment.Type.values),
        "status": choice(
            reversed(Segment.Status.values), "While it is building, reads evaluate the rule."
        ),
        "rules": maybe(_TREE),
        "contact_count": whole(1243, "Exact at the moment of the answer."),
        "created_at": time(),
        "updated_at": time(),
        "warnings": WARNINGS,
    },
    optional=["warnings"],
)
_ESTIMATE = Shape(
    "Estimate",
    "How many contacts match.",
    {
        "estimated_count": whole(487),
        "total_contacts": whole(12500),
        "percentage": number(3.9, "From 0 to 100, with one decimal."),
        "changes": group(
            "What saving the rules would do to the segment.",
            enter=whole(12),
            leave=whole(3),
        ),
    },
    optional=["changes"],
)
_EXPLANATION = Shape(
    "Explanation",
    "Why a contact is in a segment or is not.",
    {
        "contact_id": _CONTACT_ID,
        "segment_id": _SEGMENT_ID,
        "is_member": flag(),
        "matches": flag("What the rule says at this moment."),
        "recheck_at": maybe(time("When time alone may change that.")),
        "conditions": list_of(
            group(
                path=text("rules.conditions[0]", "Where it stands in the rule."),
                matches=flag(),
                changes_at=maybe(time()),
            )
        ),
    },
)

refine(RulesSerializer, rules=_TREE)
refine(EditSerializer, segment_id=maybe(_SEGMENT_ID))
refine(SegmentSerializer, name=_NAME, rules=_TREE)
refine(NewSegmentSerializer, rules=maybe(_TREE))
refine(MembersSerializer, contact_ids=list_of(_CONTACT_ID, minItems=1, maxItems=1000))

describe(
    SegmentViewSet,
    "Segments",
    "Groups of contacts. Who is in one follows what contacts are, what they do, and what time it "
    "is.",
    list=Operation("List segments", "Newest first.", answers=page_of(SEGMENT)),
    create=Operation(
        "Create a segment",
        "By rules, or with the type `static` by naming its members afterwards. Whom it finds at "
        "once are members and nobody is told.",
        takes=NewSegmentSerializer,
        example={"name": "Active trial users", "rules": _RULES},
        answers=SEGMENT,
        status=201,
    ),
    retrieve=Operation("Get a segment", answers=SEGMENT),
    partial_update=Operation(
        "Update a segment",
        takes=SegmentSerializer,
        example={"name": "Very active trial users", "rules": _RULES},
        answers=SEGMENT,
    ),
    destroy=Operation(
        "Delete a segment",
        "Refused while a campaign or another segment looks at it.",
        status=204,
        refuses=("conflict",),
    ),
    contacts=Operation("List a segment's contacts", answers=page_of(CONTACT)),
    add_contacts=Operation(
        "Add contacts to a static segment",
        takes=MembersSerializer,
        example={"contact_ids": [_CONTACT_ID["example"]]},
        answers=SEGMENT,
    ),
    remove_contacts=Operation(
        "Remove contacts from a static segment",
        takes=MembersSerializer,
        example={"contact_ids": [_CONTACT_ID["example"]]},
        answers=SEGMENT,
        refuses=("conflict",),
    ),
    explanation=Operation(
        "Explain a membership",
        "What each condition of the rule says of the contact.",
        answers=_EXPLANATION,
    ),
    estimate=Operation(
        "Estimate other rules for a segment",
        "Counts, and what saving them would change. What takes longer than 3 seconds is 503.",
        takes=RulesSerializer,
        example={"rules": _RULES},
        answers=_ESTIMATE,
    ),
    estimate_rules=Operation(
        "Estimate rules",
        "Counts without storing anything. What takes longer than 3 seconds is 503.",
        takes=EditSerializer,
        example={"rules": _RULES},
        answers=_ESTIMATE,
    ),
)
