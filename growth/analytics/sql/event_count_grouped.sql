-- How many events there are in each bucket and group; beyond the greatest groups, in all others.
WITH counted AS MATERIALIZED (
    SELECT width_bucket(event.timestamp, {bounds}::timestamptz[]) AS bucket, {label} AS label,
           count(*) AS count
      {events}
     GROUP BY 1, 2
), greatest_groups AS (
    SELECT label FROM counted GROUP BY label
     ORDER BY sum(count) DESC, label COLLATE "C" LIMIT {most}
)
SELECT bucket, CASE WHEN label IN (SELECT label FROM greatest_groups) THEN label END AS shown,
       sum(count)::bigint
  FROM counted GROUP BY 1, 2
