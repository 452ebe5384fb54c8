-- How many people there are in each bucket, and in all.
WITH hit AS MATERIALIZED (
    SELECT DISTINCT width_bucket(event.timestamp, {bounds}::timestamptz[]) AS bucket,
           event.contact_id
      {events}
)
SELECT bucket, NULL::text, count(*) FROM hit GROUP BY bucket
UNION ALL
SELECT NULL, NULL, count(*) FROM (SELECT DISTINCT contact_id FROM hit) people
