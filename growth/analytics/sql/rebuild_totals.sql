-- All of a project's totals anew. One statement sees one snapshot: the changes that it deletes are
-- those of the very facts that it counts.
WITH cleared AS (
    DELETE FROM analytics_daychange WHERE project_id = {project}
), event AS (
    SELECT name, (timestamp AT TIME ZONE {zone})::date AS day, count(*) AS count
      FROM contacts_event WHERE project_id = {project} GROUP BY 1, 2
), living AS (
    SELECT '' AS name, (created_at AT TIME ZONE {zone})::date AS day, count(*) AS count
      FROM contacts_contact WHERE project_id = {project} AND deleted_at IS NULL GROUP BY 2
)
INSERT INTO analytics_dailytotal (project_id, name, day, count)
SELECT {project}, name, day, count FROM event
UNION ALL
SELECT {project}, name, day, count FROM living
