-- The roles of a new database: an owner, which creates and fills the tables, and a read-only reader
-- if READER is set. Names and passwords come from the environment.
\getenv owner OWNER
\getenv owner_password OWNER_PASSWORD
\getenv reader READER
\getenv reader_password READER_PASSWORD

CREATE ROLE :"owner" LOGIN PASSWORD :'owner_password';
GRANT USAGE, CREATE ON SCHEMA public TO :"owner";

\if :{?reader}
    CREATE ROLE :"reader" LOGIN PASSWORD :'reader_password';
    GRANT USAGE ON SCHEMA public TO :"reader";
    ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT ON TABLES TO :"reader";
\endif
