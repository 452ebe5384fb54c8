"""Triggers note what each statement adds to a day, whoever wrote it: see ADR 0016."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION analytics_note_stored() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO analytics_daychange (project_id, zone, name, day, count)
    SELECT project.id, project.timezone, stored.name,
           (stored.timestamp AT TIME ZONE project.timezone)::date, count(*)
      FROM stored JOIN growth_project project ON project.id = stored.project_id
     GROUP BY 1, 2, 3, 4;
    RETURN NULL;
END $$;
CREATE FUNCTION analytics_note_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO analytics_daychange (project_id, zone, name, day, count)
    SELECT project.id, project.timezone, deleted.name,
           (deleted.timestamp AT TIME ZONE project.timezone)::date, -count(*)
      FROM deleted JOIN growth_project project ON project.id = deleted.project_id
     GROUP BY 1, 2, 3, 4;
    RETURN NULL;
END $$;
CREATE FUNCTION analytics_note_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO analytics_daychange (project_id, zone, name, day, count)
    SELECT project.id, project.timezone, moved.name,
           (moved.timestamp AT TIME ZONE project.timezone)::date, sum(moved.count)
      FROM (SELECT was.project_id, was.name, was.timestamp, -1 AS count
              FROM was JOIN become USING (id)
             WHERE (was.contact_id, was.name, was.timestamp)
                   <> (become.contact_id, become.name, become.timestamp)
            UNION ALL
            SELECT become.project_id, become.name, become.timestamp, 1
              FROM was JOIN become USING (id)
             WHERE (was.contact_id, was.name, was.timestamp)
                   <> (become.contact_id, become.name, become.timestamp)) moved
      JOIN growth_project project ON project.id = moved.project_id
     GROUP BY 1, 2, 3, 4;
    RETURN NULL;
END $$;
CREATE TRIGGER analytics_stored AFTER INSERT ON contacts_event
       REFERENCING NEW TABLE AS stored
       FOR EACH STATEMENT EXECUTE FUNCTION analytics_note_stored();
CREATE TRIGGER analytics_deleted AFTER DELETE ON contacts_event
       REFERENCING OLD TABLE AS deleted
       FOR EACH STATEMENT EXECUTE FUNCTION analytics_note_deleted();
CREATE TRIGGER analytics_moved AFTER UPDATE ON contacts_event
       REFERENCING OLD TABLE AS was NEW TABLE AS become
       FOR EACH STATEMENT EXECUTE FUNCTION analytics_note_moved();

CREATE FUNCTION analytics_note_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO analytics_daychange (project_id, zone, name, day, count)
    SELECT project.id, project.timezone, '',
           (born.created_at AT TIME ZONE project.timezone)::date, count(*)
      FROM born JOIN growth_project project ON project.id = born.project_id
     WHERE born.deleted_at IS NULL
     GROUP BY 1, 2, 4;
    RETURN NULL;
END $$;
CREATE FUNCTION analytics_note_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO analytics_daychange (project_id, zone, name, day, count)
    SELECT project.id, project.timezone, '',
           (OLD.created_at AT TIME ZONE project.timezone)::date,
           CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE -1 END
      FROM growth_project project WHERE project.id = OLD.project_id;
    RETURN NULL;
END $$;
CREATE TRIGGER analytics_born AFTER INSERT ON contacts_contact
       REFERENCING NEW TABLE AS born
       FOR EACH STATEMENT EXECUTE FUNCTION analytics_note_born();
CREATE TRIGGER analytics_gone AFTER UPDATE OF deleted_at ON contacts_contact
       FOR EACH ROW WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL))
       EXECUTE FUNCTION analytics_note_gone();
"""
BACKWARD = """
DROP TRIGGER analytics_stored ON contacts_event;
DROP TRIGGER analytics_deleted ON contacts_event;
DROP TRIGGER analytics_moved ON contacts_event;
DROP TRIGGER analytics_born ON contacts_contact;
DROP TRIGGER analytics_gone ON contacts_contact;
DROP FUNCTION analytics_note_stored, analytics_note_deleted, analytics_note_moved,
              analytics_note_born, analytics_note_gone;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0001_initial"),
        ("contacts", "0012_mail_gates"),
        ("growth", "0007_public_event_types"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
