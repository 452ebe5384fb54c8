"""Campaigns, their steps, and the journeys of contacts through them."""

from campaigns.models.campaign import Campaign
from campaigns.models.enrollment import Enrollment, EnrollmentQuerySet
from campaigns.models.step import Step

__all__ = ["Campaign", "Enrollment", "EnrollmentQuerySet", "Step"]
