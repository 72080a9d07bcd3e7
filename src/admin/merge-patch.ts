import type { z } from 'zod';
import { faultsOf, refuseFaults } from './fault.js';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON merge patch (RFC 7396), except that a member cleared by null stays as `undefined`: schemas then give it its default, and
 *  still report a name they do not know. */
export function mergePatch(target: Json, patch: Json): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    const before = Object.hasOwn(merged, name) ? merged[name] : undefined;
    merged[name] = mergeValue(before, value);
  }
  return merged;
}

function mergeValue(before: unknown, value: unknown): unknown {
  if (value === null) return undefined;
  return isObject(value) ? mergePatch(isObject(before) ? before : {}, value) : value;
}

/** The object a patch leads to, checked by the schema that also checks new ones. `fixed` fields may be repeated, not changed. Throws 400
 *  with every fault. */
export function applyPatch<T extends z.ZodType>(schema: T, current: Json, patch: Json, fixed: readonly string[] = []): z.output<T> {
  const isMoved = (name: string): boolean => Object.hasOwn(patch, name) && patch[name] !== current[name];
  const moved = fixed.filter(isMoved).map((path) => ({ path, message: 'Cannot be changed' }));
  const kept = Object.fromEntries(Object.entries(patch).filter(([name]) => !fixed.includes(name)));
  const parsed = schema.safeParse(mergePatch(current, kept));
  refuseFaults(parsed.success ? moved : [...moved, ...faultsOf(parsed.error)]);
  return parsed.data as z.output<T>;
}
