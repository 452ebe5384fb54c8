"""``/v1/surveys``, for the OpenAPI file and the docs."""

from growth.api.descriptions import Operation, describe, refine
from growth.api.shapes import (
    WARNINGS,
    Shape,
    choice,
    flag,
    free,
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
from surveys.api.answering import AnswersView, InvitationView, VoteSerializer
from surveys.api.surveys import (
    AnswerSerializer,
    InvitationTestSerializer,
    SurveySerializer,
    SurveyViewSet,
)
from surveys.models import Survey
from surveys.models.questions import KINDS
from surveys.models.scales import categories

_CATEGORIES = [*categories("nps"), *categories("csat")]
_QUESTION = text("How likely are you to recommend us to a friend or colleague?")
_FOLLOW_UP = text("What could we do better?", "Asked below the score, in the person's own words.")
_TRIGGER = free(
    {"event": "trial_expired", "delay": "1h"},
    "The event, the segment, or both that ask for the survey, and how long after.",
)
_CAP = free(
    {"max_surveys_per_contact": 1, "cooldown_days": 90},
    "How often this survey asks a contact, and how long after any survey it asks nobody again.",
)
_QUESTIONS = list_of(
    group(
        optional=["required", "choices", "scale"],
        id=text("size", "By which answers name it."),
        type=choice(KINDS),
        label=text("How large is your team?"),
        required={"type": "boolean", "example": True},
        choices=list_of(text("1-10")),
        scale=whole(5, "Of a rating: the greatest."),
    ),
    "Of a custom survey.",
)
_SURVEY = Shape(
    "Survey",
    "One question, or some, for contacts to whom something happens.",
    {
        "id": public_id("srvy"),
        "name": text("Post-Trial NPS"),
        "type": choice(Survey.Type.values),
        "status": choice(Survey.Status.values),
        "question": _QUESTION,
        "follow_up": maybe(_FOLLOW_UP),
        "questions": maybe(_QUESTIONS),
        "trigger": maybe(_TRIGGER),
        "frequency_cap": maybe(_CAP),
        "template_id": text("tmpl_survey_invite", "The mail that invites."),
        "created_at": time(),
        "updated_at": time(),
        "warnings": WARNINGS,
    },
    optional=["warnings"],
)
_RESPONSE = Shape(
    "SurveyResponse",
    "What a contact answered.",
    {
        "id": public_id("resp"),
        "contact_id": public_id("cntct"),
        "score": maybe(whole(9)),
        "comment": maybe(text("Love the referral feature!")),
        "category": maybe(choice(_CATEGORIES, "What the score is called.")),
        "answers": free({}, "Answers to the questions of a custom survey, by their ids."),
        "responded_at": time(),
        "edited_at": maybe(time("When it was changed last.")),
    },
)
_COUNT = whole(130)
_NPS = {
    "promoters": _COUNT,
    "passives": whole(52),
    "detractors": whole(28),
}
_CSAT = {"satisfied": whole(9), "neutral": whole(2), "dissatisfied": whole(1)}
_OF_TYPES = {
    "nps_score": maybe(whole(49, "Promoters less detractors, per hundred answers.")),
    "csat_score": maybe(whole(75, "Scores of 4 and 5, per hundred answers.")),
    "breakdown": group(optional=[*_NPS, *_CSAT], **_NPS, **_CSAT),
    "average_score": maybe(number(8.2)),
    "distribution": list_of(group(score=whole(9), count=_COUNT)),
    "questions": list_of(
        group(
            optional=["distribution", "average_score"],
            id=text("size"),
            type=choice(KINDS),
            label=text("How large is your team?"),
            responses=whole(40),
            distribution=list_of(group(value={"example": "1-10"}, count=whole(12))),
            average_score=maybe(number(3.9)),
        ),
        "Of a custom survey.",
    ),
}
_STATS = Shape(
    "SurveyStats",
    "How many were asked and answered, and what they said.",
    {
        "survey_id": public_id("srvy"),
        "total_sent": whole(500, "Invitations that a mail server took."),
        "total_responses": whole(210, "With invitation or without."),
        "response_rate": number(0.42, "Answers to sent invitations, per sent invitation."),
        **_OF_TYPES,
        "updated_at": time(),
    },
    optional=list(_OF_TYPES),
)
_TEST = Shape(
    "TestInvitation",
    "A mail that is on its way to you.",
    {"id": public_id("srvy"), "status": choice(["sent"])},
)

refine(
    SurveySerializer,
    question=_QUESTION,
    follow_up=maybe(_FOLLOW_UP),
    questions=maybe(_QUESTIONS),
    trigger=maybe(_TRIGGER),
    frequency_cap=maybe(_CAP),
    template_id=text("tmpl_survey_invite"),
)
refine(
    AnswerSerializer,
    score=maybe(whole(9, "0 to 10 of an NPS, 1 to 5 of a CSAT survey; none of a custom one.")),
    comment=maybe(text("Love the referral feature!")),
    answers=maybe(free({}, "By the ids of the questions.")),
)

describe(
    SurveyViewSet,
    "Surveys",
    "NPS, CSAT and questions of your own, by mail, on a page, and from your own programs.",
    list=Operation(
        "List surveys",
        answers=page_of(_SURVEY),
        filters={"type": choice(Survey.Type.values), "status": choice(Survey.Status.values)},
    ),
    create=Operation(
        "Create a survey",
        "A draft, which asks nobody before it is activated.",
        takes=SurveySerializer,
        example={
            "name": "Post-Trial NPS",
            "type": "nps",
            "question": "How likely are you to recommend us to a friend or colleague?",
            "follow_up": "What could we do better?",
            "trigger": {"event": "trial_expired", "delay": "1h"},
            "frequency_cap": {"max_surveys_per_contact": 1, "cooldown_days": 90},
            "status": "draft",
        },
        answers=_SURVEY,
        status=201,
    ),
    retrieve=Operation("Get a survey", answers=_SURVEY),
    partial_update=Operation(
        "Update a survey",
        "`trigger` and `frequency_cap` are merged. Whoever waits already keeps its time.",
        takes=SurveySerializer,
        example={
            "question": "How likely are you to recommend Acme to a colleague?",
            "trigger": {"delay": "2h"},
        },
        answers=_SURVEY,
    ),
    destroy=Operation(
        "Delete a survey", "Nobody is asked any more; answers stay with contacts.", status=204
    ),
    activate=Operation(
        "Activate a survey",
        "Begins to ask contacts who match the trigger. Again, it changes nothing.",
        answers=_SURVEY,
    ),
    pause=Operation(
        "Pause a survey", "Nobody is asked; invitations may still be answered.", answers=_SURVEY
    ),
    test=Operation(
        "Send a test",
        "The invitation, to your address. It counts nowhere, and its page keeps nothing.",
        takes=InvitationTestSerializer,
        example={"email": "test@acme.example"},
        answers=_TEST,
        status=202,
    ),
    responses=Operation(
        "List responses",
        answers=page_of(_RESPONSE),
        filters={
            "category": choice(_CATEGORIES),
            "contact_id": public_id("cntct", "Of one contact."),
        },
    ),
    respond=Operation(
        "Add a response",
        "An answer that came another way. It needs no invitation; one that is open is answered by "
        "it. Within 24 hours it changes the contact's last answer (200); later it is a new one "
        "where the frequency cap allows one, else 409.",
        takes=AnswerSerializer,
        example={
            "contact_id": public_id("cntct")["example"],
            "score": 9,
            "comment": "Love the referral feature!",
        },
        answers=_RESPONSE,
        status=(201, 200),
        refuses=("conflict",),
    ),
    stats=Operation("Get a survey's statistics", answers=_STATS),
)

refine(
    VoteSerializer,
    token=text("1-1.x5Y…", "What the link in the mail ends with, after /s/."),
    press=text("survey-1~1771840800.000.x5Y…", "That of the question; two seconds old at least."),
    score=maybe(whole(9)),
    comment=maybe(text("Love the referral feature!")),
    answers=maybe(free({}, "By the ids of the questions.")),
)
_ASKED = Shape(
    "SurveyInvitation",
    "What the invited person is asked, and how an answer is given.",
    {
        "type": choice(Survey.Type.values),
        "question": _QUESTION,
        "follow_up": maybe(_FOLLOW_UP),
        "scale": maybe(
            group(
                min=whole(0),
                max=whole(10),
                low=text("Not at all likely", "What the least means."),
                high=text("Extremely likely", "What the greatest means."),
            )
        ),
        "questions": maybe(_QUESTIONS),
        "asks_comment": flag("Whether there is room for words."),
        "must_comment": flag("Whether words are all that answers it.", example=False),
        "said": maybe(free({"score": 9}, "The answer, if there is one that can be changed.")),
        "sender": text("Acme"),
        "press": text("survey-1~1771840800.000.x5Y…", "Send it with the answer."),
    },
)
_KEPT = Shape(
    "SurveyVote",
    "What became of the answer.",
    {
        "status": choice(["kept", "changed", "sample"]),
        "editable_until": maybe(time("Until then another answer changes it.")),
    },
)
_PUBLIC = "What the browser of somebody invited may do, with the token of the invitation."
describe(
    InvitationView,
    "Public surveys",
    _PUBLIC,
    invitation=Operation(
        "Look at what is asked",
        "It changes nothing. `409`: answered over a day ago; `410`: the survey is over.",
        answers=_ASKED,
        filters={"token": text("1-1.x5Y…", "What the link in the mail ends with, after /s/.")},
        refuses=("unauthenticated", "conflict", "gone"),
    ),
)
describe(
    AnswersView,
    "Public surveys",
    _PUBLIC,
    answers=Operation(
        "Answer",
        "For a day another answer changes the first. One that comes within two seconds after the "
        "question is `422`: programs that read mail are that quick.",
        takes=VoteSerializer,
        example={
            "token": "1-1.x5Y…",
            "press": "survey-1~1771840800.000.x5Y…",
            "score": 9,
            "comment": "Love the referral feature!",
        },
        answers=_KEPT,
        refuses=("unauthenticated", "conflict", "gone"),
    ),
)
