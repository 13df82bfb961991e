#!/bin/sh
# Start the command, unless the host's folders belong to somebody else: it could keep nothing there.
for folder in notebooks runs; do
    [ -w "$folder" ] && continue
    echo "LAB_UID: expected $(stat -c %u "$folder"), the owner of $folder/, got $(id -u):" \
        "set LAB_UID=$(stat -c %u "$folder") in .env and start again with --build" >&2
    exit 1
done
exec "$@"
