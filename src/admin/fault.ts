import type { z } from 'zod';
import { Problem } from './problem.js';

/** One thing that is wrong with a request. `path` is dotted: `config.url`, `policy.keys.curves.0`; empty for the whole. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

const join = (...parts: readonly PropertyKey[]): string => parts.map(String).join('.');

/** All faults of a failed parse; every unknown field is a fault of its own. */
export function faultsOf(error: z.core.$ZodError): Fault[] {
  return error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [{ path: join(...issue.path), message: messageOf(issue) }];
    return issue.keys.map((key) => ({ path: join(...issue.path, key), message: 'Unknown field' }));
  });
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined')) return 'Required';
  return issue.message;
}

/** Throws 400 with these faults, unless there are none. */
export function refuseFaults(faults: readonly Fault[]): void {
  if (faults.length > 0) throw new Problem('invalid-request', { detail: summary(faults), errors: faults });
}

function summary(faults: readonly Fault[]): string {
  const first = faults[0];
  if (faults.length !== 1 || first === undefined) return `${faults.length} things are wrong with the request.`;
  return first.path === '' ? first.message : `${first.path}: ${first.message}`;
}
