/** Each may do what those before it may; `minter` only makes challenges (for management systems). */
export const roles = ['minter', 'viewer', 'auditor', 'operator', 'admin', 'superadmin'] as const;
export type Role = (typeof roles)[number];

/** The one of `held` that may do most. */
export function highestRole(held: readonly Role[]): Role {
  return roles.findLast((role) => held.includes(role)) ?? 'minter';
}
