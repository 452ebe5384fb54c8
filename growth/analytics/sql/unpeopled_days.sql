-- Days that are over, of which it pays to keep who did it, and is not kept; the newest first.
SELECT name, day FROM analytics_dailytotal total
 WHERE project_id = {project} AND name <> '' AND day < {today} AND count >= {worth}
   AND NOT EXISTS (SELECT FROM analytics_dailypeople people
                    WHERE people.project_id = total.project_id AND people.name = total.name
                      AND people.day = total.day)
 ORDER BY day DESC, name LIMIT {limit}
