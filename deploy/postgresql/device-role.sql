-- A database user of their own for nodes that only serve devices (GATEHOUSE_ROLES=device): it reads no secrets of connectors, no users, sessions or
-- tokens. For an administrator of the database, once, also where the roles are there already:
--
--   psql -v device=gatehouse_dmz -f device-role.sql "postgresql://postgres@db.example.test/gatehouse"
--
-- device: the user of GATEHOUSE_DATABASE_URL on those nodes; give it a password afterwards (\password gatehouse_dmz). Then run "gatehouse migrate" as the
-- owner of the tables, or start one of the other nodes anew: that grants what serving devices needs. "gatehouse doctor" on a device node shows whether all is well.
\set ON_ERROR_STOP on

-- Holds the privileges. Nobody logs in as it.
select 'create role gatehouse_device nologin' where not exists (select from pg_roles where rolname = 'gatehouse_device') \gexec
select format('create role %I login', :'device') where not exists (select from pg_roles where rolname = :'device') \gexec
grant gatehouse_device to :"device";
select format('grant connect on database %I to %I', current_database(), :'device') \gexec
