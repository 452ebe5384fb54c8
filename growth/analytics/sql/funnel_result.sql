-- How many attempts came to each step, wait there, and how long they took.
{attempts}
SELECT true, NULL::text, {measures} FROM attempt
