"""Surveys, whom they asked, and what was answered."""

from surveys.models.invitation import Invitation, InvitationQuerySet
from surveys.models.response import Response
from surveys.models.survey import Survey

__all__ = ["Invitation", "InvitationQuerySet", "Response", "Survey"]
