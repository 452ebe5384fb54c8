"""What the bench of waitlists writes and reads by hand."""

PEOPLE = """
    INSERT INTO contacts_contact
           (project_id, email, email_key, phone, external_id, traits, tags, created_at, updated_at)
    SELECT %(project)s, %(slug)s || n || '@example.com', %(slug)s || n || '@example.com', '', '',
           '{}', '{}', %(at)s, %(at)s
      FROM generate_series(1, %(count)s) n RETURNING id
"""
ENTRIES = f"""
    WITH person AS ({PEOPLE})
    INSERT INTO waitlists_entry
           (project_id, waitlist_id, contact_id, entry, code, status, reason, sequence, sort_key,
            referral_count, is_credited, traits, joined_at, confirmed_at, changed_at)
    SELECT %(project)s, %(waitlist)s, id, 0, 'B' || id, 'waiting', '', n, n,
           CASE WHEN n %% 5 = 0 THEN 1 + n %% 7 ELSE 0 END, false, '{{}}', %(at)s, %(at)s, %(at)s
      FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM person) numbered
"""
BARE_PAGE = """
    SELECT e.id, e.code, e.referral_count, e.sort_key, e.joined_at, e.status, c.email
      FROM waitlists_entry e JOIN contacts_contact c ON c.id = e.contact_id
     WHERE e.project_id = %(project)s AND e.waitlist_id = %(waitlist)s AND e.status = 'waiting'
       AND (e.sort_key, e.joined_at, e.id) > (%(key)s, %(at)s, %(id)s)
     ORDER BY e.sort_key, e.joined_at, e.id LIMIT %(count)s
"""
BARE_STRETCHES = """
    SELECT sum(count) FROM waitlists_bucket
     WHERE project_id = %(project)s AND waitlist_id = %(waitlist)s AND number < %(key)s >> 10
"""
BARE_WITHIN = """
    SELECT count(*) FROM waitlists_entry
     WHERE project_id = %(project)s AND waitlist_id = %(waitlist)s AND status = 'waiting'
       AND sort_key >= %(key)s >> 10 << 10
       AND (sort_key, joined_at, id) < (%(key)s, %(at)s, %(id)s)
"""
COUNT = """
    SELECT count(*) FROM waitlists_entry
     WHERE project_id = %(project)s AND waitlist_id = %(waitlist)s AND status = 'waiting'
       AND (sort_key, joined_at, id) < (%(key)s, %(at)s, %(id)s)
"""
HOLD = "SELECT FROM waitlists_waitlist WHERE id = %s FOR UPDATE"
MOVE = """
    INSERT INTO waitlists_bucket AS bucket (project_id, waitlist_id, number, count)
    VALUES (%s, %s, %s >> 10, %s)
    ON CONFLICT (project_id, waitlist_id, number)
    DO UPDATE SET count = bucket.count + excluded.count
"""
EVENTS = """
    INSERT INTO contacts_event
           (project_id, contact_id, name, properties, timestamp, received_at, hops)
    SELECT %s, contact, %s, '{}', %s, %s, 0 FROM unnest(%s::bigint[]) contact RETURNING id
"""
NEWS = """
    INSERT INTO growth_domainevent (project_id, type, data, subject, hops, created_at)
    SELECT %s, 'waitlist.entry', data, contact, 0, %s
      FROM unnest(%s::bigint[], %s::jsonb[]) AS told (contact, data)
"""
TAKE = """
    UPDATE waitlists_entry entry
       SET status = 'approved', approved_at = %(now)s, changed_at = %(now)s
      FROM (SELECT id FROM waitlists_entry
             WHERE project_id = %(project)s AND waitlist_id = %(waitlist)s AND status = 'waiting'
             ORDER BY sort_key, joined_at, id LIMIT %(count)s) first
     WHERE entry.id = first.id
    RETURNING entry.id, entry.contact_id, entry.sort_key, entry.code, entry.referral_count
"""
JOIN = """
    INSERT INTO waitlists_entry (project_id, waitlist_id, contact_id, entry, code, status, reason,
           sequence, sort_key, referral_count, referred_by_id, is_credited, traits, joined_at,
           confirmed_at, changed_at)
    VALUES (%s, %s, %s, 0, %s, 'waiting', '', %s, %s, 0, %s, true, '{}', %s, %s, %s) RETURNING id
"""
MAIL = """
    INSERT INTO contacts_email (project_id, stream_id, step_key, entry, contact_id, address,
           email_key, template_code, subject, context, state, reason, attempts, created_at,
           due_at, hops)
    VALUES (%s, %s, 'welcome', 0, %s, %s, %s, 'tmpl_wl_welcome', '', %s, 'queued', '', 0,
            %s, %s, 0)
"""
