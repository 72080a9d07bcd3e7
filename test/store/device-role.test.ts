import { sql } from 'kysely';
import t from 'tap';
import { rowsOf } from '../../src/store/connection/connection.js';
import { closedToDevices, deviceGrantFaults, deviceGrants, deviceRole, grantDeviceRole } from '../../src/store/device-role.js';
import { raiseWall } from '../../src/store/tenant-wall.js';
import { rawStores } from '../support/raw-store.js';

t.setTimeout(600_000);

for (const { name, connection, close } of await rawStores(4)) {
  t.test(`what nodes that only serve devices may do in the database: ${name}`, async (t) => {
    t.teardown(close);
    const faults = () => deviceGrantFaults(connection, sql`${deviceRole}::name`);
    const tables = await rowsOf(
      connection,
      sql<{ name: string }>`select c.relname as name from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
    );
    t.same(tables.map((table) => table.name).sort(), [...deviceGrants.keys(), ...closedToDevices].sort(), 'every table is granted or closed');

    await raiseWall(connection);
    await rowsOf(connection, sql.raw(`do $$ begin create role ${deviceRole} nologin; exception when duplicate_object or unique_violation then null; end $$`));
    await grantDeviceRole(connection);
    t.same(await faults(), { missing: [], excess: [] }, 'the owner grants what the role needs');

    await rowsOf(connection, sql.raw(`grant select on connector_secrets to ${deviceRole}`));
    await rowsOf(connection, sql.raw(`grant update (username) on users to ${deviceRole}`));
    await rowsOf(connection, sql.raw(`revoke insert on orders from ${deviceRole}`));
    await rowsOf(connection, sql.raw('drop policy device_nodes on profiles'));
    const found = await faults();
    t.same(found.missing, ['insert on orders']);
    t.same(found.excess, ['connector_secrets', 'users'], 'what is too much is found, also of one column');
    await grantDeviceRole(connection);
    t.same(await faults(), { missing: [], excess: [] }, 'and put right at the next start');
    const policies = await rowsOf(connection, sql`select 1 from pg_policies where tablename = 'profiles' and policyname = 'device_nodes'`);
    t.equal(policies.length, 1);
  });
}
