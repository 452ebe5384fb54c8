-- How many people there are in each bucket and group, in each group, and in all.
WITH hit AS MATERIALIZED (
    SELECT DISTINCT width_bucket(event.timestamp, {bounds}::timestamptz[]) AS bucket,
           {label} AS label, event.contact_id
      {events}
), greatest_groups AS (
    SELECT label FROM hit GROUP BY label
     ORDER BY count(DISTINCT contact_id) DESC, label COLLATE "C" LIMIT {most}
), shown AS MATERIALIZED (
    SELECT DISTINCT bucket, contact_id,
           CASE WHEN label IN (SELECT label FROM greatest_groups) THEN label END AS label
      FROM hit
)
SELECT bucket, label, count(*) FROM shown GROUP BY bucket, label
UNION ALL
SELECT -1, label, count(DISTINCT contact_id) FROM shown GROUP BY label
UNION ALL
SELECT NULL, NULL, count(DISTINCT contact_id) FROM shown
