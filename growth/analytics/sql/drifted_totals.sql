-- Totals with what waits to be folded, beside a recount. One statement sees one snapshot.
WITH kept AS (
    SELECT name, day, sum(count) AS count
      FROM (SELECT name, day, count FROM analytics_dailytotal WHERE project_id = {project}
            UNION ALL
            SELECT name, day, count FROM analytics_daychange WHERE project_id = {project}) each
     GROUP BY name, day
), counted AS (
    SELECT name, (timestamp AT TIME ZONE {zone})::date AS day, count(*) AS count
      FROM contacts_event WHERE project_id = {project} GROUP BY 1, 2
    UNION ALL
    SELECT '', (created_at AT TIME ZONE {zone})::date, count(*)
      FROM contacts_contact WHERE project_id = {project} AND deleted_at IS NULL GROUP BY 2
)
SELECT name, day, coalesce(kept.count, 0)::bigint, coalesce(counted.count, 0)
  FROM kept FULL JOIN counted USING (name, day)
 WHERE coalesce(kept.count, 0) <> coalesce(counted.count, 0)
 ORDER BY name, day
