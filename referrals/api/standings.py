"""``/v1/referrals/rewards`` and ``/v1/referrals/leaderboard``."""

from functools import partial
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from growth.api.fields import StrictSerializer
from growth.api.viewsets import ProjectViewSet
from referrals.models import Program, Reward
from referrals.standings import PLACES, leaderboard

_REWARD_FILTERS = ("program_id", "contact_id", "conversion_id", "status")


class RewardViewSet(ProjectViewSet):
    """The ledger of what is owed."""

    resource = "referrals"
    queryset = Reward.objects.all()
    serializer_class = StrictSerializer

    def list(self, request: Request) -> Response:
        rewards = self.get_queryset()
        for name in _REWARD_FILTERS:
            if value := request.query_params.get(name):
                if name == "status" and value not in Reward.Status.values:
                    raise ParseError(f"status: Send one of {', '.join(Reward.Status.values)}.")
                rewards = rewards.filter(**{name: value})
        page = self.page_of(rewards, *_REWARD_FILTERS)
        return self.paginator.get_paginated_response([_shown(reward) for reward in page])


class LeaderboardViewSet(ProjectViewSet):
    """Who brought the most."""

    resource = "referrals"
    queryset = Program.objects.all()
    serializer_class = StrictSerializer

    def list(self, request: Request) -> Response:
        program = self._program(request)
        self._refuse_other_parameters(["program_id"])
        page = self.paginator.paginate(partial(leaderboard, program), request, PLACES)
        shown = [
            {
                "rank": place.rank,
                "contact_id": place.contact_id,
                "email": place.email or None,
                "referrals": place.referrals,
                "conversions": place.conversions,
                "tier": program.tier_of(place.conversions),
            }
            for place in page
        ]
        return Response({**self.paginator.envelope(shown), "program_id": program.id})

    def _program(self, request: Request) -> Program:
        id = request.query_params.get("program_id", "")
        found = self.get_queryset().filter(pk=id).first()
        if found is None:
            raise ParseError("program_id: Name a referral program of this project.")
        return found


def _shown(reward: Reward) -> dict[str, Any]:
    return {
        **reward.as_news(),
        "created_at": reward.created_at,
        "due_at": reward.due_at,
        "approved_at": reward.approved_at,
        "issued_at": reward.issued_at,
        "reversed_at": reward.reversed_at,
    }
