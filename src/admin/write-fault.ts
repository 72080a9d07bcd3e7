import type { Result } from '../runtime/result.js';
import type { WriteFault } from '../tenancy/ports.js';
import type { UserFault } from '../tenancy/user.js';
import { stale } from './etag.js';
import { notFound, Problem } from './problem.js';

/** The stored value, or the problem that says why it was not stored: 404, 409 or 412. */
export function written<T>(result: Result<T, WriteFault | UserFault>): T {
  if (result.ok) return result.value;
  throw problemOf(result.error);
}

function problemOf(fault: WriteFault | UserFault): Problem {
  switch (fault.kind) {
    case 'not-found':
      return notFound();
    case 'stale':
      return stale(fault.version);
    case 'conflict':
      return new Problem('conflict', {
        detail: `Another object already has this ${fault.field}.`,
        errors: [{ path: fault.field, message: 'Already taken' }],
        members: { field: fault.field },
      });
    case 'last-administrator':
      return new Problem('last-administrator', { detail: 'Make somebody else a superadmin of every tenant first, with a password.' });
    case 'in-use':
      return new Problem('in-use', { detail: 'Remove or change what uses it first.', members: { usedBy: fault.usedBy } });
  }
}
