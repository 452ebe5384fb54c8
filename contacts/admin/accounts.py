"""Accounts, stages and messages in the admin."""

from django.contrib import admin

from contacts.models import Account, ContactStage, Message
from growth.admin import ReadOnlyAdmin


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ("name", "id", "external_id", "status", "project", "created_at")
    list_filter = ("status",)
    search_fields = ("name_key__startswith", "external_id__startswith")
    list_select_related = ("project",)


@admin.register(ContactStage)
class ContactStageAdmin(ReadOnlyAdmin):
    list_display = ("name", "project")
    search_fields = ("name__istartswith",)
    list_select_related = ("project",)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("message_type", "rendered_subject", "contact", "user", "sent_at", "project")
    search_fields = ("contact__email_key", "contact__external_id")
    list_select_related = ("contact", "user", "project")
