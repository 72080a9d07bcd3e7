import type { Migration } from './migration.js';

/**
 * Names tell objects apart in lists, so each is taken once: tenants over all, connectors in their tenant, profiles in their tenant and
 * protocol. Where two had one name before, the later ones carry the end of their id.
 */
export const uniqueNames: Migration = {
  name: '0008-unique-names',
  statements: [
    ...[
      ['tenants', ''],
      ['connectors', 'tenant_id, '],
      ['profiles', 'tenant_id, protocol, '],
    ].flatMap(([table, scope]) => [
      `update ${table} set name = name || ' ' || right(id::text, 12)
        where id in (select id from (select id, row_number() over (partition by ${scope}name order by id) as place from ${table}) as named where place > 1)`,
      `create unique index ${table}_name_key on ${table} (${scope}name)`,
    ]),
  ],
};
