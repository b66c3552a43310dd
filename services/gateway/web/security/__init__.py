"""Who may ask what: other sites, callers, sizes and rates.

site      unknown hosts and other web pages
headers   what every answer tells the browser
access    keys, sessions, scopes (in rules) and rates (in limits)
bodies    how large and how slow a body may be
"""
