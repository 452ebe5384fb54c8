"""What is deleted of an erased person, and what stays as a number without a name.

Each statement knows ``%(project)s``, the ``%(contacts)s`` that are the person, and what it is known
by. They run in this order: mail first, so that no worker goes on with it.
"""

from contacts.models.suppression import SEALED_KEY

# What our own events and news may go on to say: which things of ours they are about, and when.
KEPT = [
    "id",
    "contact_id",
    "source_contact_id",
    "campaign_id",
    "step_id",
    "template_id",
    "segment_id",
    "created_at",
    "updated_at",
    "entered_at",
    "exited_at",
]

_OWN = "project_id = %(project)s AND contact_id = ANY(%(contacts)s)"
_STRIPPED = """
    (SELECT coalesce(jsonb_object_agg(key, {value}), '{{}}') FROM jsonb_each({column}) {where})
"""
_PROPERTIES = _STRIPPED.format(
    value="value", column="properties", where="WHERE key = ANY(%(kept)s) AND name LIKE '$%%'"
)
_DATA = _STRIPPED.format(
    value="""CASE WHEN key = ANY(%(kept)s) THEN value WHEN jsonb_typeof(value) = 'object' THEN '{}'
                  WHEN jsonb_typeof(value) = 'array' THEN '[]' ELSE 'null' END""",
    column="data",
    where="",
)

# A worker that is sending the mail finds that its lease has ended, and writes nothing of it.
_EMAIL = f"""
    UPDATE contacts_email
       SET address = '', email_key = '', subject = '', context = '{{}}', leased_until = NULL,
           reason = CASE WHEN state = 'suppressed' THEN reason
                         WHEN state = 'sending' OR decided_at IS NULL THEN 'erased' ELSE '' END,
           state = CASE WHEN state = 'sending' THEN 'in_doubt'
                        WHEN decided_at IS NULL THEN 'suppressed' ELSE state END,
           decided_at = coalesce(decided_at, %(at)s)
     WHERE {_OWN}
"""
_ACTIVITY = f"""
    UPDATE contacts_emailactivity SET detail = ''
     WHERE project_id = %(project)s
       AND email_id IN (SELECT id FROM contacts_email WHERE {_OWN})
"""
_SUPPRESSION = f"""
    WITH readable AS (
        DELETE FROM contacts_suppression
         WHERE project_id = %(project)s AND email_key = ANY(%(addresses)s)
        RETURNING project_id, email_key, reason, created_at
    )
    INSERT INTO contacts_suppression (project_id, email_key, reason, created_at)
    SELECT project_id, {SEALED_KEY.format(key="email_key")}, reason, readable.created_at
      FROM readable JOIN growth_project project ON project.id = project_id ORDER BY 2
    ON CONFLICT DO NOTHING
"""
_CONSENT_CHANGE = f"""
    DELETE FROM contacts_consentchange
     WHERE project_id = %(project)s
       AND consent_id IN (SELECT id FROM contacts_consent WHERE {_OWN})
"""
_CLOCK = f"""
    DELETE FROM contacts_segmentclock
     WHERE {_OWN}
       AND segment_id IN (SELECT id FROM contacts_segment WHERE project_id = %(project)s)
"""
_RECEIPT = f"""
    DELETE FROM contacts_eventreceipt
     WHERE project_id = %(project)s
       AND message_id IN (SELECT message_id FROM contacts_event WHERE {_OWN})
"""
_EVENT = f"""
    UPDATE contacts_event SET properties = {_PROPERTIES}, message_id = NULL WHERE {_OWN}
"""
_FAILURE = """
    UPDATE growth_listenerfailure SET error = ''
     WHERE project_id = %(project)s AND (
           domain_event_id IN (SELECT id FROM growth_domainevent WHERE project_id = %(project)s
                                  AND subject = ANY(%(contacts)s))
           OR EXISTS (SELECT FROM unnest(%(identifiers)s::text[]) identifier
                       WHERE length(identifier) > 3 AND position(identifier IN error) > 0))
"""
# Whom it was one with for a while was told of with what was the other's.
_NEWS = f"""
    UPDATE growth_domainevent news SET data = {_DATA}
     WHERE id IN (
              SELECT id FROM growth_domainevent
               WHERE project_id = %(project)s AND subject = ANY(%(contacts)s)
              UNION ALL
              SELECT told.id FROM contacts_merge merge JOIN growth_domainevent told
                     ON told.project_id = merge.project_id AND told.subject = merge.target_id
                     AND told.created_at BETWEEN merge.created_at AND merge.undone_at
               WHERE merge.project_id = %(project)s AND merge.source_id = ANY(%(contacts)s)
              UNION ALL
              SELECT told.id FROM contacts_merge merge JOIN growth_domainevent told
                     ON told.project_id = merge.project_id AND told.subject = merge.source_id
                     AND told.created_at BETWEEN merge.created_at AND merge.undone_at
               WHERE merge.project_id = %(project)s AND merge.target_id = ANY(%(contacts)s))
"""
_MERGE = """
    DELETE FROM contacts_merge
     WHERE project_id = %(project)s
       AND (source_id = ANY(%(contacts)s) OR target_id = ANY(%(contacts)s))
"""
_LOG = """
    UPDATE django_admin_log entry SET object_repr = '', change_message = ''
      FROM django_content_type type
     WHERE type.id = entry.content_type_id AND type.app_label = 'contacts'
       AND type.model IN ('contact', 'suppression')
       AND (entry.object_id = ANY(%(public_ids)s) OR entry.object_repr = ANY(%(identifiers)s))
"""
_ANSWER = """
    DELETE FROM growth_idempotencykey
     WHERE project_id = %(project)s AND EXISTS (
           SELECT FROM unnest(%(public_ids)s::text[]) id
            WHERE position(convert_to(id, 'UTF8') IN answer) > 0)
"""
_CONTACT = """
    UPDATE contacts_contact
       SET email = '', email_key = '', phone = '', external_id = '', traits = '{}', tags = '{}',
           released = NULL, deleted_at = coalesce(deleted_at, %(at)s), updated_at = %(at)s,
           erased_at = coalesce(erased_at, %(at)s)
     WHERE project_id = %(project)s AND id = ANY(%(contacts)s)
"""

