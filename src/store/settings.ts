import { sql } from 'kysely';
import type { SettingStore } from '../tenancy/ports.js';
import { type Connection, firstOf, rowsOf } from './connection/connection.js';

export function settingStore(connection: Connection): SettingStore {
  const get = async (name: string) => (await firstOf(connection, sql<{ value: string }>`select value from settings where name = ${name}`))?.value;
  return {
    get,
    async putOnce(name, value) {
      await rowsOf(connection, sql`insert into settings (name, value) values (${name}, ${value}) on conflict (name) do nothing`);
      return (await get(name)) ?? value;
    },
    async replace(name, from, to) {
      const rows = await rowsOf(connection, sql`update settings set value = ${to} where name = ${name} and value = ${from} returning 1`);
      return rows.length === 1;
    },
  };
}
