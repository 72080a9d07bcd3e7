-- The roles that Gatehouse needs beside the one it logs in as. For an administrator of the database, once, also where they are there already:
--
--   psql -v owner=gatehouse -f roles.sql "postgresql://postgres@db.example.test/gatehouse"
--
-- owner: the user of GATEHOUSE_DATABASE_URL, to whom the tables belong. Afterwards start Gatehouse anew; "gatehouse doctor" shows whether the wall stands.
\set ON_ERROR_STOP on

-- Held to one tenant's rows by row-level security. Nobody logs in as it.
select 'create role gatehouse_tenant nologin' where not exists (select from pg_roles where rolname = 'gatehouse_tenant') \gexec
grant gatehouse_tenant to :"owner";

-- The role is the same for every database of the server: whoever may take it in another one must not come into this one.
select format('revoke connect on database %I from public', current_database()) \gexec
select format('grant connect on database %I to %I', current_database(), :'owner') \gexec
