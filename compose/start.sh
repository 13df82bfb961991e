#!/bin/sh
# Start PostgreSQL with the passwords of the environment. An existing data folder has the earlier
# ones, so they are set before the server accepts connections.
set -eu
if [ -s "$PGDATA/PG_VERSION" ]; then
    {
        echo "ALTER ROLE postgres PASSWORD '$POSTGRES_PASSWORD'"
        echo "ALTER ROLE \"$OWNER\" PASSWORD '$OWNER_PASSWORD'"
        [ -z "${READER:-}" ] || echo "ALTER ROLE \"$READER\" PASSWORD '$READER_PASSWORD'"
    } | postgres --single -D "$PGDATA" \
        -c exit_on_error=on -c log_min_error_statement=panic postgres >/dev/null
fi
exec docker-entrypoint.sh postgres
