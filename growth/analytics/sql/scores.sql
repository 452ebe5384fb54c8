-- How many living contacts have which two scores; who never did anything has none, which is 0.
SELECT coalesce(activity.engagement, 0), coalesce(activity.lead, 0), count(*)
  FROM contacts_contact contact
  LEFT JOIN contacts_contactactivity activity ON activity.contact_id = contact.id
 WHERE contact.project_id = {project} AND contact.deleted_at IS NULL
 GROUP BY 1, 2
