#!/bin/sh
# PostgreSQL with the passwords that the environment has now. A data folder keeps those that it was
# made with: where there is one already, they are set anew before anybody can come in.
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
