"""What is kept of one contact beside the contact itself."""

from django.http import StreamingHttpResponse
from django.utils.timezone import now
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from contacts.api.topics import StanceSerializer, is_topic_code, show_stand
from contacts.export import exported
from contacts.models import Contact, Topic
from contacts.operations.consents import record_consents, stands_of
from contacts.operations.erasing import erase_contact
from contacts.scores import explain_scores
from growth.api.viewsets import ProjectViewSet

SCORE_DAYS = 90


class ContactRecords(ProjectViewSet):
    """The routes below a contact that show and change its records."""

    http_method_names = [*ProjectViewSet.http_method_names, "put"]

    @action(detail=True)
    def consents(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        self.keyset = ("-id",)
        topics = self.page_of(Topic.objects.in_project(self.project))
        stands = stands_of(contact, topics)
        shown = [show_stand(topic, stands.get(topic.id)) for topic in topics]
        return self.paginator.get_paginated_response(shown)

    @action(detail=True, methods=["put"], url_path="consents/<str:topic>")
    def consent(self, request: Request, pk: str, topic: str) -> Response:
        contact = self.get_object()
        about = self._topic(topic)
        form = StanceSerializer(data=request.data, context=self.get_serializer_context())
        form.is_valid(raise_exception=True)
        record_consents(contact, {topic: form.validated_data}, at=now())
        return Response(show_stand(about, stands_of(contact, [about]).get(about.id)))

    @action(detail=True)
    def scores(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        past = contact.scores.filter(project=self.project).order_by("-day")[:SCORE_DAYS]
        history = list(past.values("day", "engagement", "lead"))
        return Response({**explain_scores(contact, at=now()), "history": history})

    @action(detail=True)
    def export(self, request: Request, pk: str) -> StreamingHttpResponse:
        contact = self.get_object()
        return StreamingHttpResponse(
            exported(contact, at=now()),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{contact.id}.json"'},
        )

    @action(detail=True, methods=["post"])
    def erase(self, request: Request, pk: str) -> Response:
        self.queryset = Contact.objects.filter(merged_into=None)  # the deleted too
        self.refuse_body()
        return Response(erase_contact(self.get_object(), at=now()).as_dict())

    def _topic(self, code: str) -> Topic:
        topics = Topic.objects.in_project(self.project)
        topic = topics.filter(code=code).first() if is_topic_code(code) else None
        if topic is None:
            raise NotFound("There is no topic of this code in this project.")
        return topic
