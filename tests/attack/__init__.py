"""A hostile hour in minutes: attempts against a running product, each with what must come of it.

table      what was tried, expected and seen
target     the product under attack: `rfm up` with keys required, on loopback, in its own folder
requests   heads, bodies, paths and queries that no client should send
access     keys, logins, sessions, other websites
uploads    names and bodies
folder     what lies in the watched folder
injection  what files carry to pages, CSVs and SQL
streams    many open event streams
webhooks   targets on this machine and in its network
proven     attempts that are tests of the suite: they need something that the product is not told
"""
