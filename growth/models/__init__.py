from growth.models.api_key import ApiKey
from growth.models.audit_entry import AuditEntry
from growth.models.domain_event import DomainEvent, DomainEventType, ListenerFailure
from growth.models.idempotency import IdempotencyKey
from growth.models.member import Member
from growth.models.oauth import OAuthClient, OAuthToken
from growth.models.project import Project
from growth.models.sweep_slot import SweepSlot
from growth.models.tenancy import ProjectModel, ProjectQuerySet, PublicIdField
from growth.models.user import User

__all__ = [
    "ApiKey",
    "AuditEntry",
    "DomainEvent",
    "DomainEventType",
    "IdempotencyKey",
    "Member",
    "ListenerFailure",
    "OAuthClient",
    "OAuthToken",
    "Project",
    "ProjectModel",
    "ProjectQuerySet",
    "PublicIdField",
    "SweepSlot",
    "User",
]
