-- The same numbers from contacts and events themselves.
SELECT (SELECT count(*) FROM contacts_contact
         WHERE project_id = {project} AND deleted_at IS NULL),
       count(*) FILTER (WHERE timestamp >= {today}),
       count(*) FILTER (WHERE timestamp < {today})
  FROM contacts_event
 WHERE project_id = {project} AND NOT starts_with(name, '$')
   AND timestamp >= {month_ago} AND timestamp < {tomorrow}
