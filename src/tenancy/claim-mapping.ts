import { type Role, roles } from './role.js';

/** What the values of a claim stand for; `*` is everybody. */
export type ClaimMapping<T extends string> = ReadonlyMap<string, readonly T[]>;

/** `group=target; other=target`; the last `=` of each divides, since names of groups may hold some. Undefined when it is none of that. */
export function parseMapping(text: string): ClaimMapping<string> | undefined {
  const mapping = new Map<string, readonly string[]>();
  for (const pair of text.split(/[;\n]/).filter((part) => part.trim() !== '')) {
    const at = pair.lastIndexOf('=');
    const [value, target] = [pair.slice(0, Math.max(at, 0)).trim(), pair.slice(at + 1).trim()];
    if (at === -1 || value === '' || target === '') return undefined;
    mapping.set(value, [...(mapping.get(value) ?? []), target]);
  }
  return mapping;
}

export function isRoleMapping(mapping: ClaimMapping<string>): mapping is ClaimMapping<Role> {
  return [...mapping.values()].flat().every((target) => (roles as readonly string[]).includes(target));
}

/** Everything that `values` stand for, each once. */
export function mapped<T extends string>(mapping: ClaimMapping<T>, values: readonly string[]): readonly T[] {
  return [...new Set([...values, '*'].flatMap((value) => mapping.get(value) ?? []))];
}
