-- The numbers of the dashboard from daily totals, if those are whole.
WITH total AS (
    SELECT name, day, count FROM analytics_dailytotal WHERE project_id = {project}
       AND (name = '' OR day >= {month_ago})
    UNION ALL
    SELECT name, day, count FROM analytics_daychange WHERE project_id = {project}
       AND (name = '' OR day >= {month_ago})
)
SELECT EXISTS (SELECT FROM analytics_rollup WHERE project_id = {project} AND zone = {zone})
       AND NOT EXISTS (SELECT FROM analytics_daychange
                        WHERE project_id = {project} AND zone <> {zone}),
       coalesce(sum(count) FILTER (WHERE name = ''), 0)::bigint,
       coalesce(sum(count) FILTER (WHERE is_own AND day = {today}), 0)::bigint,
       coalesce(sum(count) FILTER (WHERE is_own AND day < {today}), 0)::bigint
  FROM total
 CROSS JOIN LATERAL (SELECT name <> '' AND NOT starts_with(name, '$') AS is_own) kind
