import type { Random } from '../../support/random.js';
import type { Pool } from './values.js';

const kept = 60;
const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Remembers ids and cursors that answers show, the newest of each kind: the first object of a list as well as what was just made. */
export class Harvest implements Pool {
  readonly #ids = new Map<string, string[]>();
  readonly #cursors: string[] = [];
  readonly #versions = new Map<string, number>();

  /** `path` of the operation whose answer it is. */
  take(answer: unknown, path: string): void {
    if (typeof answer !== 'object' || answer === null) return;
    const { nextCursor, items } = answer as { readonly nextCursor?: unknown; readonly items?: unknown };
    if (typeof nextCursor === 'string') this.#keep(this.#cursors, nextCursor);
    for (const item of Array.isArray(items) ? items.slice(0, 5) : [answer]) this.#takeObject(item, path);
  }

  id(random: Random, name: string): string {
    const ofKind = this.#ids.get(kindOf(name)) ?? [];
    const any = [...this.#ids.values()].flat();
    const from = ofKind.length > 0 && !random.oneIn(10) ? ofKind : any;
    return from.length === 0 ? '00000000-0000-7000-8000-000000000000' : random.pick(from);
  }

  cursor(random: Random): string {
    return this.#cursors.length === 0 || random.oneIn(4)
      ? random.pick(['x', 'eyJ9', 'W10', 'bnVsbA', 'WyJhIiwxXQ', 'eyJhIjpbXX0'])
      : random.pick(this.#cursors);
  }

  version(id: string): number {
    return this.#versions.get(id) ?? 1;
  }

  /** How many ids are known. */
  get size(): number {
    return [...this.#ids.values()].reduce((sum, { length }) => sum + length, 0);
  }

  #takeObject(item: unknown, path: string): void {
    if (typeof item !== 'object' || item === null) return;
    const last =
      path
        .split('/')
        .filter((part) => !part.startsWith('{'))
        .at(-1) ?? '';
    for (const [name, value] of Object.entries(item)) {
      if (typeof value !== 'string' || !idPattern.test(value)) continue;
      const kind = kindOf(name === 'id' ? last : name);
      const ids = this.#ids.get(kind) ?? [];
      this.#ids.set(kind, ids);
      if (!ids.includes(value)) this.#keep(ids, value);
    }
  }

  /** The oldest go, but for the first few, which are what a fresh installation has. */
  #keep(list: string[], value: string): void {
    list.push(value);
    if (list.length > kept) list.splice(10, 1);
  }
}

const kinds: Readonly<Record<string, string>> = {
  ids: 'orders',
  orderId: 'orders',
  certificateId: 'certificates',
  accountId: 'accounts',
  tenantId: 'tenants',
  tenantIds: 'tenants',
  connectorId: 'connectors',
  caId: 'engine-cas',
  keyId: 'ra-keys',
  secretId: 'device-secrets',
  deviceId: 'vendor-devices',
  sessionId: 'sessions',
  userId: 'users',
};

const kindOf = (name: string): string => kinds[name] ?? name;
