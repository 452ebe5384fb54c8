-- Totals of days with what waits to be folded, by buckets. The first column says whether they are
-- whole: totals of another zone are not asked.
WITH total AS (
    SELECT day, count FROM analytics_dailytotal
     WHERE project_id = {project} AND {named} AND day >= {first} AND day <= {last}
    UNION ALL
    SELECT day, count FROM analytics_daychange
     WHERE project_id = {project} AND {named} AND day >= {first} AND day <= {last}
)
SELECT EXISTS (SELECT FROM analytics_rollup WHERE project_id = {project} AND zone = {zone})
       AND NOT EXISTS (SELECT FROM analytics_daychange
                        WHERE project_id = {project} AND zone <> {zone}),
       bucket, count
  FROM (SELECT 0 AS bucket, 0::bigint AS count
        UNION ALL
        SELECT width_bucket(day, {days}::date[]), sum(count)::bigint FROM total GROUP BY 1) counted
