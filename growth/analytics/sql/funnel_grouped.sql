-- The same for all, and for the greatest groups and all others.
{attempts}, labelled AS MATERIALIZED (
    SELECT event.*, {label} AS name FROM attempt event {grouping}
), greatest_groups AS (
    SELECT name FROM labelled GROUP BY name
     ORDER BY count(*) DESC, name COLLATE "C" LIMIT {most}
), shown AS (
    SELECT DISTINCT CASE WHEN name IN (SELECT name FROM greatest_groups) THEN name END AS name,
           contact_id, level, is_open, {times}
      FROM labelled
)
SELECT true, NULL::text, {measures} FROM attempt
UNION ALL
SELECT false, name, {measures} FROM shown GROUP BY name
