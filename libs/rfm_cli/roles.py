"""Who may do what in the private PostgreSQL, as SQL for its single-user mode.

The services' user owns their database and nothing else: it is no superuser, so no SQL of theirs
runs programs or reads files. The superuser cannot log in; only whoever may read the server's files
becomes it, as here. Each statement ends with an empty line, and none has one inside.
"""

USER = "rfm"
DATABASE = "rfm"
SUPERUSER = "postgres"
RIGHTS = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"

# Earlier versions made USER the first superuser, which always remains one: it gets another name.
# A session's own user cannot be renamed, hence the third role.
_RENAME = f"""DO $$BEGIN
IF (SELECT rolname = '{USER}' FROM pg_roles WHERE oid = 10) THEN
  CREATE ROLE handover SUPERUSER;
  SET SESSION AUTHORIZATION handover;
  ALTER ROLE {USER} RENAME TO {SUPERUSER};
  SET SESSION AUTHORIZATION {SUPERUSER};
  DROP ROLE handover;
END IF;
IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{USER}') THEN
  CREATE ROLE {USER};
END IF;
END$$"""  # noqa: S608 - constants

_OURS = "!~ '^(pg_|information_schema$)'"
_OWN_EVERYTHING = f"""DO $$DECLARE one text;
BEGIN
FOR one IN
  SELECT format('SCHEMA %I', nspname) FROM pg_namespace WHERE nspowner = 10 AND nspname {_OURS}
  UNION ALL
  SELECT format('%s %I.%I', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                            WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END,
                nspname, relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relowner = 10 AND relkind IN ('r', 'p', 'v', 'm', 'c', 'S') AND nspname {_OURS}
    AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = c.oid AND relkind = 'S'
                    AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i'))
  UNION ALL
  SELECT format('TYPE %I.%I', nspname, typname)
  FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace
  WHERE typowner = 10 AND typtype IN ('e', 'd', 'r') AND nspname {_OURS}
  UNION ALL
  SELECT format('ROUTINE %s', p.oid::regprocedure)
  FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
  WHERE proowner = 10 AND nspname {_OURS}
LOOP EXECUTE 'ALTER ' || one || ' OWNER TO {USER}'; END LOOP;
END$$"""  # noqa: S608


def database_script() -> str:
    """Make the database; an error when there is one."""
    return _script(f"CREATE DATABASE {DATABASE}")


def roles_script(password: str, rights: str) -> str:
    """Within the database: make its roles what they should be, whatever they are.

    `rights` are those of the services' user besides owning the database.
    """
    quoted = password.replace("'", "''")
    return _script(
        "BEGIN",
        _RENAME,
        f"ALTER ROLE {SUPERUSER} NOLOGIN PASSWORD NULL",
        f"ALTER ROLE {USER} LOGIN {rights} PASSWORD '{quoted}'",
        f"ALTER DATABASE {DATABASE} OWNER TO {USER}",
        _OWN_EVERYTHING,
        "COMMIT",
    )


def _script(*statements: str) -> str:
    return "".join(f"{statement};\n\n" for statement in statements)
