"""``/v1/topics``."""

from contacts.api.topics import NewTopicSerializer, TopicSerializer, TopicViewSet
from contacts.schema.shapes import TOPIC
from growth.api.descriptions import Operation, describe, refine
from growth.api.shapes import page_of, text

refine(TopicSerializer, name=text("Product news"))
refine(
    NewTopicSerializer,
    code=text("product-news", pattern="^[a-z0-9][a-z0-9_-]{0,63}$"),
)

describe(
    TopicViewSet,
    "Topics",
    "What mail can be about, and contacts agree to or not.",
    list=Operation("List topics", answers=page_of(TOPIC)),
    create=Operation(
        "Create a topic",
        "With `opt_in: double` nobody gets its mail unasked.",
        takes=NewTopicSerializer,
        example={"code": "product-news", "name": "Product news", "opt_in": "double"},
        answers=TOPIC,
        status=201,
        refuses=("conflict",),
    ),
    retrieve=Operation("Get a topic", answers=TOPIC),
    partial_update=Operation(
        "Update a topic",
        takes=TopicSerializer,
        example={"name": "News of the product"},
        answers=TOPIC,
    ),
    destroy=Operation(
        "Delete a topic",
        "Refused once somebody said something of it.",
        status=204,
        refuses=("conflict",),
    ),
)