STATEMENTS = {
    "contacts_email": _EMAIL,
    "contacts_emailactivity": _ACTIVITY,
    "contacts_suppression": _SUPPRESSION,
    "contacts_identity": f"DELETE FROM contacts_identity WHERE {_OWN}",
    "contacts_consentchange": _CONSENT_CHANGE,
    "contacts_consent": f"DELETE FROM contacts_consent WHERE {_OWN}",
    "contacts_contactactivity": f"DELETE FROM contacts_contactactivity WHERE {_OWN}",
    "contacts_contactscore": f"DELETE FROM contacts_contactscore WHERE {_OWN}",
    "contacts_membership": f"DELETE FROM contacts_membership WHERE {_OWN}",
    "contacts_segmentclock": _CLOCK,
    "contacts_eventreceipt": _RECEIPT,
    "contacts_event": _EVENT,
    "contacts_message": f"DELETE FROM contacts_message WHERE {_OWN}",
    "growth_listenerfailure": _FAILURE,
    "growth_domainevent": _NEWS,
    "contacts_merge": _MERGE,
    "django_admin_log": _LOG,
    "growth_idempotencykey": _ANSWER,
    "contacts_contact": _CONTACT,
}

# The person's rows, those that became part of it before, and what they are known by.
PERSON = """
    WITH RECURSIVE person (id) AS (
        SELECT id FROM contacts_contact WHERE project_id = %(project)s AND id = %(contact)s
        UNION
        SELECT part.id FROM contacts_contact part JOIN person ON part.merged_into_id = person.id
    )
    SELECT id FROM contacts_contact WHERE id IN (SELECT id FROM person) ORDER BY id FOR UPDATE
"""
KNOWN_BY = f"""
    SELECT unnest(ARRAY[email, email_key, phone, external_id]) FROM contacts_contact
     WHERE project_id = %(project)s AND id = ANY(%(contacts)s)
    UNION SELECT value FROM contacts_identity WHERE {_OWN}
    UNION SELECT unnest(ARRAY[address, email_key]) FROM contacts_email WHERE {_OWN}
    UNION SELECT claim ->> 1
            FROM contacts_contact, jsonb_array_elements(released -> 'claims') claim
           WHERE project_id = %(project)s AND id = ANY(%(contacts)s)
"""
