-- The latest events of all names: of each name, found one after the other in the index, the latest.
WITH RECURSIVE known (name) AS (
    SELECT min(name) FROM contacts_event WHERE project_id = {project}
    UNION ALL
    SELECT (SELECT min(event.name) FROM contacts_event event
             WHERE event.project_id = {project} AND event.name > known.name)
      FROM known WHERE known.name IS NOT NULL
)
SELECT event.* FROM known CROSS JOIN LATERAL (
       SELECT * FROM contacts_event event
        WHERE event.project_id = {project} AND event.name = known.name AND {chosen}
        ORDER BY event.timestamp DESC, event.id DESC LIMIT {limit}) event
 ORDER BY event.timestamp DESC, event.id DESC LIMIT {limit}
