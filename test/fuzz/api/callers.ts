import { isAllowed, type Permission } from '../../../src/admin/permission.js';
import type { Role } from '../../../src/tenancy/role.js';
import type { Random } from '../../support/random.js';
import type { ApiNode } from './node.js';

/** Who calls: a token of a role, in one tenant or all; or nobody who is known. */
export interface ApiCaller {
  readonly name: string;
  /** Undefined for those nobody knows. */
  readonly role: Role | undefined;
  readonly tenantId: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

const tenantRoles: readonly Role[] = ['admin', 'admin', 'admin', 'operator', 'viewer', 'auditor', 'minter'];

/** Tokens of every role in each tenant and in all of them, the mightier more often; they are renewed when a call has revoked them. */
export class ApiCallers {
  readonly #node: ApiNode;
  readonly #tenants: readonly string[];
  readonly #tokens = new Map<string, string>();

  constructor(node: ApiNode, tenants: readonly string[]) {
    this.#node = node;
    this.#tenants = tenants;
  }

  async pick(random: Random): Promise<ApiCaller> {
    if (random.oneIn(16)) return stranger(random);
    if (random.oneIn(3)) return this.as(random.oneIn(3) ? 'auditor' : 'superadmin', null);
    return this.as(random.pick(tenantRoles), random.pick(this.#tenants));
  }

  async as(role: Role, tenantId: string | null): Promise<ApiCaller> {
    const name = `${role} of ${tenantId ?? 'every tenant'}`;
    const token = this.#tokens.get(name) ?? (await this.#node.tokenFor(role, tenantId));
    this.#tokens.set(name, token);
    return { name, role, tenantId, headers: { authorization: `Bearer ${token}` } };
  }

  /** After a 401: whether the token is gone, as tokens may be that somebody with the right to has revoked. */
  async renew({ name }: ApiCaller): Promise<boolean> {
    const token = this.#tokens.get(name);
    if (token === undefined || (await this.#node.isValid(token))) return false;
    this.#tokens.delete(name);
    return true;
  }
}

function stranger(random: Random): ApiCaller {
  const headers = random.pick<Record<string, string>>([
    {},
    { authorization: 'Bearer gh_00000000000000000000000000000000' },
    { authorization: 'Bearer' },
    { authorization: `Bearer gh_${'x'.repeat(8_000)}` },
    { authorization: 'Basic YWRtaW46YWRtaW4=' },
    { authorization: "Bearer gh_' or 1=1 --aaaaaaaaaaaaaaaaaaaaaaaaaa" },
    { cookie: 'gatehouse=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; gatehouse=x' },
    { cookie: '__Host-gatehouse=%00; gatehouse=\u00ff', origin: 'https://evil.example' },
  ]);
  return { name: 'a stranger', role: undefined, tenantId: null, headers };
}

/** Whether the table of permissions lets the caller in; routes for signed-in users let in no token. */
export function isLetIn({ role, tenantId }: ApiCaller, access: string | undefined): boolean {
  if (access === undefined) return true;
  if (role === undefined || access === 'self') return false;
  return isAllowed({ roles: [role], tenantId, permissions: null }, access as Permission);
}
